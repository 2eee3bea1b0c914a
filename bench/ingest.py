"""How many records `ingest` maps a second and per CPU second, on a real Kafka.

The command as it is deployed, on a broker of its own, from its first partition to its last commit. Contacts
go out at once; orders are followed, so each also goes through the topic of drafts, and is remembered. The
same mapping without Kafka, on one core, stands beside it: the rest is reading, writing and order.
"""

import json
import random
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from confluent_kafka import Producer

from bench.shared.command_line import parser
from bench.shared.machine import machine
from bench.shared.running import Running, running
from bench.shared.topics import PARTITIONS, broker, fresh_settings
from schemas.times import format_ms
from streams.ingest.formats.json_text import from_json
from streams.mapping.config import parse
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import Draft, Memory, Meta
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.settings import Settings

_MAPPING = """
[source.orders]
topic = "{prefix}shop.orders"
[[source.orders.event]]
name = "purchase"
to = "transaction"
follow = {{ by = "id", as = "total", time = "updated_at" }}
[source.orders.event.fields]
event_id = {{ from = "id", prefix = "order-" }}
customer_id = "customer.id"
time = "created_at"
kind = {{ value = "purchase" }}
currency = "currency"
amount = "total_price"

[source.calls]
topic = "{prefix}calls"
[[source.calls.event]]
name = "call"
to = "contact"
[source.calls.event.fields]
contact_id = "call"
customer_id = "caller"
time = "at"
channel = {{ value = "voice" }}
resolution = {{ from = "result", words = {{ open = "unresolved", closed = "resolved" }} }}
"""
_TOPICS = {"orders": "shop.orders", "calls": "calls"}
_START = 1_700_000_000_000
_CUSTOMERS = 100_000
_MOST_SECONDS = 1_800.0


@dataclass(frozen=True)
class _Work:
    seconds: float
    cpu: float


def main(arguments: list[str] | None = None) -> None:
    """Publish, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with broker() as bootstrap:
        for source in asked.sources:
            values = list(_values(source, asked.records))
            alone = _mapped_alone(source, values)
            print(f"\n{source}: {asked.records:,} records of {sum(map(len, values)) // len(values)} bytes")
            print(f"mapping alone: {asked.records / alone:,.0f} records per CPU second")
            works = []
            for _ in range(asked.rounds):
                work = _ingested(fresh_settings(bootstrap), source, values)
                works.append(work)
                rates = asked.records / work.seconds, asked.records / work.cpu
                print(f"ingest: {rates[0]:,.0f}/s, {rates[1]:,.0f}/CPU s", flush=True)
            print(f"median: {asked.records / median(one.cpu for one in works):,.0f} records per CPU second")


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--records", type=int, default=100_000, help="of each source")
    found.add_argument("--rounds", type=int, default=3)
    found.add_argument("--sources", nargs="+", choices=_TOPICS, default=list(_TOPICS))
    return found


def _values(source: str, records: int) -> Iterator[bytes]:
    chance = random.Random(1)
    for number in range(records):
        time_text = format_ms(_START + number * 60_000)
        customer = f"c-{chance.randrange(_CUSTOMERS)}"
        if source == "calls":
            row: dict[str, Any] = {
                "call": f"k-{number}",
                "caller": customer,
                "at": time_text,
                "result": "open",
            }
        else:
            row = {"id": number, "created_at": time_text, "updated_at": time_text, "currency": "USD"}
            row |= {"total_price": f"{chance.randrange(100, 20_000) / 100:.2f}", "customer": {"id": customer}}
        yield json.dumps(row).encode()


def _publish(settings: Settings, source: str, values: list[bytes]) -> None:
    with admin_client(settings) as admin:
        create(admin, plan(settings, ingest=True))
        theirs = {"num_partitions": PARTITIONS, "replication_factor": 1}
        admin.create_topics({settings.topic_prefix + name: dict(theirs) for name in _TOPICS.values()})
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers[0]})
    for number, value in enumerate(values):
        producer.produce(settings.topic_prefix + _TOPICS[source], value, partition=number % PARTITIONS)
        if number % 10_000 == 0:
            producer.flush()
    producer.flush()


def _mapping(settings: Settings | None) -> str:
    return _MAPPING.format(prefix="" if settings is None else settings.topic_prefix)


def _mapped_alone(source: str, values: list[bytes]) -> float:
    """Return the CPU seconds of reading and mapping."""
    mapping = Mapping(parse(_mapping(None), folder=Path(), name="bench"), "USD")
    memories: dict[str, Memory] = {}
    started = time.process_time()
    for value in values:
        for draft in mapping.map(source, from_json(value), Meta()):
            assert isinstance(draft, Draft)
            _, memories[draft.state_key] = mapping.finish(draft, memories.get(draft.state_key))
    return time.process_time() - started


def _ingested(settings: Settings, source: str, values: list[bytes]) -> _Work:
    _publish(settings, source, values)
    with TemporaryDirectory() as folder:
        mapping = Path(folder) / "bench.toml"
        mapping.write_text(_mapping(settings), encoding="utf-8")
        with running(settings, ("-m", "streams", "ingest", str(mapping))) as process:
            _wait(process, lambda: any("remembered" in line for _, line in process.lines))
            started, before = time.time(), process.cpu()
            _wait(process, lambda: _done(process, source) >= len(values))
            used = process.cpu().since(before)
            return _Work(time.time() - started, used.first + used.others)


def _done(process: Running, source: str) -> float:
    """Return how many events are committed: each record gives one."""
    found = process.metrics("retention_ingest_events_total")
    return sum(value for labels, value in found.items() if source in labels)


def _wait(process: Running, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _MOST_SECONDS
    while not holds():
        process.check(deadline)
        time.sleep(0.5)  # it costs a scrape each time


if __name__ == "__main__":
    main()
