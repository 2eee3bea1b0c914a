"""How many customers a trial still needs, and how long that takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

from streams.core.time import DAY_MS
from streams.uplift.cohort import WINDOW_DAYS
from streams.uplift.measures import Measures
from streams.uplift.trial_statistics import Sample, needed_for_means, needed_for_rates

FEWEST: Final = 20
"""With fewer customers measured in an arm nothing is compared."""

_WEEK_DAYS: Final = 7
WEEK_MS: Final = _WEEK_DAYS * DAY_MS
_RECENT_MS: Final = 13 * WEEK_MS
"""The current inflow is that of so long."""
_UNKNOWN_RATE: Final = 0.5
"""The return rate while nobody is measured: any other needs fewer customers."""

Aim = Literal["fewest", "smallest_returned", "smallest_spend", "observed_returned", "observed_spend"]
"""What a number of customers is needed for."""


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest differences that would matter."""

    returned: float = 0.05
    """Of the return rate."""
    spend: float = 0.10
    """Of the spend, as a share of what those held out spend."""


@dataclass(frozen=True, slots=True)
class Supply:
    """The customers that there are, and that come."""

    measured: int
    """Their 90 days are over."""
    ends_ms: Sequence[int]
    """When (ms) those of the others are, ascending."""
    as_of_ms: int
    per_week: float
    """New customers with an alert a week."""

    def weeks_until(self, customers: int) -> int | None:
        """Return in how many weeks so many are measured, rounded up; None if too few come."""
        wanted = customers - self.measured
        if wanted <= 0:
            return 0
        if wanted <= len(self.ends_ms):
            return ceil((self.ends_ms[wanted - 1] - self.as_of_ms) / WEEK_MS)
        if not self.per_week:
            return None
        return ceil((wanted - len(self.ends_ms)) / self.per_week + WINDOW_DAYS / _WEEK_DAYS)


@dataclass(frozen=True, slots=True)
class Need:
    """What it takes to show a difference, with 80 % power at 5 %, two-sided."""

    aim: Aim
    share: float
    """The share held out."""
    customers: int | None
    """Both arms together; None: no number shows it."""
    still: int | None
    """How many of them are not measured yet."""
    weeks: int | None
    """Until they are; None if that never happens at this inflow."""


def weekly(times_ms: Sequence[int], as_of_ms: int) -> float:
    """Return how many came a week of late: in the last 13 weeks, or since the first if that is less."""
    if not times_ms:
        return 0.0
    span = min(_RECENT_MS, max(WEEK_MS, as_of_ms - min(times_ms)))
    return sum(as_of_ms - span <= one <= as_of_ms for one in times_ms) / (span / WEEK_MS)


def needs(measures: Measures, share: float, smallest: Smallest, supply: Supply) -> Iterator[Need]:
    """Yield what a trial takes: to compare anything, to show the least that matters, and what was observed.

    Those whom nobody calls are taken to do as the held out do, while these are too few as all do. `share`
    lies between 0 and 1, without them.
    """
    returned, spend = measures.returned, measures.spend
    compared = min(returned.treated.of, returned.held_out.of) >= FEWEST
    if not compared:
        yield _need("fewest", share, FEWEST / min(share, 1 - share), supply)
    uncalled = returned.held_out if compared else returned.pooled
    rate = uncalled.share if uncalled.of else _UNKNOWN_RATE
    other = rate + smallest.returned
    other = other if other <= 1 else rate - smallest.returned
    yield _need("smallest_returned", share, needed_for_rates(rate, other, share), supply)
    yield _need(
        "smallest_spend",
        share,
        _for_spend(spend.held_out if compared else spend.pooled, smallest.spend, share),
        supply,
    )
    if compared:
        observed = needed_for_rates(returned.held_out.share, returned.treated.share, share)
        yield _need("observed_returned", share, observed, supply)
        one, other_arm = spend.held_out, spend.treated
        observed = needed_for_means(one.variance, other_arm.variance, other_arm.mean - one.mean, share)
        yield _need("observed_spend", share, observed, supply)


def _for_spend(uncalled: Sample, smallest: float, share: float) -> float | None:
    """Return the customers for the smallest difference in spend; None if the spend is not known to vary."""
    if not uncalled.variance or uncalled.mean <= 0:
        return None
    return needed_for_means(uncalled.variance, uncalled.variance, smallest * uncalled.mean, share)


def _need(aim: Aim, share: float, customers: float | None, supply: Supply) -> Need:
    if customers is None:
        return Need(aim, share, None, None, None)
    whole = ceil(customers)
    return Need(aim, share, whole, max(0, whole - supply.measured), supply.weeks_until(whole))
