"""Lines of a file as the lab takes them in: what each says, and the share of each partition."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from typing_extensions import override

from schemas.events import Contact, Erasure, Notice, Refusal, SignOfLife, Tick, Transaction
from schemas.hot import Decoded
from schemas.partitioner import Routes
from streams import files
from streams.core.customer.moves import Move
from streams.core.partition.partition import Batched, Record
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.watermark import NEVER
from streams.native import Lines, Run

Decode: TypeAlias = Callable[[bytes], Decoded]

_FACTS: Final = (Transaction, Contact, Notice)


class Share(Protocol):
    """What of a batch goes to one partition, in its order."""

    batched: Sequence[Batched]
    """As the partition takes it."""

    def event(self, at: int) -> Record:
        """Return one of its events."""

    def place(self, at: int) -> int:
        """Return the place in the batch of one of its events."""

    def times(self) -> Iterator[int | None]:
        """Yield the time (ms) of each event; None for those that do not move time on."""


class Batch(ABC):
    """Some lines of a file, decoded: `numbers` are theirs in the file, from 1."""

    __slots__ = ()

    numbers: Sequence[int]
    lines: Sequence[bytes]
    bytes_read: int
    blank: int

    @abstractmethod
    def record(self, at: int) -> Decoded:
        """Return what a line says."""

    @abstractmethod
    def odd(self) -> Iterable[tuple[int, Decoded]]:
        """Return place and record of all that may be anything but a plain purchase, in their order."""

    @abstractmethod
    def times(self) -> list[int]:
        """Return the time (ms) of each line; NEVER if it is refused."""

    @abstractmethod
    def refuse(self, at: int, refusal: Refusal) -> None:
        """Refuse a line, whatever it says."""

    @abstractmethod
    def shares(self, routes: Routes, partitions: int) -> Sequence[Share]:
        """Return what goes to each partition; to be called once.

        A sign of life stands in for a refused purchase, if customer and time are known.
        """

    def refused(self) -> dict[int, Refusal]:
        """Return what is refused, by its place."""
        return {at: record for at, record in self.odd() if isinstance(record, Refusal)}

    def accepted(self, refused: Collection[int]) -> Iterator[Decoded]:
        """Yield what the lines say but for those at some places."""
        return (self.record(at) for at in range(len(self.lines)) if at not in refused)

    def fact_times(self, refused: Collection[int]) -> list[int]:
        """Return the times (ms) of the transactions, contacts and notices, but for those at some places."""
        left_out = {at for at, record in self.odd() if not isinstance(record, _FACTS)}.union(refused)
        return [time for at, time in enumerate(self.times()) if at not in left_out]


@dataclass(frozen=True, slots=True)
class Arrived(Batch):
    """Lines of which each was read by the reference."""

    numbers: Sequence[int]
    lines: Sequence[bytes]
    records: list[Decoded]
    bytes_read: int
    blank: int

    @override
    def record(self, at: int) -> Decoded:
        return self.records[at]

    @override
    def odd(self) -> Iterable[tuple[int, Decoded]]:
        return enumerate(self.records)

    @override
    def times(self) -> list[int]:
        return list(map(time_of, self.records))

    @override
    def refuse(self, at: int, refusal: Refusal) -> None:
        self.records[at] = refusal

    @override
    def shares(self, routes: Routes, partitions: int) -> Sequence[Share]:
        found = [_Listed() for _ in range(partitions)]
        everywhere = range(partitions)
        for at, record in enumerate(self.records):
            event, where = _placed(record, routes, everywhere)
            if event is not None:
                for partition in where:
                    found[partition].batched.append(event)
                    found[partition].places.append(at)
        return found


class ArrivedQuickly(Batch):
    """Lines of which compiled code read the plain purchases; the reference, `decode`, reads the others."""

    __slots__ = ("_decode", "_odd", "_plain", "_times", "blank", "bytes_read", "lines", "numbers")

    def __init__(self, lines: files.Batch, plain: Lines, decode: Decode) -> None:
        self.numbers, self.lines = lines.numbers, lines.lines
        self.bytes_read, self.blank = lines.bytes_read, lines.blank
        self._plain, self._decode = plain, decode
        self._odd = {at: decode(self.lines[at]) for at in plain.doubted()}
        self._times = plain.times(NEVER)
        for at, record in self._odd.items():
            self._times[at] = time_of(record)

    @override
    def record(self, at: int) -> Decoded:
        return self._odd[at] if at in self._odd else self._decode(self.lines[at])

    @override
    def odd(self) -> Iterable[tuple[int, Decoded]]:
        return sorted(self._odd.items(), key=lambda one: one[0])

    @override
    def times(self) -> list[int]:
        return self._times

    @override
    def refuse(self, at: int, refusal: Refusal) -> None:
        self._odd[at], self._times[at] = refusal, NEVER

    @override
    def shares(self, routes: Routes, partitions: int) -> Sequence[Share]:
        everywhere = range(partitions)
        records: list[bytes | Record | None] = [*self.lines]
        odd = []
        for at, record in self.odd():
            records[at], where = _placed(record, routes, everywhere)
            odd.append((at, where))
        return [_Quick(run) for run in self._plain.runs(odd, records, self._read)]

    def _read(self, record: bytes | Record) -> Record | Refusal:
        return self._decode(record) if isinstance(record, bytes) else record


@dataclass(slots=True)
class _Listed(Share):
    batched: list[Record] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    @override
    def event(self, at: int) -> Record:
        return self.batched[at]

    @override
    def place(self, at: int) -> int:
        return self.places[at]

    @override
    def times(self) -> Iterator[int | None]:
        return map(_moment, self.batched)


class _Quick(Share):
    """A run, if it is not empty."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.batched = [run] if len(run) else []

    @override
    def event(self, at: int) -> Record:
        event: Record = self._run.event(at)
        return event

    @override
    def place(self, at: int) -> int:
        return self._run.place(at)

    @override
    def times(self) -> Iterator[int | None]:
        for at, time in enumerate(self._run.times(NEVER)):
            yield time if time != NEVER else _moment(self._run.event(at))


def time_of(record: Decoded) -> int:
    """Return the time (ms) of what was read; NEVER if it is refused."""
    return NEVER if isinstance(record, Refusal) else record.time


def _moment(event: Record) -> int | None:
    return None if isinstance(event, SignOfLife | Erasure | Move) else event.time


def _placed(
    record: Decoded, routes: Routes, everywhere: Sequence[int]
) -> tuple[Record | None, Sequence[int]]:
    """Return what stands for a record, and the partitions that it goes to."""
    if isinstance(record, Refusal):
        sign = sign_of_life(record)
        return sign, () if sign is None else (routes[sign.customer_id],)
    if isinstance(record, Tick):
        return record, everywhere
    return record, (routes[record.customer_id],)
