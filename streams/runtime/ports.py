"""What a partition needs from outside, small enough for a simulation to stand in for Kafka and the clock."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from schemas.alert import Alert
from schemas.dead_letter import Reason
from streams.core.customer.moves import Move
from streams.core.watermark import Input

Positions = Mapping[Input, int]
"""For each input of a partition, the position after what is in its state."""
StateRecord = tuple[bytes, bytes | None]
"""Key and value; None: the key is forgotten."""

UNKNOWN: Final = -1
"""The end of an input, or the time of a fetch, when nobody told."""


class LogRecord(Protocol):
    """A record as it stands in the log; `timestamp` is its append time in ms."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""

    @property
    def timestamp(self) -> int:
        """When the broker appended it, ms UTC."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record made by hand."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetched batch of one input: continuous from `before` to `after`, though offsets may have gaps.

    The broker told `end`, the end of the input, in answer to a request sent at `asked_ms`, and both are
    UNKNOWN when nobody asked. `seek` is the number of the last seek before it. One that ends where it begins
    tells that all before it was handed out.
    """

    source: Input
    before: int
    records: Sequence[LogRecord]
    after: int
    end: int = UNKNOWN
    asked_ms: int = UNKNOWN
    seek: int = 0


@dataclass(frozen=True, slots=True)
class HighWatermark:
    """What a broker told of a partition: where it ends, in answer to a request sent at a time (steady ms)."""

    end: int = UNKNOWN
    asked_ms: int = UNKNOWN


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record: its bytes unchanged, where it came from, and why."""

    source: Input
    record: LogRecord
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one Kafka transaction writes; all of it, or nothing, becomes visible."""

    state: Sequence[StateRecord] = ()
    alerts: Sequence[Alert] = ()
    dead_letters: Sequence[DeadLetter] = ()
    positions: Positions = field(default_factory=dict)
    moves: Sequence[tuple[int, Move]] = ()
    """Histories of merged customers, each with the partition that it goes to."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an input holds: its records stand at offsets in `[start, end)`."""

    start: int
    end: int


class FencedError(Exception):
    """Another processor opened the partition since."""


class LogError(Exception):
    """The log did not do what was asked; what it did is known after the next open."""


class PartitionLog(Protocol):
    """The outputs of one partition, and its state. Raises FencedError or LogError; no call waits for ever."""

    async def fence(self) -> None:
        """Shut out every earlier processor; what it left unfinished is aborted."""

    async def bounds(self) -> Mapping[Input, Bounds]:
        """Return what the inputs hold now."""

    async def dead_letters_end(self) -> int:
        """Return where the dead letters of the partition end."""

    def restore(self) -> AsyncIterator[Sequence[StateRecord]]:
        """Yield the committed state up to its end, as it comes, the newest value of a key last."""

    async def commit(self, transaction: Transaction) -> None:
        """Write one transaction."""

    async def close(self) -> None:
        """Let go, without waiting for anything."""


class Feed(Protocol):
    """Where batches come from."""

    async def seek(self, partition: int, positions: Positions) -> None:
        """Seek inputs of a partition. Raise LogError."""

    def is_stale(self, partition: int, batch: Fetched) -> bool:
        """Return whether a batch was fetched before the last seek of its input."""

    def high_watermark(self, partition: int, source: Input) -> HighWatermark:
        """Return what a broker last told of an input."""

    async def ask_ends(self, partition: int) -> None:
        """Ask a broker where the inputs end, for `high_watermark` to tell. Raise LogError."""

    async def committed(self, partition: int) -> Mapping[Input, int | None]:
        """Return the positions that the group has committed. Raise LogError."""

    async def redriven_until(self, partition: int) -> int:
        """Return the offset up to which dead letters were sent back; 0 without a redrive. Raise LogError."""

    async def membership_confirmed(self) -> None:
        """Return once the group has confirmed that we are still a member."""


class Clock(Protocol):
    """The wall clock."""

    def now_ms(self) -> int:
        """Return the time in ms UTC."""

    def update(self) -> bool:
        """Compare it with others that are known, and return whether it can be trusted now."""

    def steady_ms(self) -> int:
        """Return the time in ms of a clock that is never set."""

    def utc_ms(self, steady_ms: int) -> int:
        """Return the time in ms UTC at which the steady clock stood so."""

    def appended(self, at_ms: int, *, after_steady_ms: int, before_steady_ms: int) -> None:
        """Take note that the broker appended a record at a time of its own, between two steady ones."""
