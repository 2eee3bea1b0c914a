"""The work on an open partition: take batches, advance time, commit, report; until it is asked to stop."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.watermark import FACTS, NEVER, Input
from streams.runtime.partition.live_time import LiveTime
from streams.runtime.partition.processor import SIDE_INPUTS, PartitionProcessor
from streams.runtime.ports import Clock, Feed, Fetched, HighWatermark, LogError
from streams.runtime.telemetry.metrics import Metrics
from streams.runtime.telemetry.partition_gauges import PartitionStatus

log = logging.getLogger(__name__)

MOST_QUEUED: Final = 4
"""Batches of facts, and as many of the side inputs, that wait for a partition; then it wants no more."""
MOST_GAPS: Final = 5
"""After more in a row the partition is opened again: that tells whether Kafka still holds what comes next."""
_TIME_STEP_SECONDS: Final = 0.02
"""How often time advances on the live clock."""
_REPORT_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 2.0
"""How often a stopped partition asks whether a redrive has ended the stop, and what waits behind it."""


@dataclass(frozen=True, slots=True)
class PartitionOptions:
    """How often to commit, and what advances time."""

    commit_seconds: Callable[[], float]
    live: bool
    quiet_ms: Mapping[Input, int]
    """For how long (ms) an input may bring nothing before its time stands still; for ever if left out."""
    lateness_ms: int


class WorkLoop:
    """Works on one open partition. `run` may be called again after it has returned, not after it has raised.

    All methods but `wants` belong to the event loop.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        number: int,
        processor: PartitionProcessor,
        *,
        feed: Feed,
        options: PartitionOptions,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.number, self.processor = number, processor
        self._feed, self._options, self._clock, self._metrics = feed, options, clock, metrics
        self._live_time = LiveTime(
            processor, clock, quiet_ms=options.quiet_ms, lateness_ms=options.lateness_ms
        )
        self._now = asyncio.get_running_loop().time
        self._wake = asyncio.Event()
        self._stopping = False
        self.inbox: deque[Fetched] = deque()
        """The batches that wait to be applied."""
        self._gaps: Counter[Input] = Counter()
        """How many batches in a row did not begin at the position of the state."""
        self._last_commit = self._now()
        self._next_report = self._next_question = 0.0
        self._reported_stop = processor.ended_stop
        self.committing_since: float | None = None
        """Time of the event loop; None while nothing is being committed."""
        self.has_committed = False
        """Whether anything was committed since the partition was opened."""

    async def run(self) -> None:
        """Work until `stop`, then commit what was applied. Raise FencedError or LogError."""
        self._stopping = False
        while not self._stopping:
            self._wake.clear()
            while not self._stopping and (batch := self._next()) is not None:
                await self._take(batch)
                await self._commit_if_due()
            self._advance_time()
            await self._commit_if_due()
            self._report()
            if not self._stopping:
                if not self.processor.waiting:
                    await self._follow_stop()
                await self._wait()
        self.inbox.clear()
        if self.processor.waiting:
            await self._commit()

    def stop(self) -> None:
        """Take no more batches, and let `run` end."""
        self._stopping = True
        self._wake.set()

    async def seek(self) -> None:
        """Seek all inputs to the positions of the state. Raise LogError."""
        await self._feed.seek(self.number, self.processor.positions)

    # Batches

    def wants(self, source: Input) -> bool:
        """Return whether a batch of an input is welcome; may be asked from any thread."""
        if self._stopping or not self.processor.wants(source):
            return False
        queued = sum((one.source in SIDE_INPUTS) is (source in SIDE_INPUTS) for one in list(self.inbox))
        return queued < MOST_QUEUED

    def offer(self, batch: Fetched) -> None:
        """Queue a batch; one without records only if it shows that a batch before it was lost."""
        if self._stopping or self._moves_nothing(batch):
            return
        self.inbox.append(batch)
        self._wake.set()

    def _moves_nothing(self, batch: Fetched) -> bool:
        """Return whether a batch moves no position, and no batch before it was lost on its way."""
        if batch.before != batch.after:
            return False
        waits = any(one.source is batch.source for one in self.inbox)
        return waits or batch.before == self.processor.positions[batch.source]

    def _next(self) -> Fetched | None:
        """Return the next batch; on the event clock, of facts only once the side inputs are read as far."""
        for index, batch in enumerate(self.inbox):
            if self._options.live or batch.source in SIDE_INPUTS or self._side_inputs_read(batch):
                del self.inbox[index]
                return batch
        return None

    def _side_inputs_read(self, batch: Fetched) -> bool:
        """Return whether what the side inputs held when a batch was asked for is in the state.

        A history's profiles and dispositions are published before its facts, but fetched apart from them.
        """
        positions = self.processor.positions
        highs = self._high_watermarks(SIDE_INPUTS)
        return all(
            high.asked_ms >= batch.asked_ms and positions[source] >= high.end
            for source, high in highs.items()
        )

    async def _take(self, batch: Fetched) -> None:
        processor, started = self.processor, self._now()
        if self._feed.is_stale(self.number, batch) or processor.stopped is not None:
            return
        taken = processor.take(batch)
        if taken is None:
            await self._close_gap(batch.source)
            return
        self._gaps[batch.source] = 0
        self._live_time.note_append(batch)
        for reason in taken.refused:
            self._metrics.refused(batch.source, reason)
        for names in taken.unknown:
            self._metrics.unknown_fields(batch.source, names)
        self._metrics.took(batch.source, taken.outcome, self._now() - started)
        await asyncio.sleep(0)

    async def _close_gap(self, source: Input) -> None:
        """Seek an input whose batch began elsewhere than at the position of the state. Raise LogError."""
        self._metrics.stale(source)
        self._gaps[source] += 1
        if self._gaps[source] > MOST_GAPS:
            raise LogError(f"{source} does not go on where it was read to")
        await self._feed.seek(self.number, {source: self.processor.positions[source]})

    async def _wait(self) -> None:
        """Wait for a batch, or until time is to advance."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TIME_STEP_SECONDS):
                await self._wake.wait()

    # Time

    def _advance_time(self) -> None:
        if self._options.live:
            trusted = self._live_time.advance(self._high_watermarks(FACTS))
            self._metrics.time_stopped(not trusted)

    def _high_watermarks(self, inputs: Iterable[Input]) -> dict[Input, HighWatermark]:
        return {source: self._feed.high_watermark(self.number, source) for source in inputs}

    # Commit

    async def _commit_if_due(self) -> None:
        processor = self.processor
        due = self._now() - self._last_commit >= self._options.commit_seconds()
        if processor.urgent or (
            processor.waiting and (due or self._stopping or processor.stopped is not None)
        ):
            await self._commit()

    async def _commit(self) -> None:
        started = self.committing_since = self._now()
        try:
            written = await self.processor.commit()
        finally:
            self.committing_since = None
        self._last_commit = self._now()
        if written is None:
            return
        self.has_committed = True
        now_ms = self._clock.now_ms()
        self._metrics.committed(self.number, self._last_commit - started, written.alerts, now_ms)
        for alert, appended in zip(written.alerts, written.appended, strict=True):
            since = self._due_at(alert, appended)
            if since is not None:
                self._metrics.latency(max(0.0, (now_ms - since) / 1000))

    def _due_at(self, alert: Alert, appended: int | None) -> int | None:
        """Return from when (ms) an alert's latency counts; None where event time says nothing of it."""
        if appended is None and self._options.live and not alert.backfill:
            return parse_ms(alert.time)
        return appended

    # Stop after too many refusals

    async def _follow_stop(self) -> None:
        """Log a stop once it is committed, and its end; ask whether a redrive has ended it.

        Nothing is fetched meanwhile, so brokers are asked where the inputs end: else the lag would stay.
        """
        processor, why = self.processor, self.processor.stopped
        if why != self._reported_stop:
            self._reported_stop = why
            if why is None:
                log.warning("partition %d reads on: its stop was ended", self.number)
            else:
                log.error("partition %d is stopped: %s", self.number, why)
        if why is not None and self._now() >= self._next_question:
            self._next_question = self._now() + _ASK_SECONDS
            with suppress(LogError):
                await processor.end_stop(await self._feed.redriven_until(self.number))
                await self._feed.ask_ends(self.number)
            if processor.stopped is None:  # what was fetched behind the stop was thrown away
                await self.seek()

    # Report

    def _report(self) -> None:
        now = self._now()
        if now < self._next_report:
            return
        self._next_report = now + _REPORT_SECONDS
        processor, partition = self.processor, self.processor.partition
        lags = {
            source: max(0, self._feed.high_watermark(self.number, source).end - position)
            for source, position in processor.positions.items()
        }
        live, stalled = self._options.live, self._live_time.is_stalled
        self._metrics.state(
            self.number,
            PartitionStatus(
                watermark_ms=None if partition.watermark == NEVER else partition.watermark,
                now_ms=self._clock.now_ms(),
                lag=lags,
                customers=partition.customers,
                open_episodes=len(partition.open_customers),
                oversized=partition.oversized,
                dirty=partition.dirty,
                largest_record=processor.largest_record,
                stalled={source: live and stalled(source) for source in FACTS},
                backpressured={source: processor.backpressured(source) for source in Input},
                stopped=processor.stopped is not None,
                ready=processor.ready and processor.stopped is None,
                tally=partition.tally,
                upstream_delay_ms=processor.delay.ms,
                feed_broken=partition.feed_broken,
                feed_guard_off=partition.feed_guard_off,
                sources={source: one.times for source, one in processor.sources.items()},
            ),
        )
