"""A worker's transactions by each client: state records of all its partitions, positions, commit.

As it is, each partition has a producer and a transaction of its own, and they run at the same time. The other
way is one producer, and one transaction for all partitions of a worker.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Place

from schemas.topics import STATE
from streams.core.watermark import FACTS
from streams.ingest.kafka.options import client_options
from streams.runtime.kafka.clients import close_producer, make_transactional_producer
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.ports import Transaction
from streams.settings import Settings

_BATCH_BYTES: Final = 900_000
_SECONDS: Final = 30.0
_WARM_UP: Final = 2
VALUE: Final = bytes(range(256)) * 2

Record = tuple[bytes, bytes]
Shares = Sequence[Sequence[Record]]
"""The records of a commit, by partition."""


@dataclass(frozen=True)
class Committing:
    """Seconds of the clock and CPU seconds of all threads, for one commit of all partitions."""

    seconds: float
    cpu: float


def shares(settings: Settings, records: int, size: int) -> Shares:
    """Return the records of a commit, keys and values of `size` bytes together, by partition."""
    parts = settings.partitions
    keys = [b"cc%07d" % number for number in range(records)]
    return [
        [(key, VALUE[: size - len(key) - 8] + key[-8:]) for key in keys[number::parts]]
        for number in range(parts)
    ]


def aiokafka_each(settings: Settings, records: int, size: int, rounds: int) -> Committing:
    """Commit as a worker does: aiokafka, a producer for each partition."""
    return asyncio.run(_aiokafka_each(settings, shares(settings, records, size), rounds))


async def _aiokafka_each(settings: Settings, parts: Shares, rounds: int) -> Committing:
    logs = [TransactionalLog(settings, number) for number in range(settings.partitions)]
    for log in logs:
        await log.fence()
    transactions = [Transaction(part, positions=dict.fromkeys(FACTS, 0)) for part in parts]

    async def commit() -> None:
        await asyncio.gather(*(log.commit(one) for log, one in zip(logs, transactions, strict=True)))

    try:
        return await _timed(commit, rounds)
    finally:
        for log in logs:
            await log.close()


def aiokafka_one(settings: Settings, records: int, size: int, rounds: int) -> Committing:
    """Commit by aiokafka with one producer for all partitions."""
    return asyncio.run(_aiokafka_one(settings, shares(settings, records, size), rounds))


async def _aiokafka_one(settings: Settings, parts: Shares, rounds: int) -> Committing:
    producer = make_transactional_producer(
        settings, f"{settings.application_id}-one", seconds=_SECONDS, batch_bytes=_BATCH_BYTES
    )
    await producer.start()
    topic = settings.topic_prefix + STATE.name
    offsets = {TopicPartition(*place): 0 for place in _inputs(settings)}

    async def commit() -> None:
        await producer.begin_transaction()
        sent = [
            await producer.send_batch(batch, topic, partition=number)
            for number, part in enumerate(parts)
            for batch in _built(part)
        ]
        await producer.send_offsets_to_transaction(offsets, settings.application_id)
        await asyncio.gather(*sent)
        await producer.commit_transaction()

    try:
        return await _timed(commit, rounds)
    finally:
        await close_producer(producer)


def _built(part: Sequence[Record]) -> list[BatchBuilder]:
    def fresh() -> BatchBuilder:
        return BatchBuilder(_BATCH_BYTES, 0, is_transactional=True)

    built = [fresh()]
    for key, value in part:
        if built[-1].append(key=key, value=value, timestamp=None) is None:
            built.append(fresh())
            built[-1].append(key=key, value=value, timestamp=None)
    return built


async def _timed(commit: Callable[[], Awaitable[None]], rounds: int) -> Committing:
    for _ in range(_WARM_UP):
        await commit()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        await commit()
    return Committing((time.perf_counter() - wall) / rounds, (time.process_time() - cpu) / rounds)


def librdkafka_each(
    settings: Settings, records: int, size: int, rounds: int, *, listed: bool = False
) -> Committing:
    """Commit by librdkafka with a producer for each partition, each driven by a thread."""
    parts = shares(settings, records, size)
    with ThreadPoolExecutor(settings.partitions) as pool:
        committers = [
            _Committer(settings, f"{number}", {number: part}, listed=listed)
            for number, part in enumerate(parts)
        ]
        return _timed_here(lambda: list(pool.map(_Committer.commit, committers)), rounds)


def librdkafka_one(
    settings: Settings, records: int, size: int, rounds: int, *, listed: bool = False
) -> Committing:
    """Commit by librdkafka with one producer for all partitions."""
    parts = shares(settings, records, size)
    committer = _Committer(settings, "one", dict(enumerate(parts)), listed=listed)
    return _timed_here(committer.commit, rounds)


class _Committer:
    """A transactional producer of librdkafka; `listed` records are handed over in one call a partition."""

    def __init__(
        self, settings: Settings, name: str, parts: dict[int, Sequence[Record]], *, listed: bool
    ) -> None:
        self._parts = parts
        self._topic = settings.topic_prefix + STATE.name
        self._positions = [Place(*place, 0) for place in _inputs(settings) if place[1] in parts]
        self._listed = listed
        self._producer = Producer(
            client_options(settings)
            | {
                "transactional.id": f"{settings.application_id}-{name}",
                "linger.ms": 5,
                "retry.backoff.ms": 20,  # as ours, and not 100: a broker may say "not yet"
                "batch.size": _BATCH_BYTES,
                "batch.num.messages": 100_000,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        self._producer.init_transactions(_SECONDS)
        member = Consumer(client_options(settings) | {"group.id": settings.application_id})
        self._group = member.consumer_group_metadata()
        member.close()

    def commit(self) -> None:
        """Write all in one transaction."""
        producer = self._producer
        producer.begin_transaction()
        for number, part in self._parts.items():
            if self._listed:
                listed = [{"key": key, "value": value} for key, value in part]
                assert producer.produce_batch(self._topic, listed, number) == len(part)
            else:
                for key, value in part:
                    producer.produce(self._topic, value, key, number)
        producer.send_offsets_to_transaction(self._positions, self._group, _SECONDS)
        producer.commit_transaction(_SECONDS)


def _timed_here(commit: Callable[[], object], rounds: int) -> Committing:
    for _ in range(_WARM_UP):
        commit()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        commit()
    return Committing((time.perf_counter() - wall) / rounds, (time.process_time() - cpu) / rounds)


def _inputs(settings: Settings) -> list[tuple[str, int]]:
    topics = [settings.topic_prefix + source.value for source in FACTS]
    return [(topic, number) for topic in topics for number in range(settings.partitions)]
