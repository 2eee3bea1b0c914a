"""The records of an export: JSON (one a line, an array, or one after another) and CSV, also gzipped.

What can't be read is a record too, with its raw bytes and why, and reading goes on behind it. A file of lines
is read line by line; one that is a single JSON document is held whole.
"""

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatch
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

from msgspec.json import Encoder

from streams.files import InputError
from streams.mapping import exact_json
from streams.mapping.config import Source
from streams.mapping.exact_json import NOT_JSON

_BOM: Final = b"\xef\xbb\xbf"
_BETWEEN: Final = re.compile(r"[\s,\[\]]*")
"""What stands between the records of an array."""
_NEXT: Final = re.compile(r"\n(?=\{)")
"""Where reading goes on behind what is no JSON: at the next line that begins an object."""
_ENCODER: Final = Encoder(decimal_format="number")


def _no_number(_name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


_PIECES: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
"""Slower, but tells where a document ends."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: what it is, or why it can't be read; and its raw bytes."""

    file: str
    line: int
    """Where it begins, from 1; of an array its place in the array."""
    raw: bytes
    value: dict[str, Any] | None
    fault: str = ""

    def part(self, value: dict[str, Any]) -> "Record":
        """Return a record that this one holds, as a page of orders does."""
        return self if value is self.value else Record(self.file, self.line, _ENCODER.encode(value), value)


def matching(source: Source, given: Path) -> list[Path]:
    """Return the files that the pattern of a source fits: in a directory, or the one file given.

    Raises InputError.
    """
    if given.is_dir():
        paths = sorted(path for path in given.iterdir() if path.is_file())
    elif given.is_file():
        paths = [given]
    else:
        raise InputError(f"no such file or directory: {given}")
    pattern = source.files or "*"
    return [path for path in paths if fnmatch(path.name, pattern) or fnmatch(path.name, f"{pattern}.gz")]


def records(path: Path, source: Source) -> Iterator[Record]:
    """Yield the records of a file. Raises InputError if it can't be read to its end."""
    try:
        if source.format == "csv":
            yield from _rows(path, source.separator)
        else:
            yield from _documents(path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} can't be read to its end: {error}", unusable=True) from error


def _open(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


class _Lines:
    """The lines of a file, and the raw bytes of those that were read since `taken` was last asked."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file, self._read = file, list[str]()

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self._read.append(line)
            yield line

    def taken(self) -> bytes:
        raw = "".join(self._read).rstrip("\r\n").encode(errors="surrogateescape")
        self._read.clear()
        return raw


def _rows(path: Path, separator: str) -> Iterator[Record]:
    """Yield the rows of a CSV file; one of its columns that has no name is left out."""
    with (
        _open(path) as file,
        TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        header: list[str] | None = None
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield Record(
                    path.name, line, lines.taken(), None, "not CSV: a quote out of place, or a field too long"
                )
                continue
            raw = lines.taken()
            if header is None:
                header = _header(path.name, row, raw)
            elif row:
                yield _row(path.name, line, header, row, raw)


def _header(name: str, row: list[str], raw: bytes) -> list[str]:
    header = [column.strip() for column in row]
    if not _is_utf8(raw):
        raise InputError(f"{name} is not UTF-8: save it as CSV UTF-8", unusable=True)
    named = [column for column in header if column]
    if len(set(named)) < len(named):
        raise InputError(f"{name}: two columns have the same name", unusable=True)
    return header


def _row(name: str, line: int, header: list[str], row: list[str], raw: bytes) -> Record:
    if not _is_utf8(raw):
        return Record(name, line, raw, None, "not UTF-8")
    if len(row) != len(header):
        return Record(name, line, raw, None, f"{len(row)} columns, where the header has {len(header)}")
    value = {key: cell.strip() for key, cell in zip(header, row, strict=True) if key}
    return Record(name, line, raw, value)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _documents(path: Path) -> Iterator[Record]:
    with _open(path) as file:
        first = file.readline().removeprefix(_BOM)
        if _is_line(first):
            yield from _line(path.name, 1, first)
            for number, line in enumerate(file, 2):
                yield from _line(path.name, number, line)
            return
        whole = first + file.read()
    yield from _whole(path.name, whole)


def _is_line(first: bytes) -> bool:
    """Return whether a file whose first line this is has a record a line."""
    if not first.lstrip().startswith(b"{"):
        return False
    try:
        exact_json.decode(first)
    except NOT_JSON:
        return first.rstrip().endswith(b"}")
    return True


def _line(name: str, number: int, raw: bytes) -> Iterator[Record]:
    try:
        yield _object(name, number, raw, exact_json.decode(raw))
    except NOT_JSON:
        yield from _pieces(name, number, raw)


def _whole(name: str, raw: bytes) -> Iterator[Record]:
    try:
        value = exact_json.decode(raw)
    except NOT_JSON:
        yield from _pieces(name, 1, raw)
        return
    if not isinstance(value, list):
        yield _object(name, 1, raw, value)
        return
    for place, one in enumerate(value, 1):
        yield _object(name, place, _ENCODER.encode(one), one)


def _pieces(name: str, line: int, raw: bytes) -> Iterator[Record]:
    """Yield the objects that follow one another, as Firehose writes them, or as far as a file was written."""
    text = raw.decode(errors="surrogateescape")
    place = _BETWEEN.match(text).end()  # type: ignore[union-attr] # it matches nothing too
    counted = 0
    while place < len(text):
        line += text.count("\n", counted, place)
        counted = place
        try:
            value, end = _PIECES.raw_decode(text, place)
            _ENCODER.encode(value)
        except NOT_JSON:
            following = _NEXT.search(text, place)
            end = len(text) if following is None else following.end()
            piece = text[place:end].encode(errors="surrogateescape")
            fault = "not JSON" if _is_utf8(piece) else "not UTF-8"
            yield Record(name, line, piece.rstrip(b"\r\n"), None, fault)
        else:
            yield _object(name, line, text[place:end].encode(), value)
        place = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]


def _object(name: str, line: int, raw: bytes, value: Any) -> Record:
    bare, found = raw.rstrip(b"\r\n"), value if isinstance(value, dict) else None
    return Record(name, line, bare, found, "not an object" if found is None else "")
