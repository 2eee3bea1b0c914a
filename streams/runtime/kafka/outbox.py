"""Records on their way to Kafka: whole batches by partition, in order, each asked for its arrival."""

import asyncio
from collections import defaultdict, deque
from typing import Any, Final

from streams.runtime.kafka.clients import close_producer

BATCH_BYTES: Final = 512 * 1024

_Target = tuple[str, int]


class Outbox:
    """A batch for each partition of each topic, sent when full; raises aiokafka's errors.

    The producer keeps the order of the batches of a partition, and sends one at a time.
    """

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self._open: dict[_Target, Any] = {}
        self._full: deque[tuple[_Target, Any]] = deque()
        self._sent: dict[_Target, deque[tuple[Any, int]]] = defaultdict(deque)
        self.arrived = 0
        """How many records Kafka has."""

    def put(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        """Add a record."""
        target = topic, partition
        batch = self._open.get(target)
        if batch is not None:
            if batch.append(key=key, value=value, timestamp=None) is not None:
                return
            self._full.append((target, batch))
        batch = self._open[target] = self._producer.create_batch()
        batch.append(key=key, value=value, timestamp=None)  # the first always fits

    @property
    def has_full(self) -> bool:
        """Return whether a batch should be sent."""
        return bool(self._full)

    async def send_full(self) -> None:
        """Send the batches that are full, and see what became of earlier ones."""
        while self._full:
            (topic, partition), batch = self._full[0]
            future = await self._producer.send_batch(batch, topic, partition=partition)
            self._full.popleft()
            sent = self._sent[topic, partition]
            sent.append((future, batch.record_count()))
            while sent and sent[0][0].done():
                await self._arrival(sent)
        await asyncio.sleep(0)  # the network's turn

    async def flush(self) -> None:
        """Send all there is."""
        self._full += self._open.items()
        self._open.clear()
        await self.send_full()

    async def finish(self) -> None:
        """Send all there is, and wait until Kafka has it."""
        await self.flush()
        for sent in self._sent.values():
            while sent:
                await self._arrival(sent)

    async def close(self) -> None:
        """Close the producer; what has not arrived may be lost."""
        for sent in self._sent.values():
            for future, _ in sent:
                future.cancel()  # else asyncio logs its error as never retrieved
        await close_producer(self._producer)

    async def _arrival(self, sent: deque[tuple[Any, int]]) -> None:
        future, records = sent[0]
        await future
        sent.popleft()
        self.arrived += records
