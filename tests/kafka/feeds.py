"""Events as lines, and lines on their way to the topics in whatever order a test wants."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, cast

from schemas.partitioner import partition_of
from schemas.times import format_ms
from streams.core.watermark import FACTS, NEVER, Input
from streams.runtime.tools.prescan import prescan
from streams.runtime.tools.publish import Publisher
from streams.runtime.tools.publish_entries import ALL_PARTITIONS, Entry, entries
from streams.runtime.worker.wall_clock import WallClock
from streams.settings import Settings


class Raw(NamedTuple):
    """A record to send: input, partition, key and value."""

    source: Input
    partition: int
    key: bytes | None
    value: bytes | None


def purchase(customer_id: str, time_ms: int, **other: Any) -> bytes:
    """Return a purchase of 20.00; `other` replaces fields."""
    fields: dict[str, Any] = {
        "type": "transaction",
        "event_id": f"t-{customer_id}-{time_ms}",
        "customer_id": customer_id,
    }
    fields |= {"time": format_ms(time_ms), "source": "shop", "kind": "purchase"}
    return json.dumps(fields | {"amount": "20.00", "currency": "USD"} | other).encode()


def contact(customer_id: str, time_ms: int, **other: Any) -> bytes:
    """Return a contact that was left unresolved; `other` replaces fields."""
    name = f"c-{customer_id}-{time_ms}"
    fields: dict[str, Any] = {
        "type": "contact",
        "event_id": name,
        "customer_id": customer_id,
        "time": format_ms(time_ms),
    }
    fields |= {"source": "phone", "contact_id": name, "version": 1, "channel": "voice"}
    return json.dumps(fields | {"resolution": "unresolved"} | other).encode()


def tick(time_ms: int) -> bytes:
    """Return a tick."""
    return json.dumps({"type": "tick", "time": format_ms(time_ms), "source": "pulse"}).encode()


def raw(settings: Settings, source: Input, value: bytes) -> Raw:
    """Return an event as a record where it belongs."""
    customer_id = json.loads(value)["customer_id"]
    home = partition_of(customer_id, settings.partitions, settings.partitioner)
    return Raw(source, home, customer_id.encode(), value)


def ticks(settings: Settings, time_ms: int) -> list[Raw]:
    """Return ticks of both feeds for all partitions."""
    return [Raw(source, at, None, tick(time_ms)) for source in FACTS for at in range(settings.partitions)]


def send(settings: Settings, records: Iterable[Raw]) -> None:
    """Send records in their order, whatever they are: even without key and value."""
    put(settings, (Entry(0, one.source, one.partition, one.key, cast(bytes, one.value)) for one in records))


def planned(settings: Settings, directory: Path) -> list[Entry]:
    """Return what `publish` would write of a directory."""
    now = WallClock().now_ms()
    partitions, currency = settings.partitions, settings.reporting_currency
    found = prescan(
        directory,
        partitions=partitions,
        currency=currency,
        lateness_ms=5000,
        now_ms=now,
        partitioner=settings.partitioner,
    )
    assert found.newest != NEVER
    return list(entries(found, partitions, currency, partitioner=settings.partitioner))


def put(settings: Settings, many: Iterable[Entry]) -> None:
    """Publish entries in their order."""
    asyncio.run(Publisher(settings, settings.partitions).publish(many))


def spread(settings: Settings, many: Iterable[Entry]) -> list[Raw]:
    """Return entries as records, those for every partition once for each."""
    return [
        Raw(one.source, at, one.key, one.value)
        for one in many
        for at in (range(settings.partitions) if one.partition == ALL_PARTITIONS else (one.partition,))
    ]
