"""Ids that very many people share, as "guest" at a till: no customer, so nothing begins for them."""

from tests.recompute.freezing import Surroundings
from tests.recompute.frustration import Contacts
from tests.recompute.ledger import Ledger
from tests.recompute.rules import Rules, hour_of


def is_shared(
    customer_id: str, ledger: Ledger, contacts: Contacts, around: Surroundings, instant_ms: int
) -> bool:
    """Whether an id is named as shared, or is at an instant too busy for one customer."""
    return (
        customer_id in around.rules.shared_ids
        or _buys_for_many(ledger, around, hour_of(instant_ms))
        or _calls_for_many(contacts, around.rules, instant_ms)
    )


def _buys_for_many(ledger: Ledger, around: Surroundings, h: int) -> bool:
    rules, median = around.rules, around.refresh(h).median_trips
    trips = ledger.trips(h - rules.shared_trips_hours, h, h)
    most = max(rules.shared_trips, rules.shared_trips_factor * median)
    return rules.shared_trips_factor > 0 and trips >= most


def _calls_for_many(contacts: Contacts, rules: Rules, instant_ms: int) -> bool:
    known = contacts.count(instant_ms - rules.shared_contacts_ms, instant_ms)
    return 0 < rules.shared_contacts <= known
