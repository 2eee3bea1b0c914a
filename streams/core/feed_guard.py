"""The feed guard: which hours the purchase feed of a partition was broken, by its own counts.

A broken feed, or a holiday with closed shops, must never look like thousands of silent customers. The same
counts are the clock of operational time: how many purchases there were, against how many are usual.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import accumulate
from typing import Final

from msgspec import Struct, field

from streams.core.baseline import KEPT_HOURS
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, WEEK_HOURS

_WEEKS: Final = 4
_KEPT_BY_HOUR: Final = _WEEKS * WEEK_HOURS + DAY_HOURS + 1
_NO_HOUR: Final = 1 << 40
"""After all time: nothing is counted yet."""
_SHARE: Final = 2
"""Broken: fewer than one in this many of the usual."""


class GuardState(Struct, array_like=True):
    """What the changelog keeps of the guard."""

    decided: int | None
    counts: dict[int, int]
    broken: list[int]
    forgotten: int | None = None
    """Before this hour purchases are known by week only; None: nothing is forgotten."""
    before: int = 0
    """Purchases in all panes before the first of `counts`."""
    weeks: dict[int, int] = field(default_factory=dict)
    """Purchases in all panes before the start of a week, if there were any, by the number of the week."""


class FeedGuard:
    """On-time purchases by pane, and the hours found broken, for one partition."""

    __slots__ = ("_base", "_broken", "_decided", "_forgotten", "_totals", "_weeks", "_windows", "counts")

    def __init__(self) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)
        self._broken: list[int] = []
        self._decided: int | None = None
        self._windows: list[int] = []
        self._forgotten: int | None = None
        self._base = _NO_HOUR
        self._totals: list[int] = [0]
        """Purchases in all panes before the hour `_base`, before the hour after it, and so on."""
        self._weeks: dict[int, int] = {}

    def advance(self, until: int, rules: Ruleset) -> None:
        """Decide every hour before `until`; the counts of those panes are final."""
        if self._decided is None:
            if not self.counts:
                return
            # Purchases within the allowed lateness may still come to the hours before the first one known.
            self._decided = self._base = min(until, *self.counts)
        if not self._windows:
            self._windows = [self._window(self._decided, week) for week in range(_WEEKS + 1)]
        for hour in range(self._decided, until):
            self._slide(hour)
            self._count(hour)
            if self._is_broken(rules):
                self._broken.append(hour)
        self._decided = max(self._decided, until)

    def _count(self, hour: int) -> None:
        """Add the purchases of a pane to the running total."""
        total = self._totals[-1]
        week, rest = divmod(hour, WEEK_HOURS)
        if rest == 0 and total:
            self._weeks[week] = total
        self._totals.append(total + self.counts.get(hour, 0))

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

    def purchases_before(self, hour: int) -> int | None:
        """Return the on-time purchases in all panes before an hour already decided; None if it is too old."""
        before = self._totals[0]
        if before and self._forgotten is not None and hour < self._forgotten:
            return None
        return self._totals[hour - self._base] if hour > self._base else before

    def usual_purchases_per_day(self, hour: int, weeks: int) -> float | None:
        """Return the purchases a day over some whole weeks, the last of which ends at or before an hour.

        Weeks before the first purchase count as they were, with none. None where the weeks are too old.
        """
        end = self._before_week(hour // WEEK_HOURS)
        start = self._before_week(hour // WEEK_HOURS - weeks)
        return None if end is None or start is None else (end - start) * DAY_HOURS / (weeks * WEEK_HOURS)

    def _before_week(self, week: int) -> int | None:
        before = self.purchases_before(week * WEEK_HOURS)
        if before is not None or self._forgotten is None:
            return before
        oldest = self._forgotten + _KEPT_BY_HOUR - KEPT_HOURS
        return None if week * WEEK_HOURS < oldest else self._weeks.get(week, 0)

    def forget(self, hour: int) -> None:
        """Drop what no decision from an hour on can need."""
        self._forgotten = oldest = hour - _KEPT_BY_HOUR
        for pane in [one for one in self.counts if one < oldest]:
            del self.counts[pane]
        gone = max(0, min(oldest - self._base, len(self._totals) - 1))
        del self._totals[:gone]
        self._base += gone
        for week in [one for one in self._weeks if one * WEEK_HOURS < hour - KEPT_HOURS]:
            del self._weeks[week]
        del self._broken[: bisect_right(self._broken, hour - KEPT_HOURS)]

    def state(self) -> GuardState:
        """Return what must survive."""
        return GuardState(
            self._decided,
            dict(self.counts),
            list(self._broken),
            self._forgotten,
            self._totals[0],
            dict(self._weeks),
        )

    def restore(self, state: GuardState) -> None:
        """Become what `state` described."""
        self.counts = defaultdict(int, state.counts)
        self._broken = list(state.broken)
        self._decided = state.decided
        self._windows = []
        self._forgotten = state.forgotten
        self._weeks = dict(state.weeks)
        if state.decided is not None:
            self._base = min([state.decided, *state.counts])
            kept = (state.counts.get(pane, 0) for pane in range(self._base, state.decided))
            self._totals = list(accumulate(kept, initial=state.before))
