"""From the append of a severe contact to its alert in the hands of a `read_committed` reader.

A worker on the live clock reads purchases with the event time of now at a steady rate. A fifth of its
customers is of high value, and of these some get in touch, badly, at a rate of their own: each gives a watch
alert at once. An alert has to wait for the allowed lateness; what comes on top is the worker's.
"""

import asyncio
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer, TopicPartition

from bench.shared.command_line import parser
from bench.shared.machine import machine
from bench.shared.running import running
from bench.shared.topics import PARTITIONS, broker, fresh_settings
from schemas.partitioner import partition_of
from schemas.times import format_ms
from schemas.topics import ALERTS
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from streams.runtime.kafka.clients import aiokafka_options, make_consumer
from streams.runtime.kafka.errors import muted_aiokafka
from streams.settings import Settings

LATENESS_SECONDS = 0.5
VALUABLE = 5
"""One customer in as many is of high value."""
WEEKS = 20
WARM_UP_SECONDS = 5.0
_SLICE_SECONDS = 0.01
_PATIENCE_SECONDS = 30.0


@dataclass
class Seen:
    """Times in ms UTC by contact: when the broker appended it, when a reader had its alert."""

    appended: dict[str, int] = field(default_factory=dict)
    alerted: dict[str, float] = field(default_factory=dict)

    def latencies(self) -> list[float]:
        """Return the ms from the one to the other."""
        return [self.alerted[contact] - at for contact, at in self.appended.items()]


def main(arguments: list[str] | None = None) -> None:
    """Set up, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    print(
        f"{asked.rate:,} purchases/s and {asked.contacts} severe contacts/s on {PARTITIONS} partitions, "
        f"{asked.customers:,} customers, allowed lateness {LATENESS_SECONDS} s, {asked.seconds:g} s"
    )
    with broker() as bootstrap:
        latencies = measured(bootstrap, asked)
    _show(latencies)


def measured(bootstrap: str, asked: Namespace, partitions: int = PARTITIONS) -> list[float]:
    """Return the ms of each alert; `asked` has `customers`, `rate`, `contacts` and `seconds`."""
    with TemporaryDirectory() as name:
        rules = Path(name) / "rules.toml"
        rules.write_text(f"allowed_lateness_seconds = {LATENESS_SECONDS}\n", encoding="utf-8")
        settings = fresh_settings(bootstrap, clock="live", ruleset_file=rules, partitions=partitions)
        with muted_aiokafka():  # topics just made have no leader yet
            asyncio.run(_publish_history(settings, asked.customers))
        with running(settings) as worker:
            worker.until_committed(settings)
            return asyncio.run(_live(settings, asked)).latencies()


def _parser() -> ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--customers", type=int, default=5_000)
    options.add_argument("--rate", type=int, default=2_000, help="purchases a second")
    options.add_argument("--contacts", type=int, default=10, help="severe contacts a second")
    options.add_argument("--seconds", type=float, default=40.0)
    return options


class Dataset:
    """Writes the events of customers numbered from 0."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._topics = {source: settings.topic_prefix + source.value for source in Input}
        self._producer = producer
        self._partitions = settings.partitions
        self._written = 0

    async def purchase(self, customer: int, time_ms: int) -> None:
        """Write a purchase; one in so many customers spends a lot."""
        amount = "90.00" if customer % VALUABLE == 0 else "9.00"
        body = {"kind": "purchase", "amount": amount, "currency": "USD"}
        await self._write(Input.TRANSACTIONS, customer, time_ms, {"type": "transaction", **body})

    async def contact(self, customer: int, time_ms: int) -> Any:
        """Write a contact that alone makes a watch alert; return a future of its arrival."""
        body = {
            "type": "contact",
            "contact_id": f"k{customer}",
            "version": 1,
            "channel": "voice",
            "ended_at": format_ms(time_ms),
            "resolution": "unresolved",
            "ended_by": "agent",
            "ended_stage": "agent",
            "transfers_cold": 1,
        }
        return await self._write(Input.CONTACTS, customer, time_ms, body)

    async def tick(self, source: Input, time_ms: int) -> None:
        """Tell every partition of an input what time it is."""
        value = msgspec.json.encode({"type": "tick", "time": format_ms(time_ms), "source": "bench"})
        for number in range(self._partitions):
            await self._producer.send_and_wait(self._topics[source], value, partition=number)

    async def _write(self, source: Input, customer: int, time_ms: int, body: dict[str, Any]) -> Any:
        self._written += 1
        name = f"c{customer}"
        head = {
            "event_id": f"e{self._written}-{time_ms}",
            "customer_id": name,
            "time": format_ms(time_ms),
            "source": "bench",
        }
        return await self._producer.send(
            self._topics[source],
            msgspec.json.encode(head | body),
            key=name.encode(),
            partition=partition_of(name, self._partitions),
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _producer(settings: Settings, **options: Any) -> AIOKafkaProducer:
    return AIOKafkaProducer(**aiokafka_options(settings), acks="all", **options)


async def _publish_history(settings: Settings, customers: int) -> None:
    """Publish a purchase a week and customer, up to an hour ago, and a tick of each feed for now."""
    async with _producer(settings, linger_ms=20, max_batch_size=1 << 18) as producer:
        dataset = Dataset(settings, producer)
        end = _now_ms() - DAY_MS // 24
        step = 7 * DAY_MS / customers
        for number in range(WEEKS * customers):
            await dataset.purchase(number % customers, end - round((WEEKS * customers - number) * step))
        await producer.flush()
        for source in FACTS:
            await dataset.tick(source, _now_ms())


async def _live(settings: Settings, asked: Namespace) -> Seen:
    seen = Seen()
    reading = asyncio.create_task(_read_alerts(settings, seen))
    async with _producer(settings) as producer:
        await _write_live(Dataset(settings, producer), asked, seen)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not seen.appended.keys() <= seen.alerted.keys():
        assert time.monotonic() < deadline, "not every severe contact gave an alert"
        assert not reading.done(), reading.exception()
        await asyncio.sleep(0.1)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return seen


async def _write_live(dataset: Dataset, asked: Namespace, seen: Seen) -> None:
    """Write at the rates; the contacts of the first seconds, in which all is cold, are not counted."""
    rng = np.random.default_rng(1)
    unhappy: Iterator[int] = iter(range(0, asked.customers, VALUABLE))
    started, purchases, contacts = time.monotonic(), 0, 0
    arriving: list[asyncio.Task[None]] = []
    while (elapsed := time.monotonic() - started) < WARM_UP_SECONDS + asked.seconds:
        buyers = rng.integers(0, asked.customers, int(elapsed * asked.rate) - purchases)
        for customer in buyers.tolist():
            await dataset.purchase(customer, _now_ms())
        purchases += len(buyers)
        while contacts < int(elapsed * asked.contacts):
            contacts += 1
            customer = next(unhappy)
            arrival = await dataset.contact(customer, _now_ms())
            if elapsed >= WARM_UP_SECONDS:
                arriving.append(asyncio.create_task(_note_append(f"k{customer}", arrival, seen)))
        await asyncio.sleep(_SLICE_SECONDS)
    await asyncio.gather(*arriving)


async def _note_append(contact: str, arrival: Any, seen: Seen) -> None:
    seen.appended[contact] = (await arrival).timestamp


async def _read_alerts(settings: Settings, seen: Seen) -> None:
    async with make_consumer(settings) as consumer:
        topic = settings.topic_prefix + ALERTS.name
        consumer.assign([TopicPartition(topic, number) for number in range(settings.partitions)])
        async for record in consumer:
            now = time.time_ns() / 1e6
            alert: Any = msgspec.json.decode(record.value)
            assert (alert["state"], alert["level"]) == ("raised", "watch")
            seen.alerted[alert["anchor"]["contact_id"]] = now


def _show(latencies: list[float]) -> None:
    p50, p99 = np.percentile(latencies, [50, 99]).tolist()
    wait = LATENESS_SECONDS * 1000
    print(f"{len(latencies):,} alerts, append of the contact -> read_committed reader:")
    print(f"p50 {p50:,.0f} ms, p99 {p99:,.0f} ms, longest {max(latencies):,.0f} ms")
    print(f"on top of the allowed lateness: p50 {p50 - wait:,.0f} ms, p99 {p99 - wait:,.0f} ms")


if __name__ == "__main__":
    main()
