"""What ordinary days do to a feed: each takes what happened, and gives what is appended, and when."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from streams.core.time import DAY_MS, HOUR_MS
from tests.live.dataset import BERLIN, Happening, days_after_start

DELAYS: Final = ((60, 10_000), (120, 120_000), (180, 1_800_000), (240, 3_500_000), (300, 10_000), (340, 0))
"""From a day on, all purchases are appended so much later (ms) than usual."""


def delayed(all_: Iterable[Happening]) -> list[Happening]:
    """Let the upstream delay of purchases grow from 2 s to an hour in steps, and fall again."""
    found = []
    for one in all_:
        delays = [delay for day, delay in DELAYS if days_after_start(one) >= day]
        found.append(one.later(delays[-1]) if delays and one.nature == "purchase" else one)
    return found


def off_by(all_: Iterable[Happening], source: str, ms: int) -> list[Happening]:
    """Let the clock of a source be ahead by some ms, or behind: what it writes says another time."""
    return [replace(one, time=one.time + ms) if one.source == source else one for one in all_]


def by_night(all_: Iterable[Happening]) -> list[Happening]:
    """Let all purchases of a day be appended at two o'clock of the next, by the clocks of their history."""
    return [_by_night(one) if one.nature == "purchase" and days_after_start(one) > 0 else one for one in all_]


def _by_night(one: Happening) -> Happening:
    day = datetime.fromtimestamp(one.time / 1000, BERLIN)
    at = (day + timedelta(days=1)).replace(hour=2, minute=0, second=0, microsecond=0)
    return replace(one, appended=round(at.timestamp() * 1000) + one.time % 60_000)


def lost(all_: Iterable[Happening], source: str, from_day: int, days: int) -> list[Happening]:
    """Let a source bring nothing for some days, and never make up for it."""
    return [
        one for one in all_ if one.source != source or not from_day <= days_after_start(one) < from_day + days
    ]


def held_up(all_: Iterable[Happening], from_day: int, hours: int) -> list[Happening]:
    """Let all purchases of some hours come at the end of them, at once."""
    start = from_day * DAY_MS
    found = []
    for one in all_:
        since = days_after_start(one) * DAY_MS - start
        late = one.nature == "purchase" and 0 <= since < hours * HOUR_MS
        found.append(one.later(round(hours * HOUR_MS - since)) if late else one)
    return found


def jittered(all_: Iterable[Happening], most_ms: int) -> list[Happening]:
    """Let every purchase take up to some ms more, each its own."""
    rng = Random(2)
    return [one.later(rng.randrange(most_ms)) if one.nature == "purchase" else one for one in all_]


def moved(all_: Iterable[Happening], source: str, to: str, from_day: int) -> list[Happening]:
    """Let all that a source brought come by another one from some day on."""
    return [
        replace(one, source=to) if one.source == source and days_after_start(one) >= from_day else one
        for one in all_
    ]
