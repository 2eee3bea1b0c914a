"""What goes wrong on the wire: duplicates, lines on an exact limit, ticks, and lines to be refused."""

import json
from random import Random
from typing import Final

from schemas.topics import INPUTS
from tests.worlds.wire import DAY, HOUR, MINUTE, SECOND, Event, Feed, stamp

_LATENESS = 5 * SECOND
_REFUSED_AFTER = 8 * DAY
_FUTURE_TICK = b'{"type": "tick", "time": "2199-01-01T00:00:00Z", "source": "pulse"}'


def _parsed(line: bytes) -> Event:
    event: Event = json.loads(line)
    return event


def repeat(feed: Feed, share: float) -> None:
    """Send some lines again: soon, days later, and under the same id with other content."""
    rng = feed.rng
    for arrival, _, line in rng.sample(feed.lines, int(len(feed.lines) * share)):
        again = arrival + rng.choice((0, 1, MINUTE, DAY, rng.randrange(10 * DAY)))
        if rng.random() < 0.6:
            feed.put_bytes(line, again)
            continue
        later = arrival + int(rng.choice((rng.uniform(0, 7.8), rng.uniform(8.3, 60))) * DAY)
        event = _parsed(line) | {"time": stamp(later, rng)}
        if "amount" in event:
            event["amount"] = "77.77"
        feed.put(event, later)


def on_the_limits(feed: Feed, newest: dict[str, int], how_many: int) -> None:
    """Follow some lines with others of the same customer that are exactly late, or exactly too late.

    `newest` maps event ids to their times (ms); where the line before was its partition's newest, the line
    added lies on the limit to the millisecond.
    """
    rng = feed.rng
    for arrival, number, line in rng.sample(feed.lines, min(how_many, len(feed.lines))):
        event = _parsed(line)
        time = newest[str(event["event_id"])]
        back = _LATENESS + rng.choice((0, 0, 0, _REFUSED_AFTER, HOUR)) + rng.choice((-1, 0, 0, 1))
        event |= {"event_id": f"{event['event_id']}-edge", "time": stamp(time - back, rng)}
        ended_at = event.pop("ended_at", None)
        if ended_at is not None and rng.random() < 0.5:
            event["contact_id"] = f"{event['contact_id']}-edge"
        text = json.dumps(event).encode()
        feed.lines.append((arrival, number, text))


def tick(feed: Feed, first: int, last: int, every: int) -> None:
    """Add ticks, on the hour or not, which make what dawdles late."""
    rng = feed.rng
    time = first
    while time < last:
        at = time if rng.random() < 0.5 else time // HOUR * HOUR
        promise: Event = {"type": "tick", "time": stamp(at, rng), "source": "pulse"}
        feed.put(promise, at + rng.randrange(3 * SECOND))
        time += int(every * rng.uniform(0.2, 1.8))


def refused(feed: Feed, first: int, last: int, how_many: int) -> None:
    """Add lines of many kinds that must be refused and change nothing."""
    rng = feed.rng
    sound = [line for _, _, line in rng.sample(feed.lines, min(how_many, len(feed.lines)))]
    for number, line in enumerate(sound):
        feed.put_bytes(_spoilt(rng, line, number), rng.randrange(first, last))


_FIELDS: Final = {kind: names for topic in INPUTS for kind, names in topic.fields.items()}


def _spoilt(rng: Random, line: bytes, number: int) -> bytes:
    raw = (
        b"{not json",
        b"[]",
        b"17",
        b'"text"',
        b"\xff\xfe{}",
        line[:-2],
        line + b"}",
        b"null",
        _FUTURE_TICK,
    )
    if rng.random() < 0.3:
        return rng.choice(raw)
    # A fresh id: a refused line must not count as the first of its id either.
    event = _parsed(line) | {"event_id": f"refused-{number}"}
    change = rng.choice(_changes())
    spoilt: dict[str, object] = {**event, **change}
    # What the type does not have is left out, which spoils nothing.
    if change.keys() - _FIELDS[str(event["type"])]:
        spoilt["source"] = ""
    return json.dumps({key: value for key, value in spoilt.items() if value != "absent"}).encode()


def _changes() -> tuple[dict[str, object], ...]:
    return (
        {"time": "2199-01-01T00:00:00Z"},
        {"type": "tick", "time": "2199-01-01T00:00:00Z"},
        {"time": "1999-12-31T23:59:59Z"},
        {"time": "2024-02-30T00:00:00Z"},
        {"time": "2024-06-01T00:00:00"},
        {"time": "2024-06-01 00:00:00Z"},
        {"time": 1_717_200_000_000},
        {"time": "absent"},
        {"type": "absent"},
        {"type": "Transaction"},
        {"type": "alert"},
        {"customer_id": ""},
        {"customer_id": "x" * 129},
        {"customer_id": None},
        {"event_id": 7},
        {"source": "absent"},
        {"surprise": 1},
        {"attributes": {"deep": {"no": "good"}}},
        {"attributes": {"long": "x" * 70_000}},
        {
            "type": "contact",
            "contact_id": "z",
            "version": 0,
            "channel": "voice",
            "time": "2024-06-01T00:00:00Z",
        },
        {"amount": "-1.00", "kind": "purchase", "currency": "USD"},
        {"amount": 10, "kind": "purchase", "currency": "USD"},
        {"amount": "1e3", "kind": "purchase", "currency": "USD"},
        {"csat": 6},
        {"version": "1"},
    )
