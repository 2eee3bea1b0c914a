"""Faust's transport, changed so that an agent receives whole fetched batches, and commits nothing itself.

Faust keeps the life cycle, the agents and the group; state, positions and commits belong to the processors
of the partitions. Each override says why it is there (Faust 0.15, aiokafka 0.14).
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, ConsumerMessage
from faust.types.tuples import Message
from mode.threads import ServiceThread, WorkerThread
from typing_extensions import override

from streams.core.watermark import Input
from streams.runtime.kafka.fetch import BatchFetcher, FetchedBatch
from streams.runtime.ports import Fetched, HighWatermark
from streams.runtime.seek_numbers import SeekNumbers

SESSION_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 2.0
FETCH_WAIT_MS: Final = 250
"""An idle input's clock lags by as much on the live clock."""
FETCH_BYTES: Final = 1 << 20
_TURN_SECONDS: Final = 0.25
_SILENT_SECONDS: Final = 0.5
"""An input from which nothing came for as long gets a batch without records, at the consumer's position."""


@dataclass(frozen=True, slots=True)
class InputPartition:
    """One input of one partition."""

    source: Input
    partition: int


@dataclass(frozen=True, slots=True)
class ConsumerHooks:
    """What the transport asks of the worker; `wants` is called in the consumer's thread."""

    wants: Callable[[InputPartition], bool]
    steady_ms: Callable[[], int]
    failed: Callable[[KafkaError], None]
    """Called with the error that ends the consumer, in any thread."""
    broker_answered: Callable[[], None]
    """Called at each answer of a broker, in the consumer's thread."""
    compiled: bool
    """Whether what was fetched is taken apart by compiled code."""


class HostApp(AppT):
    """What the transport needs of its application."""

    options: Mapping[str, Any]
    """Where Kafka is and how to log in, for a client of aiokafka."""
    group: str
    """The consumer group."""
    hooks: ConsumerHooks
    input_partitions: Mapping[TP, InputPartition]
    seeks: SeekNumbers[TopicPartition]
    """The numbers of the consumer's seeks."""


class _NoOffsets(dict[TP, int | None]):
    """Offsets that Faust read or committed: it would drop what is read again after a seek."""

    @override
    def __getitem__(self, tp: TP) -> int | None:
        return None

    @override
    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass


class _DaemonThread(WorkerThread):
    """A thread that ends with the process: while a broker hangs, a consumer can't be stopped."""

    def __init__(self, service: ServiceThread, **named: Any) -> None:
        super().__init__(service, **named)
        self.daemon = True


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that aiokafka's consumer lives in."""

    Worker = _DaemonThread
    app: "HostApp"
    heartbeats = 0
    """How often the group has confirmed that we are a member."""
    _batches: BatchFetcher | None = None

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self._last_batch: dict[TopicPartition, float] = {}

    @override
    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        """Return aiokafka's consumer: read_committed, from the earliest, co-partitioned.

        Faust would read uncommitted records, and wait 1.5 s where nothing comes.
        """
        self._assignor = self.app.assignor
        return AIOKafkaConsumer(
            **self.app.options,
            client_id=self.app.group,
            group_id=self.app.group,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            # The default, latest, races with a seek right after the assignment: a restore reads nothing.
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            session_timeout_ms=round(SESSION_SECONDS * 1000),
            heartbeat_interval_ms=round(HEARTBEAT_SECONDS * 1000),
            rebalance_timeout_ms=60_000,
            # Who fetches nothing for as long leaves the group and never comes back: a worker in reserve, one
            # that restores for long, or whose partitions are stopped. What hangs is for the watchdog.
            max_poll_interval_ms=(1 << 31) - 1,
            metadata_max_age_ms=60_000,
        )

    @override
    async def on_start(self) -> None:
        await super().on_start()
        consumer = self._ensure_consumer()
        hooks = self.app.hooks
        self._batches = BatchFetcher(
            consumer, hooks.steady_ms, hooks.broker_answered, compiled=hooks.compiled
        )
        coordinator = consumer._coordinator  # noqa: SLF001
        self._do_heartbeat = coordinator._do_heartbeat  # noqa: SLF001
        coordinator._do_heartbeat = self._counted_heartbeat  # noqa: SLF001
        self._push_error = coordinator._push_error_to_user  # noqa: SLF001
        coordinator._push_error_to_user = self._report_error  # noqa: SLF001

    @override
    async def on_thread_stop(self) -> None:
        # With the broker away a task of aiokafka's own raises it in whoever stops the consumer.
        with suppress(asyncio.CancelledError):
            await super().on_thread_stop()

    async def _report_error(self, error: KafkaError) -> None:
        """Report what keeps us out of the group; aiokafka reports it to whoever fetches, now nobody."""
        self.app.hooks.failed(error)
        await self._push_error(error)

    async def _counted_heartbeat(self) -> bool:
        confirmed: bool = await self._do_heartbeat()
        self.heartbeats += confirmed
        if confirmed:
            self.app.hooks.broker_answered()
        return confirmed

    @property
    def high_watermarks(self) -> Mapping[TopicPartition, HighWatermark]:
        """What brokers last told of each partition."""
        return {} if self._batches is None else self._batches.high_watermarks

    async def take(self, wanted: set[TopicPartition]) -> dict[TopicPartition, tuple[FetchedBatch, int]]:
        """Return batches, some without records, each with the number of the last seek before it."""
        taken: dict[TopicPartition, tuple[FetchedBatch, int]] = await self.call_thread(self._take, wanted)
        return taken

    async def _take(self, wanted: set[TopicPartition]) -> dict[TopicPartition, tuple[FetchedBatch, int]]:
        if self._batches is None:
            return {}
        taken = await self._batches.take(wanted, _TURN_SECONDS)
        now = time.monotonic()
        for tp in wanted - taken.keys():
            # Faust drops batches in a rebalance. The next batch shows it, if need be one without records.
            if now - self._last_batch.get(tp, now - _SILENT_SECONDS) >= _SILENT_SECONDS:
                nothing = self._batches.nothing(tp)
                if nothing is not None:
                    taken[tp] = nothing
        self._last_batch |= dict.fromkeys(taken, now)
        return {tp: (batch, self.app.seeks.stamp(tp)) for tp, batch in taken.items()}

    async def seek_all(self, positions: Mapping[TopicPartition, int]) -> None:
        """Seek each partition to its position; what was fetched of it before is stale."""
        await self.call_thread(self._seek_all, positions, self.app.seeks.begin(positions))

    async def _seek_all(self, positions: Mapping[TopicPartition, int], number: int) -> None:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        for tp, offset in positions.items():
            if tp in assigned:
                consumer.seek(tp, offset)
                self.app.seeks.made(tp, number)

    async def ask_ends(self, tps: Iterable[TopicPartition]) -> None:
        """Ask brokers where partitions end from which nothing is fetched; raises aiokafka's errors."""
        if self._batches is not None:
            await self.call_thread(self._batches.ask_ends, list(tps))

    async def committed(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int | None]:
        """Return the group's committed positions."""
        found: dict[TopicPartition, int | None] = await self.call_thread(self._committed, list(tps))
        return found

    async def _committed(self, tps: list[TopicPartition]) -> dict[TopicPartition, int | None]:
        consumer = self._ensure_consumer()
        return {tp: await consumer.committed(tp) for tp in tps}


class Consumer(driver.Consumer):
    """Faust's consumer, without its bookkeeping of single records."""

    app: "HostApp"
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _NoOffsets()
        self._committed_offset = _NoOffsets()

    @override
    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def thread(self) -> ConsumerThread:
        """The thread that fetches."""
        return self._thread

    @override
    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Fetch what is wanted, each batch as one record. Nothing wanted must not mean everything."""
        ours = self.app.input_partitions
        wants = self.app.hooks.wants
        wanted = {tp for tp in active_partitions or () if tp in ours and wants(ours[tp])}
        if not wanted:
            await asyncio.sleep(_TURN_SECONDS / 10)
            return {}
        try:
            taken = await self._thread.take(wanted)
        except KafkaError as error:
            self.app.hooks.failed(error)
            return {}
        return {tp: [batch] for tp, batch in taken.items()}

    @override
    def _to_message(self, tp: TP, record: tuple[FetchedBatch, int]) -> ConsumerMessage:
        fetched, seek = record
        batch = Fetched(
            source=self.app.input_partitions[tp].source,
            before=fetched.before,
            records=fetched.records,
            after=fetched.after,
            end=fetched.high_watermark.end,
            asked_ms=fetched.high_watermark.asked_ms,
            seek=seek,
        )
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=batch.after,
            timestamp=0.0,
            timestamp_type=0,
            headers=[],
            key=None,
            value=cast(Any, batch),
            checksum=None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    @override
    async def perform_seek(self) -> None:
        """Seek nowhere: committed offsets may be stale or expired, each partition knows its positions."""

    @override
    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit nothing: positions go with the state, in the transactions of the partitions."""
        return False

    @override
    def ack(self, message: Message) -> bool:
        """Forget a message; only `commit` would empty the lists that Faust keeps of them."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    @override
    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave it to the watchdog: without Faust's commits this would always complain."""


class Transport(driver.Transport):
    """The transport with this consumer."""

    Consumer = Consumer
