"""Faust's consumer, as the supervisors see it."""

import asyncio
from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from typing_extensions import override

from schemas.topics import DEAD_LETTERS
from streams.core.watermark import Input
from streams.runtime.faust.transport import HEARTBEAT_SECONDS, ConsumerThread
from streams.runtime.ports import Feed, Fetched, HighWatermark, LogError, Positions
from streams.runtime.seek_numbers import SeekNumbers


class FaustFeed(Feed):
    """Seeks and questions go to the consumer's thread; `thread` is known from the first assignment on.

    `seeks` is that of the consumer.
    """

    def __init__(self, prefix: str, seeks: SeekNumbers[TopicPartition]) -> None:
        self._prefix, self._seeks = prefix, seeks
        self.thread: ConsumerThread | None = None

    @property
    def loops(self) -> tuple[asyncio.AbstractEventLoop, ...]:
        """The event loop of the consumer's thread, once it has started."""
        return () if self.thread is None else (self.thread.thread_loop,)

    def _tp(self, partition: int, source: Input) -> TopicPartition:
        return TopicPartition(self._prefix + source.value, partition)

    def _thread(self) -> ConsumerThread:
        if self.thread is None:
            raise LogError("the consumer has not started")
        return self.thread

    @override
    async def seek(self, partition: int, positions: Positions) -> None:
        await self._thread().seek_all(
            {self._tp(partition, source): position for source, position in positions.items()}
        )

    @override
    def is_stale(self, partition: int, batch: Fetched) -> bool:
        return self._seeks.is_stale(self._tp(partition, batch.source), batch.seek)

    @override
    def high_watermark(self, partition: int, source: Input) -> HighWatermark:
        known = {} if self.thread is None else self.thread.high_watermarks
        return known.get(self._tp(partition, source), HighWatermark())

    @override
    async def ask_ends(self, partition: int) -> None:
        try:
            await self._thread().ask_ends(self._tp(partition, source) for source in Input)
        except KafkaError as error:
            raise LogError(type(error).__name__) from error

    @override
    async def committed(self, partition: int) -> Mapping[Input, int | None]:
        tps = {self._tp(partition, source): source for source in Input}
        found = await self._committed(tps)
        return {tps[tp]: position for tp, position in found.items()}

    @override
    async def redriven_until(self, partition: int) -> int:
        tp = TopicPartition(self._prefix + DEAD_LETTERS.name, partition)
        return (await self._committed([tp]))[tp] or 0

    async def _committed(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int | None]:
        try:
            return await self._thread().committed(tps)
        except KafkaError as error:
            raise LogError(type(error).__name__) from error

    @override
    async def membership_confirmed(self) -> None:
        # A zombie is told by its next heartbeat that it is one, and its partitions are revoked.
        thread = self._thread()
        before = thread.heartbeats
        while thread.heartbeats == before:  # noqa: ASYNC110 - it is counted in another thread
            await asyncio.sleep(HEARTBEAT_SECONDS / 10)
