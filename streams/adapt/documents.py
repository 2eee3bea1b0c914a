"""The records of a JSON file: one a line, an array, or one after another; and on behind what is broken."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any, Final

from streams.adapt.record import ENCODER, Record, Spoiled, is_spoiled, is_utf8
from streams.mapping import exact_json
from streams.mapping.exact_json import NOT_JSON

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BETWEEN: Final = re.compile(r"[\s,\[\]]*")
"""What stands between the records of an array."""
_BEGIN: Final = re.compile(r"[}\],\n]\s*(?=\{)")
"""Where an object may begin behind what is no JSON; it may be part of a record too."""
_ALIKE: Final = 0.5
"""The share of the fields of the record before it that the next one must have."""


def _fraction(text: str) -> Decimal | Spoiled:
    try:
        return Decimal(text)
    except ArithmeticError:
        return Spoiled(text)


def _whole_number(text: str) -> int | Spoiled:
    try:
        return int(text)
    except ValueError:
        return Spoiled(text)


_BROKEN: Final[Any] = Spoiled("")
_PIECES: Final = json.JSONDecoder(parse_float=_fraction, parse_int=_whole_number, parse_constant=Spoiled)
"""Slower, but tells where a document ends, whatever its numbers and characters are."""


def documents(name: str, file: IO[bytes]) -> Iterator[Record]:
    """Yield the records of a JSON file."""
    first = file.readline().removeprefix(_BOM)
    if _is_line(first):
        yield from _line(name, 1, first)
        for number, line in enumerate(file, 2):
            yield from _line(name, number, line)
        return
    whole = first + file.read()
    if whole.startswith(_UTF16):
        fault = "UTF-16, not UTF-8: `iconv -f UTF-16 -t UTF-8` makes it so"
        yield Record(name, 1, whole, None, fault, is_rest=True)
        return
    yield from _whole(name, whole)


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
        yield from _pieces(name, number, raw, of_a_line=True)


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
        yield _object(name, place, ENCODER.encode(one), one)


def _pieces(name: str, line: int, raw: bytes, *, of_a_line: bool = False) -> Iterator[Record]:
    """Yield the objects that follow one another, as Firehose writes them, or as far as a file was written."""
    text = raw.decode(errors="surrogateescape")
    place = _BETWEEN.match(text).end()  # type: ignore[union-attr] # it matches nothing too
    counted = 0
    last: dict[str, Any] = {}
    while place < len(text):
        line += text.count("\n", counted, place)
        counted = place
        value, is_rest = _BROKEN, False
        try:
            value, end = _PIECES.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            broken = error.pos if isinstance(error, json.JSONDecodeError) else place
            end, is_rest = _behind(text, place, broken, last)
            is_rest = is_rest and (
                bool(last) or not of_a_line
            )  # a line has one record, if nothing tells more
        piece = text[place:end].encode(errors="surrogateescape").rstrip(b"\r\n")
        found = value if isinstance(value, dict) else None
        if is_spoiled(value):
            fault = "not JSON" if is_utf8(piece) else "not UTF-8"
            yield Record(name, line, piece, found, fault, is_rest)
        else:
            yield _object(name, line, piece, value)
        last = found or last
        place = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]


def _behind(text: str, place: int, broken: int, last: dict[str, Any]) -> tuple[int, bool]:
    """Return where reading goes on behind what is broken, and whether records may be lost with the rest.

    It goes on with the next line that begins an object, or the next object that is like the one before it:
    one within a record must not be taken for a record. It may begin just before the spot, for a text that is
    not closed ends in it.
    """
    first = max(text.rfind("{", place + 1, broken), place + 1)
    for begin in _BEGIN.finditer(text, place):
        is_like = bool(last) and begin.end() >= first and _is_alike(text, begin.end(), last)
        if is_like or begin.group().endswith("\n"):
            return begin.end(), False
    return len(text), _BEGIN.search(text, broken) is not None


def _is_alike(text: str, place: int, last: dict[str, Any]) -> bool:
    try:
        value, _ = _PIECES.raw_decode(text, place)
    except (ValueError, RecursionError):
        return False
    return len(value.keys() & last.keys()) >= _ALIKE * max(len(last), len(value))


def _object(name: str, line: int, raw: bytes, value: Any) -> Record:
    bare, found = raw.rstrip(b"\r\n"), value if isinstance(value, dict) else None
    return Record(name, line, bare, found, "not an object" if found is None else "")
