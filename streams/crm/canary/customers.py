"""The canary's synthetic customers, one in each partition: what they buy, and the contacts that go wrong.

Event ids follow from customer and time, so an event that is sent twice counts once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from schemas.partitioner import Partitioner, partition_of
from schemas.times import format_ms

SOURCE: Final = "canary"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WARM_UP_DAYS: Final = 84
"""Until a customer has three blocks of four weeks: before that nobody is judged."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A synthetic customer."""

    customer_id: str
    partition: int

    def purchase(self, at_ms: int, amount: str, currency: str) -> dict[str, Any]:
        """Return the purchase of a day; every purchase of that day in UTC is the same event."""
        return self._event("transaction", f"day-{at_ms // DAY_MS}", at_ms) | {
            "kind": "purchase",
            "amount": amount,
            "currency": currency,
        }

    def contact(self, at_ms: int, turn: int) -> dict[str, Any]:
        """Return a contact that went as wrong as one can: even odds, so it is a watch at once.

        Every contact of a turn is the same event.
        """
        name = f"contact-{turn}"
        return self._event("contact", name, at_ms) | {
            "contact_id": f"{self.customer_id}-{name}",
            "version": 1,
            "channel": "voice",
            "direction": "inbound",
            "started_at": format_ms(at_ms),
            "ended_at": format_ms(at_ms),
            "reason": "canary",
            "case_id": f"{self.customer_id}-{name}",
            "resolution": "unresolved",
            "ended_by": "system",
            "ended_stage": "agent",
            "csat": 1,
        }

    def _event(self, kind: str, name: str, at_ms: int) -> dict[str, Any]:
        return {
            "type": kind,
            "event_id": f"{self.customer_id}-{name}",
            "customer_id": self.customer_id,
            "time": format_ms(at_ms),
            "source": SOURCE,
        }


def canaries(prefix: str, partitions: int, partitioner: Partitioner) -> list[Canary]:
    """Return one for each partition, always the same; ids begin with the prefix."""
    found: dict[int, Canary] = {}
    for number in count():
        if len(found) == partitions:
            break
        customer_id = f"{prefix}{number}"
        partition = partition_of(customer_id, partitions, partitioner)
        found.setdefault(partition, Canary(customer_id, partition))
    return [found[partition] for partition in range(partitions)]


def history(
    customers: list[Canary], until_ms: int, days: int, amount: str, currency: str
) -> Iterator[dict[str, Any]]:
    """Yield what they bought on so many days before a time, oldest first."""
    for day in range(days, 0, -1):
        for one in customers:
            yield one.purchase(until_ms - day * DAY_MS, amount, currency)
