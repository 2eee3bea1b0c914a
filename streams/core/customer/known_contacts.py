"""The known contacts of a customer: a new version among them, the old ones forgotten, F added up again.

The formula of F is in `contacts.frustration`; here a customer's F is kept up to date at little cost.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Final

from streams.core.contacts.frustration import Known, Signal, folded
from streams.core.contacts.repeats import Repeats, reweigh
from streams.core.customer.customer_codec import Body
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS

MOST_DROPPED: Final = 1_000
"""What is remembered of contacts that were forgotten is let go of after so many."""


class Contacts:
    """The contacts of a body under some rules, and what makes one that is newer than all others cheap.

    That is who is who, who repeats whom, and F after each. Anything else costs a fold of all of them.
    """

    __slots__ = ("_body", "_by_identity", "_own", "_repeats", "_totals", "rules")

    def __init__(self, body: Body, rules: Ruleset) -> None:
        self._body = body
        self.rules = rules
        self._by_identity = {(one.source, one.contact_id): one for one in body.contacts}
        self._own: dict[tuple[tuple[Signal, ...], int, float], float] = {}
        """Own nats by signals, repeats, and what is covered of the outcome."""
        self._repeats = Repeats.among(body.contacts, rules)
        self._totals: list[float] = []
        """F after each contact."""
        self._fold_all()

    @property
    def full(self) -> bool:
        """Return whether no more contacts are remembered than there are."""
        return 0 < self.rules.most_contacts <= len(self._body.contacts)

    def learn(self, new: Known) -> int | None:
        """Take a contact in, weigh it, and return how many were forgotten for being too many.

        None, and nothing changes, if a newer version of it is known.
        """
        old, contacts = self._by_identity.get((new.source, new.contact_id)), self._body.contacts
        if old is not None:
            if old.rank >= new.rank:
                return None
            self._work_in(new, old)
            too_many = self._forget()
        elif not contacts or new.moment > contacts[-1].moment or new.order > contacts[-1].order:
            self._append(new)
            too_many = self._forget()
        elif self._is_beyond(new):
            self._weigh(new, 0)
            too_many = int(new.moment >= self._oldest_moment)
        else:
            self._work_in(new, None)
            too_many = self._forget()
        self._body.frustration = self._totals[-1]
        return too_many

    @property
    def _oldest_moment(self) -> int:
        """Return the moment before which contacts are forgotten; there is a contact."""
        return self._body.contacts[-1].moment - self.rules.frustration_days * DAY_MS

    def _is_beyond(self, new: Known) -> bool:
        """Return whether a contact before the newest is forgotten at once; it can repeat nothing then."""
        if new.order > self._body.contacts[0].order:
            return False
        return self.full or new.moment < self._oldest_moment

    def _append(self, new: Known) -> None:
        self._weigh(new, self._repeats.add(new))
        contacts, totals = self._body.contacts, self._totals
        total, before = (totals[-1], contacts[-1].moment) if contacts else (0.0, None)
        totals.append(folded(total, before, new, self.rules))
        contacts.append(new)
        self._by_identity[new.source, new.contact_id] = new

    def _weigh(self, contact: Known, repeats: int) -> None:
        key = contact.signals, repeats, contact.covered
        own = self._own.get(key)
        if own is None:
            reweigh(contact, repeats, self.rules)
            self._own[key] = contact.own
        else:
            contact.repeats, contact.own = repeats, own

    def _work_in(self, new: Known, old: Known | None) -> None:
        """Put a contact where it belongs, and weigh again those that can repeat it, or an older version."""
        contacts, moments = self._body.contacts, [new.moment]
        if old is not None:
            del contacts[bisect_left(contacts, old.order, key=_order)]
            moments.append(old.moment)
        insort(contacts, new, key=_order)
        self._by_identity[new.identity] = new
        self._weigh_all(moments)

    def _weigh_all(self, moments: Iterable[int]) -> None:
        """Go through all contacts, and weigh again those that something at these moments can matter to.

        Legs may name a contact of long ago.
        """
        self._repeats = Repeats(self.rules)
        reach, everywhere = self.rules.repeat_days * DAY_MS, self.rules.as_meant
        for one in self._body.contacts:
            count = self._repeats.add(one)
            if everywhere or any(0 <= one.moment - moment <= reach for moment in moments):
                self._weigh(one, count)
        self._fold_all()

    def _forget(self) -> int:
        """Forget what is too old or too many, and return how many are too many."""
        contacts, repeats, oldest = self._body.contacts, self._repeats, self._oldest_moment
        most, too_many = self.rules.most_contacts or len(contacts), 0
        changed: list[int] = []
        parted = False
        while len(contacts) > most or contacts[0].moment < oldest:
            gone = contacts.pop(0)
            del self._totals[0], self._by_identity[gone.source, gone.contact_id]
            too_many += gone.moment >= oldest
            changed.append(repeats.first + 1)
            parted = parted or not repeats.is_alone()
            for place, count in repeats.drop(gone):
                self._weigh(contacts[place - repeats.first], count)
                changed.append(place)
        if parted:
            self._weigh_all(())
        elif changed:
            self._fold_anew(sorted(place - repeats.first for place in changed))
        if repeats.first > len(contacts) + MOST_DROPPED:
            self._repeats = Repeats.among(contacts, self.rules)
            self._own.clear()
        return too_many

    def _fold_all(self) -> None:
        self._totals.clear()
        total, before = 0.0, None
        for one in self._body.contacts:
            total, before = folded(total, before, one, self.rules), one.moment
            self._totals.append(total)

    def _fold_anew(self, changed: Iterable[int]) -> None:
        """Fold from each contact that changed, of those that are still there, until F is what it was."""
        contacts, totals, rules, done = self._body.contacts, self._totals, self.rules, 0
        for first in changed:
            if first < done:
                continue
            total, before = (totals[first - 1], contacts[first - 1].moment) if first else (0.0, None)
            for done in range(first, len(contacts)):
                one = contacts[done]
                total, before = folded(total, before, one, rules), one.moment
                if total == totals[done]:
                    break
                totals[done] = total
            done += 1


def learn(body: Body, new: Known, rules: Ruleset) -> bool:
    """Take a contact in, and weigh it; False, and nothing changes, if a newer version of it is known."""
    return Contacts(body, rules).learn(new) is not None


def _order(contact: Known) -> tuple[int, str, str]:
    return contact.order
