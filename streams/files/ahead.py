"""Lines dated more than a year ahead of those around them: a wrong year, and all after would be too late."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from streams.core.time import DAY_MS
from streams.core.watermark import NEVER, TOO_LATE_MS

AHEAD_MS: Final = 365 * DAY_MS - 600_000
"""A year, less 10 min for lines out of order: next year in place of this one is the commonest slip."""

_WINDOW: Final = 1000
"""So many of the lines that follow say whether time really went on."""
_RARE: Final = 100
"""At the end of a file, where too few follow: an error if fewer than one in so many lines stands there."""

T = TypeVar("T")


def spot_ahead(batches: Iterator[T], times_of: Callable[[T], Sequence[int]]) -> Iterator[tuple[T, list[int]]]:
    """Yield each batch of a file with the positions of its lines that are out of place.

    Such a line is dated a year after the newest line before it, and most of the 1,000 lines that follow would
    be too late because of it; at the end of the file, where fewer follow, there stand with it fewer than one
    in a hundred of the lines before. `times_of` gives the times (ms) of a batch; NEVER is none.
    Reads one batch ahead.
    """
    spotter = _Spotter()
    held = next(batches, None)
    times = [] if held is None else times_of(held)
    while held is not None:
        following = next(batches, None)
        times_following = [] if following is None else times_of(following)
        yield held, spotter.take(times, times_following)
        held, times = following, times_following


class _Spotter:
    def __init__(self) -> None:
        self._reached = NEVER
        self._seen = 0

    def take(self, times: Sequence[int], following: Sequence[int]) -> list[int]:
        """Return the positions of the times that are out of place."""
        newest = max(times, default=NEVER)
        if self._reached != NEVER and newest - self._reached <= AHEAD_MS:  # as nearly always
            self._reached = max(self._reached, newest)
            self._seen += len(times)
            return []
        found = []
        for at, time in enumerate(times):
            if time == NEVER:
                continue
            suspect = self._reached == NEVER or time - self._reached > AHEAD_MS
            if suspect and self._is_alone(time, [*times[at + 1 : at + 1 + _WINDOW], *following[:_WINDOW]]):
                found.append(at)
            else:
                self._reached = max(self._reached, time)
                self._seen += 1
        return found

    def _is_alone(self, time: int, later: list[int]) -> bool:
        later = [one for one in later if one != NEVER][:_WINDOW]
        behind = sum(one < time - TOO_LATE_MS for one in later)
        if 2 * behind > len(later):
            return True
        return len(later) < _WINDOW and _RARE * (len(later) + 1) <= self._seen
