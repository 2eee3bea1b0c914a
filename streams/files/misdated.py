"""Lines dated a year or more ahead of those around them: a wrong year would make all after it too late."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Generic, TypeVar

from streams.core.time import DAY_MS
from streams.core.watermark import NEVER, TOO_LATE_MS

_YEAR_MS: Final = 365 * DAY_MS - 600_000
"""A year, less 10 min for lines out of order: next year in place of this one is the commonest slip."""
_NEARLY_MS: Final = _YEAR_MS - 31 * DAY_MS
"""The least lead of the first line of a file over those that follow, which go on by days meanwhile."""
_WINDOW: Final = 1000
"""How many of the lines that follow decide whether time really went on."""
_RARE: Final = 100
"""At the end of a file, where fewer follow: out of place if they are fewer than one line in so many."""
_MOST_AHEAD: Final = 16
"""Batches read ahead at most; files of refused lines have no times to be found."""

T = TypeVar("T")


def spot_misdated(
    batches: Iterator[T], times_of: Callable[[T], Sequence[int]]
) -> Iterator[tuple[T, list[int]]]:
    """Yield each batch of a file with the positions of its lines that are out of place.

    Such a line is dated a year after the newest line before it, and most of the 1,000 lines that follow would
    be too late because of it; where the file ends before, it is out of place also if with those that follow
    there are fewer than one in a hundred of the lines before. The first line, which has none before it, is if
    it lies eleven months ahead of most that follow. `times_of` gives the times (ms) of a batch;
    NEVER is none. Where something is suspect a few batches are read ahead.
    """
    spotter = _Spotter(batches, times_of)
    while (held := spotter.next()) is not None:
        yield held, spotter.misdated()


class _Spotter(Generic[T]):
    def __init__(self, batches: Iterator[T], times_of: Callable[[T], Sequence[int]]) -> None:
        self._batches, self._times_of = batches, times_of
        self._waiting: deque[tuple[T, Sequence[int]]] = deque()
        self._ended = False
        self._times: Sequence[int] = ()
        self._reached = NEVER
        self._seen = 0

    def next(self) -> T | None:
        """Return the next batch; None at the end of the file."""
        if not self._waiting and not self._read():
            return None
        held, self._times = self._waiting.popleft()
        return held

    def misdated(self) -> list[int]:
        """Return the positions in that batch that are out of place."""
        newest = max(self._times, default=NEVER)
        if self._reached != NEVER and newest - self._reached < _YEAR_MS:  # as nearly always
            self._reached = max(self._reached, newest)
            self._seen += len(self._times)
            return []
        found = []
        for at, time in enumerate(self._times):
            if time == NEVER:
                continue
            if self._is_misdated(at, time):
                found.append(at)
            else:
                self._reached = max(self._reached, time)
                self._seen += 1
        return found

    def _is_misdated(self, at: int, time: int) -> bool:
        if self._reached == NEVER:
            later = self._later(at)
            falls = (before - after for before, after in pairwise([time, *later]))
            # A file with the newest line first falls too, but never by so much at once.
            return _mostly_behind(time - _NEARLY_MS, later) and max(falls) > _NEARLY_MS
        if time - self._reached < _YEAR_MS:
            return False
        later = self._later(at)
        if _mostly_behind(time - TOO_LATE_MS, later):
            return True
        return self._ended and len(later) < _WINDOW and _RARE * (len(later) + 1) <= self._seen

    def _later(self, at: int) -> list[int]:
        """Return the times of the lines that follow one of the batch, as many as are needed."""
        later = [time for time in self._times[at + 1 : at + 1 + _WINDOW] if time != NEVER]
        for looked in range(_MOST_AHEAD):
            if len(later) >= _WINDOW or (looked == len(self._waiting) and not self._read()):
                break
            later += [time for time in self._waiting[looked][1] if time != NEVER]
        return later[:_WINDOW]

    def _read(self) -> bool:
        """Read one batch more; False at the end of the file."""
        following = next(self._batches, None)
        self._ended = following is None
        if following is None:
            return False
        self._waiting.append((following, self._times_of(following)))
        return True


def _mostly_behind(time: int, later: Sequence[int]) -> bool:
    return 2 * sum(one < time for one in later) > len(later)
