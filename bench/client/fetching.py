"""A topic read by each client: records a second, by the clock and by CPU seconds of all its threads.

Alone, a reader has key, value, timestamp and offset of each record in Python, and does nothing with them.
Beside work, it decodes each record and adds it up, which keeps the interpreter busy all the time, as a
worker does: aiokafka's consumer then lives in a thread of its own, as Faust has it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from queue import Queue
from threading import Thread
from typing import Any, Final
from unittest.mock import patch

from aiokafka import TopicPartition
from confluent_kafka import OFFSET_BEGINNING, Consumer
from confluent_kafka import TopicPartition as Place

from schemas.events import Transaction
from schemas.hot import Decoder
from streams.core.watermark import Input
from streams.ingest.kafka.options import client_options
from streams.runtime.faust.transport import FETCH_BYTES, FETCH_WAIT_MS
from streams.runtime.kafka import fetch
from streams.runtime.kafka.clients import close_consumer, make_consumer
from streams.settings import Settings

_LARGEST_BATCH: Final = 10_000
_WAITING: Final = 8
"""Batches that wait for the thread that works, as in a worker: fetched ahead, but not without end."""

Handler = Callable[[Sequence[Any]], None]
"""Does something with a batch of records."""


@dataclass(frozen=True)
class Reading:
    """One run: seconds of the clock, CPU seconds of all threads and of the one that works, records."""

    seconds: float
    cpu: float
    first: float
    records: int


class Touch:
    """Has key, value, timestamp and offset of each record, of aiokafka or of the native client."""

    def aiokafka(self, batch: Sequence[Any]) -> None:
        """Take a batch of aiokafka."""
        for record in batch:
            _ = record.key, record.value, record.timestamp, record.offset

    def librdkafka(self, batch: Sequence[Any]) -> None:
        """Take a batch of messages."""
        for message in batch:
            _ = message.key(), message.value(), message.timestamp(), message.offset()


class Work:
    """Decodes each record and adds it up."""

    def __init__(self) -> None:
        self._decode = Decoder().of(Input.TRANSACTIONS)
        self._cents: defaultdict[str, int] = defaultdict(int)

    def aiokafka(self, batch: Sequence[Any]) -> None:
        """Take a batch of aiokafka."""
        decode, cents = self._decode, self._cents
        for record in batch:
            event: Any = decode(record.value)
            if event.__class__ is Transaction:
                cents[event.customer_id] += event.cents

    def librdkafka(self, batch: Sequence[Any]) -> None:
        """Take a batch of messages, with the timestamp and the offset that a worker needs."""
        decode, cents = self._decode, self._cents
        for message in batch:
            event: Any = decode(message.value())
            if event.__class__ is Transaction:
                cents[event.customer_id] += event.cents
            _ = message.key(), message.timestamp(), message.offset()


class _Clocks:
    """Started by the first batch."""

    def __init__(self) -> None:
        self.records = 0
        self._started: tuple[float, float, float] | None = None

    def note(self, records: int) -> None:
        """Note a batch, before anything is done with it."""
        if self._started is None:
            self._started = time.perf_counter(), time.process_time(), time.thread_time()
        self.records += records

    def reading(self) -> Reading:
        """Return what was measured up to now."""
        assert self._started is not None
        wall, cpu, first = self._started
        return Reading(
            time.perf_counter() - wall,
            time.process_time() - cpu,
            time.thread_time() - first,
            self.records,
        )


def getmany(settings: Settings, records: int) -> Reading:
    """Read by aiokafka's public way, which makes a ConsumerRecord for each record."""
    return asyncio.run(_getmany(settings, records))


async def _getmany(settings: Settings, records: int) -> Reading:
    consumer, clocks, handle = _aiokafka(settings), _Clocks(), Touch().aiokafka
    await consumer.start()
    try:
        consumer.assign(list(_places(settings)))
        while clocks.records < records:
            for batch in (await consumer.getmany(timeout_ms=250)).values():
                clocks.note(len(batch))
                handle(batch)
        return clocks.reading()
    finally:
        await close_consumer(consumer)


def batches(settings: Settings, records: int, *, check: bool = True) -> Reading:
    """Read as a worker's consumer does: whole batches out of aiokafka's fetcher."""
    return asyncio.run(_batches(settings, records, Touch().aiokafka, check=check))


def raw_batches(settings: Settings, records: int) -> Reading:
    """Do the same, but leave each batch of the log as it came, checked: for what parses them natively."""
    with patch.object(fetch, "unpacked", _left_packed):
        return asyncio.run(_batches(settings, records, lambda _: None))


def _left_packed(fetched: Any) -> range:
    """Move past a fetch without parsing it, and return as many numbers as it has records."""
    before, records = fetched.next_fetch_offset, fetched._records  # noqa: SLF001
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        fetched.next_fetch_offset = batch.next_offset
    return range(before, fetched.next_fetch_offset)


async def _batches(
    settings: Settings, records: int, handle: Handler, *, check: bool = True, clocks: _Clocks | None = None
) -> Reading:
    clocks = clocks or _Clocks()
    consumer = _aiokafka(settings, check_crcs=check)
    await consumer.start()
    try:
        wanted = _places(settings)
        consumer.assign(list(wanted))
        fetcher = fetch.BatchFetcher(consumer, lambda: 0)
        while clocks.records < records:
            for batch in (await fetcher.take(wanted, 0.25)).values():
                clocks.note(len(batch.records))
                handle(batch.records)
        return clocks.reading()
    finally:
        await close_consumer(consumer)


def batches_beside_work(settings: Settings, records: int) -> Reading:
    """Read whole batches in a thread of their own, and decode and add up in this one."""
    waiting: Queue[Sequence[Any]] = Queue(_WAITING)
    reader = Thread(
        target=lambda: asyncio.run(_batches(settings, records, waiting.put)), name="fetch", daemon=True
    )
    clocks, handle = _Clocks(), Work().aiokafka
    reader.start()
    while clocks.records < records:
        batch = waiting.get()
        clocks.note(len(batch))
        handle(batch)
    found = clocks.reading()
    reader.join()
    return found


def consumed(settings: Settings, records: int) -> Reading:
    """Read messages of librdkafka, which fetches, checks and parses in threads of its own."""
    return _consumed(settings, records, Touch().librdkafka)


def consumed_beside_work(settings: Settings, records: int) -> Reading:
    """Read messages of librdkafka, decode them and add up."""
    return _consumed(settings, records, Work().librdkafka)


def _consumed(settings: Settings, records: int, handle: Handler) -> Reading:
    consumer = Consumer(
        client_options(settings)
        | {
            "group.id": settings.application_id,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "check.crcs": True,
            "fetch.wait.max.ms": FETCH_WAIT_MS,
            "fetch.message.max.bytes": FETCH_BYTES,
            # Once as much is queued it waits, by default for a second.
            "queued.max.messages.kbytes": 64 << 10,
            "queued.min.messages": 100_000,
            "fetch.queue.backoff.ms": 1,
        }
    )
    clocks = _Clocks()
    try:
        consumer.assign([Place(topic, number, OFFSET_BEGINNING) for topic, number in _places(settings)])
        while clocks.records < records:
            found = consumer.consume(_LARGEST_BATCH, 0.05)
            assert all(message.error() is None for message in found[:1])
            if found:
                clocks.note(len(found))
                handle(found)
        return clocks.reading()
    finally:
        consumer.close()


def _aiokafka(settings: Settings, **options: Any) -> Any:
    return make_consumer(
        settings, max_partition_fetch_bytes=FETCH_BYTES, fetch_max_wait_ms=FETCH_WAIT_MS, **options
    )


def _places(settings: Settings) -> Collection[TopicPartition]:
    topic = settings.topic_prefix + Input.TRANSACTIONS.value
    return {TopicPartition(topic, number) for number in range(settings.partitions)}
