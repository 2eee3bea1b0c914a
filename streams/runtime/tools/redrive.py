"""Dead letters back to the topics they came from, each once.

What was redriven is marked where Kafka keeps positions: for each input and reason a consumer group of its
own says up to where its dead letters went back. These marks are committed in the transaction that writes
the records, so a redrive that dies on the way neither loses a record nor sends one twice. Brokers forget
positions that nobody renewed for `offsets.retention.minutes`, 7 days unless set; a dead letter older than
that can go back a second time, and the worker then drops it as a duplicate, or refuses it as too late.

How far dead letters went back is also committed in the workers' group: a partition that is stopped reads on
once one of the dead letters that it stopped with went back.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition

from schemas.dead_letter import DeadLetterHeaders, Reason
from schemas.partitioner import UNCHECKED, Partitioner, partition_of_key
from schemas.topics import DEAD_LETTERS
from streams.console import OnProgress
from streams.core.watermark import Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.committed_reader import CommittedReader, HeadedRecord, committed_reader
from streams.runtime.kafka.errors import transaction_errors
from streams.runtime.kafka.groups import positions_of
from streams.runtime.kafka.transactions import transaction, transactional
from streams.settings import Settings

CHUNK_RECORDS: Final = 1_000
"""Records of one transaction: while it is open, workers can't read on past it."""
CHUNK_BYTES: Final = 4 << 20
_TRANSACTION_SECONDS: Final = 30.0
_CHUNK_SECONDS: Final = 20.0


class Kind(NamedTuple):
    """What marks are kept for."""

    reason: Reason
    source: Input


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter, its position in the dead letters, and the input that it came from."""

    partition: int
    offset: int
    source: Input
    headers: DeadLetterHeaders
    key: bytes | None
    value: bytes | None

    @property
    def kind(self) -> Kind:
        """Return what it is counted as."""
        return Kind(self.headers.dl_reason, self.source)

    def home(self, partitions: int, partitioner: Partitioner) -> int:
        """Return the partition that its key belongs to; the one it came from if nothing tells."""
        if self.key is None or partitioner == UNCHECKED:
            return int(self.headers.dl_partition)
        return partition_of_key(self.key, partitions, partitioner)

    @property
    def size(self) -> int:
        """Return how many bytes go back."""
        return len(self.key or b"") + len(self.value or b"")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters go back: at most `limit`; with `again` also those that did before."""

    reasons: Collection[Reason] = tuple(Reason)
    sources: Collection[Input] = tuple(Input)
    limit: int | None = None
    again: bool = False

    @property
    def kinds(self) -> list[Kind]:
        """Return all kinds selected."""
        return [
            Kind(reason, source)
            for reason in Reason
            for source in Input
            if self.includes(Kind(reason, source))
        ]

    def includes(self, kind: Kind) -> bool:
        """Return whether dead letters of a kind are selected."""
        return kind.reason in self.reasons and kind.source in self.sources


@dataclass(slots=True)
class RedriveCounts:
    """What was found, by kind, and what became of it."""

    dead_letters: Counter[Kind] = field(default_factory=Counter)
    """Dead letters of the selected kinds."""
    sent_before: Counter[Kind] = field(default_factory=Counter)
    """Those of them that a redrive before this one sent back."""
    selected: Counter[Kind] = field(default_factory=Counter)
    """Those of them that go back now."""
    sent: Counter[Kind] = field(default_factory=Counter)
    """Those of them that are back, committed."""
    unusable: int = 0
    """Records that are no dead letter of an input of ours."""
    read: int = 0
    """Offsets read."""


Marks = dict[Kind, dict[int, int]]
"""By kind and partition of the dead letters, the offset up to which they went back."""
OnSelected = Callable[[StoredDeadLetter], None]
"""Called with each dead letter that goes back."""


class Redrive:
    """One redrive over the topics of the settings; `counts` is current all the time.

    `on_progress` is called with the offsets read, and how many there are.
    Raises KafkaUnavailableError, KafkaRefusedError, SettingsError.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: int,
        selection: Selection,
        *,
        on_progress: OnProgress = lambda _done, _of: None,
        on_selected: OnSelected = lambda _dead_letter: None,
    ) -> None:
        self._settings, self._partitions, self._selection = settings, partitions, selection
        self._topic = settings.topic_prefix + DEAD_LETTERS.name
        self._inputs = {settings.topic_prefix + source.value: source for source in Input}
        self._on_progress, self._on_selected = on_progress, on_selected
        self._marks: Marks = {}
        self._reached: dict[int, int] = {}
        self.counts = RedriveCounts()

    async def look(self) -> None:
        """Count what would go back, and change nothing."""
        with transaction_errors(self._settings):
            self._marks = await asyncio.to_thread(self._read_marks)
            async for _ in self._selected():
                pass

    async def execute(self) -> None:
        """Send back what is selected; fence an earlier redrive that still runs, and undo what it has open."""
        name = f"{self._settings.application_id}-redrive"
        with transaction_errors(self._settings):
            async with transactional(self._settings, name, _TRANSACTION_SECONDS) as producer:
                # Only now: what an earlier redrive left open is settled.
                self._marks = await asyncio.to_thread(self._read_marks)
                chunks: dict[Kind, _Chunk] = defaultdict(_Chunk)
                async for dead_letter in self._selected():
                    chunk = chunks[dead_letter.kind]
                    chunk.add(dead_letter)
                    if chunk.full:
                        await self._send(producer, dead_letter.kind, chunks.pop(dead_letter.kind))
                for kind, chunk in chunks.items():
                    await self._send(producer, kind, chunk)
                await self._commit_for_workers(producer)

    def _read_marks(self) -> Marks:
        with admin_client(self._settings) as admin:
            return {
                kind: positions_of(admin, self._group(kind), self._topic) for kind in self._selection.kinds
            }

    def _group(self, kind: Kind) -> str:
        return f"{self._settings.application_id}-redrive-{kind.source}-{kind.reason}"

    async def _selected(self) -> AsyncIterator[StoredDeadLetter]:
        """Yield the dead letters to send, in the order of their partition, and count all."""
        async with committed_reader(self._settings, self._topic, self._partitions) as reader:
            for partition in range(self._partitions):
                async for dead_letter in self._dead_letters(reader, partition):
                    if self._goes_back(dead_letter):
                        self._on_selected(dead_letter)
                        yield dead_letter

    async def _dead_letters(self, reader: CommittedReader, partition: int) -> AsyncIterator[StoredDeadLetter]:
        async for records in reader.read(partition):
            for record in records:
                dead_letter = dead_letter_of(record, partition, self._inputs, self._partitions)
                if dead_letter is None:
                    self.counts.unusable += 1
                else:
                    yield dead_letter
            self.counts.read += len(records)
            self._on_progress(self.counts.read, reader.offsets)

    def _goes_back(self, dead_letter: StoredDeadLetter) -> bool:
        """Count a dead letter, and return whether it goes back."""
        kind, found, limit = dead_letter.kind, self.counts, self._selection.limit
        if not self._selection.includes(kind):
            return False
        found.dead_letters[kind] += 1
        went = dead_letter.offset < self._marks[kind].get(dead_letter.partition, 0)
        found.sent_before[kind] += went
        goes = (not went or self._selection.again) and (limit is None or found.selected.total() < limit)
        found.selected[kind] += goes
        if went or goes:
            self._reached[dead_letter.partition] = dead_letter.offset + 1
        return goes

    async def _send(self, producer: Any, kind: Kind, chunk: "_Chunk") -> None:
        """Send dead letters of a kind and move its mark, in one transaction.

        aiokafka adds one group to a transaction and forgets further ones: hence not all kinds in one.
        """
        marks = self._marks[kind]
        moved = {number: max(offset, marks.get(number, 0)) for number, offset in chunk.marks.items()}
        offsets = {TopicPartition(self._topic, number): mark for number, mark in moved.items()}
        async with transaction(producer, _CHUNK_SECONDS):
            await self._write(producer, chunk.dead_letters)
            await producer.send_offsets_to_transaction(offsets, self._group(kind))
        marks.update(moved)
        self.counts.sent[kind] += len(chunk.dead_letters)

    async def _commit_for_workers(self, producer: Any) -> None:
        """Commit for the workers up to where dead letters went back, also by an earlier redrive that died."""
        offsets = {TopicPartition(self._topic, number): mark for number, mark in self._reached.items()}
        if offsets:
            async with transaction(producer, _CHUNK_SECONDS):
                await producer.send_offsets_to_transaction(offsets, self._settings.application_id)

    async def _write(self, producer: Any, dead_letters: list[StoredDeadLetter]) -> None:
        """Write records as they once came, where their key belongs."""
        prefix, partitioner = self._settings.topic_prefix, self._settings.partitioner
        sent: list[asyncio.Future[Any]] = []
        try:
            for one in dead_letters:
                partition = one.home(self._partitions, partitioner)
                arrival = await producer.send(prefix + one.source.value, one.value, one.key, partition)
                sent.append(arrival)
            await asyncio.gather(*sent)
        finally:
            for arrival in sent:
                arrival.cancel()  # else asyncio logs its error as never retrieved


class _Chunk:
    """Dead letters of one kind for one transaction."""

    def __init__(self) -> None:
        self.dead_letters: list[StoredDeadLetter] = []
        self.marks: dict[int, int] = {}
        self._bytes = 0

    def add(self, dead_letter: StoredDeadLetter) -> None:
        """Add a dead letter; those of a partition come in the order of their offsets."""
        self.dead_letters.append(dead_letter)
        self.marks[dead_letter.partition] = dead_letter.offset + 1
        self._bytes += dead_letter.size

    @property
    def full(self) -> bool:
        """Return whether it should be sent."""
        return len(self.dead_letters) >= CHUNK_RECORDS or self._bytes >= CHUNK_BYTES


def dead_letter_of(
    record: HeadedRecord, partition: int, inputs: Mapping[str, Input], partitions: int
) -> StoredDeadLetter | None:
    """Return the dead letter that a record is.

    None if its headers are not those of a dead letter, if it came from another topic or from a partition that
    does not exist, or if it has neither key nor value.
    """
    try:
        texts = {name: value.decode() for name, value in record.headers if value is not None}
        headers = DeadLetterHeaders.model_validate(texts)
        source = inputs[headers.dl_topic]
        if int(headers.dl_partition) >= partitions:
            return None
    except (ValueError, KeyError):
        return None
    if record.key is None and record.value is None:
        return None
    return StoredDeadLetter(partition, record.offset, source, headers, record.key, record.value)
