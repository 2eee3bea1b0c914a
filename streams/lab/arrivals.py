"""The lines of a file as replay takes them in: decoded, in order, without what is dated out of place."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from schemas.dead_letter import Reason
from schemas.events import Refusal
from streams.core.partition import Record
from streams.core.watermark import NEVER
from streams.files import batches, spot_ahead

Decode: TypeAlias = Callable[[bytes], Record | Refusal]

AHEAD: Final = "time: more than a year ahead of the lines around it"
_CHUNK: Final = 10_000


@dataclass(frozen=True, slots=True)
class Arrived:
    """Some lines of a file, decoded: `numbers` are theirs in the file, from 1."""

    numbers: Sequence[int]
    records: list[Record | Refusal]
    bytes_read: int
    blank: int


def arrivals(path: Path, decode: Decode, *, by_time: bool) -> Iterator[Arrived]:
    """Yield the lines of a file in their order, or sorted by time; raises InputError if it can't be read.

    A line that is dated more than a year ahead of those around it is refused.
    """
    decoded = (
        Arrived(batch.numbers, list(map(decode, batch.lines)), batch.bytes_read, batch.blank)
        for batch in batches(path)
    )
    for arrived, ahead in spot_ahead(_sorted(decoded) if by_time else decoded, _times):
        for at in ahead:
            arrived.records[at] = Refusal(Reason.FUTURE, AHEAD)
        yield arrived


def _times(arrived: Arrived) -> list[int]:
    return list(map(_time, arrived.records))


def _time(record: Record | Refusal) -> int:
    return getattr(record, "time", NEVER)


def _sorted(decoded: Iterator[Arrived]) -> Iterator[Arrived]:
    """Yield the same lines by time, those of one time in their order; refused ones have none, and lead."""
    held = list(decoded)
    if not held:
        return
    lines = [pair for one in held for pair in zip(one.numbers, one.records, strict=True)]
    lines.sort(key=lambda line: _time(line[1]))
    blank = sum(one.blank for one in held)
    for at in range(0, len(lines), _CHUNK):
        part = lines[at : at + _CHUNK]
        yield Arrived(
            [number for number, _ in part],
            [record for _, record in part],
            held[-1].bytes_read,
            0 if at else blank,
        )
