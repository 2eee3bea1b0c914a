"""The log of a partition on Kafka: a transactional producer, and a reader of its changelog."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final, cast

from aiokafka import TopicPartition
from aiokafka.errors import IllegalOperation
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from typing_extensions import override

from schemas.alert import Alert
from schemas.cloud_events import CloudEventsHeaders
from schemas.common import Headers
from schemas.dead_letter import DeadLetterHeaders
from schemas.topics import ALERTS, DEAD_LETTERS, HOLDOUT, MOVES, STATE
from streams.core.customer.moves import Move
from streams.core.watermark import Input
from streams.runtime.kafka.clients import (
    FETCH_BYTES,
    close_consumer,
    close_producer,
    make_consumer,
    make_transactional_producer,
)
from streams.runtime.kafka.errors import log_errors
from streams.runtime.kafka.fetch import IDLE_SECONDS, BatchFetcher
from streams.runtime.ports import Bounds, DeadLetter, PartitionLog, Positions, StateRecord, Transaction
from streams.settings import Settings

TRANSACTION_SECONDS: Final = 40.0
"""After this the broker gives up a transaction, and fences its producer."""
COMMIT_SECONDS: Final = 20.0
FENCE_SECONDS: Final = 60.0
CLOSE_SECONDS: Final = 1.0

_BATCH_BYTES: Final = 900_000
"""Below the broker's usual limit for a batch of records, 1 MiB."""
_LARGE_BYTES: Final = 128 * 1024
_SOURCE: Final = "retention-signals"
_VERSION: Final = version("retention-signals")

_HeaderList = list[tuple[str, bytes]]
_Entry = tuple[bytes | None, bytes | None, _HeaderList]


class TransactionalLog(PartitionLog):
    """The outputs of one partition number on Kafka."""

    def __init__(self, settings: Settings, partition: int) -> None:
        self._settings = settings
        self._partition = partition
        self._inputs = {source: self._tp(source.value) for source in Input}
        self._producer: Any = None

    @override
    async def fence(self) -> None:
        self._producer = make_transactional_producer(
            self._settings,
            f"{self._settings.application_id}-{self._partition}",
            seconds=TRANSACTION_SECONDS,
            batch_bytes=_BATCH_BYTES,
        )
        with log_errors():
            async with asyncio.timeout(FENCE_SECONDS):
                await self._producer.start()

    @override
    async def bounds(self) -> Mapping[Input, Bounds]:
        found = await self._bounds(list(self._inputs.values()))
        return {source: found[tp] for source, tp in self._inputs.items()}

    @override
    async def dead_letters_end(self) -> int:
        tp = self._tp(DEAD_LETTERS.name)
        return (await self._bounds([tp]))[tp].end

    async def _bounds(self, tps: list[TopicPartition]) -> dict[TopicPartition, Bounds]:
        with log_errors():
            async with asyncio.timeout(IDLE_SECONDS), self._reading("read_committed") as consumer:
                starts = await consumer.beginning_offsets(tps)
                ends = await consumer.end_offsets(tps)
        return {tp: Bounds(starts[tp], ends[tp]) for tp in tps}

    @override
    async def restore(self) -> AsyncIterator[Sequence[StateRecord]]:
        tp = self._tp(STATE.name)
        with log_errors():
            async with asyncio.timeout(IDLE_SECONDS), self._reading("read_uncommitted") as consumer:
                # Not the end for readers of committed records: an open transaction would hide what follows.
                end = (await consumer.end_offsets([tp]))[tp]
            async with self._reading("read_committed") as consumer:
                async for records in _read(consumer, tp, end):
                    yield records

    @override
    async def commit(self, transaction: Transaction) -> None:
        with log_errors():
            async with asyncio.timeout(COMMIT_SECONDS):
                await self._producer.begin_transaction()
                try:
                    await self._write(transaction)
                except (IllegalOperation, AssertionError):
                    # So aiokafka answers what follows on a failure; the transaction knows of the failure.
                    await self._producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001
                    raise

    @override
    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, CLOSE_SECONDS)

    async def _write(self, transaction: Transaction) -> None:
        sent = [
            *await self._send(STATE.name, ((key, value, []) for key, value in transaction.state)),
            *await self._send(ALERTS.name, _alerts(transaction.alerts, "treated")),
            *await self._send(HOLDOUT.name, _alerts(transaction.alerts, "holdout")),
            *await self._send(DEAD_LETTERS.name, self._dead_letters(transaction.dead_letters)),
            *await self._send_moves(transaction.moves),
        ]
        await self._send_positions(transaction.positions)
        # aiokafka would commit without a batch that the broker refused.
        await asyncio.gather(*sent)
        await self._producer.commit_transaction()

    def _tp(self, name: str) -> TopicPartition:
        return TopicPartition(self._settings.topic_prefix + name, self._partition)

    @asynccontextmanager
    async def _reading(self, isolation: str) -> AsyncIterator[Any]:
        consumer = make_consumer(
            self._settings, isolation_level=isolation, max_partition_fetch_bytes=FETCH_BYTES
        )
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await consumer.start()
            yield consumer
        finally:
            await close_consumer(consumer, CLOSE_SECONDS)

    async def _send(self, topic: str, entries: Iterable[_Entry], partition: int | None = None) -> list[Any]:
        """Send records, to the own partition if no other is given, and return a future for each batch."""
        producer, name = self._producer, self._settings.topic_prefix + topic
        number = self._partition if partition is None else partition
        return [await producer.send_batch(batch, name, partition=number) for batch in _batches(entries)]

    async def _send_moves(self, moves: Iterable[tuple[int, Move]]) -> list[Any]:
        entries: dict[int, list[_Entry]] = {}
        for partition, move in moves:
            entries.setdefault(partition, []).append((move.customer_id.encode(), move.encode(), []))
        return [
            batch
            for partition, many in entries.items()
            for batch in await self._send(MOVES.name, many, partition)
        ]

    async def _send_positions(self, positions: Positions) -> None:
        offsets = {self._inputs[source]: position for source, position in positions.items()}
        if offsets:
            await self._producer.send_offsets_to_transaction(offsets, self._settings.application_id)

    def _dead_letters(self, dead_letters: Iterable[DeadLetter]) -> Iterator[_Entry]:
        for dead_letter in dead_letters:
            headers = DeadLetterHeaders(
                dl_topic=self._inputs[dead_letter.source].topic,
                dl_partition=str(self._partition),
                dl_offset=str(dead_letter.record.offset),
                dl_timestamp=str(dead_letter.record.timestamp),
                dl_reason=dead_letter.reason,
                dl_detail=dead_letter.detail,
                dl_version=_VERSION,
            )
            yield dead_letter.record.key, dead_letter.record.value, _encoded(headers)


async def _read(consumer: Any, tp: TopicPartition, end: int) -> AsyncIterator[Sequence[StateRecord]]:
    async with asyncio.timeout(IDLE_SECONDS):
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        position = await consumer.position(tp)
    async for batch in BatchFetcher(consumer, lambda: 0).read(tp, position, end):
        # A compacted topic has no record without a key.
        yield [(cast("bytes", record.key), record.value) for record in batch.records]


def _batches(entries: Iterable[_Entry]) -> Iterator[Any]:
    """Yield records in their order, in as few batches as can be, large ones alone and compressed.

    They may be larger than a batch that a broker takes: refused records that came compressed, customers with
    thousands of facts that wait.
    """
    batch = _batch(DefaultRecordBatch.CODEC_NONE)
    for key, value, headers in entries:
        if value is not None and len(value) > _LARGE_BYTES:
            if batch.record_count():
                yield batch
                batch = _batch(DefaultRecordBatch.CODEC_NONE)
            large = _batch(DefaultRecordBatch.CODEC_GZIP)
            large.append(key=key, value=value, timestamp=None, headers=headers)
            yield large
        elif batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            yield batch
            batch = _batch(DefaultRecordBatch.CODEC_NONE)
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    if batch.record_count():
        yield batch


def _batch(compression: int) -> Any:
    return BatchBuilder(_BATCH_BYTES, compression, is_transactional=True)


def _alerts(alerts: Iterable[Alert], arm: str) -> Iterator[_Entry]:
    for alert in alerts:
        if alert.arm == arm:
            value = alert.model_dump_json()
            headers = CloudEventsHeaders(
                ce_specversion="1.0",
                ce_id=alert.event_id,
                ce_source=_SOURCE,
                ce_type=alert.type,
                ce_time=alert.model_dump(mode="json", include={"time"})["time"],
                ce_subject=alert.customer_id,
            )
            yield alert.customer_id.encode(), value.encode(), _encoded(headers)


def _encoded(headers: Headers) -> _HeaderList:
    return [
        (name, str(value).encode())
        for name, value in headers.model_dump(mode="json").items()
        if value is not None
    ]
