"""Files to topics: what is published when, and how far it is."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from typing_extensions import override

from streams.console import OnProgress
from streams.core.watermark import FACTS, GIVEN, NEVER, Input
from streams.runtime.kafka.clients import make_producer
from streams.runtime.kafka.errors import publish_errors
from streams.runtime.kafka.outbox import BATCH_BYTES, Outbox
from streams.runtime.tools.prescan import Prescan, prescan
from streams.runtime.tools.publish_entries import ALL_PARTITIONS, Entry, entries
from streams.settings import Settings

_START_SECONDS: Final = 30.0
_LAST_SECONDS: Final = 5.0
"""How long what was sent may take to arrive when the command is stopped."""
_STEP_SECONDS: Final = 0.01
"""Nothing waits for its time for less than this, so a record may be as much too early."""


def prescan_for(
    settings: Settings,
    directory: Path,
    partitions: int,
    on_progress: OnProgress = lambda _done, _of: None,
) -> Prescan:
    """Return what a directory holds for the topics of the settings. Raises InputError, SettingsError."""
    return prescan(
        directory,
        partitions=partitions,
        currency=settings.reporting_currency,
        lateness_ms=settings.rules().lateness_ms,
        now_ms=time.time_ns() // 1_000_000,
        partitioner=settings.partitioner,
        strict_fields=settings.strict_fields,
        on_progress=on_progress,
    )


class Schedule(Protocol):
    """When to publish what."""

    def due(self, entries: int, reached: int) -> float:
        """Return the seconds from the start at which an entry is due.

        So many entries went before it, and event time has reached so many ms.
        """


class FixedRate(Schedule):
    """So many records a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    @override
    def due(self, entries: int, reached: int) -> float:
        return entries / self._rate


class EventTimeSpeed(Schedule):
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


class Publisher:
    """Publishes to the topics of the settings; `published` is current all the time."""

    def __init__(
        self,
        settings: Settings,
        partitions: int,
        *,
        schedule: Schedule | None = None,
        on_progress: Callable[[Published], None] = lambda _published: None,
    ) -> None:
        self._settings = settings
        self._topics = {source: settings.topic_prefix + source.value for source in GIVEN}
        self._partitions = range(partitions)
        self._schedule = schedule
        self._on_progress = on_progress
        self.published = Published()

    async def publish_directory(self, prescanned: Prescan) -> None:
        """Publish a directory with its ticks, as `publish` does; raises InputError too."""
        settings = self._settings
        await self.publish(
            entries(
                prescanned,
                len(self._partitions),
                settings.reporting_currency,
                partitioner=settings.partitioner,
                strict_fields=settings.strict_fields,
            )
        )

    async def publish(self, entries: Iterable[Entry]) -> None:
        """Publish, and return when Kafka has it all; when cancelled, what was published still arrives.

        Raises KafkaUnavailableError, KafkaRefusedError, SettingsError.
        """
        producer = make_producer(self._settings, batch_bytes=BATCH_BYTES)
        outbox = Outbox(producer)
        with publish_errors(self._settings, lambda: outbox.arrived):
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await producer.start()
                await self._pump(entries, outbox)
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
                if self._schedule is not None:
                    due = started + self._schedule.due(before, entry.reached)
                    await self._wait(due - time.monotonic(), outbox)
                self._put(entry, outbox)
                if outbox.has_full:
                    await outbox.send_full()
                    self._report(outbox)
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await outbox.finish()
            raise
        else:
            await outbox.finish()
        finally:
            self._report(outbox)

    async def _wait(self, seconds: float, outbox: Outbox) -> None:
        if seconds >= _STEP_SECONDS:
            await outbox.flush()
            self._report(outbox)
            await asyncio.sleep(seconds)

    def _put(self, entry: Entry, outbox: Outbox) -> None:
        reached, source, partition, key, value, is_line = entry
        for one in self._partitions if partition == ALL_PARTITIONS else (partition,):
            outbox.put(self._topics[source], one, key, value)
        published = self.published
        if is_line:
            published.lines[source] += 1
        else:
            published.ticks += len(self._partitions)
        published.reached = max(published.reached, reached)

    def _report(self, outbox: Outbox) -> None:
        self.published.arrived = outbox.arrived
        self._on_progress(self.published)
