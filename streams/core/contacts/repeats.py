"""Which contacts repeat which, counted as contacts come and go: nothing is looked at twice.

A contact repeats at most as many as fill the cap, the nearest first, so each contact knows by whom it is
counted, and forgetting it costs as much as is counted. What a contact can repeat stands in at most three
groups: by case, by reason, and by being left open.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from streams.core.contacts.conversations import Conversations
from streams.core.contacts.frustration import Known, Signal, bare_signals, own_signals
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS

_CASE: Final = 0
_REASON: Final = 1
_REASON_NO_CASE: Final = 2
_OPEN: Final = 3
_OPEN_NO_CASE: Final = 4
_OPEN_NO_REASON: Final = 5
_OPEN_NEITHER: Final = 6

_MOST: Final = 1_000_000
"""More repeats are never asked for: they are worth nothing, or next to nothing."""

_Group = tuple[int, str | None]
_Groups = tuple[_Group, ...]


class Repeats:
    """The repeats among contacts that are added in order and dropped from the front.

    A contact is known by its place: how many were added before it.
    """

    __slots__ = (
        "_added",
        "_counted_by",
        "_counts",
        "_groups",
        "_most",
        "_reach",
        "_rules",
        "_stands",
        "conversations",
        "first",
    )

    def __init__(self, rules: Ruleset) -> None:
        self.first = 0
        """The place of the oldest contact that was not dropped."""
        self._added = 0
        self._rules = rules
        self._reach = rules.repeat_days * DAY_MS
        self._groups: defaultdict[_Group, list[tuple[int, int]]] = defaultdict(list)
        """Place and moment of the contacts of each group, in order, dropped ones included."""
        self._counted_by: dict[int, list[int]] = {}
        self._counts: dict[int, int] = {}
        self._most: dict[tuple[tuple[Signal, ...], float], int] = {}
        self.conversations = Conversations(rules) if rules.as_meant else None
        self._stands: dict[int, tuple[tuple[int, int], _Groups]] = {}
        """Where the contacts stand that a later leg may take the place of."""

    @classmethod
    def among(cls, contacts: Iterable[Known], rules: Ruleset) -> "Repeats":
        """Return the repeats among contacts in order."""
        repeats = cls(rules)
        for contact in contacts:
            repeats.add(contact)
        return repeats

    def add(self, contact: Known) -> int:
        """Add a contact after all others, and return how many of them it repeats."""
        place, moment = self._added, contact.moment
        self._added = place + 1
        if self.conversations is not None:
            before = self.conversations.add(place, contact)
            if before is not None:
                self._leave(before)
        if contact.outbound or contact.recovery or contact.notice:
            return 0
        stands, sought = _groups(contact.case_id, contact.reason, contact.done)
        repeated = self._repeated(moment - self._reach, sought, self._most_repeats(contact))
        counted_by, groups = self._counted_by, self._groups
        for one in repeated:
            if one in counted_by:
                counted_by[one].append(place)
            else:
                counted_by[one] = [place]
        self._counts[place] = len(repeated)
        entry = place, moment
        for group in stands:
            groups[group].append(entry)
        if self.conversations is not None:
            self._stands[place] = entry, stands
        return len(repeated)

    def _leave(self, place: int) -> None:
        """Let a contact be repeated no more: a later leg of its conversation is."""
        entry, stands = self._stands.pop(place, (None, ()))
        for group in stands:
            self._groups[group].remove(entry)  # type: ignore[arg-type]

    def drop(self, oldest: Known) -> list[tuple[int, int]]:
        """Forget the oldest contact, and return the places and new counts of those that repeated it."""
        place, counts = self.first, self._counts
        if self.conversations is not None:
            self.conversations.forget(oldest, place)
        self.first = place + 1
        counts.pop(place, None)
        self._stands.pop(place, None)
        changed = [(later, counts[later] - 1) for later in self._counted_by.pop(place, ())]
        counts.update(changed)
        return changed

    def is_alone(self) -> bool:
        """Return whether no later contact goes on with the oldest; else all are added again without it."""
        return self.conversations is None or self.conversations.is_alone(self.first)

    def _repeated(self, oldest: int, sought: _Groups, most: int) -> list[int]:
        """Return the places of the newest in some groups, from a moment on, no more than so many."""
        places: list[int] = []
        first, groups = self.first, self._groups
        for group in sought:
            if group in groups:
                for place, moment in groups[group][: -most - 1 : -1]:
                    if place < first or moment < oldest:
                        break
                    places.append(place)
        if len(places) > most:
            places.sort(reverse=True)
            del places[most:]
        return places

    def _most_repeats(self, contact: Known) -> int:
        """Return how many repeats fill the cap of a contact with the signals of one.

        More would change nothing, and somebody who calls a thousand times a week must not cost more than
        others.
        """
        key = contact.signals, contact.covered
        most = self._most.get(key)
        if most is None:
            most = 0 if self._rules.repeat else _MOST
            nats = sum((nats for _, nats in bare_signals(contact)), 0.0)
            while nats < self._rules.frustration_cap and most < _MOST:
                nats += self._rules.repeat
                most += 1
            self._most[key] = most
        return most


def weigh(contacts: Iterable[Known], rules: Ruleset) -> None:
    """Weigh contacts in order by themselves, and by what they repeat among one another."""
    repeats = Repeats(rules)
    for contact in contacts:
        reweigh(contact, repeats.add(contact), rules)


def reweigh(contact: Known, repeats: int, rules: Ruleset) -> None:
    """Weigh a contact that repeats so many others."""
    contact.repeats = repeats
    contact.own = sum([nats for _, nats in own_signals(contact, rules)], 0.0)


@lru_cache(maxsize=4096)
def _groups(case: str | None, reason: str | None, done: bool) -> tuple[_Groups, _Groups]:
    """Return the groups that a contact stands in, and those that hold all that it repeats."""
    return tuple(_standing(case, reason, is_open=not done)), _sought(case, reason)


def _standing(case: str | None, reason: str | None, *, is_open: bool) -> Iterator[_Group]:
    if case is not None:
        yield _CASE, case
    if reason is not None:
        yield _REASON, reason
        if case is None:
            yield _REASON_NO_CASE, reason
    if is_open:
        yield _OPEN, None
        if case is None:
            yield _OPEN_NO_CASE, None
        if reason is None:
            yield _OPEN_NO_REASON, None
        if case is reason is None:
            yield _OPEN_NEITHER, None


def _sought(case: str | None, reason: str | None) -> _Groups:
    """Return groups that have nothing in common: what both have decides, see `repeats` in `frustration`."""
    match case is None, reason is None:
        case True, True:
            return ((_OPEN, None),)
        case True, False:
            return (_REASON, reason), (_OPEN_NO_REASON, None)
        case False, True:
            return (_CASE, case), (_OPEN_NO_CASE, None)
        case _:
            return (_CASE, case), (_REASON_NO_CASE, reason), (_OPEN_NEITHER, None)
