"""The windowed counters of a customer."""

from dataclasses import dataclass

from streams.core.contacts.frustration import Known
from streams.core.customer.customer import Customer
from streams.core.time import DAY_HOURS, DAY_MS


@dataclass(frozen=True, slots=True)
class Counters:
    """Windowed counters: spend in cents of whole hours before the hour, contacts up to the moment."""

    spend_24h: int
    spend_7d: int
    spend_28d: int
    spend_90d: int
    spend_364d: int
    contacts_24h: int
    contacts_7d: int
    contacts_30d: int
    transfers_30d: int
    hangups_30d: int
    frustration: float


def counters(customer: Customer, time: int, hour: int) -> Counters:
    """Return the windowed counters at a time (ms), with spend in the panes before an hour."""

    def spend(days: int) -> int:
        return customer.panes.spend(hour - days * DAY_HOURS, hour)

    def contacts(days: int) -> list[Known]:
        return [one for one in customer.body.contacts if time - days * DAY_MS < one.moment <= time]

    month = contacts(30)
    return Counters(
        spend_24h=spend(1),
        spend_7d=spend(7),
        spend_28d=spend(28),
        spend_90d=spend(90),
        spend_364d=spend(364),
        contacts_24h=len(contacts(1)),
        contacts_7d=len(contacts(7)),
        contacts_30d=len(month),
        transfers_30d=sum(one.transfers for one in month),
        hangups_30d=sum(one.hung_up_on for one in month),
        frustration=customer.body.frustration,
    )
