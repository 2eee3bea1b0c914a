"""Files read by compiled code and by the reference: the same runs, and the same said of every line."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from schemas.common import MAX_BYTES
from schemas.dead_letter import Reason
from schemas.events import Refusal, Transaction
from schemas.hot import Decoder
from schemas.partitioner import HASHES, UNCHECKED, Partitioner, Routes
from streams.core.ruleset import VERSIONS
from streams.core.watermark import NEVER, Input
from streams.files.batch import Batch
from streams.lab.inputs.arrived import Arrived, ArrivedQuickly, Share
from streams.lab.replay import ReplayResult, replay_directory
from streams.native import LineDecoder, Run, make_line_decoder
from tests.lab.datasets import NOW, RULES, frame, lines_of, write_dataset, write_lines
from tests.lab.replay.test_bad_input import IN_TRANSACTIONS
from tests.schemas.lines import FULL, PURCHASE, spell
from tests.worlds.worlds import write_world

pytestmark = pytest.mark.usefixtures("compiled")

TX: Final = Input.TRANSACTIONS
PARTITIONS: Final = 3
SPOILT: Final = 150
"""So many lines of a world are spoilt."""


def told(directory: Path, *, compiled: bool, **options: Any) -> dict[str, Any]:
    """Return all that a replay tells, but for how long it took."""
    result = replay_directory(directory, now_ms=NOW, compiled=compiled, **options)
    found = {one.name: getattr(result, one.name) for one in fields(ReplayResult)}
    lookup = found.pop("lookup")
    del found["seconds"]
    return {**found, "views": [lookup(f"c{number}") for number in range(60)]}


def damaged(rng: Random, lines: Sequence[bytes], *, misdated: bool = False) -> list[bytes]:
    """Return lines with damage and duplicates among them, and with what only looks like damage.

    Where some are misdated, most that follow come too late.
    """
    found = list(lines)
    wounds = [wound for _, wound in IN_TRANSACTIONS.values()]
    oddities: list[Callable[[bytes], bytes]] = [
        lambda line: b"\xef\xbb\xbf" + line,
        lambda line: line + b"\r",
        lambda line: b" \t" + line + b"  ",
        lambda line: line[:-1] + b',"tier":"C4n4ry"}',
        lambda line: line[:-1] + b',"order_id":null,"attributes":{"a":"b"}}',
        lambda line: line[: rng.randrange(len(line))],
        lambda line: line.replace(b"USD", b"EUR"),
        lambda line: line.replace(b'"amount":"', b'"amount":"1'),
        lambda _line: rng.choice((b"", b" ", b"\r", b"\t\r")),
    ]
    if misdated:
        oddities.append(lambda line: line.replace(b'"time":"2024', b'"time":"2025'))
    for _ in range(SPOILT):
        at = rng.randrange(len(found))
        if rng.random() < 0.5:
            found.insert(at, rng.choice(oddities)(found[at] or b"{}"))
        elif rng.random() < 0.5:
            found.insert(at, found[max(0, at - rng.randrange(100))])
        else:
            found.insert(at, rng.choice(wounds)({**PURCHASE, "customer_id": f"c{rng.randrange(60)}"}))
    return found


def write_as(form: str, path: Path, lines: Sequence[bytes]) -> None:
    """Write lines in a form of a file: as they are, with CRLF, a BOM, compressed; most without a last end."""
    text = (b"\r\n" if form == "crlf" else b"\n").join(lines)
    if form == "bom":
        text = b"\xef\xbb\xbf" + text + b"\n\n"
    if form == "gz":
        path.unlink()
        path, text = path.with_suffix(".jsonl.gz"), gzip.compress(text, mtime=0)
    path.write_bytes(text)


@pytest.mark.slow
@pytest.mark.parametrize("misdated", [False, True])
@pytest.mark.parametrize("form", ["plain", "crlf", "bom", "gz"])
def test_a_replay_tells_the_same(
    tmp_path: Path, form: str, misdated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of worlds with damaged lines, whatever the batches, the rules and the partitioner are."""
    rng = Random(f"{form} {misdated}")
    write_world(tmp_path, 2 * int(misdated), days=200)
    path = tmp_path / "transactions.jsonl"
    write_as(form, path, damaged(rng, lines_of(path), misdated=misdated))
    monkeypatch.setattr("streams.files.lines._CHUNK_BYTES", rng.choice((10_000, 60_000, 1 << 20)))
    rules = VERSIONS[rng.choice(list(VERSIONS))]
    options: dict[str, Any] = {
        "ruleset": replace(rules, high_value_quantile=0.2, population_minimum=5, opening_frustration=0.3),
        "partitions": rng.choice((1, 2, 4)),
        "partitioner": rng.choice((*HASHES, UNCHECKED)),
        "strict_fields": rng.random() < 0.3,
    }
    quickly, plainly = (told(tmp_path, compiled=compiled, **options) for compiled in (True, False))
    for name, wanted in plainly.items():
        assert quickly[name] == wanted, name
    counts = next(iter(plainly["outcomes"].values()))
    assert misdated or counts["applied"] > 500
    assert counts["refused"] > 20
    assert misdated or counts["duplicate"] > 5


@pytest.mark.parametrize("form", [".jsonl", ".parquet"])
def test_alerts_are_the_same(tmp_path: Path, form: str) -> None:
    write_dataset(tmp_path)
    if form == ".parquet":
        path = tmp_path / "transactions.jsonl"
        frame(path).write_parquet(path.with_suffix(form))
        path.unlink()
    quickly, plainly = (told(tmp_path, compiled=compiled, ruleset=RULES) for compiled in (True, False))
    assert quickly == plainly
    assert quickly["alerts"]


def test_unless_they_are_asked_for_no_lines_are_read_by_compiled_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are those of a file sorted by time."""
    write_lines(tmp_path / "transactions.jsonl", [spell(PURCHASE)])
    asked = list[object]()
    made = make_line_decoder

    def ask(*given: object) -> LineDecoder:
        asked.append(given)
        return made(*given)

    monkeypatch.setattr("streams.lab.replay.replay.make_line_decoder", ask)
    replay_directory(tmp_path, now_ms=NOW, compiled=False)
    replay_directory(tmp_path, now_ms=NOW, by_time=True)
    assert asked == []
    replay_directory(tmp_path, now_ms=NOW)
    assert len(asked) == 1


# One batch of lines


@pytest.fixture(name="lines", scope="module")
def lines_fixture(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return damaged lines of a world, and some of every form of a message."""
    directory = tmp_path_factory.mktemp("world")
    write_world(directory, 7, customers=20, days=60, odd=True)
    rng = Random(7)
    others = [spell({**message, "customer_id": f"c{at}"}) for at, message in enumerate(FULL.values())]
    tick = spell({"type": "tick", "time": "2024-02-01T00:00:00Z", "source": "pulse"})
    lines = damaged(rng, [*lines_of(directory / "transactions.jsonl"), *others, tick])
    rng.shuffle(lines)
    return lines


def both(lines: Sequence[bytes], partitioner: Partitioner = "murmur2") -> tuple[Arrived, ArrivedQuickly]:
    """Return a batch as the reference reads it, and as compiled code does."""
    decode = Decoder("USD").of(TX)
    given = list(lines)
    numbers = range(1, len(given) + 1)
    plain = decoder(partitioner).decode(given, NOW)
    arrived = Arrived(numbers, given, list(map(decode, given)), 0, 0)
    return arrived, ArrivedQuickly(Batch(numbers, given, 0), plain, decode)


def decoder(partitioner: str = "murmur2", *, most_bytes: int = MAX_BYTES) -> LineDecoder:
    return make_line_decoder("USD", PARTITIONS, partitioner, most_bytes)


def shared(share: Share) -> list[tuple[int, object, int | None]]:
    """Return place, event and time of all that goes to a partition."""
    size = sum(len(one) if isinstance(one, Run) else 1 for one in share.batched)
    times = list(share.times())
    assert len(times) == size
    return [(share.place(at), share.event(at), times[at]) for at in range(size)]


@pytest.mark.parametrize("partitioner", [*HASHES, UNCHECKED])
def test_the_runs_are_the_events_of_the_reference(lines: list[bytes], partitioner: Partitioner) -> None:
    """With their places, their times and their order, also where some are refused for their neighbours."""
    arrived, quickly = both(lines, partitioner)
    for at in range(0, len(lines), 50):
        for one in (arrived, quickly):
            one.refuse(at, Refusal(Reason.FUTURE, "ahead", "c1", 5))
    assert quickly.refused() == arrived.refused()
    assert len(quickly.refused()) > SPOILT / 4
    assert quickly.times() == arrived.times()
    assert [quickly.record(at) for at in range(len(lines))] == arrived.records
    refused = set(arrived.refused()) | {1, 2, 3}
    assert quickly.fact_times(refused) == arrived.fact_times(refused)
    assert list(quickly.accepted(refused)) == list(arrived.accepted(refused))
    routes = Routes(PARTITIONS, partitioner)
    wanted = [shared(share) for share in arrived.shares(routes, PARTITIONS)]
    assert [shared(share) for share in quickly.shares(routes, PARTITIONS)] == wanted
    assert min(map(len, wanted)) > 50


def test_only_plain_purchases_are_taken(lines: list[bytes]) -> None:
    """What the reference refuses or takes for something else is doubted; of what is plain hardly one is."""
    plain = decoder().decode(lines, NOW)
    doubted = set(plain.doubted())
    records = list(map(Decoder("USD").of(TX), lines))
    for at, record in enumerate(records):
        if at not in doubted:
            assert isinstance(record, Transaction)
            assert record.kind == "purchase"
    purchases = [
        at for at, one in enumerate(records) if isinstance(one, Transaction) and one.kind == "purchase"
    ]
    assert len(doubted.intersection(purchases)) < len(purchases) / 5
    taken = [at for at in range(len(lines)) if at not in doubted]
    for run in plain.runs([], lines, lambda line: line):
        places = [run.place(at) for at in range(len(run))]
        assert places == sorted(places)
        assert [run.event(at) for at in range(len(run))] == [lines[at] for at in places]
        assert {run.when(at) for at in range(len(run))} <= {NOW}
        assert all(run.is_plain(at) for at in range(len(run)))
        taken = [at for at in taken if at not in set(places)]
    assert taken == []


def test_what_is_odd_stands_among_the_purchases() -> None:
    """A tick goes to all, a refused line nowhere; a place without a row raises IndexError."""
    lines = [spell({**PURCHASE, "customer_id": f"c{at}", "event_id": str(at)}) for at in range(20)]
    lines[3] = lines[7] = b"?"
    plain = decoder().decode(lines, NOW)
    assert plain.doubted() == [3, 7]
    assert [at for at, time in enumerate(plain.times(NEVER)) if time == NEVER] == [3, 7]
    runs = plain.runs([(3, (0, 1, 2)), (5, ()), (7, ())], lines, lambda line: line)
    assert sorted(run.place(at) for run in runs for at in range(len(run))) == sorted(
        [*range(5), 3, 3, 6, *range(8, 20)]
    )
    for run in runs:
        at = next(at for at in range(len(run)) if run.place(at) == 3)
        assert (run.is_plain(at), run.event(at), run.when(at)) == (False, b"?", NOW)
        assert run.times(-1).count(-1) == 1
        for asked in (run.is_plain, run.place, run.event, run.when):
            for beyond in (len(run), 2**63):
                with pytest.raises(IndexError):
                    asked(beyond)
    assert [len(run) for run in plain.runs([], lines, lambda line: line)] == [0] * PARTITIONS


def test_a_batch_without_lines() -> None:
    plain = decoder().decode([], NOW)
    assert (plain.doubted(), plain.times(NEVER)) == ([], [])
    assert [len(run) for run in plain.runs([], [], lambda line: line)] == [0] * PARTITIONS


def test_what_is_asked_for_wrongly() -> None:
    with pytest.raises(ValueError, match="partitioner"):
        decoder("modulo")
    wrong: list[Any] = [["text"], [None], [bytearray(b"{}")]]
    for lines in wrong:
        with pytest.raises(TypeError):
            decoder().decode(lines, NOW)
    with pytest.raises(IndexError):
        decoder().decode([b"?"], NOW).runs([(0, (PARTITIONS,))], [b"?"], lambda line: line)


def test_the_largest_line() -> None:
    line = spell(PURCHASE)
    for missing, doubted in ((0, []), (1, [0])):
        assert decoder(most_bytes=len(line) - missing).decode([line], NOW).doubted() == doubted


def test_more_sources_than_a_run_has() -> None:
    """Those of a seventeenth are left to the reference; the sixteen go on being read."""
    lines = [spell({**PURCHASE, "source": str(at % 18), "event_id": str(at)}) for at in range(36)]
    assert decoder().decode(lines, NOW).doubted() == [16, 17, 34, 35]
    arrived, quickly = both(lines)
    routes = Routes(PARTITIONS)
    assert [shared(one) for one in quickly.shares(routes, PARTITIONS)] == [
        shared(one) for one in arrived.shares(routes, PARTITIONS)
    ]
