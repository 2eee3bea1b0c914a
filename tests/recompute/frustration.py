"""Nats of contacts, and their fold."""

from tests.recompute.conversations import (
    Identity,
    conversations,
    is_handed_on,
    is_recovery,
    is_unanswered,
    order,
)
from tests.recompute.events import Contact
from tests.recompute.rules import Rules


def outcome_nats(contact: Contact, rules: Rules) -> float:
    """Give the largest outcome that applies."""
    bad_score = (
        (contact.csat is not None and contact.csat <= rules.csat_at_most)
        or (contact.ces is not None and contact.ces <= rules.ces_at_most)
        or (contact.effort is not None and contact.effort <= rules.effort_at_most)
    )
    return max(
        rules.unresolved * (contact.resolution == "unresolved"),
        rules.bad_score * bad_score,
        rules.escalation_refused * (contact.escalation_requested and not contact.escalation_granted),
        rules.complaint * contact.complaint,
        rules.slow_reply * (contact.first_reply_seconds > rules.slow_reply_seconds),
    )


def effort_nats(contact: Contact, repeated: int, rules: Rules) -> tuple[float, ...]:
    """Every effort in the order of the table; `repeated` contacts are repeated by this one."""
    held = contact.hold_seconds > rules.hold_seconds or contact.hold_count >= rules.hold_count
    stage, ender = contact.ended_stage, contact.ended_by
    abandoned = stage == "queue" and ender == "customer" and contact.queue_seconds > rules.abandoned_seconds
    return (
        _transfer_nats(contact, rules),
        rules.hold * held,
        rules.deflected * (contact.deflected_to is not None),
        rules.ivr_dead_end * (stage == "ivr" and not contact.done),
        rules.hung_up_on
        * (ender in {"agent", "system"} and not contact.done and not is_handed_on(contact, rules)),
        rules.zero_outs * (contact.ivr_zero_outs >= rules.zero_outs_count),
        rules.abandoned * abandoned,
        rules.repeated_information * contact.repeated_information,
        rules.phrases * contact.phrases,
        rules.self_service * (contact.self_service_minutes >= rules.self_service_minutes),
        *[rules.repeat] * repeated,
    )


def _transfer_nats(contact: Contact, rules: Rules) -> float:
    cold, n = contact.transfers_cold, contact.transfers_cold + contact.transfers_warm
    if n == 0:
        return 0
    return (rules.first_transfer + rules.next_transfer * (n - 1)) * (1 + rules.cold_factor * cold / n)


def repeats(contact: Contact, earlier: Contact, rules: Rules) -> bool:
    """Whether a contact repeats one that comes before it in the order of the fold."""
    if contact.moment_ms - earlier.moment_ms > rules.repeat_ms:
        return False
    if any(each.outbound or each.recovery or each.is_notice for each in (contact, earlier)):
        return False
    if contact.case_id is not None and earlier.case_id is not None:
        return contact.case_id == earlier.case_id
    if contact.reason is not None and earlier.reason is not None:
        return contact.reason == earlier.reason
    return not earlier.done


def _outcome(contact: Contact, rules: Rules) -> float:
    """Give the outcome of a contact as legs after it see it: none where it has no nats of its own."""
    return 0.0 if contact.recovery or is_unanswered(contact, rules) else outcome_nats(contact, rules)


class Contacts:
    """The known contacts of one customer."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[Identity, Contact] = {}
        self._talks: dict[Identity, Identity] = {}

    def fold(self, contact: Contact) -> bool:
        """Take in a version; False if a later one is known, so that it is ignored altogether."""
        if not self._replace(contact):
            return False
        self._forget()
        return True

    def take(self, given: "Contacts") -> None:
        """Unite with the contacts that another id handed over."""
        for contact in given.known:
            self._replace(contact)
        if self._known:
            self._forget()

    @property
    def known(self) -> list[Contact]:
        """All known contacts in the order of the fold."""
        return self._ordered()

    def _replace(self, contact: Contact) -> bool:
        known = self._known.get(contact.identity)
        if known and (known.version, known.event_id) >= (contact.version, contact.event_id):
            return False
        self._known[contact.identity] = contact
        return True

    def _forget(self) -> None:
        newest_ms = max(each.moment_ms for each in self._known.values())
        self._known = {
            identity: each
            for identity, each in self._known.items()
            if newest_ms - each.moment_ms <= self._rules.contact_ms
        }
        self._known = {each.identity: each for each in self._ordered()[-self._rules.most_contacts :]}
        self._talks = conversations(self._ordered(), self._rules)

    def count(self, after_ms: int, until_ms: int) -> int:
        """How many are known with a moment in (after, until]."""
        return sum(after_ms < each.moment_ms <= until_ms for each in self._known.values())

    def _ordered(self) -> list[Contact]:
        return sorted(self._known.values(), key=order)

    def own_nats(self, contact: Contact) -> float:
        """Nats of one contact alone, given the known ones that it may repeat."""
        if is_recovery(contact, self._rules) or is_unanswered(contact, self._rules):
            return 0
        if contact.is_notice:
            return 0 if contact.notified else self._rules.notice
        before = [each for each in self._ordered() if order(each) < order(contact)]
        own = self._talks.get(contact.identity, contact.identity)
        said = [_outcome(each, self._rules) for each in before if self._talks[each.identity] == own]
        more = max(0.0, outcome_nats(contact, self._rules) - max(said, default=0.0))
        latest = {self._talks[each.identity]: each for each in before}
        repeated = sum(repeats(contact, each, self._rules) for talk, each in latest.items() if talk != own)
        return sum(effort_nats(contact, repeated, self._rules), start=more)

    def frustration(self) -> float:
        """Nats of all known contacts together (F), as of the newest moment."""
        total, last_ms = 0.0, 0
        for contact in self._ordered():
            total *= 2 ** (-(contact.moment_ms - last_ms) / self._rules.half_life_ms)
            last_ms = contact.moment_ms
            if is_recovery(contact, self._rules):
                total /= 2
            else:
                total = min(self._rules.frustration_cap, total + self.own_nats(contact))
        return total
