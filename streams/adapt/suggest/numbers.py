"""How a column writes amounts, counts and durations."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from schemas.money import check_currency

_NUMBER: Final = re.compile(r"\d[\d.,'\u2019\u00a0\u202f ]*")
_SIGNS: Final = "-\u2212()+"
_NEGATIVE: Final = re.compile(r"[-\u2212(]")
_NO_PLACES: Final = re.compile(r"(?<=\d)[.,] ?[-\u2212\u2013\u2014]{1,2}")
"""A dash for places that are none, as in 25.- and 56,-: it is no sign."""
_SYMBOLS: Final = {
    "$": "USD",
    "US$": "USD",
    "\u20ac": "EUR",
    "\u00a3": "GBP",
    "\u00a5": "JPY",
    "z\u0142": "PLN",
    "Fr.": "CHF",
    "C$": "CAD",
    "A$": "AUD",
    "R$": "BRL",
    "K\u010d": "CZK",
    "Ft": "HUF",
    "\u20b9": "INR",
    "\u20a9": "KRW",
    "\u20ba": "TRY",
}
_MOST_MARKS: Final = 4
CLOCK: Final = re.compile(r"(\d{1,4}:)?\d{1,3}:[0-5]\d(\.\d+)?")
"""A duration as h:mm:ss or m:ss."""


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written."""

    decimal: Literal["point", "comma"]
    sure: bool
    """Whether a value tells what separates its places."""
    whole: bool
    """Whether none has places."""
    marks: tuple[str, ...]
    """What stands beside the digits, and must be taken away: signs of currencies, the longest first."""
    signs: tuple[str, ...]
    """What says that a number is below 0; empty if none is."""
    mixed: bool
    """Whether some values have a point before their places and others a comma."""
    groups: tuple[str, ...] = ()
    """What stands before three digits that may be places or not, if nothing tells."""
    dashes: tuple[str, ...] = ()
    """What stands for places that are none, with the point or comma before it, the longest first."""


def number_form(values: Iterable[str]) -> NumberForm | None:
    """Return how values are written as numbers; None if they are none."""
    seen, groups = Counter[str](), Counter[str]()
    marks, signs, dashes = set[str](), set[str](), set[str]()
    whole = True
    count = 0
    for written in dict.fromkeys(values):
        dash = _NO_PLACES.search(written)
        value = _NO_PLACES.sub("", written)
        if dash is not None:
            dashes.add(dash.group())
            seen[dash.group()[0]] += 1
        digits = _NUMBER.search(value)
        if digits is None or _NUMBER.search(value, digits.end()):
            return None
        count += 1
        body = digits.group().rstrip("., ")
        around = value[: digits.start()] + value[digits.start() + len(body) :]
        signs |= set(around) & set(_SIGNS) if _NEGATIVE.search(around) else set()
        marks |= marks_of(value)
        marks |= set(body) & {"'", "\u2019", "\u202f"}
        separator = _places(body)
        if separator is not None:
            seen[separator] += 1
        else:
            groups.update(set(body) & {".", ","})
        whole = whole and not re.search(r"[.,]", body)
    if not count or len(marks) > _MOST_MARKS:
        return None
    point, comma = seen["."], seen[","]
    return NumberForm(
        "comma" if comma > point else "point",
        bool(seen),
        whole,
        _longest_first(marks),
        tuple(sorted(signs)),
        bool(point and comma) or (not seen and len(groups) > 1),
        tuple(groups) if not seen else (),
        _longest_first(dashes),
    )


def _longest_first(parts: set[str]) -> tuple[str, ...]:
    return tuple(sorted(parts, key=lambda part: (-len(part), part)))


def marks_of(value: str) -> set[str]:
    """Return what stands before and behind the digits of a number, without its signs."""
    value = _NO_PLACES.sub("", value)
    digits = _NUMBER.search(value)
    if digits is None:
        return set()
    return {mark for mark in (_bare(value[: digits.start()]), _bare(value[digits.end() :])) if mark}


def _bare(text: str) -> str:
    return text.strip(f"{_SIGNS} \u00a0\u202f")


def _places(body: str) -> str | None:
    """Return what separates the places of a number; None if that can't be told from it."""
    point, comma = body.rfind("."), body.rfind(",")
    if point >= 0 and comma >= 0:
        return "." if point > comma else ","
    last = max(point, comma)
    if last < 0:
        return None
    separator = body[last]
    if body.count(separator) > 1:
        return "," if separator == "." else "."
    if body.startswith("0"):
        return separator
    return None if len(body) - last - 1 == 3 and len(body) <= 7 else separator


def negative(value: str) -> bool:
    """Return whether a number is below 0, however that is written."""
    return bool(_NEGATIVE.search(_NO_PLACES.sub("", value)))


def currency_of(mark: str) -> str | None:
    """Return the currency that a sign, or its code, stands for; None if that can't be told."""
    return _SYMBOLS.get(mark) or (mark if is_currency(mark) else None)


def is_currency(text: str) -> bool:
    """Return whether a text is the code of a currency."""
    try:
        check_currency(text)
    except ValueError:
        return False
    return True
