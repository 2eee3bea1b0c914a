"""The canary's synthetic customers, one in each partition: what they buy, and the contacts that go wrong.

Event ids follow from customer and time, so an event that is sent twice counts once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any, Final

from schemas.partitioner import Partitioner, partition_of
from schemas.times import format_ms
from streams.core.alerts.arm import arm
from streams.core.contacts.frustration import TOLERANCE
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, SECOND_MS

SOURCE: Final = "canary"
HALF_DAY_MS: Final = DAY_MS // 2
"""How often they buy: a source that brings nothing for a day counts as one that stopped."""
WARM_UP_DAYS: Final = 84
"""Until a customer has three blocks of four weeks: before that nobody is judged."""
_LARGE_SHARE: Final = 0.5
"""None of them is held out by a share up to this: so a trial that begins or grows changes none."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A synthetic customer."""

    customer_id: str
    partition: int

    def purchase(self, at_ms: int, spend_per_day: str, currency: str) -> dict[str, Any]:
        """Return the purchase of half a day in UTC; every purchase of that half is the same event."""
        return self._event("transaction", f"half-{at_ms // HALF_DAY_MS}", at_ms) | {
            "kind": "purchase",
            "amount": f"{Decimal(spend_per_day) / 2:.2f}",
            "currency": currency,
        }

    def contact(self, at_ms: int, turn_ms: int) -> dict[str, Any]:
        """Return a contact that went as wrong as one can: even odds, so it is a watch at once.

        The cold transfers alone are far beyond the cap, also where calibrated weights are small. It is a new
        version of the one contact that the customer ever has, so a worker and a bridge keep one of it, and
        its alert opens again each time. Every contact of a turn, by when that began, is the same event.
        """
        version = turn_ms // SECOND_MS
        return self._event("contact", f"contact-{version}", at_ms) | {
            "contact_id": f"{self.customer_id}-contact",
            "version": version,
            "channel": "voice",
            "direction": "inbound",
            "started_at": format_ms(at_ms),
            "ended_at": format_ms(at_ms),
            "reason": "canary",
            "resolution": "unresolved",
            "transfers_cold": 20,
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


def canaries(prefix: str, partitions: int, partitioner: Partitioner, rules: Ruleset) -> list[Canary]:
    """Return one for each partition, always the same; ids begin with the prefix.

    None is in the hold-out arm, whose alerts no bridge sees. The share held out is below 1.
    """
    rules = replace(rules, holdout_share=max(_LARGE_SHARE, rules.holdout_share))
    found: dict[int, Canary] = {}
    for number in count():
        if len(found) == partitions:
            break
        customer_id = f"{prefix}{number}"
        if arm(customer_id, rules) == "treated":
            partition = partition_of(customer_id, partitions, partitioner)
            found.setdefault(partition, Canary(customer_id, partition))
    return [found[partition] for partition in range(partitions)]


def unfit(rules: Ruleset) -> str | None:
    """Return why a canary would raise nothing that a bridge sees under a ruleset; None if it would."""
    if rules.frustration_cap + rules.prior < rules.levels[0] - TOLERANCE:
        return "frustration_cap: contacts alone never reach even odds, so a canary would raise nothing"
    if rules.holdout_share >= 1:
        return "holdout_share: all are held out, and no bridge sees their alerts"
    return None


def history(
    customers: list[Canary], until_ms: int, days: int, spend_per_day: str, currency: str
) -> Iterator[dict[str, Any]]:
    """Yield what they bought in so many days before a time, oldest first."""
    for halves in range(2 * days, 0, -1):
        for one in customers:
            yield one.purchase(until_ms - halves * HALF_DAY_MS, spend_per_day, currency)
