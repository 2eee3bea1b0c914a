"""A record of an export: what it is, or why it can't be read; and its raw bytes."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from msgspec.json import Encoder

ENCODER: Final = Encoder(decimal_format="number")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half of a character, or a byte that is none."""


class Spoiled:
    """A number that is none in JSON, or is beyond all numbers: it spoils its record, and no other."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: what it is, or why it can't be read; and its raw bytes."""

    file: str
    line: int
    """Where it begins, from 1; of an array its place in the array."""
    raw: bytes
    value: dict[str, Any] | None
    fault: str = ""
    """Why it is refused; it may have a value all the same, for a page may hold others that are whole."""
    is_rest: bool = False
    """Whether it may be more than one: it goes on to the end, for where the next begins could not be told."""

    def part(self, value: dict[str, Any]) -> "Record":
        """Return a record that this one holds, as a page of orders does."""
        if value is self.value:
            return self
        spoiled = bool(self.fault) and is_spoiled(value)
        raw = _spoiled_bytes(value) if spoiled else ENCODER.encode(value)
        return Record(self.file, self.line, raw, value, self.fault if spoiled else "")


def is_utf8(raw: bytes) -> bool:
    """Return whether bytes are text in UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_spoiled(value: Any) -> bool:
    """Return whether something in a value is not JSON, though its brackets are: a number, or a character."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case Spoiled():
                return True
            case dict() as one:
                waiting += [*one, *one.values()]
            case list() as one:
                waiting += one
            case str() as one if _SURROGATE.search(one):
                return True
            case _:
                pass
    return False


def _spoiled_bytes(value: dict[str, Any]) -> bytes:
    """Return a value that is no JSON as near to its bytes as can be; its numbers stand in quotes."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=_in_quotes)
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:  # half of a character, written as an escape
        return json.dumps(value, default=_in_quotes).encode()


def _in_quotes(one: Decimal | Spoiled) -> str:
    return one.text if isinstance(one, Spoiled) else str(one)
