"""The prior of the silent rule at which customers without a reason raise as many alerts as the target allows.

Each customer is watched as by the silent decision, but no episode ever opens: a stretch from one reset to the
next gives at most one alert, if it would reach the level. Alerts are counted per 90 days watched.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.core.contacts.frustration import TOLERANCE
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Watch
from streams.core.episodes.silent import basis_hour, begin_watch
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds.odds import measure, probability
from streams.core.ruleset import Ruleset
from streams.core.spend.population import Refresh, customer_hash
from streams.core.time import DAY_HOURS, WEEK_HOURS
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.measures.windows import QUIET_DAYS_BEFORE, Floats, any_between, largest

Ints = npt.NDArray[np.int64]

PER_DAYS: Final = 90
LOWEST: Final = 1e-9
HIGHEST: Final = 0.2
_MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Watched:
    """Stretches of customers watched, each with the largest S that would be an alert; in descending order."""

    customer: Ints
    """Which of the customers, from 0 on."""
    peaks: Floats
    days: Floats
    times: Ints
    """How often each counts."""

    @property
    def customers(self) -> int:
        """Return how many customers were watched."""
        return int(self.customer.max(initial=-1)) + 1

    def drawn(self, rng: np.random.Generator, customers: int) -> "Watched":
        """Return the stretches of so many customers, drawn with replacement."""
        times = np.bincount(rng.integers(0, self.customers, customers), minlength=self.customers)
        return replace(self, times=np.asarray(times[self.customer], np.int64))

    def false_alarms(self, rules: Ruleset) -> float:
        """Return the alerts under a ruleset per 90 days watched."""
        odds = rules.silent_prior + rules.temperature * self.peaks
        alerts = self.times[odds >= rules.levels[-1] - TOLERANCE].sum()
        return float(PER_DAYS * alerts / max(1.0, float(self.times @ self.days)))

    def fitted(self, rules: Ruleset, target: float) -> Ruleset:
        """Return the rules with the largest prior within the bounds that meets the target."""
        return replace(rules, silent_prior_probability=self._fit(rules, target))

    def _fit(self, rules: Ruleset, target: float) -> float:
        allowed = target * (self.times @ self.days) / PER_DAYS
        over = np.flatnonzero(np.cumsum(self.times) > allowed + TOLERANCE)
        if not len(over):
            return HIGHEST
        highest = self.peaks[over[0]]
        chance = probability(rules.levels[-1] - rules.temperature * float(highest))
        return LOWEST if chance <= LOWEST else min(HIGHEST, max(LOWEST, _down(chance)))


def _down(chance: float) -> float:
    """Round a probability down to three digits, and below its value."""
    step = 10.0 ** (math.floor(math.log10(chance)) - 2)
    return float(f"{(math.ceil(chance / step) - 1) * step:.3g}")


def watched(history: History, rules: Ruleset, start: int, end: int) -> Watched:
    """Return the stretches in the hours `[start, end)` in which no customer had a bad contact."""
    refreshes = history.refreshes(rules)
    rows: list[tuple[int, float, float]] = []
    for customer_id in sorted(history.customers, key=customer_hash):
        partition = history.routes[customer_id]
        bad = history.bad_hours.get(customer_id, ())
        run = _Run(history.customers[customer_id], bad, rules, history.feeds[partition], end)
        due = [refresh for hour, refresh in refreshes[partition].items() if start <= hour < end]
        number = rows[-1][0] + 1 if rows else 0
        rows += [(number, *stretch) for stretch in run.stretches(due)]
        if number >= _MOST:
            break
    columns = np.array(sorted(rows, key=itemgetter(1), reverse=True), np.float64).reshape(len(rows), 3).T
    return Watched(columns[0].astype(np.int64), columns[1], columns[2], np.ones(len(rows), np.int64))


@dataclass(frozen=True, slots=True)
class _Run:
    customer: Customer
    bad: Sequence[int]
    rules: Ruleset
    guard: FeedGuard
    end: int

    def stretches(self, refreshes: Sequence[Refresh]) -> Iterator[tuple[float, float]]:
        """Yield the largest S that counts, and the days, of each stretch without a bad contact."""
        watch, reached = None, _Reached()
        for refresh in refreshes:
            if watch is not None:
                first = watch.yardstick.first_hour
                if not self._is_over(watch, refresh.hour):
                    self._follow(watch, refresh.hour, reached)
                    continue
                yield from self._ended(first, refresh.hour, reached)
            watch, reached = begin_watch(self.customer, refresh, self.rules, self.guard), _Reached()
        if watch is not None:
            yield from self._ended(watch.yardstick.first_hour, refreshes[-1].hour, reached)

    def _is_over(self, watch: Watch, hour: int) -> bool:
        days = (hour - watch.yardstick.first_hour) / DAY_HOURS
        return self._silence(watch, hour) <= TOLERANCE or days >= self.rules.silent_days

    def _silence(self, watch: Watch, hour: int) -> float:
        """Return S as a decision at an hour sees it."""
        basis = basis_hour(watch.yardstick, hour, self.rules)
        return measure(self.customer, watch.yardstick, basis, self.rules, self.guard).silence

    def _follow(self, watch: Watch, hour: int, reached: "_Reached") -> None:
        """Record a decision at an hour, and the hours until the next."""
        levels = self.rules.levels
        # The episode opens a level below the alert.
        opened = self._silence(watch, hour) + (levels[1] - levels[0]) / self.rules.temperature
        span = hour, min(hour + WEEK_HOURS - 1, self.end)
        reached.note(opened, largest(self.customer, watch.yardstick, span, self.rules, self.guard))

    def _ended(self, first: int, hour: int, reached: "_Reached") -> Iterator[tuple[float, float]]:
        if hour > first and not any_between(self.bad, first - QUIET_DAYS_BEFORE * DAY_HOURS, hour):
            yield reached.peak, (hour - first) / DAY_HOURS


@dataclass(slots=True)
class _Reached:
    """The largest S at which a stretch would be an alert: opened at a decision, and raised then or later."""

    opened: float = -math.inf
    peak: float = 0.0

    def note(self, opened: float, largest_after: float) -> None:
        """Record a decision, and the largest S from it to the next one."""
        self.opened = max(self.opened, opened)
        self.peak = max(self.peak, min(self.opened, largest_after))
