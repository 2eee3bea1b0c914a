"""The records of a JSON file: one a line, an array, or one after another; and on behind what is broken."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any, Final

from streams.adapt.pages import Page, Records, always_pages, is_page, named_page, opened_page
from streams.adapt.record import ENCODER, Record, Spoiled, is_spoiled, is_utf8
from streams.mapping import exact_json
from streams.mapping.exact_json import NOT_JSON

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BETWEEN: Final = re.compile(r"[\s,\[\]]*")
"""What stands between the records of an array."""
_CLOSED: Final = re.compile(r"[\s,]*(?=\])")
"""The end of the list of a page."""
_BEGIN: Final = re.compile(r"(?:\n\[|[}\],\[\n]\s*)(?=\{)")
"""Where an object may begin behind what is no JSON; it may be part of a record too."""
_ALIKE: Final = 0.5
"""The next record must have more than this share of the fields of the one before it."""


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


def documents(name: str, file: IO[bytes], records: Records = None) -> Iterator[Record]:
    """Yield the records of a JSON file; of pages, those of a broken one one by one."""
    first = file.readline().removeprefix(_BOM)
    if _is_line(first):
        yield from _line(name, 1, first, records)
        for number, line in enumerate(file, 2):
            yield from _line(name, number, line, records)
        return
    whole = first + file.read()
    if whole.startswith(_UTF16):
        fault = "UTF-16, not UTF-8: `iconv -f UTF-16 -t UTF-8` makes it so"
        yield Record(name, 1, whole, None, fault, is_rest=True)
        return
    yield from _whole(name, whole, records)


def _is_line(first: bytes) -> bool:
    """Return whether a file whose first line this is has a record a line."""
    if not first.lstrip().startswith(b"{"):
        return False
    try:
        exact_json.decode(first)
    except NOT_JSON:
        return first.rstrip().endswith(b"}")
    return True


def _line(name: str, number: int, raw: bytes, records: Records) -> Iterator[Record]:
    try:
        yield _object(name, number, raw, exact_json.decode(raw))
    except NOT_JSON:
        yield from _pieces(name, number, raw, records, of_a_line=True)


def _whole(name: str, raw: bytes, records: Records) -> Iterator[Record]:
    try:
        value = exact_json.decode(raw)
    except NOT_JSON:
        yield from _pieces(name, 1, raw, records)
        return
    if not isinstance(value, list):
        yield _object(name, 1, raw, value)
        return
    for place, one in enumerate(value, 1):
        yield _object(name, place, ENCODER.encode(one), one)


def _pieces(
    name: str, line: int, raw: bytes, records: Records, *, of_a_line: bool = False
) -> Iterator[Record]:
    """Yield the objects that follow one another, as Firehose writes them, or as far as a file was written."""
    text = raw.decode(errors="surrogateescape")
    place = _BETWEEN.match(text).end()  # type: ignore[union-attr] # it matches nothing too
    counted = end = 0
    last, parts = dict[str, Any](), list[dict[str, Any]]()
    page: Page | None = None
    several = not of_a_line or always_pages(records)  # else a line has one record, if nothing tells more
    while place < len(text):
        line += text.count("\n", counted, place)
        counted = place
        value, is_rest = _BROKEN, False
        try:
            value, end = _PIECES.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            broken = error.pos if isinstance(error, json.JSONDecodeError) else place
            begun = opened_page(text, place, broken, records)
            if begun is not None:
                page, place, last, parts = begun, begun.begin, {}, []
                continue
            end, is_rest = _behind(text, place, broken, last, parts)
            is_rest = is_rest and (several or bool(last) or page is not None)
            named = named_page(text, place, end, records)
            if named is not None:
                page, end, is_rest, last, parts = named, named.begin, False, {}, []
        piece = text[place:end].encode(errors="surrogateescape").rstrip(b"\r\n")
        found = value if isinstance(value, dict) else None
        if found is not None:
            last, parts = found, _parts(found) or parts
            if page is not None and not is_page(found, records):
                value = found = page.holding(found)
        if is_spoiled(value):
            fault = "not JSON" if is_utf8(piece) else "not UTF-8"
            yield Record(name, line, piece, found, fault, is_rest)
        else:
            yield _object(name, line, piece, value)
        if page is not None:
            closed = _CLOSED.match(text, end)
            if closed is not None:
                end = page.end(text, closed.end())
                page = None
        place = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]


def _behind(
    text: str, place: int, broken: int, last: dict[str, Any], parts: list[dict[str, Any]]
) -> tuple[int, bool]:
    """Return where reading goes on behind what is broken, and whether records may be lost with the rest.

    It goes on with the next line that begins an object, or the next object that is like the one before it:
    one within a record must not be taken for a record. It may begin just before the spot, for a text that is
    not closed ends in it.
    """
    first = max(text.rfind("{", place + 1, broken), place + 1)
    for begin in _BEGIN.finditer(text, place):
        is_next = bool(last) and begin.end() >= first and _is_next(text, begin.end(), last, parts)
        if is_next or begin.group().endswith(("\n", "\n[")):
            return begin.end(), False
    return len(text), _BEGIN.search(text, broken) is not None


def _is_next(text: str, place: int, last: dict[str, Any], parts: list[dict[str, Any]]) -> bool:
    """Return whether what begins at a place is like the record before it, and less like a part of it."""
    try:
        value, _ = _PIECES.raw_decode(text, place)
    except (ValueError, RecursionError):
        return False
    return _likeness(value, last) > max(_ALIKE, *(_likeness(value, part) for part in parts), 0)


def _likeness(one: dict[str, Any], other: dict[str, Any]) -> float:
    return len(one.keys() & other.keys()) / max(len(one), len(other), 1)


def _parts(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects within a record, one of each list."""
    found: list[dict[str, Any]] = []
    waiting = [*record.values()]
    while waiting:
        match waiting.pop():
            case dict() as one:
                found.append(one)
                waiting += one.values()
            case [one, *_]:
                waiting.append(one)
            case _:
                pass
    return found


def _object(name: str, line: int, raw: bytes, value: Any) -> Record:
    bare, found = raw.rstrip(b"\r\n"), value if isinstance(value, dict) else None
    return Record(name, line, bare, found, "not an object" if found is None else "")
