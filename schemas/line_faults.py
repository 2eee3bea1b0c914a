"""What is wrong with bytes that are no JSON object, in words: the kind of mistake, never a value."""

import re
from typing import Final

from pydantic_core import from_json

BOM: Final = b"\xef\xbb\xbf"
"""Some editors begin UTF-8 with it; it means nothing."""

_BINARY: Final = {
    b"\x1f\x8b": "compressed with gzip",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"PAR1": "Parquet",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"BZh": "compressed with bzip2",
}
_SCHEMA_REGISTRY: Final = re.compile(rb"\x00.{4}\s*\{", re.DOTALL)
_SEPARATORS: Final = (b",", b";", b"\t", b"|")
HEAD_BYTES: Final = 4096
"""So much of a file shows what it is."""


def binary_form(raw: bytes) -> str | None:
    """Return the name of a form that is no text in UTF-8, known by how it begins; else None."""
    for magic, form in _BINARY.items():
        if raw.startswith(magic):
            return form
    # Of text in UTF-16 about every second byte is 0; one odd line at the beginning is no such text.
    return "in UTF-16, not UTF-8" if 4 * raw.count(0) >= len(raw) > 1 else None


def json_fault(raw: bytes, said: str) -> str:
    """Return what keeps bytes from being a JSON text; `said` is what the parser says of them."""
    text = raw.strip()
    if not text:
        return "empty"
    if _SCHEMA_REGISTRY.match(raw):
        return "five bytes of a schema registry before the JSON"
    form = binary_form(raw)
    if form is not None:
        return form
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "not UTF-8 (perhaps Latin-1 or Windows-1252)"
    return _text_fault(text) or f"not JSON: {said}"


def _text_fault(text: bytes) -> str | None:  # noqa: PLR0911 - one for each kind
    begin, end = text[:1], text[-1:]
    if re.search(rb"\}[ \t]*\r[ \t\r]*\{", text):
        return "lines that end in CR alone: write LF, or CR LF"
    if text.endswith(b",") and _is_json(text[:-1]):
        return "part of a JSON array: write one event a line, without the commas between them"
    if begin == b"[" or text in {b"]", b"],"}:
        return "a JSON array over several lines: write one event a line"
    if text == b"{" or begin in b'}"' or text.startswith((b"},", b'"')):
        return "JSON spread over several lines: write one event a line"
    if begin == b"<":
        return "XML or HTML: each line is a JSON object"
    if begin != b"{":
        looks = max(text.count(one) for one in _SEPARATORS) >= 2
        return "CSV or the like: each line is a JSON object" if looks else None
    if re.search(rb"\}\s*\{", text):
        return "more than one object on a line: a line end is missing"
    if re.match(rb"\{\s*'", text):
        return "single quotes: JSON has double quotes"
    if re.search(rb":\s*-?(NaN|Infinity)\b", text):
        return "NaN or Infinity, which JSON does not have"
    return None if end == b"}" else "cut off: the end of the object is missing"


def _is_json(text: bytes) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def whole_fault(head: bytes) -> str | None:
    """Return what a whole file is, by how it begins, if that is not one JSON object a line; else None."""
    form = binary_form(head)
    if form is not None:
        return form
    text = head.removeprefix(BOM).lstrip()
    first = re.split(rb"[\r\n]", text, maxsplit=1)[0]
    if b"\n" not in head and b"\r" in head:
        return "lines that end in CR alone"
    if text[:1] == b"[":
        return "a JSON array"
    if first == text and len(head) >= HEAD_BYTES:
        return None  # the line goes on beyond what was looked at
    return None if not first or _is_json(first) else _text_fault(first.strip())
