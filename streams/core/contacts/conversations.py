"""Which contacts are one conversation: legs of a call that was handed on, or that name what they belong to.

Contacts are known by their place, as in `repeats`, and are added in the order of the fold.
"""

from typing import NamedTuple

from streams.core.contacts.frustration import Known, outcome_nats
from streams.core.ruleset import Ruleset
from streams.core.time import MINUTE_MS


class _Leg(NamedTuple):
    """A contact that a later one may go on with."""

    place: int
    moment: int
    source: str
    outbound: bool
    case_id: str | None


class Conversations:
    """The conversations among contacts; every contact but a notice begins one, or goes on with one."""

    __slots__ = ("_awaited", "_handed_on", "_last", "_outcomes", "_places", "_reach", "_roots")

    def __init__(self, rules: Ruleset) -> None:
        self._reach = rules.leg_minutes * MINUTE_MS
        self._places: dict[tuple[str, str], int] = {}
        self._awaited: dict[tuple[str, str], int] = {}
        """The place of the latest contact that named one as what it belongs to, by that one."""
        self._roots: dict[int, int] = {}
        """The place of the first contact of the conversation, by that of each later one."""
        self._last: dict[int, int] = {}
        """The place of the latest contact of the conversation, by that of the first."""
        self._outcomes: dict[int, float] = {}
        """The largest outcome so far, by the place of the first contact; 0 is left out."""
        self._handed_on: list[_Leg] = []

    def add(self, place: int, contact: Known) -> int | None:
        """Add a contact, note what is covered of its outcome, and return the place of the leg before it."""
        contact.covered = 0.0
        if contact.notice:
            return None
        parent = self._parent(contact)
        self._places[contact.source, contact.contact_id] = place
        if contact.parent is not None:
            self._awaited[contact.source, contact.parent] = place
        if contact.handed_on:
            leg = _Leg(place, contact.moment, contact.source, contact.outbound, contact.case_id)
            self._handed_on.append(leg)
        root = place if parent is None else self._roots.get(parent, parent)
        own, before = outcome_nats(contact), self._outcomes.get(root, 0.0)
        if own > before:
            self._outcomes[root] = own
        if parent is None:
            return None
        self._roots[place] = root
        if own:
            contact.covered = min(own, before)
        last = self._last.get(root, root)
        self._last[root] = place
        return last

    def is_alone(self, place: int) -> bool:
        """Return whether nothing goes on with a contact; if so, it can be forgotten by itself."""
        return place not in self._last

    def forget(self, contact: Known, place: int) -> None:
        """Forget the oldest contact, with which nothing goes on."""
        self._places.pop((contact.source, contact.contact_id), None)
        self._outcomes.pop(place, None)
        if contact.parent is not None and self._awaited.get((contact.source, contact.parent)) == place:
            del self._awaited[contact.source, contact.parent]
        if self._handed_on and self._handed_on[0].place == place:
            del self._handed_on[0]

    def _parent(self, contact: Known) -> int | None:
        """Return the latest contact before it that it is a leg of, or that is a leg of it."""
        source = contact.source
        found = [self._awaited.get((source, contact.contact_id))]
        if contact.parent is None:
            found.append(self._handed_on_to(contact))
        else:
            found.append(self._places.get((source, contact.parent)))
        return max((one for one in found if one is not None), default=None)

    def _handed_on_to(self, contact: Known) -> int | None:
        start = contact.moment if contact.started is None else contact.started
        for leg in reversed(self._handed_on):
            if leg.moment < start - self._reach:
                break
            if (leg.source, leg.outbound) == (contact.source, contact.outbound) and (
                leg.case_id is None or contact.case_id is None or leg.case_id == contact.case_id
            ):
                return leg.place
        return None
