"""The log as the owner of a partition sees it: small, so that a simulation can stand in for Kafka."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schemas.alert import Alert
from schemas.dead_letter import Reason
from streams.core.watermark import Input

Positions = Mapping[Input, int]
"""For each input of a partition, the position after what is in its state; no entry before the first batch."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it stands in the log; `timestamp` is its append time in ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetched batch of one input: continuous from `before` to `after`, though offsets may have gaps."""

    source: Input
    before: int
    records: Sequence[RawRecord]
    after: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record: its bytes unchanged, whence it came, and why."""

    source: Input
    record: RawRecord
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one Kafka transaction writes; all of it, or nothing, becomes visible."""

    state: Sequence[tuple[bytes, bytes | None]] = ()
    alerts: Sequence[Alert] = ()
    dead_letters: Sequence[DeadLetter] = ()
    positions: Positions = field(default_factory=dict)


class FencedError(Exception):
    """Another owner opened the partition since."""


class LogError(Exception):
    """The log did not do what was asked; what it did is known after the next open."""


class PartitionLog(Protocol):
    """The outputs of one partition, and its state. Raises FencedError or LogError; calls may take long."""

    async def fence(self) -> None:
        """Shut out every earlier owner; what it left unfinished is aborted."""

    def restore(self) -> AsyncIterator[tuple[bytes, bytes | None]]:
        """Yield the committed state up to its end, the newest value of a key last."""

    async def commit(self, transaction: Transaction) -> None:
        """Write one transaction."""

    async def close(self) -> None:
        """Let go, without waiting for anything."""
