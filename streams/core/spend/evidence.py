"""Evidence that spend fell to a quarter, and the hour at which silence alone would be enough.

Ruleset 1 looks at spend: S is the log-likelihood ratio of a compound Poisson-gamma (Tweedie, p = 1.5) process
that fell to 1/4 against one that goes on, with the customer's own dispersion.

Ruleset 2 looks at trips and at spend, each as a negative binomial count with the customer's own dispersion
and a pace that is itself uncertain: what is long gone proves less and less, as people change by themselves.
S is the log of the mean of both likelihood ratios: one of the two is enough.
"""

import math
from bisect import bisect_left
from typing import Final, NamedTuple

from msgspec import Struct

from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS

_WAKE_TOLERANCE: Final = 1e-3
"""Hours by which a timer may come early: waking for nothing costs little, waking late is wrong."""
_NATS_TOLERANCE: Final = 1e-6
ANY_EPISODE_HOURS: Final = 1 << 15
"""Beyond any episode."""


class Pace(Struct, array_like=True, frozen=True):
    """What ruleset 2 expects of a customer from now on: the recent pace, and how irregular it is."""

    spend_per_day: float
    """Cents."""
    trips_per_day: float
    spend_irregularity_days: float
    trips_irregularity_days: float


class PopulationClock(Struct, array_like=True, frozen=True):
    """Operational time: as fast as the partition buys, against what was usual, never ahead of the days."""

    purchases_before: int
    """On-time purchases of the partition in all panes before the one that the evidence starts after."""
    usual_per_day: float


class Yardstick(Struct, array_like=True, frozen=True):
    """What an episode froze when it opened."""

    usual_per_day: float
    """m, cents a day."""
    irregularity_days: float
    """D."""
    first_hour: int
    """h0: the hour after the anchor's moment."""
    pace: Pace | None = None
    """None under ruleset 1."""
    clock: PopulationClock | None = None
    """None where days are counted by the calendar."""
    recurring_per_day: float = 0.0
    """Subscription charges, cents a day."""
    lag: int = 0
    """How many hours after they happened the customer's purchases may come."""


class Since(NamedTuple):
    """What is known since `first_hour`."""

    spend: int
    """Cents; may be below zero."""
    trips: int
    """Panes with spend."""
    days: float
    """e: days in which the feed worked, or of operational time."""
    signs: int = 0
    """V: panes without spend in which the customer came for all that."""


class Evidence(Struct, frozen=True):
    """The evidence at one hour."""

    spend: int
    """X, cents since `first_hour`."""
    working_days: float
    """e, days since `first_hour` in which the feed worked."""
    silence: float
    """S, nats."""
    trips: int = 0
    """N, panes with spend since `first_hour`."""


def evidence(yardstick: Yardstick, hour: int, since: Since, rules: Ruleset) -> Evidence:
    """Return the evidence at an hour, of what is known since `first_hour`."""
    if hour <= yardstick.first_hour:
        return Evidence(0, 0.0, 0.0)
    return Evidence(max(0, since.spend), since.days, _silence(yardstick, since, rules), since.trips)


def _silence(yardstick: Yardstick, since: Since, rules: Ruleset) -> float:
    """Return S: it grows with the days, and falls with spend and with trips."""
    spent: float = max(0, since.spend)
    trips, pace = since.trips, yardstick.pace
    if yardstick.usual_per_day == 0:
        return 0.0
    if since.signs and pace is not None:
        trips += since.signs
        spent += since.signs * pace.spend_per_day / pace.trips_per_day
    if pace is None:
        return (since.days - 2 * spent / yardstick.usual_per_day) / yardstick.irregularity_days
    by_trips = _fallen(
        trips / pace.trips_per_day / pace.trips_irregularity_days,
        since.days / pace.trips_irregularity_days,
        rules.trips_certainty,
        rules.fallen_share,
    )
    by_spend = _fallen(
        spent / pace.spend_per_day / pace.spend_irregularity_days,
        since.days / pace.spend_irregularity_days,
        rules.spend_certainty,
        rules.fallen_share,
    )
    higher, lower = max(by_trips, by_spend), min(by_trips, by_spend)
    return higher + math.log1p(math.exp(lower - higher)) - math.log(2)


def _fallen(count: float, expected: float, certainty: float, share: float) -> float:
    """Return the log-likelihood ratio of a count whose mean fell to a share of what was expected.

    Negative binomial: the mean is drawn from a gamma distribution of shape `certainty` around the expected.
    """
    return count * math.log(share) + (certainty + count) * math.log(
        (certainty + expected) / (certainty + share * expected)
    )


def hours_until(
    yardstick: Yardstick, need: float, since: Since, rules: Ruleset, most: int = ANY_EPISODE_HOURS
) -> int | None:
    """Return the fewest further working hours without spend after which `temperature * S` reaches `need`.

    Spend and trips are what is known since `first_hour`, at their lowest from now on; days at their most.
    None if no number is enough. Where hours are searched, they are up to `most`: that these are too few, as
    they are for most who go on buying, is found out at once.
    """
    if yardstick.usual_per_day == 0:
        return 0 if need <= _NATS_TOLERANCE else None
    if yardstick.pace is None:
        days = (
            yardstick.irregularity_days * need / rules.temperature
            + 2 * max(0, since.spend) / yardstick.usual_per_day
            - since.days
        )
        return max(0, math.ceil(DAY_HOURS * days - _WAKE_TOLERANCE))
    least = need / rules.temperature - _NATS_TOLERANCE

    def enough(hours: int) -> bool:
        later = since._replace(days=since.days + hours / DAY_HOURS)
        return _silence(yardstick, later, rules) >= least

    if most < 0 or not enough(most):
        return None
    return bisect_left(range(most), x=True, key=enough)
