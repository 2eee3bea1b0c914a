"""Values of Avro and Protobuf as JSON would have them: times and money as text, with every digit."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, Final
from uuid import UUID


def json_like(value: Any) -> Any:
    """Return a value as a mapping takes it.

    A decimal is text with its digits, a time RFC 3339 in UTC, one without a zone the same without an offset.
    A float is its shortest decimal, None if it is no number. Bytes are base64.
    """
    convert = _CONVERTERS.get(type(value))
    return value if convert is None else convert(value)


def _datetime(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _float(value: float) -> Decimal | None:
    return Decimal(repr(value)) if isfinite(value) else None


def _object(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json_like(one) for name, one in value.items()}


def _list(value: Any) -> list[Any]:
    return [json_like(one) for one in value]


_CONVERTERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    dict: _object,
    list: _list,
    tuple: _list,
    float: _float,
    Decimal: lambda value: format(value, "f"),
    datetime: _datetime,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda value: _float(value.total_seconds()),
    UUID: str,
    bytes: lambda value: b64encode(value).decode(),
}
