"""The lines of a file, in arrival order."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from schemas.line_faults import HEAD_BYTES, binary_form, whole_fault
from streams.files.batch import Batch
from streams.files.directory import InputError
from streams.files.parquet import rows

WHOLE_BYTES: Final = 1_000_000
"""Longer lines may be cut; no Kafka takes them with its default settings."""

_CHUNK_BYTES: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_PARQUET: Final = b"PAR1"


def unreadable(path: Path) -> str | None:
    """Return what is wrong with the form of a file if no line of it can be read, else None.

    Raise InputError if it can't be opened.
    """
    head = _head(path)
    if not head:
        return None
    if path.suffix == ".parquet":
        return None if head.startswith(_PARQUET) else "not in the form of Parquet that its name says"
    if path.suffix == ".gz" and not head.startswith(_GZIP):
        return "not compressed with gzip, as its name says; rename it without .gz"
    form = binary_form(_text_head(path, head))
    if form is None:
        return None
    if path.suffix != ".gz" and head.startswith(_GZIP):
        return f"{form}; rename it to {path.name}.gz"
    return f"{form}; write JSON lines in UTF-8{', compressed once' if path.suffix == '.gz' else ''}"


def whole_fault_of(path: Path) -> str | None:
    """Return what a file is as a whole, if it is not one JSON object a line; None if it may be."""
    fault = unreadable(path)
    if fault is not None or path.suffix == ".parquet":
        return fault
    return whole_fault(_text_head(path, _head(path)))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            return raw.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path.name} can't be read: {error.strerror}") from error


def _text_head(path: Path, head: bytes) -> bytes:
    if path.suffix != ".gz":
        return head
    with suppress(zlib.error):
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    return b""


def batches(path: Path) -> Iterator[Batch]:
    """Yield the lines of a file, blank ones left out; raises InputError if it can't be read to its end."""
    fault = unreadable(path)
    if fault is not None:
        raise InputError(f"{path.name}: the file is {fault}", unusable=True)
    try:
        if path.suffix == ".parquet":
            yield from rows(path)
        else:
            with path.open("rb") as raw:
                yield from _lines(raw, gzipped=path.suffix == ".gz")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} can't be read to its end: {error}") from error


def _lines(raw: IO[bytes], *, gzipped: bool) -> Iterator[Batch]:
    source = gzip.GzipFile(fileobj=raw) if gzipped else raw
    number, rest = 1, b""
    while chunk := source.read(_CHUNK_BYTES):
        # Of a line only so much is kept as shows that it is too large: its end may never come.
        *lines, rest = (rest[: WHOLE_BYTES + 1] + chunk).split(b"\n")
        if lines:
            yield _batch(number, lines, raw.tell())
            number += len(lines)
    if rest:
        yield _batch(number, [rest], raw.tell())


def _batch(first: int, lines: list[bytes], bytes_read: int) -> Batch:
    numbers = range(first, first + len(lines))
    if all(map(bytes.strip, lines)):
        return Batch(numbers, lines, bytes_read)
    kept = [(number, line) for number, line in zip(numbers, lines, strict=True) if line.strip()]
    return Batch(
        [number for number, _ in kept], [line for _, line in kept], bytes_read, len(lines) - len(kept)
    )
