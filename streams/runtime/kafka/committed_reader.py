"""What a topic holds: committed records only, up to where each partition ended when the reading began."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast

from aiokafka import TopicPartition

from streams.runtime.kafka.clients import FETCH_BYTES, close_consumer, make_consumer
from streams.runtime.kafka.fetch import IDLE_SECONDS, BatchFetcher
from streams.runtime.ports import Bounds, LogRecord
from streams.settings import Settings


class HeadedRecord(LogRecord, Protocol):
    """A record with its headers."""

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """Its headers, in their order."""


class CommittedReader:
    """Reads a topic's partitions, one after the other. Raises aiokafka's errors, TimeoutError.

    All are assigned once and paused until their turn: aiokafka (0.14) may never stop if it is asked to just
    after an assignment.
    """

    def __init__(self, consumer: Any, bounds: dict[TopicPartition, tuple[int, int]]) -> None:
        self._consumer = consumer
        self._bounds = bounds
        self._fetches = BatchFetcher(consumer, lambda: 0)
        for tp, (start, _) in bounds.items():
            consumer.seek(tp, start)

    @property
    def bounds(self) -> list[Bounds]:
        """Return what each partition holds."""
        return [Bounds(*bounds) for bounds in self._bounds.values()]

    @property
    def offsets(self) -> int:
        """Return how many offsets there are to read; markers and gaps count."""
        return sum(end - start for start, end in self._bounds.values())

    async def read(self, partition: int) -> AsyncIterator[list[HeadedRecord]]:
        """Yield what a partition holds, a fetch at a time."""
        tp = list(self._bounds)[partition]
        position, end = self._bounds[tp]
        self._consumer.resume(tp)
        async for batch in self._fetches.read(tp, position, end):
            yield [one for one in cast("list[HeadedRecord]", batch.records) if one.offset < end]
        self._consumer.pause(tp)


@asynccontextmanager
async def committed_reader(
    settings: Settings, topic: str, partitions: int, *, most: int | None = None
) -> AsyncIterator[CommittedReader]:
    """Give a reader of all partitions of a topic, of each the newest `most` offsets if that is given.

    Raises SettingsError, aiokafka's errors, TimeoutError.
    """
    consumer = make_consumer(settings, max_partition_fetch_bytes=FETCH_BYTES)
    tps = [TopicPartition(topic, number) for number in range(partitions)]
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            await consumer.start()
            consumer.assign(tps)
            consumer.pause(*tps)
            starts = await consumer.beginning_offsets(tps)
            ends = await consumer.end_offsets(tps)
        if most is not None:
            starts = {tp: max(start, ends[tp] - most) for tp, start in starts.items()}
        yield CommittedReader(consumer, {tp: (starts[tp], ends[tp]) for tp in tps})
    finally:
        await close_consumer(consumer)
