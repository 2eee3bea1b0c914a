"""What is measured of the customers of both arms; money in cents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from streams.uplift.cohort import Raised
from streams.uplift.outcomes import Outcome
from streams.uplift.trial_statistics import Means, Rate, Rates, Sample

Row: TypeAlias = tuple[Raised, Outcome]


@dataclass(frozen=True, slots=True)
class Measures:
    """The outcomes of both arms."""

    returned: Rates
    """Spent 14 usual days' worth within 28 days."""
    bought: Rates
    """Bought anything at all."""
    spend: Means
    """Spend of the 90 days, less what was given back."""
    usual_days: Means
    """The same in days of the customer's usual spend; without those whose usual spend rounds to 0.00."""


def measure(treated: Sequence[Row], held_out: Sequence[Row]) -> Measures:
    """Return the outcomes of some customers."""
    return Measures(
        Rates(_returned(treated), _returned(held_out)),
        Rates(_bought(treated), _bought(held_out)),
        Means(_spend(treated), _spend(held_out)),
        Means(_usual_days(treated), _usual_days(held_out)),
    )


def _returned(rows: Sequence[Row]) -> Rate:
    return Rate(sum(outcome.returned(raised.usual_cents) for raised, outcome in rows), len(rows))


def _bought(rows: Sequence[Row]) -> Rate:
    return Rate(sum(outcome.bought for _, outcome in rows), len(rows))


def _spend(rows: Sequence[Row]) -> Sample:
    return Sample.of(outcome.cents for _, outcome in rows)


def _usual_days(rows: Sequence[Row]) -> Sample:
    return Sample.of(outcome.cents / raised.usual_cents for raised, outcome in rows if raised.usual_cents > 0)
