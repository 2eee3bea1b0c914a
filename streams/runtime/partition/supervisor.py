"""A partition number while it is assigned: an owner takes, lets time pass, commits; one after another."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.watermark import FACTS, NEVER, Input
from streams.runtime.partition.processor import SIDE_INPUTS, PartitionProcessor
from streams.runtime.ports import UNKNOWN, Clock, Feed, FencedError, Fetched, LogError, PartitionLog
from streams.runtime.telemetry.metrics import Metrics, PartitionGauges

log = logging.getLogger(__name__)

MOST_QUEUED: Final = 4
"""Batches of facts, and as many of the side inputs, that wait for a partition; then it wants no more."""
MOST_TRIES: Final = 20
PAUSE_SECONDS: Final = 5.0
MOST_STALE: Final = 5
"""After more in a row the partition is opened anew: that tells whether Kafka still holds what comes next."""
_LONGEST_BACKOFF_SECONDS: Final = 10.0
_FIRST_BACKOFF_SECONDS: Final = 0.2
_TIME_STEP_SECONDS: Final = 0.02
"""On the live clock time is let pass as often."""
_SHOW_SECONDS: Final = 1.0
_ASK_SECONDS: Final = 2.0
"""While a partition is stopped, it is asked as often whether a redrive has ended that."""


class Phase(StrEnum):
    """What a supervisor is at."""

    OPENING = "opening"
    READY = "ready"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to commit, and what moves time."""

    commit_seconds: Callable[[], float]
    live: bool
    quiet_ms: Mapping[Input, int]
    """For how long (ms) an input may bring nothing before its time stands still; for ever if left out."""
    lateness_ms: int


@dataclass(slots=True)
class _Serving:
    """An open owner, and what is at hand for it."""

    processor: PartitionProcessor
    seeks: dict[Input, int]
    inbox: deque[Fetched] = field(default_factory=deque)
    last_commit: float = 0.0
    next_shown: float = 0.0
    caught_up: dict[Input, tuple[int, int]] = field(default_factory=dict)
    """Position of an input at which there was nothing more to read, and when (steady ms) that was asked."""
    next_asked: float = 0.0
    stopped: str | None = None
    """What was told of a stop."""
    stale: Counter[Input] = field(default_factory=Counter)
    """How many batches in a row did not begin at the position of the state."""


class GaveUpError(Exception):
    """A partition could not be opened however often it was tried."""


class PartitionSupervisor:
    """Keeps one partition number. All methods but `wants` belong to the event loop."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        number: int,
        *,
        make_log: Callable[[], PartitionLog],
        make_processor: Callable[[PartitionLog], PartitionProcessor],
        feed: Feed,
        pace: Pace,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.number = number
        self._make_log, self._make_processor = make_log, make_processor
        self._feed, self._pace, self._clock, self._metrics = feed, pace, clock, metrics
        self._log: PartitionLog | None = None
        self._serving: _Serving | None = None
        self._task: asyncio.Task[None] | None = None
        self._resuming: asyncio.Task[None] | None = None
        self._time = asyncio.get_running_loop().time
        self._news = asyncio.Event()
        self._tries = 0
        self._pausing = False
        self._idle = asyncio.Event()
        self._going_on = asyncio.Event()
        self.failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        """Is given what ends the worker."""
        self._busy_since: float | None = None
        self._opening: tuple[PartitionProcessor, int] | None = None
        self.paused_at: float | None = None

    # Life

    def start(self) -> None:
        """Begin, or begin anew, to open the partition."""
        self._pausing = False
        self.paused_at = None
        self._task = asyncio.create_task(self._run(), name=f"partition {self.number}")

    async def pause(self) -> None:
        """Commit and take nothing more; the state stays warm if that is done in time."""
        if self._resuming is not None:
            self._resuming.cancel()
            await asyncio.gather(self._resuming, return_exceptions=True)
        if self.paused_at is not None:
            return
        self._pausing = True
        self._idle.clear()
        self._going_on.clear()
        self._news.set()
        self.paused_at = self._time()
        self._metrics.forget(self.number)
        try:
            if self._serving is None:
                await self.close()
            else:
                await asyncio.wait_for(self._idle.wait(), PAUSE_SECONDS)
        except TimeoutError:
            log.warning("partition %d: the last commit took too long", self.number)
            await self.close()

    async def go_on(self) -> None:
        """Go on after a pause: with the warm state if nobody else has committed since, else from the log."""
        self._resuming = asyncio.current_task()
        try:
            if not await self._warm_start():
                if self._serving is not None:
                    self._metrics.reopened("stale")
                await self.close()
                self.start()
        finally:
            self._resuming = None

    async def _warm_start(self) -> bool:
        serving = self._serving
        try:
            if serving is None or not await self._unchanged(serving.processor):
                return False
            await self._seek(serving, serving.processor.positions)
        except LogError:
            return False
        if self._serving is not serving:
            return False
        self._pausing = False
        self.paused_at = None
        self._going_on.set()
        return True

    async def close(self) -> None:
        """Let go of everything."""
        task, self._task = self._task, None
        # First: who is cancelled in here must not leave state behind that nobody serves.
        self._serving = self._busy_since = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._drop()
        self._metrics.forget(self.number)

    async def _unchanged(self, processor: PartitionProcessor) -> bool:
        committed = await self._feed.committed(self.number)
        return all(committed.get(source) in {None, at} for source, at in processor.positions.items())

    async def _run(self) -> None:
        try:
            await self._try_on()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is ends the worker
            self._serving = self._busy_since = None
            self._idle.set()
            if not self.failure.done():
                self.failure.set_result(error)

    async def _try_on(self) -> None:
        self._tries = 0
        while True:
            try:
                await self._serve(await self._open())
            except FencedError:
                log.warning("partition %d: another owner opened it", self.number)
                self._metrics.reopened("fenced")
                await self._drop()
                if not self._pausing:
                    await self._feed.confirmed()
            except LogError as error:
                log.warning("partition %d: %s; it is opened again", self.number, error)
                self._metrics.reopened("log")
                await self._drop()
            if self._pausing:
                self._idle.set()
                return
            self._tries += 1
            if self._tries > MOST_TRIES:
                raise GaveUpError(f"partition {self.number} did not come on in {MOST_TRIES} tries")
            await asyncio.sleep(min(_FIRST_BACKOFF_SECONDS * 2**self._tries, _LONGEST_BACKOFF_SECONDS))

    async def _drop(self) -> None:
        self._serving = None
        self._busy_since = self._opening = None
        former, self._log = self._log, None
        if former is not None:
            await former.close()

    async def _open(self) -> _Serving:
        started = self._time()
        self._busy_since = started
        self._log = self._make_log()
        processor = self._make_processor(self._log)
        self._opening = processor, 0
        await processor.open()
        serving = _Serving(processor, {}, last_commit=started, stopped=processor.ended_stop)
        await self._seek(serving, processor.positions)
        self._serving = serving
        self._busy_since = self._opening = None
        seconds = self._time() - started
        self._metrics.restored(seconds, processor.restored)
        log.info(
            "partition %d: open after %.2f s, %d customers",
            self.number,
            seconds,
            processor.partition.customers,
        )
        return serving

    async def _seek(self, serving: _Serving, positions: Mapping[Input, int]) -> None:
        number = await self._feed.go_to(self.number, positions)
        serving.seeks |= dict.fromkeys(positions, number)

    # Work

    def wants(self, source: Input) -> bool:
        """Tell whether a batch of an input is welcome; may be asked from any thread."""
        serving = self._serving
        if serving is None or self._pausing or not serving.processor.wants(source):
            return False
        queued = sum((one.source in SIDE_INPUTS) is (source in SIDE_INPUTS) for one in list(serving.inbox))
        return queued < MOST_QUEUED

    def offer(self, batch: Fetched) -> None:
        """Take in a batch for later; one without records only if it begins elsewhere than we stand."""
        serving = self._serving
        if serving is None or self._pausing or _tells_nothing(serving, batch):
            return
        serving.inbox.append(batch)
        self._news.set()

    async def _serve(self, serving: _Serving) -> None:
        while True:
            self._news.clear()
            while not self._pausing and (batch := self._next(serving)) is not None:
                await self._take(serving, batch)
                await self._commit_if_due(serving)
            self._pass_time(serving)
            await self._commit_if_due(serving)
            self._show(serving)
            if self._pausing:
                await self._rest(serving)
            elif not serving.processor.waiting:
                await self._mind_stop(serving)
            await self._wait()

    def _next(self, serving: _Serving) -> Fetched | None:
        """Return the next batch; on the event clock, of facts only once the side inputs are read as far."""
        for at, batch in enumerate(serving.inbox):
            if self._pace.live or batch.source in SIDE_INPUTS or self._side_inputs_read(serving, batch):
                del serving.inbox[at]
                return batch
        return None

    def _side_inputs_read(self, serving: _Serving, batch: Fetched) -> bool:
        """Tell whether what the side inputs held when a batch was asked for is in the state.

        A history's profiles and dispositions are published before its facts, but fetched apart from them.
        """
        positions = serving.processor.positions
        highs = {source: self._feed.high_watermark(self.number, source) for source in SIDE_INPUTS}
        return all(
            high.asked_ms >= batch.asked_ms and positions[source] >= high.end
            for source, high in highs.items()
        )

    async def _wait(self) -> None:
        """Wait for a batch, or until time is to be let pass."""
        try:
            async with asyncio.timeout(_TIME_STEP_SECONDS):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _take(self, serving: _Serving, batch: Fetched) -> None:
        processor, started = serving.processor, self._time()
        if batch.seek < serving.seeks[batch.source] or processor.stopped is not None:
            return
        taken = processor.take(batch)
        if taken is None:
            self._metrics.stale(batch.source)
            serving.stale[batch.source] += 1
            if serving.stale[batch.source] > MOST_STALE:
                raise LogError(f"{batch.source} does not go on where it was read to")
            await self._seek(serving, {batch.source: processor.positions[batch.source]})
            return
        serving.stale[batch.source] = 0
        self._bear_witness(serving, batch)
        for reason in taken.refused:
            self._metrics.refused(batch.source, reason)
        self._metrics.took(batch.source, taken.outcome, self._time() - started)
        await asyncio.sleep(0)

    def _bear_witness(self, serving: _Serving, batch: Fetched) -> None:
        """Tell the clock when the broker appended what was not there when we asked before."""
        position, asked_ms = serving.caught_up.get(batch.source, (UNKNOWN, UNKNOWN))
        if batch.records and position == batch.before:
            at = batch.records[0].timestamp
            self._clock.appended(at, after_steady_ms=asked_ms, before_steady_ms=self._clock.steady_ms())

    def _pass_time(self, serving: _Serving) -> None:
        """On the live clock, let the time move inputs that are caught up and not too quiet."""
        if not self._pace.live:
            return
        processor = serving.processor
        asked = {}
        for source in FACTS:
            high = self._feed.high_watermark(self.number, source)
            if high.asked_ms != UNKNOWN and processor.positions[source] >= high.end:
                serving.caught_up[source] = processor.positions[source], high.asked_ms
                if not self._is_stale(processor, source):
                    asked[source] = high.asked_ms
        stopped = self._clock.stopped
        self._metrics.time_stopped(stopped)
        if asked and not stopped:
            processor.move({source: self._known_until(processor, source, at) for source, at in asked.items()})

    def _known_until(self, processor: PartitionProcessor, source: Input, asked_ms: int) -> int:
        """Return the time (ms) up to which all is here, of an input that had nothing more when we asked."""
        upstream = processor.delay.ms if source is Input.TRANSACTIONS else 0
        return self._clock.utc_ms(asked_ms) - self._pace.lateness_ms - upstream

    def _is_stale(self, processor: PartitionProcessor, source: Input) -> bool:
        most = self._pace.quiet_ms.get(source)
        newest = processor.partition.newest_of(source)
        return most is not None and (newest == NEVER or self._clock.now_ms() - newest > most)

    async def _commit_if_due(self, serving: _Serving) -> None:
        processor = serving.processor
        due = self._time() - serving.last_commit >= self._pace.commit_seconds()
        if processor.urgent or (
            processor.waiting and (due or self._pausing or processor.stopped is not None)
        ):
            await self._commit(serving)

    async def _commit(self, serving: _Serving) -> None:
        started = self._busy_since = self._time()
        written = await serving.processor.commit()
        self._busy_since = None
        serving.last_commit = self._time()
        if written is None:
            return
        self._tries = 0  # not when it opens: what can't be committed would be tried for ever
        now_ms = self._clock.now_ms()
        self._metrics.committed(self.number, serving.last_commit - started, written.alerts, now_ms)
        for alert, appended in zip(written.alerts, written.appended, strict=True):
            since = self._known_since(alert, appended)
            if since is not None:
                self._metrics.latency(max(0.0, (now_ms - since) / 1000))

    def _known_since(self, alert: Alert, appended: int | None) -> int | None:
        """Return from when (ms) an alert's latency counts; None where event time says nothing of it."""
        if appended is None and self._pace.live and not alert.backfill:
            return parse_ms(alert.time)
        return appended

    async def _mind_stop(self, serving: _Serving) -> None:
        """Tell of a stop once it is committed, and of its end; ask whether a redrive has ended it."""
        processor, why = serving.processor, serving.processor.stopped
        if why != serving.stopped:
            serving.stopped = why
            if why is None:
                log.warning("partition %d reads on: its stop was ended", self.number)
            else:
                log.error("partition %d is stopped: %s", self.number, why)
        if why is not None and self._time() >= serving.next_asked:
            serving.next_asked = self._time() + _ASK_SECONDS
            with suppress(LogError):
                await processor.end_stop(await self._feed.redriven(self.number))
            if processor.stopped is None:  # what was fetched behind the stop was thrown away
                await self._seek(serving, processor.positions)

    async def _rest(self, serving: _Serving) -> None:
        serving.inbox.clear()
        if serving.processor.waiting:
            await self._commit(serving)
        self._idle.set()
        await self._going_on.wait()

    # Show

    @property
    def phase(self) -> tuple[Phase, str | None]:
        """Return what it is at, and why if it is not reading."""
        serving = self._serving
        if serving is None:
            return Phase.OPENING, None
        why = serving.processor.stopped
        if why is not None:
            return Phase.STOPPED, why
        if not serving.processor.ready:
            return Phase.OPENING, "customers and dispositions are read first"
        return Phase.READY, None

    @property
    def busy_since(self) -> float | None:
        """Return since when (time of the event loop) a commit or restore stands still; None if there is none.

        A restore that comes on may take as long as it has to.
        """
        if self._opening is not None and self._opening[0].restored != self._opening[1]:
            self._opening = self._opening[0], self._opening[0].restored
            self._busy_since = self._time()
        return self._busy_since

    @property
    def processor(self) -> PartitionProcessor | None:
        """Return the open owner."""
        return None if self._serving is None else self._serving.processor

    def _show(self, serving: _Serving) -> None:
        now = self._time()
        if now < serving.next_shown:
            return
        serving.next_shown = now + _SHOW_SECONDS
        processor, partition = serving.processor, serving.processor.partition
        lags = {
            source: max(0, self._feed.high_watermark(self.number, source).end - at)
            for source, at in processor.positions.items()
        }
        self._metrics.state(
            self.number,
            PartitionGauges(
                watermark_ms=None if partition.watermark == NEVER else partition.watermark,
                now_ms=self._clock.now_ms(),
                lag=lags,
                customers=partition.customers,
                open_episodes=len(partition.open_customers),
                oversized=partition.oversized,
                dirty=partition.dirty,
                stalled={source: self._pace.live and self._is_stale(processor, source) for source in FACTS},
                backpressured={source: processor.backpressured(source) for source in Input},
                stopped=processor.stopped is not None,
                ready=processor.ready and processor.stopped is None,
                tally=partition.tally,
                upstream_delay_ms=processor.delay.ms,
                feed_broken=partition.feed_broken,
                sources={source: one.times for source, one in processor.sources.items()},
            ),
        )


def _tells_nothing(serving: _Serving, batch: Fetched) -> bool:
    """Tell whether a batch moves no position, and no batch before it was lost on its way."""
    if batch.before != batch.after:
        return False
    waits = any(one.source is batch.source for one in serving.inbox)
    return waits or batch.before == serving.processor.positions[batch.source]
