"""Placebo windows: the evidence of an episode where nothing had happened to the customer."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.core.baseline import BLOCK_HOURS
from streams.core.customer import Customer
from streams.core.episode import Judge
from streams.core.evidence import Yardstick
from streams.core.frustration import Known
from streams.core.opening import gates_of, open_episode
from streams.core.population import Refresh, customer_hash
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS
from streams.lab.calibrate.history import History

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
    """A window of a customer: its first hour, and the largest S in the days in which an alert may come."""

    customer_id: str
    hour: int
    peak: float


def placebo_windows(
    history: History, rules: Ruleset, start: int, end: int, per_customer: int = PER_CUSTOMER
) -> list[Window]:
    """Return windows that lie in the hours `[start, end)`, drawn the same way every time.

    A customer gives up to so many that don't overlap, at hours at which a bad contact would have opened an
    episode, and where there was none from 30 days before to the last day on which an alert may come.
    """
    refreshes = history.refreshes(rules)
    judges = [Judge(rules, feed, "USD", _ignore) for feed in history.feeds]
    found: list[Window] = []
    for customer_id in sorted(history.customers, key=customer_hash):
        if len(found) >= _MOST:
            break
        partition = history.routes[customer_id]
        search = _Search(history, customer_id, refreshes[partition], judges[partition])
        found += search.windows(start, end, per_customer)
    return found


@dataclass(frozen=True, slots=True)
class _Search:
    history: History
    customer_id: str
    refreshes: Mapping[int, Refresh]
    judge: Judge

    def windows(self, start: int, end: int, most: int) -> list[Window]:
        """Return some windows of the customer."""
        customer, rules = self.history.customers[self.customer_id], self.judge.rules
        length = rules.raise_days * DAY_HOURS
        if customer.first_pane is None:
            return []
        first = max(start, customer.first_pane + rules.minimum_blocks * BLOCK_HOURS)
        last = end - length - 2
        if last < first:
            return []
        found: list[Window] = []
        for hour in _drawn(self.customer_id, first, last):
            if len(found) >= most:
                break
            if all(abs(hour - other.hour) >= length for other in found):
                peak = self._peak(customer, hour)
                if peak is not None:
                    found.append(Window(self.customer_id, hour, peak))
        return found

    def _peak(self, customer: Customer, hour: int) -> float | None:
        """Return the largest S after an hour; None if the customer is not judged, or has a reason."""
        rules = self.judge.rules
        refresh = self.refreshes.get(hour // WEEK_HOURS * WEEK_HOURS)
        bad = self.history.bad_hours.get(self.customer_id, ())
        length = rules.raise_days * DAY_HOURS
        if refresh is None or any_between(bad, hour - QUIET_DAYS_BEFORE * DAY_HOURS, hour + length + 1):
            return None
        anchor = _placebo(hour)
        gates = gates_of(customer, anchor, anchor.moment, refresh, rules)
        if gates.usual is None or not gates.valuable:
            return None
        yardstick = open_episode(self.customer_id, anchor, gates, gates.usual, rules).yardstick
        return largest(self.judge, customer, yardstick, yardstick.first_hour, yardstick.first_hour + length)


def largest(judge: Judge, customer: Customer, yardstick: Yardstick, first: int, last: int) -> float:
    """Return the largest S of the decisions at the hours `first` to `last`, both included.

    Between purchases S only rises, so it is largest just before one, or at the end.
    """
    settle = judge.rules.settle_hours
    first, last = first - settle, last - settle
    hours = customer.panes.hours
    bought = hours[bisect_left(hours, first) : bisect_left(hours, last)]
    return max(judge.measure(customer, yardstick, hour).silence for hour in (*bought, last))


def any_between(hours: Sequence[int], start: int, end: int) -> bool:
    """Tell whether one of the ascending hours lies in `[start, end)`."""
    return bisect_left(hours, start) < bisect_left(hours, end)


def _drawn(customer_id: str, first: int, last: int) -> Iterator[int]:
    """Yield hours from `first` to `last`: the customer's own, whoever else there is."""
    rng = np.random.default_rng([_SEED, customer_hash(customer_id)])
    yield from rng.integers(first, last, _DRAWS, endpoint=True).tolist()


def _placebo(hour: int) -> Known:
    """Return a contact that never was."""
    return Known(
        contact_id="placebo",
        source="placebo",
        version=1,
        event_id="placebo",
        moment=hour * HOUR_MS,
        ended_at=None,
        channel=None,
        reason=None,
        case_id=None,
        done=False,
        outbound=False,
        recovery=False,
        notice=False,
        transfers=0,
        hung_up_on=False,
        signals=(),
    )


def _ignore(_customer_id: str, _hour: int, _cents: int) -> None:
    """Take no note of spend."""
