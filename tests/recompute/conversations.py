"""Which contacts are one conversation: ruleset 4 takes calls as telephone systems mean them."""

from collections.abc import Iterable

from tests.recompute.events import Contact
from tests.recompute.rules import Rules

Identity = tuple[str, str]


def order(contact: Contact) -> tuple[int, str, str]:
    """Order of the fold."""
    return contact.moment_ms, contact.contact_id, contact.source


def is_unanswered(contact: Contact, rules: Rules) -> bool:
    """Whether the company called and nobody answered."""
    if not rules.as_meant or contact.is_notice or not contact.outbound:
        return False
    return not (_tells_of_a_talk(contact) if contact.answered is None else contact.answered)


def _tells_of_a_talk(contact: Contact) -> bool:
    return (
        contact.ended_stage in {"hold", "agent", "transfer"}
        or contact.ended_by == "customer"
        or contact.resolution in {"resolved", "unresolved"}
        or contact.transfers_cold + contact.transfers_warm > 0
        or contact.hold_seconds > 0
        or contact.hold_count > 0
        or any(score is not None for score in (contact.csat, contact.ces, contact.effort))
        or contact.escalation_requested
        or contact.escalation_granted
        or contact.complaint
        or contact.repeated_information
        or contact.phrases
        or contact.recovery
    )


def is_recovery(contact: Contact, rules: Rules) -> bool:
    """Whether somebody put it right: not if nobody was there to hear it."""
    return contact.recovery and not is_unanswered(contact, rules)


def is_handed_on(contact: Contact, rules: Rules) -> bool:
    """Whether who spoke to the customer handed them on, and so ended their own leg."""
    if not rules.as_meant:
        return False
    if contact.ended_stage == "transfer" and contact.ended_by not in {"customer", "system", "network"}:
        return True
    transfers = contact.transfers_cold + contact.transfers_warm
    return contact.ended_by == "agent" and contact.ended_stage is None and transfers > 0


def is_leg(contact: Contact, earlier: Contact, rules: Rules) -> bool:
    """Whether a contact is a leg of one that comes before it in the order of the fold."""
    if contact.is_notice or earlier.is_notice or contact.source != earlier.source:
        return False
    if earlier.parent_contact_id == contact.contact_id:
        return True
    if contact.parent_contact_id is not None:
        return contact.parent_contact_id == earlier.contact_id
    start_ms = contact.moment_ms if contact.started_ms is None else contact.started_ms
    cases = {contact.case_id, earlier.case_id}
    return (
        is_handed_on(earlier, rules)
        and contact.outbound == earlier.outbound
        and start_ms - earlier.moment_ms <= rules.leg_ms
        and (None in cases or len(cases) == 1)
    )


def conversations(ordered: Iterable[Contact], rules: Rules) -> dict[Identity, Identity]:
    """Give for each contact, in the order of the fold, the first one of its conversation."""
    before: list[Contact] = []
    found: dict[Identity, Identity] = {}
    for contact in ordered:
        whole = (each for each in reversed(before) if is_leg(contact, each, rules))
        parent = next(whole, None) if rules.as_meant else None
        found[contact.identity] = found[parent.identity] if parent else contact.identity
        before.append(contact)
    return found
