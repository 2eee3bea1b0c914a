"""Expressions over a record: JMESPath, with functions for money, times and text.

JMESPath is the language of the AWS command line: `customer.id`, `lines[?taxable].price`,
`cancelled && 'void' || 'paid'`, `join('-', [store, till])`. A path that finds nothing is null, and every
function of ours gives null for a null. Numbers with a fraction are Decimal, so money stays exact.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any, Final, TypeAlias

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError
from jmespath.functions import signature
from jmespath.visitor import TreeInterpreter

Expression: TypeAlias = Callable[[Any], Any]
"""Return what an expression finds in a record; raises ExpressionError."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_ANY: Final[dict[str, list[str]]] = {"types": []}


class ExpressionError(ValueError):
    """An expression that can't be read, or can't be applied to a record; the message never shows a value."""


def compiled(text: str) -> Expression:
    """Return the function that an expression stands for. Raises ExpressionError."""
    if _PLAIN.fullmatch(text):
        return _path(tuple(text.split(".")))
    try:
        parsed = jmespath.compile(text)
    except JMESPathError as error:
        raise ExpressionError(f"{text!r} is no JMESPath expression: {_first_line(error)}") from None

    def find(record: Any) -> Any:
        try:
            return _INTERPRETER.visit(parsed.parsed, record)
        except ExpressionError:
            raise
        except JMESPathError as error:
            # What it says of types names the values as well.
            raise ExpressionError(f"`{text}` does not fit this record ({type(error).__name__})") from None

    return find


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
    return str(error).splitlines()[0]


def number(value: Any) -> Decimal:
    """Return a number as it is written, in JSON or in text. Raises ExpressionError."""
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        try:
            found = Decimal(value.strip() if isinstance(value, str) else value)
        except InvalidOperation:
            pass
        else:
            if found.is_finite():
                return found
    raise ExpressionError("not a number")


def instant(value: Any) -> datetime:
    """Return a time, written in text with an offset from UTC. Raises ExpressionError."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ExpressionError("not a time in text") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _null_for_null(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(self: Any, *arguments: Any) -> Any:
        return None if any(one is None for one in arguments) else function(self, *arguments)

    return called


class _Functions(functions.Functions):  # type: ignore[misc] # it has no types
    """What JMESPath has not: exact sums, differences of times, and text."""

    @signature({"types": ["array", "null"]})
    @_null_for_null
    def _func_total(self, values: list[Any]) -> Decimal | None:
        """`total([a, b])`: the sum; null if one of them is."""
        return None if None in values else sum(map(number, values), Decimal(0))

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_plus(self, one: Any, other: Any) -> Decimal:
        """`plus(a, b)`."""
        return number(one) + number(other)

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_minus(self, one: Any, other: Any) -> Decimal:
        """`minus(a, b)`: a - b."""
        return number(one) - number(other)

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_times(self, one: Any, other: Any) -> Decimal:
        """`times(a, b)`."""
        return number(one) * number(other)

    @signature(_ANY)
    @_null_for_null
    def _func_positive(self, value: Any) -> Decimal:
        """`positive(a)`: without its sign, as refunds that are written with a minus need it."""
        return abs(number(value))

    @signature(_ANY, _ANY)
    @_null_for_null
    def _func_seconds(self, start: Any, end: Any) -> Decimal:
        """`seconds(start, end)`: from one time to another."""
        return Decimal(str((instant(end) - instant(start)).total_seconds()))

    @signature(_ANY)
    @_null_for_null
    def _func_text(self, value: Any) -> str:
        """`text(a)`: a number or a flag as text, for `join`."""
        if isinstance(value, list | dict):
            raise ExpressionError("not one value, which text() needs")
        return ("true" if value else "false") if isinstance(value, bool) else str(value)

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
