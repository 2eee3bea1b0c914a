"""What one transaction holds: records that were taken, and what is written for them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from schemas.dead_letter import Reason
from streams.core.watermark import Input
from streams.ingest.flow.record import Place, Record

MOST_RECORDS = 5_000
MOST_BYTES = 4 << 20


Headers: TypeAlias = list[tuple[str, str | bytes | None]]


class Output(NamedTuple):
    """A record to write."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None = None
    is_draft: bool = False


class Verdict(NamedTuple):
    """Whether a record of a source was refused in a way that counts against the limit."""

    source: str
    poison: bool


@dataclass(slots=True)
class Batch:
    """Filled by the flow; committed as a whole, or not at all."""

    records: list[Record] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    positions: dict[Place, int] = field(default_factory=dict)
    """The offset after the last record taken, by partition."""
    verdicts: list[Verdict] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)
    """Records by source."""
    events: Counter[tuple[str, Input]] = field(default_factory=Counter)
    """By source and input."""
    skipped: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By source, rule and why."""
    refused: Counter[tuple[str, Reason]] = field(default_factory=Counter)
    """Dead letters, by source and reason."""
    size: int = 0
    """Bytes of what is written."""

    @property
    def full(self) -> bool:
        """Return whether it should be committed."""
        return len(self.records) >= MOST_RECORDS or self.size >= MOST_BYTES

    def write(self, output: Output) -> None:
        """Add a record to write."""
        self.outputs.append(output)
        self.size += len(output.value or b"")
