"""The feed guard: which hours the purchase feed of a partition was broken, by its own counts.

A broken feed, or a holiday with closed shops, must never look like thousands of silent customers.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import Final

from msgspec import Struct

from streams.core.baseline import KEPT_HOURS
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, WEEK_HOURS

_WEEKS: Final = 4
_SHARE: Final = 2
"""Broken: fewer than one in this many of the usual."""


class GuardState(Struct, array_like=True):
    """What the changelog keeps of the guard."""

    decided: int | None
    counts: dict[int, int]
    broken: list[int]


class FeedGuard:
    """On-time purchases by pane, and the hours found broken, for one partition."""

    __slots__ = ("_broken", "_decided", "_windows", "counts")

    def __init__(self) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)
        self._broken: list[int] = []
        self._decided: int | None = None
        self._windows: list[int] = []

    def advance(self, until: int, rules: Ruleset) -> None:
        """Decide every hour before `until`; the counts of those panes are final."""
        if self._decided is None:
            if not self.counts:
                return
            # Purchases within the allowed lateness may still come to the hours before the first one known.
            self._decided = min(until, *self.counts)
        if not self._windows:
            self._windows = [self._window(self._decided, week) for week in range(_WEEKS + 1)]
        for hour in range(self._decided, until):
            self._slide(hour)
            if self._is_broken(rules):
                self._broken.append(hour)
        self._decided = max(self._decided, until)

    def _window(self, hour: int, weeks_before: int) -> int:
        """Return the purchases in the day that ends before an hour, some weeks earlier."""
        end = hour - weeks_before * WEEK_HOURS
        return sum(self.counts.get(pane, 0) for pane in range(end - DAY_HOURS, end))

    def _slide(self, hour: int) -> None:
        get = self.counts.get
        for week in range(_WEEKS + 1):
            pane = hour - week * WEEK_HOURS
            self._windows[week] += get(pane, 0) - get(pane - DAY_HOURS, 0)

    def _is_broken(self, rules: Ruleset) -> bool:
        now, *before = self._windows
        usual = sum(before)
        return usual >= rules.guard_minimum * _WEEKS and _SHARE * _WEEKS * now < usual

    def is_broken(self, hour: int) -> bool:
        """Tell whether the feed was broken in an hour already decided."""
        at = bisect_left(self._broken, hour)
        return at < len(self._broken) and self._broken[at] == hour

    def working_hours(self, start: int, end: int) -> int:
        """Return the hours in `[start, end)`, all decided, in which the feed worked."""
        if end <= start:
            return 0
        return end - start - (bisect_left(self._broken, end) - bisect_left(self._broken, start))

    def forget(self, hour: int) -> None:
        """Drop what no decision from an hour on can need."""
        oldest = hour - (_WEEKS * WEEK_HOURS + DAY_HOURS + 1)
        for pane in [one for one in self.counts if one < oldest]:
            del self.counts[pane]
        del self._broken[: bisect_right(self._broken, hour - KEPT_HOURS)]

    def state(self) -> GuardState:
        """Return what must survive."""
        return GuardState(self._decided, dict(self.counts), list(self._broken))

    def restore(self, state: GuardState) -> None:
        """Become what `state` described."""
        self.counts = defaultdict(int, state.counts)
        self._broken = list(state.broken)
        self._decided = state.decided
        self._windows = []
