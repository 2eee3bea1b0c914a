"""Files to topics: what is published when, and what is told of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)
from typing_extensions import override

from streams.core.watermark import FACTS, GIVEN, NEVER, Input
from streams.runtime.kafka.admin import KafkaRefusedError, KafkaUnavailableError
from streams.runtime.kafka.client_options import aiokafka_options, quiet
from streams.runtime.kafka.outbox import BATCH_BYTES, Outbox
from streams.runtime.tools.publish_entries import EVERY, Entry
from streams.settings import Settings

_START_SECONDS: Final = 30.0
_DELIVERY_MS: Final = 30_000
_LAST_SECONDS: Final = 5.0
"""How long what was sent may take to arrive when the command is stopped."""
_STEP_SECONDS: Final = 0.01
"""Nothing waits for its time for less than this, so a record may be as much too early."""


class Pace(Protocol):
    """When to publish what."""

    def due(self, entries: int, reached: int) -> float:
        """Return the seconds from the start at which an entry is due, after so many others."""


class PerSecond(Pace):
    """So many records a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    @override
    def due(self, entries: int, reached: int) -> float:
        return entries / self._rate


class TimesFaster(Pace):
    """Event time so many times as fast as it went; profiles and dispositions at once."""

    def __init__(self, speed: float) -> None:
        self._ms = speed * 1000
        self._first: int | None = None

    @override
    def due(self, entries: int, reached: int) -> float:
        if reached == NEVER:
            return 0.0
        if self._first is None:
            self._first = reached
        return (reached - self._first) / self._ms


@dataclass(slots=True)
class Published:
    """What was published so far."""

    lines: Counter[Input] = field(default_factory=Counter)
    ticks: int = 0
    """Ticks that no file has, each partition's own."""
    reached: int = NEVER
    """Event time, ms."""
    arrived: int = 0
    """Records that Kafka has."""


Told = Callable[[Published], None]


class Publisher:
    """Publishes to the topics of the settings; `published` is current all the time."""

    def __init__(
        self,
        settings: Settings,
        partitions: int,
        *,
        pace: Pace | None = None,
        told: Told = lambda _published: None,
    ) -> None:
        self._settings = settings
        self._topics = {source: settings.topic_prefix + source.value for source in GIVEN}
        self._everywhere = range(partitions)
        self._pace = pace
        self._told = told
        self.published = Published()

    async def publish(self, entries: Iterable[Entry]) -> None:
        """Publish, and return when Kafka has it all; when cancelled, what was published still arrives.

        Raises KafkaUnavailableError, KafkaRefusedError, SettingsError.
        """
        options = aiokafka_options(self._settings)
        producer = AIOKafkaProducer(
            **options,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=_DELIVERY_MS,
        )
        outbox = Outbox(producer)
        where = ",".join(self._settings.bootstrap_servers)
        with quiet():
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await producer.start()
                await self._pump(entries, outbox)
            except (TopicAuthorizationFailedError, ClusterAuthorizationFailedError) as error:
                raise KafkaRefusedError(f"Kafka at {where} refuses: the right to write is missing") from error
            except (KafkaError, TimeoutError) as error:
                why = "no answer in time" if isinstance(error, TimeoutError | KafkaTimeoutError) else error
                raise KafkaUnavailableError(
                    f"Kafka at {where} does not take it: {why}; {outbox.arrived:,} records arrived before"
                ) from error
            finally:
                await outbox.close()

    async def _pump(self, entries: Iterable[Entry], outbox: Outbox) -> None:
        started = time.monotonic()
        facts_begun = False
        try:
            for before, entry in enumerate(entries):
                if not facts_begun and entry.source in FACTS:
                    facts_begun = True
                    await outbox.finish()  # a worker that runs already must find the side inputs before
                if self._pace is not None:
                    due = started + self._pace.due(before, entry.reached)
                    await self._wait(due - time.monotonic(), outbox)
                self._put(entry, outbox)
                if outbox.has_full:
                    await outbox.send_full()
                    self._tell(outbox)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await outbox.finish()
            raise
        else:
            await outbox.finish()
        finally:
            self._tell(outbox)

    async def _wait(self, seconds: float, outbox: Outbox) -> None:
        if seconds >= _STEP_SECONDS:
            await outbox.flush()
            self._tell(outbox)
            await asyncio.sleep(seconds)

    def _put(self, entry: Entry, outbox: Outbox) -> None:
        reached, source, partition, key, value, is_line = entry
        for one in self._everywhere if partition == EVERY else (partition,):
            outbox.put(self._topics[source], one, key, value)
        published = self.published
        if is_line:
            published.lines[source] += 1
        else:
            published.ticks += len(self._everywhere)
        published.reached = max(published.reached, reached)

    def _tell(self, outbox: Outbox) -> None:
        self.published.arrived = outbox.arrived
        self._told(self.published)
