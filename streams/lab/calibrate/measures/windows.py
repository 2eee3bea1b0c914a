"""Placebo windows: the evidence of an episode where nothing had happened to the customer."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from streams.core.customer.customer import Customer
from streams.core.episodes.silent import begin_watch
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds.odds import measure
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_HOURS, block_starts
from streams.core.spend.evidence import Yardstick
from streams.core.spend.population import Refresh, customer_hash
from streams.core.time import DAY_HOURS, WEEK_HOURS
from streams.lab.calibrate.history.history import History

Floats = npt.NDArray[np.float64]

QUIET_DAYS_BEFORE: Final = 30
"""Days before a placebo anchor in which the customer had no bad contact either."""

PER_CUSTOMER: Final = 4
"""Windows of one customer at most: they say less than as many customers would."""

_DRAWS: Final = 24
_MOST: Final = 20_000
_SEED: Final = 20_170_101


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a customer, its first hour being the one after a contact that never was."""

    customer_id: str
    hour: int
    peak: float
    """The largest S in the days in which an alert may come."""
    blocks: int
    """Blocks of 28 days that its yardstick stands on."""


def placebo_windows(
    history: History, rules: Ruleset, start: int, end: int, per_customer: int = PER_CUSTOMER
) -> list[Window]:
    """Return windows that lie in the hours `[start, end)`, drawn the same way every time.

    A customer gives up to so many that don't overlap, at hours at which a bad contact would have opened an
    episode, and where there was none from 30 days before to the last day on which an alert may come.
    """
    refreshes = history.refreshes(rules)
    found: list[Window] = []
    for customer_id in sorted(history.customers, key=customer_hash):
        if len(found) >= _MOST:
            break
        partition = history.routes[customer_id]
        search = _Search(history, customer_id, refreshes[partition], rules)
        found += search.windows(start, end, per_customer)
    return found


@dataclass(frozen=True, slots=True)
class _Search:
    history: History
    customer_id: str
    refreshes: Mapping[int, Refresh]
    rules: Ruleset

    def windows(self, start: int, end: int, most: int) -> list[Window]:
        """Return some windows of the customer."""
        customer, rules = self.history.customers[self.customer_id], self.rules
        length = rules.raise_days * DAY_HOURS
        if customer.first_pane is None:
            return []
        first = max(start, customer.first_pane + rules.minimum_blocks * BLOCK_HOURS)
        last = end - length
        if last < first:
            return []
        found: list[Window] = []
        for hour in _drawn(self.customer_id, first, last):
            if len(found) >= most:
                break
            if all(abs(hour - other.hour) >= length for other in found):
                window = self._window(customer, hour)
                if window is not None:
                    found.append(window)
        return found

    def _window(self, customer: Customer, hour: int) -> Window | None:
        """Return the window from an hour on; None if the customer is not judged, or has a reason."""
        rules, guard = self.rules, self.history.feed(self.customer_id)
        refresh = self.refreshes.get(hour // WEEK_HOURS * WEEK_HOURS)
        bad = self.history.bad_hours.get(self.customer_id, ())
        length = rules.raise_days * DAY_HOURS
        if refresh is None or any_between(bad, hour - QUIET_DAYS_BEFORE * DAY_HOURS, hour + length):
            return None
        # The silent rule asks for the same of a customer as a bad contact does.
        judged = begin_watch(customer, replace(refresh, hour=hour), rules, guard)
        if judged is None:
            return None
        peak = largest(customer, judged.yardstick, (hour, hour + length), rules, guard)
        blocks = len(block_starts(hour, customer.first_pane or hour))
        return Window(self.customer_id, hour, peak, blocks)


def largest(
    customer: Customer, yardstick: Yardstick, span: tuple[int, int], rules: Ruleset, guard: FeedGuard
) -> float:
    """Return the largest S of the decisions from one hour to another, both included.

    Between purchases S only rises, so it is largest just before one, or at the end.
    """
    first, last = (hour - rules.settle_hours for hour in span)
    hours = customer.panes.hours
    bought = hours[bisect_left(hours, first) : bisect_left(hours, last)]
    return max(measure(customer, yardstick, hour, rules, guard).silence for hour in (*bought, last))


def any_between(hours: Sequence[int], start: int, end: int) -> bool:
    """Return whether one of the ascending hours lies in `[start, end)`."""
    return bisect_left(hours, start) < bisect_left(hours, end)


def _drawn(customer_id: str, first: int, last: int) -> Iterator[int]:
    """Yield hours from `first` to `last`: the customer's own, whoever else there is."""
    rng = np.random.default_rng([_SEED, customer_hash(customer_id)])
    yield from rng.integers(first, last, _DRAWS, endpoint=True).tolist()
