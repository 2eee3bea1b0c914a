"""What is published: lines unchanged and in order, keys and partitions, ticks that change no alert."""

import json
from collections import Counter, defaultdict
from itertools import pairwise, repeat
from pathlib import Path
from random import Random

import pytest

from schemas.alert import Alert
from schemas.dead_letter import Reason
from schemas.events import Refusal
from schemas.partitioner import partition_of
from schemas.times import format_ms, parse_ms
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.watermark import FACTS, NEVER, Input
from streams.files import WHOLE_BYTES, batches
from streams.lab.replay import replay_directory
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.ports import RawRecord
from streams.runtime.tools.prescan import Prescan, prescan
from streams.runtime.tools.publish_entries import ALL_PARTITIONS, TICK_SOURCE, Entry, entries
from tests.worlds.worlds import write_world

pytestmark = pytest.mark.slow

NOW = 1_800_000_000_000
DAY = 86_400_000
RULES = Ruleset(high_value_quantile=0.2, population_minimum=5, opening_frustration=0.3)
PARTITIONS = 3

Topics = dict[tuple[Input, int], list[RawRecord]]


def prescanned(directory: Path, partitions: int = PARTITIONS) -> Prescan:
    return prescan(
        directory, partitions=partitions, currency="USD", lateness_ms=RULES.lateness_ms, now_ms=NOW
    )


def published(directory: Path) -> list[Entry]:
    return list(entries(prescanned(directory), PARTITIONS, "USD"))


def topics(found: list[Entry]) -> Topics:
    """Return what each partition of each topic holds afterwards."""
    held: Topics = defaultdict(list)
    for entry in found:
        for one in range(PARTITIONS) if entry.partition == ALL_PARTITIONS else (entry.partition,):
            records = held[entry.source, one]
            records.append(RawRecord(len(records), NOW, entry.key, entry.value))
    return held


def worked(held: Topics, rng: Random) -> tuple[list[Alert], Counter[str]]:
    """Read the topics as workers on the event clock do, side inputs first, the others at random."""
    alerts: list[Alert] = []
    counts: Counter[str] = Counter()
    for number in range(PARTITIONS):
        partition, decoder = Partition(RULES), RecordDecoder("USD", number, PARTITIONS)
        rest = {source: list(held[source, number]) for source in reversed(Input)}
        while any(rest.values()):
            sides = [one for one, left in rest.items() if left and one not in FACTS]
            source = sides[0] if sides else rng.choice([one for one, left in rest.items() if left])
            size = rng.randint(1, 40)
            batch, rest[source] = rest[source][:size], rest[source][size:]
            records: list[Record] = []
            for raw in batch:
                record = decoder(source, raw, partition.knows)
                if isinstance(record, Refusal):
                    counts["refused"] += 1
                else:
                    records.append(record)
            outcome = partition.apply(source, records, repeat(NOW))
            counts["refused"] += len(outcome.refused)
            counts.update({name: getattr(outcome, name) for name in ("applied", "duplicate", "late")})
            if not sides:
                alerts += partition.decide()
        if partition.watermark > 0:
            assert {partition.clock(source) for source in FACTS} == {partition.watermark}
    return alerts, counts


def bare(alerts: list[Alert]) -> list[Alert]:
    return sorted(
        (alert.model_copy(update={"backfill": False}) for alert in alerts),
        key=lambda alert: (alert.time, alert.customer_id, alert.event_id),
    )


@pytest.mark.parametrize("seed", range(16))
def test_a_worker_makes_of_the_topics_what_replay_makes_of_the_files(tmp_path: Path, seed: int) -> None:
    """Late records, records sent again under another time, ticks, and lines in the future change nothing."""
    write_world(tmp_path, seed, customers=25, days=150)
    replayed = replay_directory(tmp_path, ruleset=RULES, partitions=PARTITIONS, now_ms=NOW)
    alerts, counts = worked(topics(published(tmp_path)), Random(seed))
    assert bare(alerts) == bare(replayed.alerts)
    outcomes: Counter[str] = sum(replayed.outcomes.values(), Counter())
    outcomes["duplicate"] += outcomes["same id, other content"]
    assert {name: counts[name] for name in ("applied", "duplicate", "late")} == {
        name: outcomes[name] for name in ("applied", "duplicate", "late")
    }
    found = prescanned(tmp_path)
    assert found.refused.total() == outcomes["refused"]
    assert Counter(reason.value for reason in found.refused.elements()) == Counter(
        dead_letter.reason for dead_letter in replayed.dead_letters
    )
    if replayed.last_ms is not None:
        assert found.newest == replayed.last_ms


def test_the_worlds_have_alerts_and_trouble(tmp_path: Path) -> None:
    """The comparison above compares something."""
    seen: Counter[str] = Counter()
    for seed in range(16):
        write_world(tmp_path / str(seed), seed, customers=25, days=150)
        replayed = replay_directory(tmp_path / str(seed), ruleset=RULES, partitions=PARTITIONS, now_ms=NOW)
        seen["alerts"] += len(replayed.alerts)
        for outcomes in replayed.outcomes.values():
            seen.update(outcomes)
    assert min(seen[name] for name in ("alerts", "duplicate", "late", "refused", "tick")) > 20


@pytest.mark.parametrize("seed", range(4))
def test_every_line_is_published_once_in_its_order_and_ticks_come_between(tmp_path: Path, seed: int) -> None:
    write_world(tmp_path, seed, customers=25, days=150)
    found = published(tmp_path)
    for source, path in prescanned(tmp_path).paths.items():
        lines = [line for batch in batches(path) for line in batch.lines]
        assert [entry.value for entry in found if entry.source is source and entry.is_line] == lines
    order = [entry.source for entry in found]
    facts = [at for at, source in enumerate(order) if source in FACTS]
    assert all(source in FACTS for source in order[facts[0] :])
    assert all(one.reached <= next_.reached for one, next_ in pairwise(found[facts[0] :]))


def event(time: str, **changes: object) -> dict[str, object]:
    return {
        "type": "transaction",
        "event_id": time,
        "customer_id": "c-1",
        "time": time,
        "source": "shop",
        "kind": "purchase",
        "amount": "1.00",
        "currency": "USD",
    } | changes


def contact(time: str) -> dict[str, object]:
    return {
        "type": "contact",
        "event_id": time,
        "customer_id": "c-1",
        "time": time,
        "source": "phone",
        "contact_id": time,
        "version": 1,
        "channel": "voice",
    }


def write(directory: Path, **files: list[dict[str, object]]) -> Path:
    for name, events in files.items():
        text = "".join(json.dumps(one) + "\n" for one in events)
        (directory / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return directory


def told(found: list[Entry], source: Input) -> list[str]:
    """Return the times of an input's entries, those of our ticks in brackets."""
    times = []
    for entry in found:
        if entry.source is source:
            read = json.loads(entry.value)
            time = format_ms(parse_ms(read["time"]))[5:16]
            times.append(f"[{time}]" if read["source"] == TICK_SOURCE else time)
    return times


def test_a_tick_waits_for_the_last_line_that_it_would_make_late(tmp_path: Path) -> None:
    """A day's end is told once no line of that day, nor of its last effective time, is left.

    day     3        4        5
    file    ·  10:00 |00:00 · | · 22:00 (late) · 12:00
    """
    times = ["2024-03-03T10:00:00Z", "2024-03-05T12:00:00Z", "2024-03-04T00:00:00Z", "2024-03-05T13:00:00Z"]
    found = published(write(tmp_path, transactions=[event(time) for time in times]))
    assert told(found, Input.TRANSACTIONS) == [
        "03-03T10:00",
        "03-05T12:00",
        "03-04T00:00",
        "[03-04T00:00]",
        "[03-05T00:00]",
        "03-05T13:00",
        "[03-05T13:00]",
    ]
    end = json.loads(found[-1].value)["time"]
    assert end == "2024-03-05T13:00:00.001Z"


def test_a_purchase_that_is_refused_as_too_late_holds_up_only_ticks_after_its_effective_time(
    tmp_path: Path,
) -> None:
    """It is a sign of life, which comes when the clock of its input says, not when a tick did."""
    times = ["2024-03-13T10:00:00Z", "2024-03-01T10:00:00Z", "2024-03-14T10:00:00Z", "2024-03-02T10:00:00Z"]
    directory = write(tmp_path, transactions=[event(time) for time in times])
    assert prescanned(directory).refused == {Reason.TOO_LATE: 2}
    assert told(published(directory), Input.TRANSACTIONS) == [
        "03-13T10:00",
        "03-01T10:00",
        "[03-14T00:00]",
        "03-14T10:00",
        "03-02T10:00",
        "[03-14T10:00]",
    ]


@pytest.mark.parametrize(("later", "end"), [(8 * DAY, 0), (8 * DAY + 1, 8 * DAY + 1)])
def test_a_duplicate_of_another_time_is_not_the_newest(tmp_path: Path, later: int, end: int) -> None:
    """An id counts for 8 days, the last effective time of them included."""
    first = parse_ms("2024-03-03T10:00:00Z")
    events = [event(format_ms(time), event_id="same") for time in (first, first + later)]
    found = published(write(tmp_path, transactions=events))
    assert parse_ms(json.loads(found[-1].value)["time"]) == first + end + 1


def test_both_topics_get_the_ticks_of_all_days_whatever_their_files_hold(tmp_path: Path) -> None:
    days = [f"2024-03-0{day}T10:00:00Z" for day in (3, 4, 5)]
    found = published(write(tmp_path, transactions=[event(time) for time in days]))
    ticks = ["[03-04T00:00]", "[03-05T00:00]", "[03-05T10:00]"]
    assert told(found, Input.CONTACTS) == ticks
    assert [one for one in told(found, Input.TRANSACTIONS) if one.startswith("[")] == ticks
    assert {entry.partition for entry in found if not entry.is_line} == {ALL_PARTITIONS}
    assert {entry.key for entry in found if not entry.is_line} == {None}


def test_facts_are_merged_by_time_and_side_inputs_come_first(tmp_path: Path) -> None:
    profile: dict[str, object] = {"type": "profile", "event_id": "p", "customer_id": "c-1", "source": "crm"}
    directory = write(
        tmp_path,
        transactions=[event(f"2024-03-03T{hour}:00:00Z") for hour in (10, 12, 14)],
        contacts=[contact(f"2024-03-03T{hour}:00:00Z") for hour in (11, 13, 15)],
        customers=[profile | {"time": "2024-03-03T16:00:00Z"}],
    )
    hours = [json.loads(entry.value)["time"][11:13] for entry in published(directory) if entry.is_line]
    assert published(directory)[0].reached == NEVER
    assert hours == ["16", "10", "11", "12", "13", "14", "15"]
    assert json.loads(published(directory)[-1].value)["time"] == "2024-03-03T16:00:00.001Z"


def test_what_the_future_holds_moves_no_time(tmp_path: Path) -> None:
    times = ["2024-03-03T10:00:00Z", "2199-01-01T00:00:00Z", "2024-03-03T11:00:00Z"]
    directory = write(tmp_path, transactions=[event(time) for time in times])
    assert prescanned(directory).refused == {Reason.FUTURE: 1}
    assert json.loads(published(directory)[-1].value)["time"] == "2024-03-03T11:00:00.001Z"
    assert max(entry.reached for entry in published(directory)) == parse_ms(times[-1])


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"customer_id":"c-7","type":"transaction"}', b"c-7"),
        ('{"customer_id":"zoë","surprise":[]}'.encode(), "zoë".encode()),
        (b"{not json", None),
        (b"\xff\xfe", None),
        (b'{"customer_id":17}', None),
        (b'{"customer_id":""}', None),
        (b'{"customer_id":"' + b"x" * 129 + b'"}', None),
        (b'{"customer_id":"\\ud800"}', None),
        (b"[" * 100_000, None),
    ],
)
def test_a_line_that_cannot_be_read_goes_where_its_key_says(
    tmp_path: Path, line: bytes, key: bytes | None
) -> None:
    (tmp_path / "transactions.jsonl").write_bytes(line + b"\n")
    (found,) = published(tmp_path)
    place = 0 if key is None else partition_of(key.decode(), PARTITIONS)
    assert (found.key, found.partition, found.value) == (key, place, line)
    assert prescanned(tmp_path).refused.total() == 1


def test_without_a_customer_a_compacted_topic_gets_an_empty_key(tmp_path: Path) -> None:
    for name in ("transactions", "customers", "dispositions"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"{not json\n")
    assert [(one.source, one.key, one.partition) for one in published(tmp_path)] == [
        (Input.CUSTOMERS, b"", 0),
        (Input.DISPOSITIONS, None, 0),
        (Input.TRANSACTIONS, None, 0),
    ]


def test_a_line_goes_to_the_partition_of_its_customer(tmp_path: Path) -> None:
    events = [event(f"2024-03-03T10:00:0{at}Z", customer_id=f"c-{at}") for at in range(9)]
    lines = [entry for entry in published(write(tmp_path, transactions=events)) if entry.is_line]
    assert [(one.key, one.partition) for one in lines] == [
        (f"c-{at}".encode(), partition_of(f"c-{at}", PARTITIONS)) for at in range(9)
    ]


def test_another_partitioner_places_lines_elsewhere_and_unknown_fields_can_be_refused(tmp_path: Path) -> None:
    events = [event(f"2024-03-03T10:00:0{at}Z", customer_id=f"c-{at}", tier="gold") for at in range(9)]
    directory = write(tmp_path, transactions=events)
    found = entries(prescanned(directory), PARTITIONS, "USD", partitioner="crc32")
    places = [one.partition for one in found if one.is_line]
    assert places == [partition_of(f"c-{at}", PARTITIONS, "crc32") for at in range(9)]
    assert places != [one.partition for one in published(directory) if one.is_line]
    strict = prescan(
        directory,
        partitions=PARTITIONS,
        currency="USD",
        lateness_ms=0,
        now_ms=NOW,
        partitioner="crc32",
        strict_fields=True,
    )
    assert strict.refused == {Reason.SCHEMA: 9}
    assert prescanned(directory).refused == {}


@pytest.mark.parametrize(("size", "left_out"), [(WHOLE_BYTES, 0), (WHOLE_BYTES + 1, 1)])
def test_what_no_kafka_takes_is_left_out_and_counted(tmp_path: Path, size: int, left_out: int) -> None:
    good = json.dumps(event("2024-03-03T10:00:00Z")).encode()
    (tmp_path / "transactions.jsonl").write_bytes(good + b"\n" + b"x" * size + b"\n" + good + b"\n")
    found = prescanned(tmp_path)
    assert (found.refused, found.left_out) == ({Reason.TOO_LARGE: 1}, left_out)
    values = [entry.value for entry in published(tmp_path) if entry.is_line]
    assert values == [good, good] if left_out else [good, b"x" * size, good]
