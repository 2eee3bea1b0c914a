"""One end of the canary: a shop and its call centre, whose synthetic customers buy and are treated badly."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.topics import CONTACTS, TRANSACTIONS, Topic
from streams.crm.canary.customers import Canary
from streams.crm.canary.rounds import Round
from streams.runtime.kafka.clients import close_consumer, close_producer, make_consumer, make_producer
from streams.settings import Settings

_BATCH_BYTES: Final = 16_384


class Feed(Protocol):
    """Where events go."""

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset after the last purchase, by partition."""

    async def write(self, topic: Topic, canary: Canary, event: Mapping[str, Any]) -> int:
        """Write an event to the customer's partition, and return its offset once it is there."""


async def act(
    rounds: Iterable[Round], feed: Feed, now_ms: Callable[[], int], *, spend: str, currency: str
) -> None:
    """Let those buy who did not in this half day, and be treated badly those whose turn it is.

    What raises halfway is done again by the next call, with the same ids.
    """
    rounds = list(rounds)
    looking = [one for one in rounds if one.looks_at_feed(now_ms())]
    ends = await feed.ends([one.canary.partition for one in looking]) if looking else {}
    for one in looking:
        at = now_ms()
        if one.buys(at, ends[one.canary.partition]):
            offset = await feed.write(TRANSACTIONS, one.canary, one.canary.purchase(at, spend, currency))
            one.bought(at, offset + 1)
    for one in rounds:
        at = now_ms()
        turn_ms = one.turn_of(at)
        if turn_ms is not None:
            await feed.write(CONTACTS, one.canary, one.canary.contact(at, turn_ms))
            one.turn_ms = turn_ms


class KafkaFeed:
    """The input topics; connects when it is first needed. Raises aiokafka's errors, SettingsError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self.written = 0
        """How many events Kafka has."""

    async def ends(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset after the last purchase that is committed, by partition."""
        if self._consumer is None:
            self._consumer = make_consumer(self._settings)
            await self._consumer.start()
        topic = self._settings.topic_prefix + TRANSACTIONS.name
        found = await self._consumer.end_offsets([TopicPartition(topic, one) for one in partitions])
        return {of.partition: end for of, end in found.items()}

    async def write(self, topic: Topic, canary: Canary, event: Mapping[str, Any]) -> int:
        """Write an event to the customer's partition, and return its offset once it is there."""
        if self._producer is None:
            self._producer = make_producer(self._settings, batch_bytes=_BATCH_BYTES)
            await self._producer.start()
        placed = await self._producer.send_and_wait(
            self._settings.topic_prefix + topic.name,
            json.dumps(event).encode(),
            key=canary.customer_id.encode(),
            partition=canary.partition,
        )
        self.written += 1
        offset: int = placed.offset
        return offset

    async def close(self) -> None:
        """Let the connections go; the next call makes new ones."""
        producer, self._producer = self._producer, None
        consumer, self._consumer = self._consumer, None
        if producer is not None:
            await close_producer(producer)
        if consumer is not None:
            await close_consumer(consumer)
