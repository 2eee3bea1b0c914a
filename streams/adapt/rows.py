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
_DIGITS: Final = re.compile(r"\d+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_SURE: Final = 3
"""Columns with digits by which a row is known."""
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
                if row and (line > 1 or not _SEPARATOR.fullmatch(raw)):
                    header = _header(name, row, raw)
            elif row:
                last = row if len(row) == len(header) else last
                yield _row(name, line, header, row, raw)


def _swallowed(
    row: list[str], lines: list[str], header: list[str], like: list[str], separator: str
) -> int | None:
    """Return which of the lines of a row begins the next one, if a stray quote has swallowed it.

    A text of several lines is none: only if every line behind the first is a row by itself. The last one has
    the columns behind the text in any case, so that if it is alone, only those before tell.
    """
    if len(lines) == 1:
        return None
    if len(row) != len(header):
        return _first_row(lines, header, like, separator)
    *between, last = [line for line in lines[1:] if line.strip()] or [""]
    if between:
        is_row = len(_cells(last, separator)) == len(header)
    else:
        is_row = _is_row(last, header, like[: len(_cells(lines[0], separator))], separator)
    return 1 if is_row and all(_is_row(line, header, like, separator) for line in between) else None


def _first_row(lines: list[str], header: list[str], like: list[str], separator: str) -> int | None:
    """Return which of some lines, behind the first, is the first that is a row by itself."""
    like = like or _cells(lines[0], separator)[:-1]
    return next((at for at, line in enumerate(lines[1:], 1) if _is_row(line, header, like, separator)), None)


def _is_row(line: str, header: list[str], like: list[str], separator: str) -> bool:
    """Return whether a line is a row beyond doubt: digits where another row has them, most in the same form.

    A line of text is none, though it may have as many commas: rows have an id, a customer, a time.
    """
    cells = _cells(line, separator)
    if len(cells) != len(header):
        return False
    pairs = [(cell, other) for cell, other in zip(cells, like, strict=False) if _has_digit(other)]
    alike = sum(_form(cell) == _form(other) for cell, other in pairs)
    return len(pairs) >= _SURE and all(_has_digit(cell) for cell, _ in pairs) and 2 * alike >= len(pairs)


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of a line by itself; none if it can't be told."""
    try:
        return next(csv.reader([line], delimiter=separator))
    except csv.Error:
        return []


def _has_digit(cell: str) -> bool:
    return any(map(str.isdigit, cell))


def _form(cell: str) -> str:
    """Return a cell with one 9 for digits that follow one another, and one a for letters."""
    return _LETTERS.sub("a", _DIGITS.sub("9", cell.strip()))


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
