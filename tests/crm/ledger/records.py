"""Synthetic alert records, and a ledger in a directory."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, uuid5

from schemas.alert import Alert, Counters, LogOdds
from schemas.money import format_cents
from schemas.times import format_ms
from streams.crm.cases.policy import Policy
from streams.crm.ledger.ledger import Ledger
from streams.crm.ledger.rows import AlertRead, Message, ProfileRead
from streams.crm.wire import Rendered, Request

TOPIC: Final = "alerts"
CUSTOMERS: Final = "customers"
MINUTE: Final = 60_000
DAY: Final = 86_400_000
NOON: Final = 1_774_008_000_000
"""2026-03-20 12:00 UTC, in the middle of a day and at the start of a window."""

_COUNTERS = Counters.model_validate(
    {name: "0.00" if name.startswith("spend") else 0 for name in Counters.model_fields} | {"frustration": 1.0}
)


def alert(
    name: str,
    revision: int = 1,
    state: Literal["raised", "updated", "resolved"] = "raised",
    *,
    value: int = 10_000,
    customer: str | None = None,
    **others: Any,
) -> Alert:
    """Return a record about an alert of a short name, and of a customer of the same name."""
    alert_id = id_of(name)
    fields: dict[str, Any] = {
        "event_id": f"{alert_id}/{revision}",
        "alert_id": alert_id,
        "revision": revision,
        "customer_id": customer or f"customer-{name}",
        "rule": "silent",
        "state": state,
        "resolution": "returned" if state == "resolved" else None,
        "level": "alert",
        "arm": "treated",
        "time": format_ms(NOON),
        "anchor": None,
        "reasons": (),
        "probability": 0.8,
        "log_odds": LogOdds(prior=-3.0, frustration=1.0, silence=3.0),
        "usual_spend_per_day": "10.00",
        "spend_since": "0.00",
        "days_since": 20.0,
        "days_usual_spend_since": 0.0,
        "irregularity_days": 4.0,
        "value_at_risk": format_cents(value),
        "currency": "EUR",
        "trailing_spend": "3640.00",
        "value_cutoff": None,
        "spend_by_week": (),
        "counters": _COUNTERS,
        "backfill": False,
        "clears_when": "Synthetic.",
        "summary": "Synthetic.",
        "deadline": format_ms(NOON + 90 * DAY),
        "recommended_owner": None,
        "ruleset": "1",
    }
    return Alert.model_validate(fields | others)


def id_of(name: str) -> str:
    """Return the alert_id of a short name."""
    return str(uuid5(NAMESPACE_URL, name))


def quick(ledger: Ledger) -> Ledger:
    """Return a ledger that does not wait for the disk."""
    ledger._connection.execute("PRAGMA synchronous = OFF")
    return ledger


def words(path: Path) -> str:
    """Return all that a ledger holds, as text."""
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return repr([connection.execute(f"SELECT * FROM {name}").fetchall() for name in names])  # noqa: S608


class Desk:
    """A ledger, and the topics that it reads."""

    def __init__(self, path: Path, **policy: Any) -> None:
        self.path = path
        self.policy = Policy(**policy)
        self.ledger = quick(Ledger.open(path, policy=self.policy))
        self.written: list[AlertRead] = []
        self.profiles = 0

    def reopen(self, **policy: Any) -> None:
        """Start again, with another policy if one is given."""
        self.ledger.close()
        self.policy = Policy(**policy) if policy else self.policy
        self.ledger = quick(Ledger.open(self.path, policy=self.policy))

    def read(self, *alerts: Alert, at: int = NOON) -> None:
        """Write records to the topic, and let the ledger take them."""
        first = len(self.written)
        self.written += [
            AlertRead(TOPIC, 0, first + i, record, appended_ms=at) for i, record in enumerate(alerts)
        ]
        self.ledger.take(self.written[first:], at)

    def profile(self, customer: str, *, at: int = NOON, **fields: Any) -> None:
        """Let the ledger take a profile, or with `erased=True` its end."""
        self.ledger.take_profiles([ProfileRead(CUSTOMERS, 0, self.profiles, customer, **fields)], at)
        self.profiles += 1

    def due(self, at: int) -> list[Message]:
        """Return all that is due."""
        return self.ledger.due(at, 1_000_000)

    def deliver(self, at: int) -> list[tuple[str, str]]:
        """Deliver what is due until there is nothing more, and return kinds and message ids."""
        sent = []
        while messages := self.due(at):
            for message in messages:
                self.ledger.store_body(message.message_id, RENDERED, at)
                self.ledger.delivered(message.message_id, at, "told")
                sent.append((message.kind.value, message.message_id))
        return sent


RENDERED: Final = Rendered(Request("POST", "/", b'{"synthetic": true, "\xff": 1}', {"a": "b"}))
