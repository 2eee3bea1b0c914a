"""Expressions over a record: JMESPath, with functions for money, times and text.

JMESPath is the language of the AWS command line: `customer.id`, `lines[?taxable].price`,
`cancelled && 'void' || 'paid'`, `join('-', [store, till])`. A path that finds nothing is null, and every
function of ours gives null for a null. Numbers with a fraction are Decimal, so money stays exact: they are
rounded nowhere, and what has more digits than money or a time could have is no number.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from functools import reduce, wraps
from typing import Any, Final, TypeAlias

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.functions import signature
from jmespath.visitor import TreeInterpreter
from typing_extensions import override

Expression: TypeAlias = Callable[[Any], Any]
"""Return what an expression finds in a record; raises ExpressionError."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_ANY: Final[dict[str, list[str]]] = {"types": []}
_OF_ITS_FIRST: Final = frozenset(
    ("subexpression", "index_expression", "projection", "value_projection", "filter_projection", "flatten")
)
"""Kinds of nodes that look into what their first child finds."""
_MOST_DIGITS: Final = 28
"""Of a number, before and after the point together."""
_MOST_PLACES: Final = 12
_EXACT: Final = Context(prec=3 * _MOST_DIGITS)
"""For products and sums of such numbers."""


class ExpressionError(ValueError):
    """An expression that can't be read, or can't be applied to a record; the message never shows a value."""


def compiled(text: str) -> Expression:
    """Return the function that an expression stands for. Raises ExpressionError."""
    if _PLAIN.fullmatch(text):
        return _path(tuple(text.split(".")))
    try:
        parsed = jmespath.compile(text).parsed
    except JMESPathError as error:
        raise ExpressionError(f"{text!r} is no JMESPath expression: {_first_line(error)}") from None
    _check(text, parsed)

    def find(record: Any) -> Any:
        try:
            return _INTERPRETER.visit(parsed, record)
        except ExpressionError:
            raise
        except Exception as error:  # noqa: BLE001 - its functions raise whatever Python does
            # What it says of types names the values as well.
            raise ExpressionError(f"`{text}` does not fit this record ({type(error).__name__})") from None

    return find


def _check(text: str, node: Any) -> None:
    """Raise ExpressionError if a function is called that there is not; make numbers of literals exact."""
    if not isinstance(node, dict):
        return
    if node["type"] in _OF_ITS_FIRST and node["children"][0]["type"] == "not_expression":
        raise ExpressionError(f"{text!r}: ! takes only what stands next to it: write !(a.b), not !a.b")
    if node["type"] == "function_expression":
        _check_call(text, node["value"], len(node["children"]))
    if node["type"] == "literal":
        node["value"] = _exact(node["value"])
    for child in node["children"]:
        _check(text, child)


def _check_call(text: str, name: str, given: int) -> None:
    function = _Functions.FUNCTION_TABLE.get(name)
    if function is None:
        raise ExpressionError(f"{text!r} calls {name}(), which there is not")
    takes = function["signature"]
    variadic = bool(takes) and bool(takes[-1].get("variadic"))
    if given < len(takes) or (given > len(takes) and not variadic):
        raise ExpressionError(f"{text!r} gives {name}() {given} arguments, and it takes {len(takes)}")


def _exact(value: Any) -> Any:
    match value:
        case float():
            return Decimal(repr(value))
        case list():
            return [_exact(one) for one in value]
        case dict():
            return {name: _exact(one) for name, one in value.items()}
        case _:
            return value


def _path(names: tuple[str, ...]) -> Expression:
    """Return a quick way along plain names, which is most of every mapping."""

    def find(record: Any) -> Any:
        for name in names:
            if not isinstance(record, dict):
                return None
            record = record.get(name)
        return record

    return find


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(":")


def number(value: Any) -> Decimal:
    """Return a number as it is written, in JSON or in text. Raises ExpressionError.

    A float, which Avro and Protobuf have, is what it is written as when written shortest.
    """
    if isinstance(value, int | str | float | Decimal) and not isinstance(value, bool):
        try:
            found = Decimal(repr(value) if isinstance(value, float) else value)
        except (InvalidOperation, ValueError):
            raise ExpressionError("not a number") from None
        if (
            found.is_finite()
            and abs(found.adjusted()) < _MOST_DIGITS
            and len(found.as_tuple().digits) <= _MOST_DIGITS
        ):
            return found
    raise ExpressionError("not a number")


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
        return 0
    if isinstance(value, list) and any(isinstance(one, Decimal) for one in value):
        return [0 if isinstance(one, Decimal) else one for one in value]
    return value


def _null_for_null(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(self: Any, *arguments: Any) -> Any:
        return None if any(one is None for one in arguments) else function(self, *arguments)

    return called


class _Functions(functions.Functions):  # type: ignore[misc] # it has no types
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


# One for all: `search` would make another for each call, which takes as long as the call.
_INTERPRETER: Final = TreeInterpreter(jmespath.Options(custom_functions=_Functions()))
FUNCTIONS: Final = tuple(
    sorted(name.removeprefix("_func_") for name in vars(_Functions) if name.startswith("_func_"))
)
"""The names of our functions, for the page that lists them."""
