"""Damaged lines among 100,000 good ones: every good one counts, every damaged one is reported once."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from schemas.common import MAX_BYTES
from streams.lab.generate import GenerateOptions, Population, generate
from streams.lab.replay import DeadLetter, ReplayResult, replay_directory
from tests.lab.datasets import NOW, Done, lines_of, run, write_lines

pytestmark = pytest.mark.slow

GOOD: Final = 100_000
COPIES: Final = 3
"""How often each kind of damage occurs."""

CANARY: Final = "C4n4ry"
"""Stands in every damaged line, and may stand in no report."""

Damage = Callable[[dict[str, Any]], bytes]


def spelled(event: object) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def changed(**fields: object) -> Damage:
    return lambda event: spelled(event | fields)


def without(field: str) -> Damage:
    return lambda event: spelled({name: value for name, value in event.items() if name != field})


def raw(field: str, value: bytes) -> Damage:
    """Put bytes in place of a field's value, whatever they are."""
    return lambda event: spelled(event | {field: "@@"}).replace(b'"@@"', value)


def around(before: bytes, after: bytes = b"") -> Damage:
    return lambda event: before + spelled(event) + after


def instead(line: bytes) -> Damage:
    return lambda _event: line


IN_TRANSACTIONS: Final[dict[str, tuple[str, Damage]]] = {
    "bad UTF-8": ("not_json", raw("order_id", b'"\xff\xfe"')),
    "overlong UTF-8": ("not_json", raw("order_id", b'"\xc0\x80"')),
    "lone surrogate": ("not_json", raw("order_id", rb'"\ud800"')),
    "truncated": ("not_json", lambda event: spelled(event)[:-9]),
    "deep nesting": ("not_json", raw("attributes", b"[" * 20_000 + b"]" * 20_000)),
    "deep objects": ("not_json", raw("attributes", b'{"a":' * 5_000 + b"1" + b"}" * 5_000)),
    "number of a million digits": ("too_large", raw("amount", b"9" * 1_000_000)),
    "number of ten thousand digits": ("not_json", raw("amount", b"9" * 10_000)),
    "not a number": ("not_json", raw("amount", b"NaN")),
    "infinity": ("not_json", raw("amount", b"-Infinity")),
    "amount as a number": ("schema", changed(amount=12.5)),
    "negative amount": ("schema", changed(amount="-12.50")),
    "amount below nothing": ("schema", changed(amount="-0.01")),
    "amount with an exponent": ("schema", changed(amount="1e3")),
    "amount with a comma": ("schema", changed(amount="12,50")),
    "amount of 13 digits": ("schema", changed(amount="1234567890123")),
    "amount too large once converted": (
        "currency",
        changed(amount="999999999999", currency="EUR", exchange_rate="999999999999"),
    ),
    "currency without a rate": ("currency", changed(currency="EUR")),
    "no such currency": ("schema", changed(currency="usd")),
    "no amount": ("schema", without("amount")),
    "no customer": ("schema", without("customer_id")),
    "customer is null": ("schema", changed(customer_id=None)),
    "empty id": ("schema", changed(event_id="")),
    "id of 129 characters": ("schema", changed(event_id=CANARY + "x" * 123)),
    "unknown kind": ("schema", changed(kind=CANARY)),
    "unknown type": ("unknown_type", changed(type=CANARY)),
    "type of another topic": ("unknown_type", changed(type="contact")),
    "no type": ("schema", without("type")),
    "type is a number": ("schema", changed(type=5)),
    "attributes of numbers": ("schema", changed(attributes={CANARY: 5})),
    "more than 64 KiB": ("too_large", changed(order_id=CANARY * (MAX_BYTES // 6 + 1))),
    "year 1970": ("schema", changed(time="1970-01-01T00:00:00Z")),
    "year 2001": ("too_late", changed(time="2001-01-01T00:00:00Z")),
    "year 2100": ("future", changed(time="2100-01-01T00:00:00Z")),
    "time without an offset": ("schema", changed(time="2024-06-01T12:00:00")),
    "no such day": ("schema", changed(time="2024-02-30T12:00:00Z")),
    "time as a number": ("schema", changed(time=1_717_200_000_000)),
    "second value of a key": ("schema", lambda event: spelled(event)[:-1] + b',"amount":"C4n4ry"}'),
    "array": ("schema", lambda event: spelled([event])),
    "text": ("schema", instead(b'"C4n4ry"')),
    "null": ("schema", instead(b"null")),
    "nothing but a comma": ("not_json", instead(b",")),
    "a piece of CSV": ("not_json", instead(b"a,b,c")),
    "two events": ("not_json", lambda event: spelled(event) * 2),
    "comma at the end": ("not_json", around(b"", b",")),
    "zero bytes": ("not_json", instead(b"\0" * 512)),
    "as Python writes it": ("not_json", lambda event: str(event).encode()),
    "CSV": ("not_json", instead(b"transaction,C4n4ry,c1,2024-06-01T12:00:00Z,shop,purchase,10.00,USD")),
}
IN_CONTACTS: Final[dict[str, tuple[str, Damage]]] = {
    "ended after it was recorded": ("schema", changed(ended_at="2099-01-01T00:00:00Z")),
    "endless queue": ("schema", raw("queue_seconds", b"1e999999")),
    "negative hold": ("schema", changed(hold_seconds=-1)),
    "count with places": ("schema", changed(hold_count=1.5)),
    "flag as a number": ("schema", changed(complaint=1)),
    "version 0": ("schema", changed(version=0)),
    "score beyond the scale": ("schema", changed(csat=6)),
    "unknown channel": ("schema", changed(channel=CANARY)),
    "unknown phrase": ("schema", changed(phrases=["policy", CANARY])),
    "no contact id": ("schema", without("contact_id")),
    "purchase among contacts": ("unknown_type", changed(type="transaction")),
}


@dataclass(frozen=True)
class Spoilt:
    """A sound directory, the same with damage, and what was damaged: (file, line) to (kind, reason)."""

    sound: Path
    damaged: Path
    places: dict[tuple[str, int], tuple[str, str]]


def spoil(
    rng: Random, good: list[bytes], kinds: dict[str, tuple[str, Damage]], model: dict[str, Any]
) -> tuple[list[bytes], dict[int, tuple[str, str]]]:
    """Return lines with each kind of damage mixed in, and where (from 1); `model` is a sound event."""
    # The first are left alone: only once its clock runs can a partition tell that an event is too late.
    at = rng.sample(range(len(good) // 2, len(good)), len(kinds) * COPIES)
    names = [name for name in kinds for _ in range(COPIES)]
    wounds = dict(zip(at, names, strict=True))
    lines, places = [], {}
    for number, line in enumerate(good):
        if number in wounds:
            name = wounds[number]
            reason, damage = kinds[name]
            lines.append(damage(model | {"event_id": f"{CANARY}-{number}"}))
            places[len(lines)] = (name, reason)
        lines.append(line)
    return lines, places


@pytest.fixture(name="spoilt", scope="module")
def spoilt_fixture(tmp_path_factory: pytest.TempPathFactory) -> Spoilt:
    base = tmp_path_factory.mktemp("bad")
    sound, damaged = base / "sound", base / "damaged"
    generate(
        sound,
        GenerateOptions(
            population=Population.SYNTHETIC, customers=1_000, days=300, transactions=99_000, seed=11
        ),
    )
    damaged.mkdir()
    (damaged / "customers.jsonl").write_bytes((sound / "customers.jsonl").read_bytes())
    common = {"customer_id": f"c-{CANARY}", "time": "2024-06-01T12:00:00Z", "source": f"s-{CANARY}"}
    models: dict[str, tuple[dict[str, tuple[str, Damage]], dict[str, Any]]] = {
        "transactions.jsonl": (
            IN_TRANSACTIONS,
            {"type": "transaction", **common, "kind": "purchase", "amount": "10.00", "currency": "USD"},
        ),
        "contacts.jsonl": (
            IN_CONTACTS,
            {"type": "contact", **common, "contact_id": f"k-{CANARY}", "version": 1, "channel": "voice"},
        ),
    }
    places: dict[tuple[str, int], tuple[str, str]] = {}
    for file, (kinds, model) in models.items():
        lines, where = spoil(Random(file), lines_of(sound / file), kinds, model)
        write_lines(damaged / file, lines)
        places |= {(file, line): found for line, found in where.items()}
    return Spoilt(sound, damaged, places)


@pytest.fixture(name="clean", scope="module")
def clean_fixture(spoilt: Spoilt) -> tuple[ReplayResult, float]:
    """Replay the sound directory; the seconds are those of this process."""
    started = time.process_time()
    result = replay_directory(spoilt.sound, now_ms=NOW)
    return result, time.process_time() - started


def test_there_is_enough_of_both(spoilt: Spoilt, clean: tuple[ReplayResult, float]) -> None:
    good = sum(len(lines_of(path)) for path in spoilt.sound.glob("[tc][ro]*s.jsonl"))
    assert good >= GOOD
    assert len(IN_TRANSACTIONS) + len(IN_CONTACTS) >= 55
    assert clean[0].dead_letters == []
    assert len(clean[0].alerts) > 20


def test_damage_changes_nothing_but_the_report_of_it(
    spoilt: Spoilt, clean: tuple[ReplayResult, float]
) -> None:
    expected, seconds = clean
    started = time.process_time()
    result = replay_directory(spoilt.damaged, now_ms=NOW)
    assert time.process_time() - started < 2 * seconds + 2
    assert result.alerts == expected.alerts
    assert (result.customers, result.tally) == (expected.customers, expected.tally)
    assert (result.first_ms, result.last_ms) == (expected.first_ms, expected.last_ms)
    for file, counts in expected.outcomes.items():
        refused = sum(place[0] == file for place in spoilt.places)
        assert result.outcomes[file] == counts + Counter(refused=refused)
    assert_reported(spoilt, result.dead_letters)


def assert_reported(spoilt: Spoilt, letters: list[DeadLetter]) -> None:
    found = {(one.file, one.line): one for one in letters}
    assert len(found) == len(letters)
    assert {
        place: (kind, found[place].reason if place in found else "accepted")
        for place, (kind, _) in spoilt.places.items()
    } == spoilt.places
    assert found.keys() == spoilt.places.keys()
    for letter in letters:
        assert letter.detail
        assert len(letter.detail) < 200
        assert CANARY not in letter.detail
        assert letter.detail.isprintable()


def test_the_command_counts_damage_and_goes_on(spoilt: Spoilt, tmp_path: Path) -> None:
    done = replayed(spoilt, tmp_path)
    assert done.code == 0
    reasons = Counter(reason for _, reason in spoilt.places.values())
    [told] = [line for line in done.out.splitlines() if line.startswith("refused: ")]
    assert set(told.removeprefix("refused: ").split(", ")) == {f"{n} {one}" for one, n in reasons.items()}
    written = (tmp_path / "dead.jsonl").read_text(encoding="utf-8")
    assert_reported(spoilt, [DeadLetter(**json.loads(line)) for line in written.splitlines()])
    assert CANARY not in written + done.out + done.err


def test_the_strict_command_fails_after_all_is_written(spoilt: Spoilt, tmp_path: Path) -> None:
    done = replayed(spoilt, tmp_path, "--strict")
    assert done.code == 65
    assert len(lines_of(tmp_path / "alerts.jsonl")) > 20
    assert len(lines_of(tmp_path / "dead.jsonl")) == len(spoilt.places)


def replayed(spoilt: Spoilt, directory: Path, *options: str) -> Done:
    alerts, dead = directory / "alerts.jsonl", directory / "dead.jsonl"
    return run("replay", spoilt.damaged, "--alerts", alerts, "--dead-letters", dead, *options)
