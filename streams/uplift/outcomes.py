"""What became of each customer in the 90 days after the alert; money in cents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from schemas.events import Disposition, Transaction
from streams.core.customer.event_ids import EventIds
from streams.core.time import DAY_MS
from streams.uplift.cohort import WINDOW_DAYS, Raised
from streams.uplift.identities import Identities

RETURNED_DAYS: Final = 14
"""So many days of usual spend, within a month, and the customer is back."""
MONTH_DAYS: Final = 28

_TAKEN_BACK: Final = ("refund", "chargeback")
_VOLITIONAL: Final = ("purchase", "correction", *_TAKEN_BACK)


@dataclass(slots=True)
class Outcome:
    """What a customer bought after the alert: by day since, less what was given back."""

    days: list[int] = field(default_factory=lambda: [0] * WINDOW_DAYS)
    """Cents of each day. What was given back or corrected counts where it was bought, if that is known."""
    bought: bool = False
    """Whether there was any purchase above 0.00, returned goods or not."""
    contacted: bool = False
    """Whether somebody reached the customer."""
    seen: set[int] = field(default_factory=set)
    """Hashes of the events that count, so that none counts twice."""

    @property
    def cents(self) -> int:
        """Return the spend of all days."""
        return sum(self.days)

    def returned(self, usual_cents: int) -> bool:
        """Return whether some 28 days in a row have the spend of 14 usual ones."""
        wanted = max(1, RETURNED_DAYS * usual_cents)
        sums = [0, *accumulate(self.days)]
        return any(sums[end] - sums[max(0, end - MONTH_DAYS)] >= wanted for end in range(1, len(sums)))


class Outcomes:
    """Takes the events of all customers, and keeps those of a cohort."""

    def __init__(self, rows: Mapping[str, Raised], identities: Identities) -> None:
        self._identities = identities
        self._ids = EventIds()
        self._rows = {customer: (raised.time_ms, Outcome()) for customer, raised in rows.items()}

    def __getitem__(self, customer: str) -> Outcome:
        return self._rows[customer][1]

    def take(self, event: Transaction) -> None:
        """Add up what a customer of the cohort bought, or gave back."""
        found = self._rows.get(self._identities.of(event.customer_id))
        if found is None or event.kind not in _VOLITIONAL:
            return
        start_ms, outcome = found
        at = event.time if event.kind == "purchase" else event.original_time or event.time
        day = (at - start_ms) // DAY_MS
        key = self._ids.key_of(event)
        if not 0 <= day < WINDOW_DAYS or key in outcome.seen:
            return
        outcome.seen.add(key)
        outcome.days[day] += _moved(event)
        outcome.bought |= event.kind == "purchase" and event.cents > 0

    def note(self, event: Disposition) -> None:
        """Note whether a customer of the cohort was reached."""
        found = self._rows.get(self._identities.of(event.customer_id))
        if found is not None and event.status == "contacted" and event.outcome != "no_answer":
            start_ms, outcome = found
            outcome.contacted |= 0 <= (event.time - start_ms) // DAY_MS < WINDOW_DAYS


def _moved(event: Transaction) -> int:
    """Return the cents by which an event raises the spend, below 0 if it lowers it."""
    if event.kind == "correction":
        return event.cents - (event.previous_cents or 0)
    return -event.cents if event.kind in _TAKEN_BACK else event.cents
