"""What a topic holds: committed records only, up to where each partition ended when the reading began."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol, cast

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.runtime.kafka.client_options import aiokafka_options
from streams.runtime.kafka.fetch import BatchFetcher, FetchedBatch
from streams.runtime.ports import Bounds, LogRecord
from streams.settings import Settings

_IDLE_SECONDS: Final = 20.0
"""A reading in which nothing comes for so long has failed."""
_FETCH_BYTES: Final = 8 << 20


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
        for place, (start, _) in bounds.items():
            consumer.seek(place, start)

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
        place = list(self._bounds)[partition]
        position, end = self._bounds[place]
        self._consumer.resume(place)
        while position < end:
            batch = await self._next(place)
            position = batch.after
            yield [one for one in cast("list[HeadedRecord]", batch.records) if one.offset < end]
        self._consumer.pause(place)

    async def _next(self, place: TopicPartition) -> FetchedBatch:
        async with asyncio.timeout(_IDLE_SECONDS):
            while True:
                taken = await self._fetches.take({place}, 1.0)
                if taken:
                    return taken[place]


@asynccontextmanager
async def committed_reader(settings: Settings, topic: str, partitions: int) -> AsyncIterator[CommittedReader]:
    """Give a reader of all partitions of a topic. Raises SettingsError, aiokafka's errors, TimeoutError."""
    consumer = AIOKafkaConsumer(
        **aiokafka_options(settings),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    places = [TopicPartition(topic, number) for number in range(partitions)]
    try:
        async with asyncio.timeout(_IDLE_SECONDS):
            await consumer.start()
            consumer.assign(places)
            consumer.pause(*places)
            starts = await consumer.beginning_offsets(places)
            ends = await consumer.end_offsets(places)
        yield CommittedReader(consumer, {place: (starts[place], ends[place]) for place in places})
    finally:
        await consumer.stop()
