"""An event as the questions see it, and what is kept of the customers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from schemas.events import Contact, Merge, Notice, Transaction
from streams.core.customer.pending import Event
from streams.core.episodes.standing import Standing
from streams.core.watermark import Input

MOST_SOURCES: Final = 20
OTHERS: Final = "(other sources)"


class Seen(NamedTuple):
    """An event that is not refused, where it came, and its fields as they were sent."""

    source: Input
    partition: int
    event: Event
    fields: Mapping[str, Any]
    newest: int
    """The newest time (ms) of its input and partition before it; NEVER at first."""
    late: bool
    """Whether it is late at the allowed lateness of the rules."""


@dataclass(slots=True)
class People:
    """How many purchases and contacts each customer has: the only thing that grows with the customers."""

    purchases: Counter[str] = field(default_factory=Counter)
    contacts: Counter[str] = field(default_factory=Counter)
    ended: set[str] = field(default_factory=set)
    """Ids that were merged into another one."""

    def take(self, seen: Seen) -> None:
        """Count an event."""
        event = seen.event
        if isinstance(event, Transaction):
            if event.kind == "purchase":
                self.purchases[event.customer_id] += 1
        elif isinstance(event, Contact | Notice):
            self.contacts[event.customer_id] += 1
        elif isinstance(event, Merge):
            self.ended.add(event.customer_id)

    def busiest(self, count: int) -> set[str]:
        """Return the ids with the most purchases, and those with the most contacts: so many of each."""
        return {one for counts in (self.purchases, self.contacts) for one, _ in counts.most_common(count)}

    @property
    def ids(self) -> list[str]:
        """Return all ids, those with purchases first."""
        return list(self.purchases | self.contacts)


class Person(NamedTuple):
    """One customer at the end: how often they bought and got in touch, and how the core has them."""

    partition: int
    purchases: int
    contacts: int
    standing: Standing | None
    """None if the core knows nothing."""


@dataclass(frozen=True, slots=True)
class End:
    """What is known once all is read."""

    people: People
    persons: list[Person]
    """All customers, or a sample of them."""
    busiest: list[Person]
    """Those with the most purchases or contacts, of all customers."""
    of: int
    """How many customers there are."""
    cutoffs: list[int | None]
    """Of each partition, the cents in a year from which on a customer is of high value."""
    spenders: list[int]
    """How many customers of each partition bought."""
    sampled: bool
    """Whether only a part of the events was read."""


class Sources(dict[tuple[Input, str], int]):
    """Numbers the sources of each input; those beyond a number are taken together."""

    def name(self, source: Input, name: str) -> tuple[Input, str]:
        """Return the input and the name to count a source under."""
        key = source, name
        if key not in self:
            if sum(one is source for one, _ in self) >= MOST_SOURCES:
                return source, OTHERS
            self[key] = len(self)
        return key
