"""The records of an export: JSON (an array, one object, one a line) and CSV, also compressed with gzip."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatch
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from msgspec import MsgspecError
from msgspec.json import Decoder, encode

from streams.files import InputError
from streams.mapping.config import Source

_DECODER: Final = Decoder(float_hook=Decimal)
"""Numbers with a fraction stay exact."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: what it is, or why it can't be read; and its raw text."""

    file: str
    line: int
    """Where it begins, from 1; of an array in one line its place in the array."""
    raw: bytes
    value: dict[str, Any] | None
    fault: str | None = None


def matching(source: Source, given: Path) -> list[Path]:
    """Return the files of a source, by name: those of a directory that its pattern fits, or the file given.

    Raises InputError.
    """
    if given.is_file():
        return [given]
    if not given.is_dir():
        raise InputError(f"no such file or directory: {given}")
    pattern = source.files or "*"
    names = (path for path in given.iterdir() if path.is_file())
    return sorted(
        path for path in names if fnmatch(path.name, pattern) or fnmatch(path.name, f"{pattern}.gz")
    )


def records(path: Path, source: Source) -> Iterator[Record]:
    """Yield the records of a file. Raises InputError if it can't be read to its end."""
    try:
        if source.format == "csv":
            yield from _rows(path, source.separator)
        else:
            yield from _documents(path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} can't be read to its end: {error}", unusable=True) from error


def _open(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _rows(path: Path, separator: str) -> Iterator[Record]:
    with _open(path) as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        header = [name.strip() for name in next(reader, [])]
        if len(set(header)) < len(header):
            raise InputError(f"{path.name}: two columns have the same name", unusable=True)
        before = reader.line_num
        for row in reader:
            if row:
                yield _row(path.name, before + 1, header, row, separator)
            before = reader.line_num


def _row(name: str, line: int, header: list[str], row: list[str], separator: str) -> Record:
    raw = separator.join(row).encode()
    if len(row) != len(header):
        return Record(name, line, raw, None, f"{len(row)} columns, where the header has {len(header)}")
    return Record(name, line, raw, {key: value.strip() for key, value in zip(header, row, strict=True)})


def _documents(path: Path) -> Iterator[Record]:
    with _open(path) as raw:
        first = raw.readline().removeprefix(b"\xef\xbb\xbf")
        if _is_line(first):
            yield _document(path.name, 1, first)
            for number, line in enumerate(raw, 2):
                if line.strip():
                    yield _document(path.name, number, line)
            return
        whole = first + raw.read()
    if whole.strip():
        yield from _whole(path.name, whole)


def _is_line(first: bytes) -> bool:
    """Return whether a file whose first line this is has a record a line."""
    if not first.strip().startswith(b"{"):
        return False
    try:
        _DECODER.decode(first)
    except MsgspecError:
        return first.rstrip().endswith(b"}")
    return True


def _whole(name: str, raw: bytes) -> Iterator[Record]:
    try:
        value = _DECODER.decode(raw)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        yield Record(name, 1, raw, None, "not JSON as a whole, nor one object a line")
        return
    if not isinstance(value, list):
        value = [value]
    for place, one in enumerate(value, 1):
        yield _object(name, place, raw if len(value) == 1 else encode(one), one)


def _document(name: str, line: int, raw: bytes) -> Record:
    try:
        return _object(name, line, raw, _DECODER.decode(raw))
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        return Record(name, line, raw.rstrip(b"\r\n"), None, "not JSON")


def _object(name: str, line: int, raw: bytes, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(name, line, raw, None, "not an object")
    return Record(name, line, raw.rstrip(b"\r\n"), value)
