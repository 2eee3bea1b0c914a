"""The rows of a CSV file, and on behind a quote that is not closed."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from typing import IO, Final

from streams.adapt.record import Record, is_utf8
from streams.files import InputError

_NOT_CLOSED: Final = "not CSV: a quote out of place, or a field too long"
_SEPARATOR: Final = re.compile(rb'"?sep=.?"?')
"""A first line that Excel writes, to tell itself what parts the columns."""


class _Lines:
    """The lines of a file, and the raw bytes of those that were read since `taken` was last asked."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file, self._again = file, deque[str]()
        self.read: list[str] = []
        """Those that were read and not taken."""
        self.line = 1
        """The number of the first of them."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._file)
        self.read.append(line)
        return line

    def taken(self) -> bytes:
        """Return the bytes of what was read; what follows begins behind it."""
        raw = "".join(self.read).rstrip("\r\n").encode(errors="surrogateescape")
        self.line += len(self.read)
        self.read.clear()
        return raw

    def give_back(self, kept: int) -> None:
        """Let the lines that were read be read again, but for so many."""
        self._again.extendleft(reversed(self.read[kept:]))
        del self.read[kept:]

    @property
    def at_end(self) -> bool:
        """Return whether nothing follows."""
        if not self._again:
            self._again.extend(islice(self._file, 1))
        return not self._again


def rows(name: str, file: IO[bytes], separator: str) -> Iterator[Record]:
    """Yield the rows of a CSV file; one of its columns that has no name is left out."""
    with TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        header: list[str] | None = None
        last: list[str] = []
        while True:
            line, row = lines.line, None
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                following = None if header is None else _first_row(lines.read, header, last, separator)
            else:
                following = None if header is None else _swallowed(row, lines.read, header, last, separator)
            if row is None or following is not None:
                lines.give_back(len(lines.read) if following is None else following)
                is_rest = len(lines.read) > 1 and lines.at_end
                yield Record(name, line, lines.taken(), None, _NOT_CLOSED, is_rest)
                continue
            raw = lines.taken()
            if header is None:
                if line > 1 or not _SEPARATOR.fullmatch(raw):
                    header = _header(name, row, raw)
            elif row:
                last = row if len(row) == len(header) else last
                yield _row(name, line, header, row, raw)


def _swallowed(
    row: list[str], lines: list[str], header: list[str], last: list[str], separator: str
) -> int | None:
    """Return which of the lines of a row begins the next one, if a stray quote has swallowed it.

    A text of several lines is none: only if every line behind the first is a row by itself.
    """
    if len(lines) == 1:
        return None
    if len(row) != len(header):
        return _first_row(lines, header, last, separator)
    behind = [line for line in lines[1:] if line.strip()]
    swallowed = bool(behind) and all(_is_row(line, header, last, separator) for line in behind)
    return 1 if swallowed else None


def _first_row(lines: list[str], header: list[str], last: list[str], separator: str) -> int | None:
    """Return which of some lines, behind the first, is the first that is a row by itself."""
    return next((at for at, line in enumerate(lines[1:], 1) if _is_row(line, header, last, separator)), None)


def _is_row(line: str, header: list[str], last: list[str], separator: str) -> bool:
    """Return whether a line is like the rows before it: as many columns, and digits where those have some."""
    try:
        cells = next(csv.reader([line], delimiter=separator))
    except csv.Error:
        return False
    if len(cells) != len(header):
        return False
    return all(_has_digit(cell) or not _has_digit(other) for cell, other in zip(cells, last, strict=False))


def _has_digit(cell: str) -> bool:
    return any(map(str.isdigit, cell))


def _header(name: str, row: list[str], raw: bytes) -> list[str]:
    header = [column.strip() for column in row]
    if not is_utf8(raw):
        raise InputError(f"{name} is not UTF-8: save it as CSV UTF-8", unusable=True)
    named = [column for column in header if column]
    if len(set(named)) < len(named):
        raise InputError(f"{name}: two columns have the same name", unusable=True)
    return header


def _row(name: str, line: int, header: list[str], row: list[str], raw: bytes) -> Record:
    if not is_utf8(raw):
        return Record(name, line, raw, None, "not UTF-8")
    if len(row) != len(header):
        return Record(name, line, raw, None, f"{len(row)} columns, where the header has {len(header)}")
    value = {key: cell.strip() for key, cell in zip(header, row, strict=True) if key}
    return Record(name, line, raw, value)
