"""Events as they stand on the wire."""

import json
from typing import Any

from schemas.times import format_ms


def purchase(customer_id: str, time_ms: int) -> bytes:
    """Return a purchase of 20.00."""
    return transaction(customer_id, time_ms, "purchase")


def transaction(customer_id: str, time_ms: int, kind: str) -> bytes:
    """Return a transaction of 20.00."""
    return _line("transaction", customer_id, time_ms, kind=kind, amount="20.00", currency="USD")


def contact(customer_id: str, time_ms: int, **other: Any) -> bytes:
    """Return a contact that was left unresolved; `other` adds fields."""
    told = {"version": 1, "channel": "voice", "resolution": "unresolved"} | other
    return _line("contact", customer_id, time_ms, contact_id=f"{customer_id}-{time_ms}", **told)


def profile(customer_id: str, time_ms: int, tier: str | None = None) -> bytes:
    """Return a profile."""
    return _line("profile", customer_id, time_ms, tier=tier)


def disposition(customer_id: str, time_ms: int, alert_id: str) -> bytes:
    """Return what closes an alert."""
    return _line("disposition", customer_id, time_ms, alert_id=alert_id, status="closed", outcome="benign")


def tick(time_ms: int) -> bytes:
    """Return a tick."""
    return json.dumps({"type": "tick", "time": format_ms(time_ms), "source": "pulse"}).encode()


def key_of(line: bytes) -> bytes | None:
    """Return the key that a line has in its topic; None for a tick, and for what is no event."""
    key = line.partition(b'"customer_id": "')[2].partition(b'"')[0]
    return key or None


def _line(type_: str, customer_id: str, time_ms: int, **fields: Any) -> bytes:
    common = {"type": type_, "event_id": f"{type_}-{customer_id}-{time_ms}", "customer_id": customer_id}
    return json.dumps(common | {"time": format_ms(time_ms), "source": "test"} | fields).encode()
