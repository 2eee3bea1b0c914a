"""The feed guard: which hours the purchase feed of a partition was broken, by its own counts.

A broken feed, or a holiday with closed shops, must never look like thousands of silent customers. The same
counts are the clock of operational time: how many purchases there were, against how many are usual.

Under rules for a delayed feed late purchases count as well, and sources are told apart, so that one of two
shop systems that fails is noticed.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from typing import Final

from msgspec import Struct, field

from streams.core.feed.delivery import Delivery, Row
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import KEPT_HOURS
from streams.core.time import DAY_HOURS, NO_END, WEEK_HOURS, hour_of

_WEEKS: Final = 4
_KEPT_BY_HOUR: Final = _WEEKS * WEEK_HOURS + DAY_HOURS + 1
_SHARE: Final = 2
"""Broken: fewer than one in this many of the usual."""
_GROUPS: Final = 64
"""Sources are told apart by as many groups."""
UNDIVIDED: Final = 0
"""Here rules that don't tell sources apart count them all; it is no source that could fail."""
_ROUTES_KEPT: Final = 10_000
_NONE: Final = Counter[int]()

Counts = defaultdict[int, int]
"""Purchases by pane."""
Late = tuple[int, int, int, int]
"""The hour that a late purchase counts from, its group, its pane, and how many there are."""


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
    groups: dict[int, dict[int, int]] = field(default_factory=dict)
    """What `counts` is for all sources together, for the groups of sources that are told apart."""
    moved: dict[int, int] = field(default_factory=dict)
    """What operational time counts in an hour beyond the purchases of its pane: late ones count later."""
    late: list[Late] = field(default_factory=list)
    """Late purchases that count from an hour that is not decided."""
    base: int | None = None
    """The hour before which `before` counts; None: the first that anything is counted in."""
    late_in: dict[int, dict[int, int]] = field(default_factory=dict)
    """How many of `groups` came late, by group and week."""
    delivery: list[Row] = field(default_factory=list)
    lags: dict[int, int] = field(default_factory=dict)


class FeedGuard:
    """Purchases by pane and group of sources, and the hours found broken, for one partition."""

    __slots__ = (
        "_base",
        "_broken",
        "_decided",
        "_delivery",
        "_forgotten",
        "_groups",
        "_late",
        "_late_in",
        "_moved",
        "_routes",
        "_totals",
        "_weeks",
        "_windows",
        "lags",
    )

    def __init__(self) -> None:
        self._groups: dict[int, Counts] = {UNDIVIDED: defaultdict(int)}
        self._routes: dict[str, Counts] = {}
        self._late: dict[int, Counter[tuple[int, int]]] = {}
        self._moved: Counts = defaultdict(int)
        self._broken: list[int] = []
        self._decided: int | None = None
        self._windows: dict[int, list[int]] = {}
        self._forgotten: int | None = None
        self._base = NO_END  # nothing is counted yet
        self._totals: list[int] = [0]
        """Purchases in all panes before the hour `_base`, before the hour after it, and so on."""
        self._weeks: dict[int, int] = {}
        self._delivery = Delivery()
        self._late_in: dict[int, Counter[int]] = defaultdict(Counter)
        """How many of the counts of a group came late, by week."""
        self.lags: dict[int, int] = {}
        """How many hours after they happened purchases may come, by group of sources that deliver late."""

    # Count

    def counts_of(self, source: str, rules: Ruleset) -> Counts:
        """Return where the purchases of a source are counted, by pane; those on time are added there."""
        if not rules.delayed_feed:
            return self._groups[UNDIVIDED]
        found = self._routes.get(source)
        if found is None:
            if len(self._routes) >= _ROUTES_KEPT:
                self._routes.clear()
            found = self._routes[source] = self._groups.setdefault(group_of(source), defaultdict(int))
        return found

    def add_late(self, source: str, time: int, effective_time: int, rules: Ruleset) -> None:
        """Count a late purchase, by its time and effective time in ms, if late ones count."""
        if not rules.delayed_feed:
            return
        pane, group = hour_of(time), group_of(source)
        counts_from = max(pane, hour_of(effective_time) - rules.guard_delay_hours, self._decided or pane)
        counts = self.counts_of(source, rules)
        if counts_from == pane:
            self._count_late(group, counts, pane, 1)
        else:
            self._late.setdefault(counts_from, Counter())[group, pane] += 1
        if rules.as_meant:
            self._delivery.note(group, time, effective_time)

    def _count_late(self, group: int, counts: Counts, pane: int, count: int) -> None:
        counts[pane] += count
        self._late_in[group][pane // WEEK_HOURS] += count

    @property
    def hours(self) -> Iterator[int]:
        """Yield the panes with purchases, and the hours from which late ones count."""
        for counts in self._groups.values():
            yield from counts
        yield from self._late

    # Judge

    def advance(self, until: int, rules: Ruleset) -> None:
        """Decide every hour before `until`, of which all that can be known is known."""
        if self._decided is None:
            first = min(self.hours, default=None)
            if first is None:
                return
            # Purchases within the allowed lateness may still come to the hours before the first one known.
            self._decided = self._base = min(until, first)
        for hour in range(self._decided, until):
            if len(self._windows) < len(self._groups):
                self._open_windows(hour)
            if hour in self._late:
                self._take_in_late(hour)
            self._slide(hour)
            self._count(hour)
            if self._is_broken(rules):
                self._broken.append(hour)
        self._decided = max(self._decided, until)

    def _open_windows(self, hour: int) -> None:
        for group in self._groups:
            if group not in self._windows:
                self._windows[group] = self._windows_at(group, hour)

    def _windows_at(self, group: int, hour: int) -> list[int]:
        """Return the purchases of the day before an hour, and of the days that it is held against."""
        return [_day_before(self._groups[group], end) for end in self._ends(group, hour)]

    def _ends(self, group: int, hour: int) -> Iterable[int]:
        """Return an hour, and those that it is held against; for who delivers late, that much earlier."""
        return _ends(hour - self.lags.get(group, 0))

    def _take_in_late(self, hour: int) -> None:
        """Put late purchases into their panes, all of which are before the hour from which they count."""
        for (group, pane), count in self._late.pop(hour).items():
            self._count_late(group, self._groups[group], pane, count)
            self._moved[pane] -= count
            self._moved[hour] += count
            windows = self._windows[group]
            for week, end in enumerate(self._ends(group, hour)):
                if end - DAY_HOURS <= pane < end:
                    windows[week] += count

    def _slide(self, hour: int) -> None:
        for group, windows in self._windows.items():
            get = self._groups[group].get
            for week, pane in enumerate(self._ends(group, hour)):
                windows[week] += get(pane, 0) - get(pane - DAY_HOURS, 0)

    def _count(self, hour: int) -> None:
        """Add the purchases of a pane to the running total."""
        total = self._totals[-1]
        week, rest = divmod(hour, WEEK_HOURS)
        if rest == 0 and total:
            self._weeks[week] = total
        self._totals.append(total + self._counted(hour))

    def _counted(self, hour: int) -> int:
        return sum(counts.get(hour, 0) for counts in self._groups.values()) + self._moved.get(hour, 0)

    def _is_broken(self, rules: Ruleset) -> bool:
        least = rules.guard_minimum * _WEEKS
        now = _WEEKS * sum(own[0] for own in self._windows.values())
        usual = sum(sum(own[1:]) for own in self._windows.values())
        if usual < least or _is_short(now, usual, least):
            return usual >= least
        # A source whose purchases come by another one now is no failure.
        return rules.delayed_feed and any(
            _is_short(_WEEKS * own[0], sum(own[1:]), least)
            and _SHARE * (usual - now) >= sum(own[1:]) - _WEEKS * own[0]
            for group, own in self._windows.items()
            if group != UNDIVIDED
        )

    def learn_lags(self, hour: int) -> None:
        """Learn at a population refresh which sources deliver late; all before its hour is counted."""
        weeks = range(hour // WEEK_HOURS - _WEEKS, hour // WEEK_HOURS)
        on_time = {
            group: sum(counts.get(pane, 0) for pane in range(weeks.start * WEEK_HOURS, hour))
            - sum(self._late_in.get(group, _NONE)[week] for week in weeks)
            for group, counts in self._groups.items()
        }
        lags = self._delivery.lags(hour, on_time)
        for group in lags.keys() | self.lags.keys():
            if lags.get(group, 0) != self.lags.get(group, 0):
                self._windows.pop(group, None)
        self.lags = lags

    # Ask

    def is_broken(self, hour: int) -> bool:
        """Return whether the feed was broken in an hour already decided."""
        at = bisect_left(self._broken, hour)
        return at < len(self._broken) and self._broken[at] == hour

    def working_hours(self, start: int, end: int) -> int:
        """Return the hours in `[start, end)`, all decided, in which the feed worked."""
        if end <= start:
            return 0
        return end - start - (bisect_left(self._broken, end) - bisect_left(self._broken, start))

    def purchases_before(self, hour: int) -> int | None:
        """Return the purchases counted before an hour, as far as it is decided; None if it is too old."""
        before = self._totals[0]
        if before and self._forgotten is not None and hour < self._forgotten:
            return None
        return self._totals[min(hour - self._base, len(self._totals) - 1)] if hour > self._base else before

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

    @property
    def usual(self) -> float:
        """Return the purchases a day that the last hour decided was held against; 0 before there was any."""
        if self._decided is None:
            return 0
        every = (self._windows.get(group) or self._windows_at(group, self._decided) for group in self._groups)
        return sum(sum(own[1:]) for own in every) / _WEEKS

    @property
    def panes(self) -> int:
        """Return how many counts are kept: one for each pane of a group, and for what came late to it."""
        return sum(map(len, self._groups.values())) + sum(map(len, self._late.values()))

    @property
    def broken_now(self) -> bool:
        """Return whether the last hour decided was broken."""
        return self._decided is not None and self.is_broken(self._decided - 1)

    # Keep

    def forget(self, hour: int, longest_lag: int = 0) -> None:
        """Drop what no decision from an hour on can need, if no source has a longer lag, in hours."""
        self._forgotten = oldest = hour - _KEPT_BY_HOUR - longest_lag
        for counts in (*self._groups.values(), self._moved):
            for pane in [one for one in counts if one < oldest]:
                del counts[pane]
        for late in self._late_in.values():
            for week in [one for one in late if (one + 1) * WEEK_HOURS < oldest]:
                del late[week]
        self._delivery.forget(hour)
        gone = max(0, min(oldest - self._base, len(self._totals) - 1))
        del self._totals[:gone]
        self._base += gone
        for week in [one for one in self._weeks if one * WEEK_HOURS < hour - KEPT_HOURS - longest_lag]:
            del self._weeks[week]
        del self._broken[: bisect_right(self._broken, hour - KEPT_HOURS)]

    def state(self) -> GuardState:
        """Return what must survive."""
        groups = {group: dict(counts) for group, counts in self._groups.items()}
        return GuardState(
            self._decided,
            groups.pop(UNDIVIDED),
            list(self._broken),
            self._forgotten,
            self._totals[0],
            dict(self._weeks),
            groups,
            dict(self._moved),
            [
                (hour, *of, count)
                for hour, late in sorted(self._late.items())
                for of, count in sorted(late.items())
            ],
            self._base,
            {group: dict(late) for group, late in self._late_in.items()},
            self._delivery.rows(),
            dict(self.lags),
        )

    def restore(self, state: GuardState) -> None:
        """Become what `state` described."""
        groups = {UNDIVIDED: state.counts, **state.groups}
        self._groups = {group: defaultdict(int, counts) for group, counts in groups.items()}
        self._routes, self._windows, self._late = {}, {}, {}
        self._moved = defaultdict(int, state.moved)
        for hour, group, pane, count in state.late:
            self._late.setdefault(hour, Counter())[group, pane] += count
        self._broken = list(state.broken)
        self._decided = state.decided
        self._forgotten = state.forgotten
        self._weeks = dict(state.weeks)
        self._late_in = defaultdict(Counter, {group: Counter(late) for group, late in state.late_in.items()})
        self._delivery = Delivery(state.delivery)
        self.lags = dict(state.lags)
        if state.decided is not None:
            first = min((state.decided, *self.hours, *self._moved))
            self._base = first if state.base is None else state.base
            kept = map(self._counted, range(self._base, state.decided))
            self._totals = list(accumulate(kept, initial=state.before))


@lru_cache(maxsize=_ROUTES_KEPT)
def group_of(source: str) -> int:
    """Return the group of a source, 1 to 64: the first 8 bytes of its SHA-256, big-endian, mod 64, + 1."""
    return int.from_bytes(sha256(source.encode()).digest()[:8], "big") % _GROUPS + 1


def _ends(hour: int) -> Iterable[int]:
    """Return an hour, and the same hour of each of the weeks before it that it is held against."""
    return range(hour, hour - _WEEKS * WEEK_HOURS - 1, -WEEK_HOURS)


def _day_before(counts: Counts, end: int) -> int:
    return sum(counts.get(pane, 0) for pane in range(end - DAY_HOURS, end))


def _is_short(now: int, usual: int, least: int) -> bool:
    """Return whether purchases are fewer than half of the usual, if those are enough to tell."""
    return usual >= least and _SHARE * now < usual
