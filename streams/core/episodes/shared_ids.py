"""Ids that very many people share: "guest", a till's default id. None of them is a customer.

Such an id would head the ranking with an absurd value at risk. It is told by how many hours it bought in,
against a customer of its partition, by how often it gets in touch, or by its name.
"""

from typing import Final

from streams.core.customer.customer import Customer
from streams.core.ruleset import Ruleset
from streams.core.spend.population import MONTH_HOURS, Refresh
from streams.core.time import DAY_MS, hour_of

_LEAST_TRIPS: Final = 100
_CONTACT_DAYS: Final = 7


def is_shared(customer: Customer, effective_time: int, refresh: Refresh | None, rules: Ruleset) -> bool:
    """Return whether an id counts as shared at an effective time (ms), by the latest population refresh."""
    if customer.customer_id in rules.shared_ids:
        return True
    if rules.shared_trips_factor:
        median = 1 if refresh is None else refresh.median_trips
        least = max(_LEAST_TRIPS, rules.shared_trips_factor * median)
        hour = hour_of(effective_time)
        if customer.panes.trips(hour - MONTH_HOURS, hour) >= least:
            return True
    oldest = effective_time - _CONTACT_DAYS * DAY_MS
    recent = sum(oldest < one.moment <= effective_time for one in customer.body.contacts)
    return 0 < rules.shared_contacts <= recent
