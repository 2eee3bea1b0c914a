"""A directory of event files: which there are, and their lines in arrival order."""

import gzip
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Final

import msgspec

from schemas.times import format_ms
from streams.core.watermark import FACTS, Input
from streams.extras import needs

WHOLE_BYTES: Final = 1_000_000
"""Lines up to this long are given whole; a longer one, which no Kafka takes unless told to, may be cut."""

_SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".parquet")
_CHUNK_BYTES: Final = 1 << 20
_ROWS: Final = 16_384
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class InputError(Exception):
    """A directory that can't be read as contract.md's files; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some lines of one file: the number of the first (from 1), and the bytes of the file read so far."""

    first_line: int
    lines: list[bytes]
    bytes_read: int


def find(directory: Path) -> dict[Input, Path]:
    """Return the file of each input that the directory has.

    Raises InputError if it has neither transactions nor contacts, or one input in two forms.
    """
    if not directory.is_dir():
        raise InputError(f"no such directory: {directory}")
    found = {}
    for one in Input:
        there = [path for suffix in _SUFFIXES if (path := directory / f"{one.value}{suffix}").is_file()]
        if len(there) > 1:
            raise InputError(f"{' and '.join(path.name for path in there)}: keep one of them")
        if there:
            found[one] = there[0]
    if not any(one in found for one in FACTS):
        names = ", ".join(f"{one.value}{suffix}" for one in FACTS for suffix in _SUFFIXES)
        others = ", ".join(path.name for path in found.values())
        raise InputError(f"nothing to read in {directory}: looked for {names}; found {others or 'no input'}")
    return found


def batches(path: Path) -> Iterator[Batch]:
    """Yield the lines of a file; raises InputError if it can't be read to its end."""
    try:
        if path.suffix == ".parquet":
            yield from _rows(path)
        else:
            with path.open("rb") as raw:
                yield from _lines(raw, gzipped=path.suffix == ".gz")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} can't be read to its end: {error}") from error


def _lines(raw: IO[bytes], *, gzipped: bool) -> Iterator[Batch]:
    source = gzip.GzipFile(fileobj=raw) if gzipped else raw
    number, rest = 1, b""
    while chunk := source.read(_CHUNK_BYTES):
        # Of a line no more is kept than shows that it is too large: the end of it may never come.
        *lines, rest = (rest[: WHOLE_BYTES + 1] + chunk).split(b"\n")
        if lines:
            yield Batch(number, lines, raw.tell())
            number += len(lines)
    if rest:
        yield Batch(number, [rest], raw.tell())


def _rows(path: Path) -> Iterator[Batch]:
    try:
        import polars as pl  # noqa: PLC0415 - of the lab: a worker does without
    except ModuleNotFoundError as error:
        raise InputError(needs(path.name, "lab")) from error
    try:
        # Some writers store text as plain bytes.
        frame = pl.read_parquet(path).with_columns(pl.col(pl.Binary).cast(pl.String))
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path.name} can't be read to its end: {error}") from error
    size = path.stat().st_size
    for at in range(0, len(frame), _ROWS):
        rows = frame.slice(at, _ROWS).to_dicts()
        read = size * min(at + _ROWS, len(frame)) // len(frame)
        yield Batch(at + 1, [msgspec.json.encode(_event(row)) for row in rows], read)


def _event(row: dict[str, object]) -> dict[str, object]:
    return {name: plain for name, value in row.items() if (plain := _plain(value)) is not None}


def _plain(value: object) -> object:
    """Return a column's value as JSON has it: whole floats are counts that had gaps, times are text."""
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return format_ms((aware - _EPOCH) // _EPOCH.resolution // 1000)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"  # a column of many places fills them up with zeros
    if isinstance(value, dict):
        return _event(value)
    return value


def _plain_float(value: float) -> object:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return str(value)  # as text it is refused, as JSON it would be null
    return int(value) if value.is_integer() else value
