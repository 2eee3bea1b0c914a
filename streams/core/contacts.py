"""The known contacts of a customer: a new version among them, the old ones forgotten, F drawn up again."""

from bisect import insort

from streams.core.frustration import Known, forget, frustration, weigh
from streams.core.record import Body
from streams.core.ruleset import Ruleset


def learn(body: Body, new: Known, rules: Ruleset) -> bool:
    """Take a contact in, and weigh it; False, and nothing changes, if a newer version of it is known."""
    contacts, moments = body.contacts, [new.moment]
    at = _place(contacts, new)
    if at is not None:
        if contacts[at].rank >= new.rank:
            return False
        moments.append(contacts.pop(at).moment)
    insort(contacts, new, key=lambda one: one.order)
    body.contacts = forget(contacts, rules)
    moments += [one.moment for one in contacts[: len(contacts) - len(body.contacts)]]
    weigh(body.contacts, moments, rules)
    if new.moment < body.contacts[0].moment:  # forgotten at once: it can repeat nothing
        weigh([new], moments, rules)
    body.frustration = frustration(body.contacts, rules)
    return True


def _place(contacts: list[Known], new: Known) -> int | None:
    """Return where another version of a contact stands."""
    contact_id, source = new.contact_id, new.source
    for at, old in enumerate(contacts):
        if old.contact_id == contact_id and old.source == source:
            return at
    return None
