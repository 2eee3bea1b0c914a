"""What delays a world's purchases: a slow way, a feed by night, a shop system that fails."""

import json
from collections.abc import Callable

from tests.worlds.wire import DAY, HOUR, SECOND, Event, Feed, stamp

_FAILING = "web"
"""Counted in another group than `pos`, by which all other purchases come."""
_FAILURES = ((0.4, "lost"), (0.55, "held"), (0.7, "by the other"), (0.85, "lost"))
"""When the source fails, as a share of the world's time, and what becomes of its purchases."""
_FAILS_FOR = 5 * DAY

Change = Callable[[int, Event], tuple[int, Event] | None]
"""From when a purchase arrives and what it is to when it does and what it is then; None: it is lost."""


def by_up_to_an_hour(feed: Feed) -> None:
    """Let each purchase come 10 s to an hour later, amid ticks."""
    _change_purchases(feed, lambda at, event: (at + feed.rng.randrange(10 * SECOND, HOUR), event))
    _tick_every_hour(feed)


def by_night(feed: Feed) -> None:
    """Let all purchases of a day come at 02:00 of the next, by customer; in half of the worlds amid ticks."""
    _change_purchases(feed, lambda at, event: (at // DAY * DAY + DAY + 2 * HOUR, event))
    if feed.rng.random() < 0.5:
        _tick_every_hour(feed)


def by_a_source_that_fails(feed: Feed) -> None:
    """Let half of the purchases come by a second source that fails for 5 days at a time."""
    first, last = min(feed.lines, default=(0,))[0], max(feed.lines, default=(0,))[0]
    starts = [(first + int(share * (last - first)), fate) for share, fate in _FAILURES]

    def change(at: int, event: Event) -> tuple[int, Event] | None:
        if feed.rng.random() < 0.5:
            return at, event
        for start, fate in starts:
            if start <= at < start + _FAILS_FOR:
                return _failed(at, start + _FAILS_FOR, event, fate)
        return at, event | {"source": _FAILING}

    _change_purchases(feed, change)


def _failed(at: int, end: int, event: Event, fate: str) -> tuple[int, Event] | None:
    if fate == "lost":
        return None
    return (end, event | {"source": _FAILING}) if fate == "held" else (at, event)


def _change_purchases(feed: Feed, change: Change) -> None:
    lines = []
    for at, number, line in feed.lines:
        event = purchase_of(line)
        if event is None:
            lines.append((at, number, line))
        elif changed := change(at, event):
            lines.append((changed[0], number, json.dumps(changed[1]).encode()))
    feed.lines = lines


def purchase_of(line: bytes) -> Event | None:
    """Read a line, if it is a purchase; a refused one may look like one."""
    try:
        event: object = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("kind") == "purchase" else None


def _tick_every_hour(feed: Feed) -> None:
    arrivals = [at for at, _, _ in feed.lines]
    for time in range(min(arrivals, default=0) // HOUR * HOUR, max(arrivals, default=0), HOUR):
        feed.put({"type": "tick", "time": stamp(time), "source": "pulse"}, time)
