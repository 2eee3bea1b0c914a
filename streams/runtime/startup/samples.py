"""The newest records of each input, some hundred of them: enough to see what its producers do."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.core.watermark import GIVEN, Input
from streams.runtime.kafka.clients import close_consumer, make_consumer
from streams.runtime.kafka.errors import from_aiokafka, muted_aiokafka
from streams.settings import Settings

MOST_OF_AN_INPUT: Final = 1_000
"""So many of the newest offsets of an input, shared out to its partitions, are looked at."""
_LEAST_OF_A_PARTITION: Final = 20
_POLL_MS: Final = 200


class Sampled(NamedTuple):
    """A record of an input."""

    partition: int
    key: bytes | None
    value: bytes | None


def sample_inputs(settings: Settings, partitions: int, seconds: float) -> dict[Input, list[Sampled]]:
    """Return the newest records of each input, those that come within so many seconds.

    Raises SettingsError, KafkaUnavailableError, KafkaRefusedError.
    """
    with muted_aiokafka():
        try:
            return asyncio.run(_sampled(settings, partitions, time.monotonic() + seconds))
        except KafkaError as error:
            raise from_aiokafka(error) from error


async def _sampled(settings: Settings, partitions: int, deadline: float) -> dict[Input, list[Sampled]]:
    sources = {settings.topic_prefix + source.value: source for source in GIVEN}
    found: dict[Input, list[Sampled]] = {source: [] for source in GIVEN}
    consumer = make_consumer(settings)
    tps = [TopicPartition(topic, number) for topic in sources for number in range(partitions)]
    most = max(_LEAST_OF_A_PARTITION, MOST_OF_AN_INPUT // partitions)
    try:
        await consumer.start()
        consumer.assign(tps)
        ends = await _sought(consumer, tps, most)
        while ends and time.monotonic() < deadline:
            for tp, records in (await consumer.getmany(*ends, timeout_ms=_POLL_MS)).items():
                new = (Sampled(tp.partition, one.key, one.value) for one in records)
                found[sources[tp.topic]] += new
            await _drop_finished(consumer, ends)
    finally:
        await close_consumer(consumer)
    return found


async def _sought(consumer: Any, tps: Iterable[TopicPartition], most: int) -> dict[TopicPartition, int]:
    """Go to the newest offsets of each partition, and return where those end that hold any."""
    starts: Mapping[TopicPartition, int] = await consumer.beginning_offsets(tps)
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(tps)
    for tp in tps:
        consumer.seek(tp, max(starts[tp], ends[tp] - most))
    return {tp: end for tp, end in ends.items() if end > starts[tp]}


async def _drop_finished(consumer: Any, ends: dict[TopicPartition, int]) -> None:
    """Forget the partitions that are read to where they ended; what came since is not read."""
    for tp, end in list(ends.items()):
        if await consumer.position(tp) >= end:
            consumer.pause(tp)
            del ends[tp]
