"""How a value of theirs becomes the text or number that a field of ours takes.

What a field takes is read from the models of `schemas`, so a new field needs nothing here.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints
from unicodedata import category
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, TypeAdapter, ValidationError

from schemas.common import Model
from schemas.money import check_amount, check_rate
from schemas.times import EPOCH, MILLISECOND, check_time, format_ms
from streams.mapping.config import FieldMapping
from streams.mapping.expression import ExpressionError, number, plain

Form: TypeAlias = Literal["time", "decimal", "count", "duration", "flag", "text", "texts", "map"]

_TRUE: Final = frozenset(("true", "yes", "y", "t", "1"))
_FALSE: Final = frozenset(("false", "no", "n", "f", "0"))
_EPOCHS: Final = {
    "epoch_s": Decimal(1000),
    "epoch_ms": Decimal(1),
    "epoch_us": Decimal("0.001"),
    "epoch_ns": Decimal("0.000001"),
    "epoch_days": Decimal(86_400_000),
}
_UNITS: Final = {"cents": Decimal("0.01"), "ms": Decimal("0.001"), "minutes": Decimal(60)}
_CLOCK: Final = re.compile(r"(?:(?P<h>\d{1,4}):)?(?P<m>\d{1,3}):(?P<s>[0-5]\d(?:\.\d+)?)")
_LATEST: Final = Decimal(253_402_300_799_999)
_PLAIN: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_GROUPS: Final = re.compile(r"[-+]?[0-9]{1,3}([.,][0-9]{3})+")


class FormError(ValueError):
    """A value that a field can't take; the message says what was expected, never the value."""


def forms_of(model: type[Model]) -> dict[str, Form]:
    """Return what each field of an event takes."""
    hints = get_type_hints(model, include_extras=True)
    return {name: _form(hints[name]) for name in model.model_fields}


def fault_of(model: type[Model], name: str, value: object) -> str | None:
    """Return why a field of an event can't be a value, which its mapping has as it is; None if it can."""
    hint = get_type_hints(model, include_extras=True)[name]
    try:
        TypeAdapter(hint).validate_python((value,) if _form(hint) == "texts" else value, strict=True)
    except ValidationError as error:
        return error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
    return None


def _form(hint: Any) -> Form:
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        return _form(next(part for part in get_args(hint) if part is not type(None)))
    if origin is Annotated:
        base, *rules = get_args(hint)
        checks = {rule.func for rule in rules if isinstance(rule, AfterValidator)}
        if check_time in checks:
            return "time"
        return "decimal" if checks & {check_amount, check_rate} else _form(base)
    plain: dict[Any, Form] = {bool: "flag", int: "count", float: "duration", tuple: "texts", dict: "map"}
    return plain.get(origin or hint, "text")


def formed(value: Any, form: Form, spec: FieldMapping, zone: ZoneInfo | None) -> Any:
    """Return a value as JSON has it in our events. Raises FormError."""
    return _FORMED[form](value, spec, zone)


def milliseconds(value: Any, form: str | None, zone: ZoneInfo | None) -> int:
    """Return a time as ms UTC, floored. Raises FormError."""
    if form in _EPOCHS:
        return _epoch(value, _EPOCHS[form])
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, str):
        found = _written(value.strip(), form)
    else:
        raise FormError("a number, where a time belongs: say what it counts, time = 'epoch_ms' or 'epoch_s'")
    if found.tzinfo is None:
        if zone is None:
            raise FormError("no offset from UTC: give the source a zone, such as Europe/Berlin")
        # Of the hour that comes twice in autumn, the first; one that is left out in spring counts on.
        found = found.replace(tzinfo=zone)
    try:
        return (found.astimezone(UTC) - EPOCH) // MILLISECOND
    except OverflowError:
        raise FormError("no time between the years 1 and 9999") from None


def _epoch(value: Any, factor: Decimal) -> int:
    try:
        ms = number(value) * factor
    except ExpressionError:
        raise FormError("not a number, where one counts since 1970") from None
    if not 0 <= ms <= _LATEST:
        raise FormError("no time between 1970 and 9999: counted in another unit?")
    return int(ms)


def _written(text: str, form: str | None) -> datetime:
    try:
        if form is not None:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows
        return datetime.fromisoformat(text)
    except ValueError:
        expected = f"in the form {form}" if form else "in ISO 8601"
        raise FormError(f"not a time {expected}; another form is told by `time`") from None


def _time(value: Any, spec: FieldMapping, zone: ZoneInfo | None) -> str:
    return format_ms(milliseconds(value, spec.time, ZoneInfo(spec.zone) if spec.zone else zone))


def _number(value: Any, spec: FieldMapping) -> Decimal:
    if isinstance(value, str):
        value = _pointed(value, spec.decimal)
    try:
        return number(value)
    except ExpressionError:
        raise FormError("not a number") from None


def _pointed(text: str, decimal: str) -> str:
    """Return a number as people write it with a point alone: no signs of a currency, no groups of three.

    Raises FormError where a group is not of three, for then its separator may be meant as the other.
    """
    bare = "".join(text.split()).replace("'", "").replace("\u2019", "").replace("\u2212", "-")
    bare = "".join(char for char in bare if category(char) != "Sc")
    if _PLAIN.fullmatch(bare) and (decimal == "point" or "." not in bare):
        return bare
    groups, places = (",", ".") if decimal == "point" else (".", ",")
    whole, point, rest = bare.partition(places)
    if groups in whole and not _GROUPS.fullmatch(whole):
        raise FormError(f"not a number with a decimal {decimal}")
    return whole.replace(groups, "") + (f".{rest}" if point else "")


def _decimal(value: Any, spec: FieldMapping, _zone: ZoneInfo | None) -> str:
    found = _number(value, spec) * _UNITS.get(spec.unit or "", Decimal(1))
    return plain(found)


def _count(value: Any, spec: FieldMapping, _zone: ZoneInfo | None) -> int:
    found = _number(value, spec)
    if found % 1:
        raise FormError("not a whole number")
    return int(found)


def _duration(value: Any, spec: FieldMapping, _zone: ZoneInfo | None) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if spec.unit == "clock":
        return _clock(value)
    return float(_number(value, spec) * _UNITS.get(spec.unit or "", Decimal(1)))


def _clock(value: Any) -> float:
    """Return the seconds of h:mm:ss or m:ss. Raises FormError."""
    parts = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is None:
        raise FormError("no duration as h:mm:ss or m:ss")
    return int(parts["h"] or 0) * 3600 + int(parts["m"]) * 60 + float(parts["s"])


def _flag(value: Any, _spec: FieldMapping, _zone: ZoneInfo | None) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise FormError("neither yes nor no; `words` says what theirs mean")


def _text(value: Any, _spec: FieldMapping, _zone: ZoneInfo | None) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return plain(_number(value, _spec))
        case _:
            raise FormError("not one value")


def _texts(value: Any, spec: FieldMapping, zone: ZoneInfo | None) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [_text(one, spec, zone) for one in several if one is not None]


def _map(value: Any, spec: FieldMapping, zone: ZoneInfo | None) -> dict[str, str]:
    if not isinstance(value, dict):
        raise FormError("not an object")
    return {str(key): _text(one, spec, zone) for key, one in value.items() if one is not None}


_FORMED: Final[dict[Form, Callable[[Any, FieldMapping, ZoneInfo | None], Any]]] = {
    "time": _time,
    "decimal": _decimal,
    "count": _count,
    "duration": _duration,
    "flag": _flag,
    "text": _text,
    "texts": _texts,
    "map": _map,
}
