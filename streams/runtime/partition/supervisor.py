"""A partition number on this worker over many processors: opened, paused, resumed, opened again.

What may happen when is the table in `states`; the work on an open partition is `work_loop`.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from streams.core.watermark import Input
from streams.runtime.partition.processor import PartitionProcessor
from streams.runtime.partition.states import AWAY, Event, State, next_state
from streams.runtime.partition.work_loop import PartitionOptions, WorkLoop
from streams.runtime.ports import Clock, Feed, FencedError, Fetched, LogError, PartitionLog
from streams.runtime.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

MOST_TRIES: Final = 20
PAUSE_SECONDS: Final = 5.0
_LONGEST_BACKOFF_SECONDS: Final = 10.0
_FIRST_BACKOFF_SECONDS: Final = 0.2


class Phase(StrEnum):
    """What `/ready` shows of a partition."""

    OPENING = "opening"
    READY = "ready"
    STOPPED = "stopped"


class GaveUpError(Exception):
    """A partition could not be opened however often it was tried."""


class PartitionSupervisor:
    """Takes one partition number through its states. All methods but `wants` belong to the event loop.

    A task does what the state asks for, and is at work in every state but RELEASED, PAUSED, FAILED and
    CLOSED. Each of its steps ends in an event.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        number: int,
        *,
        make_log: Callable[[], PartitionLog],
        make_processor: Callable[[PartitionLog], PartitionProcessor],
        feed: Feed,
        options: PartitionOptions,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.number = number
        self._make_log, self._make_processor = make_log, make_processor
        self._feed, self._options, self._clock, self._metrics = feed, options, clock, metrics
        loop = asyncio.get_running_loop()
        self._now = loop.time
        self.state = State.RELEASED
        self.paused_at: float | None = None
        """Since when (time of the event loop) the partition is revoked and not at work again."""
        self.waiting_since: float | None = None
        """Since when (time of the event loop) it is assigned and not open."""
        self.failure: asyncio.Future[BaseException] = loop.create_future()
        """Is given what ends the worker."""
        self._task: asyncio.Task[None] | None = None
        self._log: PartitionLog | None = None
        self._work: WorkLoop | None = None
        """The open partition: there while SERVING, PAUSING, PAUSED and RESUMING."""
        self._failed_tries = 0
        """How often in a row it failed without anything being committed."""
        self._opening_since: float | None = None
        """When the restore began, or last made progress."""

    def _transition(self, event: Event) -> None:
        """Change the state; raise TransitionError if the event must not happen now."""
        self.state = next_state(self.state, event)
        if self.state not in AWAY and self.state is not State.RESUMING:
            self.paused_at = None
        elif self.paused_at is None:
            self.paused_at = self._now()
        if self.state is State.SERVING or not self.is_assigned:
            self.waiting_since = None
        elif self.waiting_since is None:
            self.waiting_since = self._now()

    @property
    def is_assigned(self) -> bool:
        """Return whether the group has given the partition to this worker, and not taken it away since."""
        return self.state not in AWAY

    # Asked by the group and the worker

    def assign(self) -> None:
        """Take the partition up: with the state in memory if it is still current, else from the log."""
        self._transition(Event.ASSIGNED)
        self._failed_tries = 0
        self._task = asyncio.create_task(self._run(), name=f"partition {self.number}")

    async def revoke(self) -> None:
        """Commit and take nothing more; the state stays in memory if that is done in time.

        Do nothing if the partition is not assigned: a rebalance and the end of the worker may coincide.
        """
        if not self.is_assigned:
            return
        self._transition(Event.REVOKED)
        if self.state is State.PAUSING:
            await self._pause()
        elif self.state is State.PAUSED:
            await self._cancel()
        if self.state is State.RELEASED:
            await self._release()
        self._metrics.forget(self.number)

    async def close(self) -> None:
        """Let go of everything, for good. Do nothing if that was done."""
        if self.state is State.CLOSED:
            return
        self._transition(Event.CLOSED)
        await self._release()
        self._metrics.forget(self.number)

    async def _pause(self) -> None:
        """Wait for the last commit, but not for long."""
        work, task = self._work, self._task
        if work is not None:
            work.stop()
        if task is not None:
            await asyncio.wait((task,), timeout=PAUSE_SECONDS)
        if self.state is State.PAUSING:
            log.warning("partition %d: the last commit took too long", self.number)
            self._transition(Event.TIMED_OUT)

    async def _cancel(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _release(self) -> None:
        # First: who is cancelled in here must not leave state behind that nobody works on.
        self._work = None
        await self._cancel()
        await self._drop()

    async def _drop(self) -> None:
        self._work = None
        former, self._log = self._log, None
        if former is not None:
            await former.close()

    # The task

    async def _run(self) -> None:
        """Do what each state asks for, up to one in which nothing is to be done."""
        steps = {
            State.RESUMING: self._resume,
            State.OPENING: self._open,
            State.SERVING: self._serve,
            State.CONFIRMING: self._confirm,
            State.BACKING_OFF: self._back_off,
        }
        try:
            while (step := steps.get(self.state)) is not None:
                self._transition(await step())
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is ends the worker
            self._transition(Event.CRASHED)
            self._work = None
            if not self.failure.done():
                self.failure.set_result(error)

    async def _resume(self) -> Event:
        work = self._work
        if work is not None and await self._is_unchanged(work):
            return Event.UNCHANGED
        self._metrics.reopened("stale")
        return Event.CHANGED

    async def _is_unchanged(self, work: WorkLoop) -> bool:
        """Return whether the group's positions are those of the state in memory; if so, seek to them."""
        try:
            committed = await self._feed.committed(self.number)
            positions = work.processor.positions.items()
            if any(committed.get(source) not in {None, position} for source, position in positions):
                return False
            await work.seek()
        except LogError:
            return False
        return True

    async def _open(self) -> Event:
        await self._drop()
        started = self._now()
        try:
            work = await self._opened()
        except (FencedError, LogError) as error:
            return await self._lost(error)
        self._work = work
        processor, seconds = work.processor, self._now() - started
        self._metrics.restored(seconds, processor.restored)
        log.info(
            "partition %d: open after %.2f s, %d customers",
            self.number,
            seconds,
            processor.partition.customers,
        )
        return Event.OPENED

    async def _opened(self) -> WorkLoop:
        """Return the work on a processor that has just restored its state. Raise FencedError or LogError."""
        self._note_progress()
        try:
            self._log = self._make_log()
            processor = self._make_processor(self._log)
            await processor.open(self._note_progress)
            work = WorkLoop(
                self.number,
                processor,
                feed=self._feed,
                options=self._options,
                clock=self._clock,
                metrics=self._metrics,
            )
            await work.seek()
        finally:
            self._opening_since = None
        return work

    def _note_progress(self) -> None:
        self._opening_since = self._now()

    async def _serve(self) -> Event:
        work = self._work
        if work is None:
            raise AssertionError("an open partition has work")
        try:
            await work.run()
        except (FencedError, LogError) as error:
            if work.has_committed:  # not once it is open: what can't be committed would be tried for ever
                self._failed_tries = 0
            return await self._lost(error)
        return Event.COMMITTED

    async def _lost(self, error: FencedError | LogError) -> Event:
        """Drop the processor, whose state is no longer that of the log or may not be."""
        if isinstance(error, FencedError):
            log.warning("partition %d: another owner opened it", self.number)
            self._metrics.reopened("fenced")
            event = Event.FENCED
        else:
            log.warning("partition %d: %s; it is opened again", self.number, error)
            self._metrics.reopened("log")
            event = Event.LOG_FAILED
        await self._drop()
        return event

    async def _confirm(self) -> Event:
        """Wait: a zombie is told by its group that it is one, and then its partitions are revoked."""
        await self._feed.membership_confirmed()
        return Event.CONFIRMED

    async def _back_off(self) -> Event:
        """Wait the longer, the more tries have failed. Raise GaveUpError."""
        self._failed_tries += 1
        if self._failed_tries > MOST_TRIES:
            raise GaveUpError(f"partition {self.number} did not come on in {MOST_TRIES} tries")
        seconds = _FIRST_BACKOFF_SECONDS * 2**self._failed_tries
        await asyncio.sleep(min(seconds, _LONGEST_BACKOFF_SECONDS))
        return Event.RETRY

    # Asked by the consumer

    def wants(self, source: Input) -> bool:
        """Return whether a batch of an input is welcome; may be asked from any thread."""
        work = self._work
        return work is not None and work.wants(source)

    def offer(self, batch: Fetched) -> None:
        """Queue a batch for the processor, if there is one at work."""
        work = self._work
        if work is not None:
            work.offer(batch)

    # Shown

    @property
    def phase(self) -> tuple[Phase, str | None]:
        """Return what `/ready` shows, and why if it is not reading."""
        processor = self.processor
        if processor is None:
            return Phase.OPENING, None
        why = processor.stopped
        if why is not None:
            return Phase.STOPPED, why
        if not processor.ready:
            return Phase.OPENING, "customers and dispositions are read first"
        return Phase.READY, None

    @property
    def busy_since(self) -> float | None:
        """Return since when (time of the event loop) a commit or restore made no progress; None without one.

        A restore that makes progress may take as long as it has to.
        """
        work = self._work
        return self._opening_since if work is None else work.committing_since

    @property
    def processor(self) -> PartitionProcessor | None:
        """Return the processor, once it is open."""
        return None if self._work is None else self._work.processor
