"""The functions of expressions that JMESPath has not: for money, times and text.

Numbers with a fraction are Decimal, so money stays exact: they are rounded nowhere but by `round`, and what
has more digits than money or a time could have is no number. Each gives null for a null.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import reduce, wraps
from typing import Any, Final

from jmespath import functions
from jmespath.functions import signature
from typing_extensions import override

_ANY: Final[dict[str, list[str]]] = {"types": []}
_MOST_DIGITS: Final = 28
"""Of a number, before and after the point together."""
_LEAST: Final = 10**_MOST_DIGITS
"""The least whole number with more digits."""
_MOST_PLACES: Final = 12
_MOST_EXPONENT: Final = 1_000
"""Whole numbers are written out by `ceil` and `floor`: 1e999999999 would take for ever."""
_EXACT: Final = Context(prec=3 * _MOST_DIGITS)
"""For products and sums of such numbers."""


class ExpressionError(ValueError):
    """An expression that can't be read, or can't be applied to a record; the message never shows a value."""


def number(value: Any) -> Decimal:
    """Return a number as it is written, in JSON or in text. Raises ExpressionError.

    A float, which Avro and Protobuf have, is what it is written as when written shortest.
    """
    if type(value) is int and -_LEAST < value < _LEAST:
        return Decimal(value)
    if isinstance(value, int | str | float | Decimal) and not isinstance(value, bool):
        try:
            found = Decimal(repr(value) if isinstance(value, float) else value)
        except (InvalidOperation, ValueError):
            raise ExpressionError("not a number") from None
        if found.is_finite() and abs(found.adjusted()) < _MOST_DIGITS and _is_short(value, found):
            return found
    raise ExpressionError("not a number")


def _is_short(written: Any, value: Decimal) -> bool:
    if isinstance(written, str) and len(written) <= _MOST_DIGITS:
        return True
    return len(value.as_tuple().digits) <= _MOST_DIGITS


def plain(value: Decimal) -> str:
    """Return a number without exponent and trailing zeros of its places."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant(value: Any) -> datetime:
    """Return a time, written in text with an offset from UTC. Raises ExpressionError."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ExpressionError("not a time in text") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _as_known(value: Any) -> Any:
    if isinstance(value, Decimal):
        if abs(value.adjusted()) > _MOST_EXPONENT:
            raise ExpressionError("not a number")
        return 0
    if isinstance(value, list) and any(isinstance(one, Decimal) for one in value):
        return [0 if isinstance(one, Decimal) else one for one in value]
    return value


def _null_for_null(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(self: Any, *arguments: Any) -> Any:
        return None if any(one is None for one in arguments) else function(self, *arguments)

    return called


class Functions(functions.Functions):  # type: ignore[misc] # it has no types
    """What JMESPath has not: exact sums, differences of times, and text."""

    @override
    def _type_check_single(self, current: Any, types: Any, function_name: str) -> None:
        """Take a Decimal for the number that it is, in functions of JMESPath's own too."""
        super()._type_check_single(_as_known(current), types, function_name)

    @override
    def _convert_to_jmespath_type(self, pyobject: str) -> str:
        return "number" if pyobject == "Decimal" else str(super()._convert_to_jmespath_type(pyobject))

    @signature({"types": ["array", "null"]})
    @_null_for_null
    def _func_total(self, values: list[Any]) -> Decimal | None:
        """`total([a, b])`: the sum; null if one of them is."""
        if any(one is None for one in values):
            return None
        return reduce(_EXACT.add, map(number, values), Decimal(0))

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_plus(self, one: Any, other: Any) -> Decimal:
        """`plus(a, b)`."""
        return _EXACT.add(number(one), number(other))

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_minus(self, one: Any, other: Any) -> Decimal:
        """`minus(a, b)`: a - b."""
        return _EXACT.subtract(number(one), number(other))

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_times(self, one: Any, other: Any) -> Decimal:
        """`times(a, b)`."""
        return _EXACT.multiply(number(one), number(other))

    @signature(_ANY)
    @_null_for_null
    def _func_positive(self, value: Any) -> Decimal:
        """`positive(a)`: without its sign, as refunds that are written with a minus need it."""
        return abs(number(value))

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_round(self, value: Any, places: Any) -> Decimal:
        """`round(a, `2`)`: to so many places, half to even; for what JavaScript added up."""
        kept = number(places)
        if not 0 <= kept <= _MOST_PLACES or kept % 1:
            raise ExpressionError(f"round() takes 0 to {_MOST_PLACES} places")
        return number(value).quantize(Decimal(1).scaleb(-int(kept)), context=_EXACT)

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_seconds(self, start: Any, end: Any) -> Decimal:
        """`seconds(start, end)`: from one time to another."""
        microseconds = (instant(end) - instant(start)) // timedelta(microseconds=1)
        return Decimal(microseconds).scaleb(-6)

    @signature(_ANY)
    @_null_for_null
    def _func_text(self, value: Any) -> str:
        """`text(a)`: a number or a flag as text, for `join`."""
        if isinstance(value, list | dict):
            raise ExpressionError("not one value, which text() needs")
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else plain(number(value))

    @signature({"types": ["string", "null"]})
    @_null_for_null
    def _func_lower(self, text: str) -> str:
        """`lower(a)`."""
        return text.lower()

    @signature({"types": ["string", "null"]}, {"types": ["string"]})
    @_null_for_null
    def _func_split(self, text: str, separator: str) -> list[str]:
        """`split(a, ',')`: its parts, without blanks around them."""
        return [part.strip() for part in text.split(separator)] if separator else [text]

    @signature({"types": ["string", "null"]}, {"types": ["string"]}, {"types": ["string"]})
    @_null_for_null
    def _func_replace(self, text: str, old: str, new: str) -> str:
        """`replace(a, 'old', 'new')`."""
        return text.replace(old, new)


FUNCTIONS: Final = tuple(
    sorted(name.removeprefix("_func_") for name in vars(Functions) if name.startswith("_func_"))
)
"""The names of our functions, for the page that lists them."""
