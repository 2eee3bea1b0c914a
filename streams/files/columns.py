"""The values of Parquet columns as the wire has them, wherever that loses nothing.

A number where text belongs becomes its digits: a decimal or whole number always; a float if it has no more
places than the field takes and at most 15 digits, which is what a float holds exactly. Any other float stays
a number, which the contract refuses and says what to write. A time without a zone is refused too.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from schemas.common import EventTime, Model
from schemas.money import AMOUNT_PLACES, RATE_PLACES
from schemas.times import format_ms
from schemas.topics import INPUTS

_FLOAT_DIGITS: Final = 15
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS: Final = frozenset({int, float})


def event(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row as an event of the wire has it, without gaps; unknown columns stay."""
    return {name: plain for name, value in row.items() if (plain := _plain(name, value)) is not None}


def _members(name: str, value: Mapping[str, object]) -> dict[str, object]:
    return {key: plain for key, item in value.items() if (plain := _plain(name, item)) is not None}


def _plain(name: str, value: object) -> object:  # noqa: PLR0911 - one for each type
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return str(value) if name in _PLACES else value
    if isinstance(value, float):
        return _plain_float(name, value)
    if isinstance(value, Decimal):
        return _plain_decimal(name, value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat()  # refused, as it is in JSON: nobody knows what it means
        return format_ms((value - _EPOCH) // _EPOCH.resolution // 1000)
    if isinstance(value, bytes):
        return _text(value)
    return _members(name, value) if isinstance(value, dict) else value


def _plain_float(name: str, value: float) -> object:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return str(value)  # as text it is refused, as JSON it would be null
    if name in _PLACES:
        shortest = f"{Decimal(repr(value + 0.0)).normalize():f}"  # + 0.0 makes 0 of -0.0
        whole, _, places = shortest.removeprefix("-").partition(".")
        exact = len((whole + places).lstrip("0")) <= _FLOAT_DIGITS and len(places) <= _PLACES[name]
        return shortest if exact else value
    return int(value) if value.is_integer() else value  # a column of counts with gaps has no other type


def _plain_decimal(name: str, value: Decimal) -> object:
    if name not in _COUNTED:
        return f"{value.normalize():f}"  # a column of many places fills them up with zeros
    return int(value) if value == value.to_integral_value() else float(value)


def _text(value: bytes) -> str | None:
    """Return what some writers store as plain bytes; what is no text is a gap."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _bases(hint: Any) -> set[Any]:
    """Return the plain types that a field may have."""
    if get_origin(hint) is Annotated:
        return _bases(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        return {base for part in get_args(hint) for base in _bases(part)}
    return {hint}


def _hints(model: type[Model]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


_FIELDS: Final = [
    (name, hint)
    for topic in INPUTS
    for model in topic.models.values()
    for name, hint in _hints(model).items()
]
_PLACES: Final[dict[str, int]] = {
    name: 0 for name, hint in _FIELDS if str in _bases(hint) and hint not in (EventTime, EventTime | None)
} | {"amount": AMOUNT_PLACES, "previous_amount": AMOUNT_PLACES, "exchange_rate": RATE_PLACES, "attributes": 0}
"""The fields that are text, or a map of it, but no time: how many places a number written there may have."""
_COUNTED: Final = frozenset(name for name, hint in _FIELDS if _NUMBERS & _bases(hint))
"""The fields that are numbers."""
