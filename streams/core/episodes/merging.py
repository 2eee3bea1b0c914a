"""What two ids of one customer come to, apart from sums: whose word counts, what is judged again."""

from typing import Final

from msgspec.structs import replace

from schemas.events import Merge, Profile
from streams.core.customer.customer import Customer
from streams.core.customer.moves import Merged, Move
from streams.core.customer.pending import Episode
from streams.core.episodes.opening import alert_id, silent_alert_id
from streams.core.time import DAY_MS, HOUR_MS

_FRESH_DAYS: Final = 7


def merge(customer: Customer, event: Merge, due: int) -> None:
    """Let an id end, unless it did by a later merge; its history goes at an hour."""
    merged = customer.body.merged
    if merged is None:
        customer.body.merged = Merged(event.into, event.time, event.event_id, due)
    elif merged.order < (event.time, event.event_id):
        merged.into, merged.time, merged.event_id, merged.due = event.into, event.time, event.event_id, due


def part(customer: Customer, moved: Move) -> None:
    """Let an id live again that ended by a merge not later than that of a history which comes back to it."""
    merged = customer.body.merged
    if merged is not None and merged.order <= moved.order:
        customer.live_again(merged)


def fresh_contacts(customer: Customer, hour: int) -> list[tuple[str, str]]:
    """Return source and id of the contacts of the week before an hour of which no alert was sent.

    One of them may be bad, and the customer of high value only together with what the other id bought.
    """
    oldest = hour * HOUR_MS - _FRESH_DAYS * DAY_MS
    return [
        one.identity
        for one in customer.body.contacts
        if one.moment >= oldest
        and alert_id(customer.customer_id, one.source, one.contact_id) not in customer.body.revisions
    ]


def profile_of_both(customer: Customer, moved: Customer) -> Profile | None:
    """Return the customer's own profile, or else that of the former id; who may not be contacted stays so."""
    own, other = customer.body.profile, moved.body.profile
    if own is None:
        return None if other is None else replace(other, customer_id=customer.customer_id)
    return replace(own, do_not_contact=own.do_not_contact or moved.do_not_contact)


def alert_id_of(customer_id: str, episode: Episode) -> str:
    """Return the id of the alerts of an episode that goes on under another id."""
    if episode.anchor is None:
        return silent_alert_id(customer_id, episode.yardstick.first_hour)
    return alert_id(customer_id, episode.anchor.source, episode.anchor.contact_id)
