"""Fetched batches taken whole from aiokafka, without an object for each record that it would make.

This reaches into aiokafka's fetcher (0.14): its public `getmany` makes a ConsumerRecord for each record,
which costs four times as much as all the rest, and does not report positions that move without records.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct as Layout
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from typing_extensions import override

from streams.native import LAYOUT, make_records
from streams.runtime.ports import HighWatermark, LogRecord

MOST_BATCHES: Final = 64
"""Batches given out in one go; more wait for the next call, so that nothing waits long for its turn."""

IDLE_SECONDS: Final = 20.0
"""A reading in which nothing comes for so long has failed."""


_SIZE: Final = Layout(">8xi")
"""How every batch begins: after its offset, how many bytes it has beyond these."""
_HEADER: Final = 61
_UNPACK: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    1: gzip_decode,
    2: snappy_decode,
    3: lz4_decode,
    4: zstd_decode,
}
"""By the number of a compression in a record batch."""


class _KeptRecords(MemoryRecords):  # type: ignore[misc] # aiokafka has no types
    """What a broker sent of a partition: the bytes, and where the batch lies that was taken last."""

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self.fetched = fetched
        self.place = self.end = 0

    @override
    def next_batch(self) -> Any:
        self.place = self.end
        self.end += _SIZE.size + _SIZE.unpack_from(self.fetched, self.place)[0]
        return super().next_batch()


aiokafka_fetcher.MemoryRecords = _KeptRecords


@dataclass(frozen=True, slots=True)
class FetchedBatch:
    """The records of a fetched batch, and the positions before and after them."""

    before: int
    records: Sequence[LogRecord]
    after: int
    high_watermark: HighWatermark


class BatchFetcher:
    """Takes batches out of a consumer's fetcher; to be used in the consumer's own event loop.

    `steady_ms` is a clock that is never set; `answered` is called for each answer about a partition. With
    `compiled`, and compiled code there, records are made when they are asked for; they have no headers then.
    """

    def __init__(
        self,
        consumer: Any,
        steady_ms: Callable[[], int],
        answered: Callable[[], None] = lambda: None,
        *,
        compiled: bool = False,
    ) -> None:
        self._unpack = taken_apart if compiled and LAYOUT else unpacked
        self._consumer = consumer
        self._fetcher = consumer._fetcher  # noqa: SLF001 - see above
        self._now, self._answered = steady_ms, answered
        self.high_watermarks: dict[TopicPartition, HighWatermark] = {}
        """The last one for each partition."""
        self._proc_fetch_request = self._fetcher._proc_fetch_request  # noqa: SLF001
        self._fetcher._proc_fetch_request = self._noting_high_watermarks  # noqa: SLF001

    async def _noting_high_watermarks(self, assignment: Any, node_id: int, request: Any) -> bool:
        """Note the high watermarks of an answer, at the time of its request: the answer may wait for long."""
        asked = self._now()
        states = {
            tp: assignment.state_value(tp)
            for topic, partitions in request.topics
            for tp in (TopicPartition(topic, partition) for partition, *_ in partitions)
        }
        for state in states.values():
            state.timestamp = None
        found = await self._proc_fetch_request(assignment, node_id, request)
        for tp, state in states.items():
            if state.timestamp is not None and state.highwater is not None:
                self.high_watermarks[tp] = HighWatermark(state.highwater, asked)
                self._answered()
        return bool(found)

    async def ask_ends(self, tps: Sequence[TopicPartition]) -> None:
        """Note the high watermarks of partitions from which nothing is fetched. Raises aiokafka's errors."""
        asked = self._now()
        ends = await self._consumer.end_offsets(tps)
        self.high_watermarks |= {tp: HighWatermark(end, asked) for tp, end in ends.items()}

    async def take(
        self, wanted: Collection[TopicPartition], most_seconds: float
    ) -> dict[TopicPartition, FetchedBatch]:
        """Return what was fetched of the wanted partitions, waiting a while if there is nothing.

        Raises aiokafka's errors.
        """
        subscriptions = self._fetcher._subscriptions  # noqa: SLF001
        with subscriptions.fetch_context():  # keeps our membership of the group alive
            taken = self._taken(wanted)
            if not taken:
                await self._wait(most_seconds)
                taken = self._taken(wanted)
            return taken

    async def read(self, tp: TopicPartition, position: int, end: int) -> AsyncIterator[FetchedBatch]:
        """Yield the batches of a partition from a position up to an end.

        Raises TimeoutError if nothing comes for 20 s, aiokafka's errors.
        """
        while position < end:
            taken: dict[TopicPartition, FetchedBatch] = {}
            async with asyncio.timeout(IDLE_SECONDS):
                while not taken:
                    taken = await self.take({tp}, 1.0)
            position = taken[tp].after
            yield taken[tp]

    async def _wait(self, most_seconds: float) -> None:
        fetcher = self._fetcher
        waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
        timer = fetcher._loop.call_later(most_seconds, fetcher._notify, waiter)  # noqa: SLF001
        try:
            await waiter
        finally:
            timer.cancel()

    def _taken(self, wanted: Collection[TopicPartition]) -> dict[TopicPartition, FetchedBatch]:
        fetcher = self._fetcher
        taken: dict[TopicPartition, FetchedBatch] = {}
        if fetcher._subscriptions.reassignment_in_progress:  # noqa: SLF001
            return taken
        for tp in [tp for tp in fetcher._records if tp in wanted]:  # noqa: SLF001
            if len(taken) == MOST_BATCHES:
                break
            result = fetcher._records.pop(tp)  # noqa: SLF001
            if isinstance(result, FetchResult):
                batch = self._batch(tp, result)
                if batch is not None:
                    taken[tp] = batch
            else:
                fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001
                result.check_raise()
        if taken:
            fetcher._notify(fetcher._wait_consume_future)  # noqa: SLF001
        return taken

    def nothing(self, tp: TopicPartition) -> FetchedBatch | None:
        """Return a batch without records where the consumer stands; None while it stands nowhere."""
        subscription = self._fetcher._subscriptions.subscription  # noqa: SLF001
        assignment = None if subscription is None else subscription.assignment
        if assignment is None or tp not in assignment.tps:
            return None
        state = assignment.state_value(tp)
        if not state.has_valid_position:
            return None
        return FetchedBatch(state.position, [], state.position, self.high_watermarks.get(tp, HighWatermark()))

    def _batch(self, tp: TopicPartition, result: FetchResult) -> FetchedBatch | None:
        if not result.check_assignment(tp) or not result.has_more():
            return None
        fetched = result._partition_records  # noqa: SLF001
        before = fetched.next_fetch_offset
        records = self._unpack(fetched)
        result._update_position()  # noqa: SLF001
        high_watermark = self.high_watermarks.get(tp, HighWatermark())
        return FetchedBatch(before, records, fetched.next_fetch_offset, high_watermark)


def unpacked(fetched: PartitionRecords) -> list[LogRecord]:
    """Return the records of a fetch that a reader of its isolation level may see, and move past them."""
    found: list[LogRecord] = []
    for batch in _visible(fetched):
        start = fetched.next_fetch_offset
        if batch.base_offset >= start:
            found.extend(batch)
        else:  # the batch began before the position
            found.extend(record for record in batch if record.offset >= start)
    return found


def taken_apart(fetched: PartitionRecords) -> Sequence[LogRecord]:
    """Return the same records as `unpacked`, without headers, and without making them yet."""
    sent = fetched._records  # noqa: SLF001
    found = make_records()
    for batch in _visible(fetched):
        payload = None
        if batch.compression_type:
            payload = _UNPACK[batch.compression_type](sent.fetched[sent.place + _HEADER : sent.end])
        try:
            found.add(sent.fetched, sent.place, fetched.next_fetch_offset, payload)
        except ValueError as error:
            raise CorruptRecordException(f"{error} in {fetched._tp}") from error  # noqa: SLF001
    return found


def _visible(fetched: PartitionRecords) -> Iterator[Any]:
    """Yield the batches of a fetch that a reader of its isolation level may see, and move past them."""
    records = fetched._records  # noqa: SLF001
    while records.has_next():
        batch = records.next_batch()
        if fetched._check_crcs and not batch.validate_crc():  # noqa: SLF001
            raise CorruptRecordException(f"invalid checksum in {fetched._tp}")  # noqa: SLF001
        if not (_is_aborted(fetched, batch) or batch.is_control_batch):
            yield batch
        fetched.next_fetch_offset = batch.next_offset


def _is_aborted(fetched: PartitionRecords, batch: Any) -> bool:
    """Return whether a batch belongs to a transaction that was aborted; takes note of what ends one."""
    if fetched._isolation_level != READ_COMMITTED or batch.producer_id is None:  # noqa: SLF001
        return False
    aborted = fetched._aborted_producers  # noqa: SLF001
    fetched._consume_aborted_up_to(batch.base_offset)  # noqa: SLF001
    if batch.is_control_batch:
        if fetched._contains_abort_marker(batch):  # noqa: SLF001
            aborted.discard(batch.producer_id)
        return True
    return bool(batch.is_transactional and batch.producer_id in aborted)
