"""Which column holds what: by the common names of columns, in `names.toml`, and by their values."""

import re
import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final, TypeAlias

from streams.adapt.suggest.numbers import CLOCK as DURATION
from streams.adapt.suggest.numbers import is_currency
from streams.adapt.suggest.sheet import Column
from streams.adapt.suggest.times import CLOCK

_NAMES: Final = tomllib.loads((files(__package__) / "names.toml").read_text(encoding="utf-8"))
Names: TypeAlias = Mapping[str, Mapping[tuple[str, ...], int]]
"""By field, the names of its column, as `Column.tokens` has them, with their places: the first is best."""


def _names(kind: str) -> Names:
    return {
        field: {Column(name, []).tokens: place for place, name in reversed([*enumerate(names.split(","))])}
        for field, names in _NAMES[kind].items()
    }


PURCHASES: Final = _names("purchases")
"""The fields of a purchase, and what decides about it."""
CONTACTS: Final = _names("contacts")
_NEVER: Final = {kind: frozenset(re.split(r"[,\s]+", words)) for kind, words in _NAMES["never"].items()}
_OF_ONE: Final = frozenset(("unit",))
"""Words that the price of one piece has, and no amount."""
_PRICES: Final = frozenset(("price", "preis", "prix", "precio"))
_OF_ALL: Final = frozenset(
    ("total", "gesamt", "gesamte", "line", "extended", "ext", "order", "grand", "sum", "summe", "basket")
)
"""Words beside that of a price that make it one of all pieces."""
_LEAST: Final = 0.5
"""How like a name must be."""
_MOST_WORDS: Final = 40
_LONGEST_WORD: Final = 60
_CODE: Final = 3

Test = Callable[[Column], bool]


def _times(column: Column) -> bool:
    return bool(column.times)


def _clocks(column: Column) -> bool:
    return all(CLOCK.fullmatch(value) for value in column.filled)


def _amounts(column: Column) -> bool:
    return column.number is not None and not _NEVER["amount"] & set(column.tokens)


def _prices(column: Column) -> bool:
    return column.number is not None and not (_NEVER["amount"] - _OF_ONE) & set(column.tokens)


def _numbers(column: Column) -> bool:
    return column.number is not None


def _durations(column: Column) -> bool:
    return _numbers(column) or all(DURATION.fullmatch(value) for value in column.filled)


def _ids(column: Column) -> bool:
    return not _NEVER["id"] & set(column.tokens)


def _words(column: Column) -> bool:
    return len(column.words) <= _MOST_WORDS and max(map(len, column.words)) <= _LONGEST_WORD


def _currencies(column: Column) -> bool:
    return all(len(value) <= _CODE for value in column.words)


def _phones(column: Column) -> bool:
    return all(re.fullmatch(r"\+?[\d ()./-]{5,24}", value) for value in column.filled)


def _any(_column: Column) -> bool:
    return True


_TESTS: Final[Mapping[str, Test]] = {
    **dict.fromkeys(("time", "started_at", "ended_at", "changed", "refund_time"), _times),
    "amount": _amounts,
    "price": _prices,
    **dict.fromkeys(("quantity", "exchange_rate", "refund", "hold_count"), _numbers),
    **dict.fromkeys(("transfers_warm", "ivr_zero_outs", "ces"), _numbers),
    **dict.fromkeys(("queue_seconds", "hold_seconds", "first_reply_seconds"), _durations),
    **dict.fromkeys(("customer_id", "event_id", "contact_id", "case_id"), _ids),
    "clock": _clocks,
    "currency": _currencies,
    "phone": _phones,
    **dict.fromkeys(("line", "part", "reason", "category"), _any),
}
"""What the values of a column must be; of fields that are not here, few different words."""


def likeness(column: Column, names: Mapping[tuple[str, ...], int]) -> float:
    """Return how well a column's name, or a part of it, fits one of some names; 0 to 2."""
    tokens = column.tokens
    parts = (tokens[start:end] for start in range(len(tokens)) for end in range(start + 1, len(tokens) + 1))
    return max(
        (len(part) / len(tokens) + 0.1 * len(part) - 0.002 * names[part] for part in parts if part in names),
        default=0.0,
    )


def assigned(columns: list[Column], fields: Names) -> dict[str, Column]:
    """Return a column for each field that one fits, by its name and by its values; none serves two fields."""
    scores = []
    for order, (field, known) in enumerate(fields.items()):
        for place, column in enumerate(columns):
            score = likeness(column, known) if column.filled else 0.0
            if score >= _LEAST:
                # Of two that are as like, the one with fewer holes.
                full = len(column.filled) / len(column.values)
                scores.append((-score * (1 + full), order, place, field))
    found: dict[str, Column] = {}
    taken: set[int] = set()
    for _, _, place, field in sorted(scores):
        if field not in found and place not in taken and _TESTS.get(field, _words)(columns[place]):
            found[field] = columns[place]
            taken.add(place)
    return found


def only_currencies(column: Column) -> bool:
    """Return whether every value is the code of a currency."""
    return all(map(is_currency, column.words))


def is_price(column: Column) -> bool:
    """Return whether a column is named like the price of one piece, if it stands beside a quantity."""
    tokens = set(column.tokens)
    return bool(tokens & _PRICES) and not tokens & _OF_ALL
