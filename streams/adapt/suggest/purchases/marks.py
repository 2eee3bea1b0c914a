"""What stands beside the digits of amounts: currencies, and what says that money was given back."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final
from unicodedata import category

from streams.adapt.suggest.numbers import currency_of, marks_of
from streams.adapt.suggest.sheet import Column, folded
from streams.adapt.suggest.toml import DECIDE, shown

_GROUPS: Final = frozenset(("'", "\u2019", "\u202f"))
"""What parts groups of three digits."""
_CREDIT: Final = frozenset(("cr", "credit", "gutschrift", "avoir", "abono"))
_DEBIT: Final = frozenset(("dr", "db", "debit", "debe"))
_SEVERAL: Final[Mapping[str, tuple[str, ...]]] = {
    "kr": ("SEK", "NOK", "DKK", "ISK"),
    "rs": ("INR", "PKR", "LKR", "NPR"),
    "$": ("CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"),
    "\u00a5": ("CNY",),
}
"""Marks of more than one currency, beside the one that `currency_of` takes them for."""


@dataclass(frozen=True)
class Marks:
    """The marks beside the amounts of a column."""

    codes: dict[str, str]
    """The currencies that they tell, the longest mark first."""
    credit: frozenset[str]
    """Those of credits, which are refunds."""
    dropped: tuple[str, ...]
    """Those that are no part of the number, the longest first; any other is left, and its amount refused."""
    everywhere: bool
    """Whether every amount has the mark of a currency."""
    signs: tuple[str, ...]
    """Those that are left and are signs of currencies."""
    notes: list[str]


def marks_beside(column: Column, *, has_currency: bool, reporting: str) -> Marks:
    """Return what the marks beside the amounts of a column mean; another column may tell the currency."""
    form = column.number
    marks = () if form is None else form.marks
    codes = {mark: code for mark in marks if (code := _code(mark, reporting))}
    credit = {mark for mark in marks if folded(mark) in _CREDIT}
    # A condition on the text of an amount can't tell CR from the CR of another mark.
    credit -= {mark for mark in credit if any(mark in other and mark != other for other in marks)}
    told = {*codes, *credit, *(_GROUPS & set(marks)), *(mark for mark in marks if folded(mark) in _DEBIT)}
    if has_currency:
        told |= {mark for mark in marks if _is_money(mark)}
    unknown = tuple(mark for mark in marks if mark not in told)
    notes = []
    if credit:
        notes.append(
            f"{DECIDE}{shown(sorted(credit))} beside an amount is taken for a credit: a refund. Is it?"
        )
    if unknown:
        notes.append(
            f"{DECIDE}what do these marks beside amounts of {column.name} mean? Rows that have them are "
            f"refused: {shown(islice(unknown, 4))}. What means nothing is taken away by replace()."
        )
    every = all(marks_of(value) & codes.keys() for value in column.words)
    dropped = tuple(mark for mark in marks if mark in told)
    signs = tuple(mark for mark in unknown if _is_sign(mark))
    return Marks(codes, frozenset(credit), dropped, bool(codes) and every, signs, notes)


def _code(mark: str, reporting: str) -> str | None:
    """Return the currency of a mark: yours, if it is one of several that use it."""
    if reporting in _SEVERAL.get(folded(mark) or mark, ()):
        return reporting
    return currency_of(mark)


def _is_money(mark: str) -> bool:
    return folded(mark) in _SEVERAL or _is_sign(mark)


def _is_sign(mark: str) -> bool:
    return all(category(char) == "Sc" for char in mark)
