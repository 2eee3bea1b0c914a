"""Alerts and purchases of a small trial, made by hand."""

from collections import Counter
from dataclasses import dataclass, field

from schemas.alert import Alert
from schemas.events import Transaction
from schemas.times import format_ms
from streams.core.alerts.arm import Arm
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.uplift.cohort import Alerts, Cohort, Period, Raised
from streams.uplift.comparison import Material, Uplift, compare
from streams.uplift.identities import Identities
from streams.uplift.outcomes import Outcomes
from streams.uplift.planning import Smallest
from tests.schemas.test_alert import alert

START = 1_700_000_000_000
"""The time of the first alerts."""
EVERYTHING = Period()
NOBODY = Ruleset()
"""Rules that hold nobody out."""


def record(customer_id: str, *, at: int = START, revision: int = 1, **changes: object) -> Alert:
    """Return an alert record of a customer, who has one alert."""
    state = "raised" if revision == 1 else "updated"
    fields = {"alert_id": f"a-{customer_id}", "state": state, "usual_spend_per_day": "10.00"} | changes
    return alert(customer_id=customer_id, time=format_ms(at), revision=revision, **fields)


def raised(customer_id: str, arm: Arm, at: int = START) -> Raised:
    """Return an alert of a customer who spends 10.00 a day."""
    return Raised(customer_id, arm, at, "alert", 1000, 80_000, 365_000, "r")


def bought(customer_id: str, days: float, cents: int, event_id: str = "", **changes: object) -> Transaction:
    """Return a purchase so many days after START."""
    at = START + round(days * DAY_MS)
    fields = {"kind": "purchase", "original_time": None, "previous_cents": None} | changes
    return Transaction(customer_id, "shop", event_id or f"t-{customer_id}-{at}", at, cents=cents, **fields)  # type: ignore[arg-type]


def cohort_of(
    *records: Alert, rules: Ruleset = NOBODY, period: Period = EVERYTHING, backfill: bool = True
) -> Cohort:
    """Return the customers of some records, without merges."""
    alerts = Alerts(with_backfill=backfill)
    for one in records:
        alerts.take(one)
    return alerts.cohort(Identities(), rules, period)


@dataclass
class Trial:
    """Customers in two arms; what they buy is added with `outcomes`."""

    rows: dict[str, Raised]
    outcomes: Outcomes = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = Outcomes(self.rows, Identities())

    def compared(self, rules: Ruleset, *, days: float = 91, floor_ms: int = 0) -> Uplift:
        """Return what is said so many days after START."""
        alerted = [(one.time_ms, customer) for customer, one in self.rows.items()]
        cohort = Cohort(self.rows, Counter(), 0, alerted)
        as_of_ms = START + round(days * DAY_MS)
        return compare(Material(cohort, self.outcomes, as_of_ms, floor_ms), rules, Smallest())
