"""Other people's records, drawn: orders that change, keyed by order, and contacts, keyed by call."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

import fastavro

from schemas.times import format_ms

START: Final = 1_700_000_000_000
_HOUR: Final = 3_600_000

MAPPING: Final = """
[source.orders]
topic = "{prefix}shop.orders"
format = "avro"
skip = [{{ when = "test", why = "test order" }}]

[[source.orders.event]]
name = "purchase"
to = "transaction"
follow = {{ by = "id", as = "total", time = "updated_at", void = "cancelled" }}
[source.orders.event.fields]
event_id = {{ from = "id", prefix = "order-" }}
customer_id = "customer"
time = "created_at"
source = {{ value = "shop" }}
kind = {{ value = "purchase" }}
currency = {{ value = "USD" }}
amount = "total"

[source.calls]
topic = "{prefix}calls"

[[source.calls.event]]
name = "call"
to = "contact"
[source.calls.event.fields]
contact_id = "call"
customer_id = "caller"
time = "at"
source = {{ value = "phone" }}
channel = {{ value = "voice" }}
resolution = {{ from = "result", words = {{ open = "unresolved", closed = "resolved" }} }}
"""
"""To be formatted with the prefix of the topics."""

SCHEMA: Final[dict[str, Any]] = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "customer", "type": ["null", "string"]},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "updated_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {
            "name": "total",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
        },
        {"name": "cancelled", "type": "boolean"},
        {"name": "test", "type": "boolean"},
    ],
}
_PARSED: Final = fastavro.parse_schema(json.loads(json.dumps(SCHEMA)))


@dataclass(frozen=True)
class Theirs:
    """One record of theirs: its topic without the prefix, key, value, and when it is of, ms."""

    topic: str
    key: str
    value: bytes
    time: int
    row: dict[str, Any] | None = field(default=None, compare=False)
    """What it says, where that can be mapped."""


def framed(schema_id: int, row: dict[str, Any]) -> bytes:
    """Return an order as a registry's Avro serializer writes it."""
    out = BytesIO()
    fastavro.schemaless_writer(out, _PARSED, row)
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


def drawn(orders: int, calls: int, schema_id: int, *, seed: int = 1, damaged: int = 0) -> list[Theirs]:
    """Return orders with their changes, and calls, by time; some are test orders, or of guests."""

    def moment(ms: int) -> datetime:
        return datetime.fromtimestamp(ms / 1000, UTC)

    chance, found = random.Random(seed), []
    for number in range(orders):
        created = START + number * _HOUR // 4
        customer = None if chance.random() < 0.02 else f"c-{chance.randrange(200)}"
        for change in range(chance.choice((1, 1, 1, 2, 3))):
            updated = created + change * chance.randrange(1, 72) * _HOUR
            row = {
                "id": f"o-{number}",
                "customer": customer,
                "created_at": moment(created),
                "updated_at": moment(updated),
                "total": Decimal(chance.randrange(100, 20_000)) / 100,
                "cancelled": change > 0 and chance.random() < 0.2,
                "test": chance.random() < 0.02,
            }
            found.append(Theirs("shop.orders", f"o-{number}", framed(schema_id, row), updated, row))
    for number in range(calls):
        at = START + number * _HOUR // 2 + 1
        call: dict[str, Any] = {"call": f"k-{number}", "caller": f"c-{chance.randrange(200)}"}
        call |= {"at": format_ms(at), "result": chance.choice(("open", "closed"))}
        found.append(Theirs("calls", f"k-{number}", json.dumps(call).encode(), at, call))
    for number in range(damaged):
        at = START + number * _HOUR
        value = chance.choice((b"{", b"[]", b'{"call": 7}', b"\0\0\0\0\x07x"))
        found.append(Theirs("calls", f"d-{number}", value, at))
    return sorted(found, key=lambda one: one.time)


def by_partition(records: list[Theirs], partitions: int) -> Iterator[tuple[int, Theirs]]:
    """Yield each record with a partition of its topic; its key decides, unlike any partitioner of ours."""
    for one in records:
        yield sum(one.key.encode()) % partitions, one
