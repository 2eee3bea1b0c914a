"""The worker: Faust's life cycle and group around the supervisors of the partitions that it is given."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from schemas.partitioner import UNCHECKED, partition_of
from streams.core.alerts.view import CustomerView
from streams.core.customer.state import StateError
from streams.core.partition.compiled import FITS
from streams.core.watermark import Input
from streams.native import LAYOUT
from streams.runtime.faust.app import RetentionApp
from streams.runtime.faust.feed import FaustFeed
from streams.runtime.faust.transport import Consumer, ConsumerHooks, InputPartition
from streams.runtime.http.server import NotMine, NotReady, PartitionReadiness, Readiness, WebServer
from streams.runtime.kafka.errors import from_aiokafka
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.partition.processor import Identity, PartitionProcessor
from streams.runtime.partition.supervisor import PartitionSupervisor, Phase
from streams.runtime.partition.work_loop import PartitionOptions
from streams.runtime.ports import Fetched, PartitionLog
from streams.runtime.seek_numbers import SeekNumbers
from streams.runtime.startup.preflight import StartupContext
from streams.runtime.telemetry.metrics import Metrics
from streams.runtime.worker.broker_liveness import BrokerLiveness
from streams.runtime.worker.stacks import tell_on_signal
from streams.runtime.worker.wall_clock import WallClock
from streams.runtime.worker.watchdog import Watchdog
from streams.settings import Settings, variable

log = logging.getLogger(__name__)

WARM_SECONDS: Final = 300.0
"""The state of a revoked partition is kept as long: it often comes back."""
MANY_PARTITIONS: Final = 16
_STOP_SECONDS: Final = 2.0
_TIDY_SECONDS: Final = 5.0
_COMMIT_SECONDS_A_PARTITION: Final = 0.01


class SplitError(StateError):
    """A partition number whose inputs were given to different workers."""


class Worker:
    """One process of the deployment; `run` returns once it was asked to stop, or raises what ended it."""

    def __init__(
        self,
        settings: Settings,
        context: StartupContext,
        *,
        adopt_ruleset: bool = False,
        resume_marks: Mapping[int, int] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings, self._context, self._adopt = settings, context, adopt_ruleset
        self._resume_marks = resume_marks or {}
        self._metrics = Metrics() if metrics is None else metrics
        self._clock = WallClock()
        self._metrics.wall_clock(lambda: self._clock.wall_ahead_ms)
        seeks = SeekNumbers[TopicPartition]()
        self._feed = FaustFeed(settings.topic_prefix, seeks)
        self._supervisors: dict[int, PartitionSupervisor] = {}
        self._mine: set[int] = set()
        self._assigned = False
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[BaseException] = self._loop.create_future()
        self._options = PartitionOptions(
            commit_seconds=self._commit_seconds,
            live=settings.clock == "live",
            quiet_ms=_quiet_ms(settings),
            lateness_ms=context.rules.lateness_ms,
        )
        self._broker = BrokerLiveness(settings.broker_answer_seconds)
        self._metrics.broker_last_answer(lambda: self._broker.silent_seconds)
        self._metrics.opening(self._opening_seconds)
        self._compiled = settings.compiled and FITS
        self._metrics.hot_path(compiled=self._compiled)
        hooks = ConsumerHooks(
            self._wants,
            self._clock.steady_ms,
            self._consumer_failed,
            self._broker.note_answer,
            self._compiled,
        )
        self._app = RetentionApp(settings, context.partitions, hooks, seeks)

    async def run(self) -> None:
        """Work until SIGTERM, SIGINT or `stop`. Raises StateError, GaveUpError, PortInUseError."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self.stop)
        tell_on_signal(lambda: (loop, *self._feed.loops))
        _tune()
        web = WebServer(self._settings, self._metrics, self, self)
        await web.start()
        log.info("metrics, health and lookup at %s", web.url)
        log.info("hot path: %s", _hot_path(self._settings))
        watchdog = Watchdog(self._settings.watchdog_seconds, self._busy_since)
        parts = (watchdog.run(), self._tidy(), self._start_app(), self._wait_for_a_crash())
        tasks = [asyncio.create_task(part) for part in parts]
        for task in tasks:
            task.add_done_callback(self._fail_with)
        try:
            await self._wait_for_the_end()
        finally:
            await self._stop_all()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
            await web.stop()

    def stop(self) -> None:
        """Ask it to end: the last commits are made, the group is left."""
        self._stopping.set()

    async def _start_app(self) -> None:
        """Start Faust; that takes until it is a member of the group."""
        app = self._app
        for source in Input:
            app.forward(source, self._receive)
        cast(Any, app.on_partitions_revoked).connect(self._on_revoked)
        cast(Any, app.on_partitions_assigned).connect(self._on_assigned)
        app.finalize()
        await app.start()

    async def _wait_for_a_crash(self) -> None:
        await self._app._crashed.wait()  # noqa: SLF001 - Faust gives no other way to wait for it
        self._fail(self._app.crash_reason or RuntimeError("Faust ended without a reason"))

    async def _wait_for_the_end(self) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((stopping, self._failed), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._failed.done():
            raise self._failed.result()

    async def _stop_all(self) -> None:
        await self._revoke(set(self._supervisors))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._app.stop(), _STOP_SECONDS)
        await asyncio.gather(*(supervisor.close() for supervisor in self._supervisors.values()))

    # Assignment

    async def _on_revoked(self, _app: Any, revoked: Iterable[TP], **_named: Any) -> None:
        numbers = {tp.partition for tp in revoked} & self._mine
        self._mine -= numbers
        await self._revoke(numbers)

    async def _revoke(self, numbers: set[int]) -> None:
        known = (self._supervisors[number] for number in numbers if number in self._supervisors)
        await asyncio.gather(*(supervisor.revoke() for supervisor in known))

    async def _on_assigned(self, _app: Any, assigned: Iterable[TP], **_named: Any) -> None:
        # Usually none is left. After a change of subscription aiokafka may assign without having revoked.
        await self._revoke(self._mine)
        if self._stopping.is_set() or self._failed.done():
            return
        self._metrics.rebalanced()
        self._assigned = True
        self._feed.thread = cast(Consumer, self._app.consumer).thread
        given = set(assigned)
        numbers = {tp.partition for tp in given}
        try:
            self._check_together(given, numbers)
        except SplitError as error:
            self._fail(error)
            return
        self._mine = numbers
        if len(numbers) > MANY_PARTITIONS:
            log.warning(
                "%d partitions on one worker: each has a producer of its own; add workers", len(numbers)
            )
        for number in sorted(numbers):
            self._assign(number)

    def _check_together(self, given: set[TP], numbers: set[int]) -> None:
        for number in numbers:
            for source in Input:
                if TP(self._settings.topic_prefix + source.value, number) not in given:
                    raise SplitError(
                        f"partition {number} was given to this worker without its {source}: "
                        "all workers of the group must be of this release"
                    )

    def _assign(self, number: int) -> None:
        if number not in self._supervisors:
            self._supervisors[number] = self._new_supervisor(number)
        self._supervisors[number].assign()

    def _fail_with(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _new_supervisor(self, number: int) -> PartitionSupervisor:
        context, settings = self._context, self._settings
        identity = Identity(
            application=settings.application_id,
            rules=context.rules,
            currency=settings.reporting_currency,
            partition=number,
            partitions=context.partitions,
            adopt_ruleset=self._adopt,
            topics=context.topic_ids,
            resume_mark=self._resume_marks.get(number, 0),
            partitioner=settings.partitioner,
            strict_fields=settings.strict_fields,
            compiled=self._compiled,
        )

        def make_processor(partition_log: PartitionLog) -> PartitionProcessor:
            return PartitionProcessor(identity, partition_log, self._clock.now_ms, live=self._options.live)

        supervisor = PartitionSupervisor(
            number,
            make_log=lambda: TransactionalLog(settings, number),
            make_processor=make_processor,
            feed=self._feed,
            options=self._options,
            clock=self._clock,
            metrics=self._metrics,
        )
        supervisor.failure.add_done_callback(lambda failure: self._fail(failure.result()))
        return supervisor

    def _consumer_failed(self, error: KafkaError) -> None:
        self._loop.call_soon_threadsafe(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_result(from_aiokafka(error) if isinstance(error, KafkaError) else error)

    async def _tidy(self) -> None:
        """Let go of warm state that did not come back, and keep what is known of the heap out of the GC."""
        loop = asyncio.get_running_loop()
        frozen: dict[int, weakref.ref[PartitionProcessor]] = {}
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            for number, supervisor in list(self._supervisors.items()):
                since = None if number in self._mine else supervisor.paused_at
                if since is not None and loop.time() - since > WARM_SECONDS:
                    del self._supervisors[number]
                    await supervisor.close()
            ready = {
                number: weakref.ref(processor)
                for number in self._mine
                if self._supervisors[number].phase[0] is Phase.READY
                and (processor := self._supervisors[number].processor) is not None
            }
            if ready != frozen:
                # Kafka's clients and their tasks know each other: frozen, former ones would stay for ever.
                gc.unfreeze()
                gc.collect()
                gc.freeze()
            frozen = ready

    # Asked by others

    def _receive(self, number: int, batch: Fetched) -> None:
        supervisor = self._supervisors.get(number)
        if supervisor is not None:
            supervisor.offer(batch)

    def _wants(self, one: InputPartition) -> bool:
        supervisor = self._supervisors.get(one.partition)
        return supervisor is not None and supervisor.wants(one.source)

    def _busy_since(self) -> Iterable[float]:
        return (
            supervisor.busy_since
            for supervisor in self._supervisors.values()
            if supervisor.busy_since is not None
        )

    def _opening_seconds(self) -> float:
        """Return for how long the partition that waits longest has been assigned and not open; 0 if none."""
        now = self._loop.time()
        since = (self._supervisors[number].waiting_since for number in self._mine)
        return max((now - one for one in since if one is not None), default=0.0)

    def _commit_seconds(self) -> float:
        return max(self._settings.commit_interval_ms / 1000, _COMMIT_SECONDS_A_PARTITION * len(self._mine))

    def is_live(self) -> bool:
        """Return whether it works: the watchdog ends it otherwise."""
        return not self._failed.done()

    def readiness(self) -> Readiness:
        """Tell what each partition is at, and whether Kafka answers."""
        partitions = []
        for number in sorted(self._mine):
            phase, why = self._supervisors[number].phase
            partitions.append(PartitionReadiness(number=number, state=phase.value, why=why))
        why = self._broker.problem
        if why is None and not self._assigned:
            why = "it is not a member of the group yet"
        ready = why is None and all(one.state == Phase.READY for one in partitions)
        return Readiness(ready=ready, partitions=partitions, why=why)

    def lookup(self, customer_id: str) -> CustomerView | NotMine | NotReady | None:
        """Return what is known of a customer, if its partition is here."""
        partitions, partitioner = self._context.partitions, self._settings.partitioner
        if partitioner == UNCHECKED:
            return self._search(customer_id)
        number = partition_of(customer_id, partitions, partitioner)
        if number not in self._mine:
            return NotMine()
        return self._lookup_in(number, customer_id)

    def _lookup_in(self, number: int, customer_id: str) -> CustomerView | NotReady | None:
        processor = self._supervisors[number].processor
        if processor is None or not processor.ready:
            return NotReady()
        return processor.partition.lookup(customer_id)

    def _search(self, customer_id: str) -> CustomerView | NotMine | NotReady | None:
        """Look a customer up in all partitions that are here: nobody can tell which it is."""
        found = [self._lookup_in(number, customer_id) for number in sorted(self._mine)]
        views = (one for one in found if isinstance(one, CustomerView))
        not_ready = (one for one in found if isinstance(one, NotReady))
        elsewhere = None if len(self._mine) == self._context.partitions else NotMine()
        return next(views, None) or next(not_ready, None) or elsewhere


def _quiet_ms(settings: Settings) -> dict[Input, int]:
    hours = {
        Input.TRANSACTIONS: settings.stale_feed_hours,
        Input.CONTACTS: settings.quiet_contacts_hours,
    }
    return {source: round(one * 3_600_000) for source, one in hours.items() if one is not None}


def _hot_path(settings: Settings) -> str:
    """Say which hot path runs, and why if it is not the compiled one."""
    if not settings.compiled:
        return f"Python, as {variable('compiled')} says"
    if FITS:
        return "compiled"
    return "Python, the compiled one is of another release" if LAYOUT else "Python, no compiled one here"


def _tune() -> None:
    """Set the interpreter up for two busy threads and a heap of small objects that live for ever."""
    gc.set_threshold(100_000, 50, 100)
    sys.setswitchinterval(0.002)
