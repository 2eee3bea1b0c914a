"""Where the records of a page stand, `{"orders": [...]}`, if it can't be read as a whole."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from streams.mapping.expression import Expression, ExpressionError

Records: TypeAlias = Expression | None
"""Where the records are in a page, as a source says; None if each is by itself."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{},:]', re.DOTALL)
_LIST: Final = re.compile(r'("(?:[^"\\]|\\.)*")\s*:\s*\[')
_PROBE: Final = {"record": 1}
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True)
class Page:
    """A page whose records can be read one by one."""

    begin: int
    """Where the first of them begins."""
    keys: tuple[str, ...]
    """Where its list stands."""

    def holding(self, record: Any) -> Any:
        """Return a page with one record, from which a source takes it as from the whole."""
        value: Any = [record]
        for key in reversed(self.keys):
            value = {key: value}
        return value

    def end(self, text: str, at: int) -> int:
        """Return where it ends if its list ends here; the same place if what follows is broken too."""
        begun = '{"":' * len(self.keys) + "["
        try:
            _, end = _DECODER.raw_decode(begun + text[at:])
        except (ValueError, RecursionError):
            return at + 1
        return at + end - len(begun)


def opened_page(text: str, place: int, broken: int, records: Records) -> Page | None:
    """Return the page that begins at a place, if it is broken within its list; what stands before is JSON."""
    page = None if records is None else _opened_list(text, place, broken)
    return page if page is not None and _is_page(page, records) else None


def named_page(text: str, place: int, end: int, records: Records) -> Page | None:
    """Return the page that is broken outside its list, before or behind it: the list is known by its name."""
    if records is None:
        return None
    several = (Page(found.end(), (_text(found[1]),)) for found in _LIST.finditer(text, place, end))
    return next((page for page in several if _is_page(page, records)), None)


def is_page(value: Any, records: Records) -> bool:
    """Return whether records are taken from a value, not the value itself."""
    found = None if records is None else _found(records, value)
    return isinstance(found, list) and found != [value]


def always_pages(records: Records) -> bool:
    """Return whether a source has no record but in pages."""
    return records is not None and _found(records, _PROBE) != [_PROBE]


def _is_page(page: Page, records: Records) -> bool:
    return records is not None and bool(_found(records, page.holding(_PROBE)) == [_PROBE])


def _found(records: Expression, value: Any) -> Any:
    try:
        return records(value)
    except ExpressionError:
        return None


def _opened_list(text: str, place: int, broken: int) -> Page | None:
    """Return the outermost list that is open at the broken spot."""
    opened: list[tuple[str, str, int]] = []
    key = last = ""
    for found in _TOKEN.finditer(text, place, broken):
        match sign := found.group():
            case "{" | "[":
                opened.append((sign, key, found.end()))
            case "}" | "]":
                opened.pop()
            case ":":
                key = last
            case _:
                last = sign
    depth = next((at for at, (sign, _, _) in enumerate(opened) if sign == "["), 0)
    if not depth:
        return None
    return Page(opened[depth][2], tuple(_text(key) for _, key, _ in opened[1 : depth + 1]))


def _text(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted
