"""The rows of a Parquet file as lines of JSON: the same rules hold for both.

So money is text or a decimal, not a float, and a time has a time zone, or it is refused as in JSON. What
JSON has no word for is made plain: whole floats are counts that had gaps.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from schemas.times import format_ms
from streams.extras import needs
from streams.files.batch import Batch
from streams.files.directory import InputError

_ROWS: Final = 16_384
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rows(path: Path) -> Iterator[Batch]:
    """Yield the rows of a file as lines; raises InputError if it can't be read."""
    try:
        import polars as pl  # noqa: PLC0415 - only here, and not part of what a worker needs
    except ModuleNotFoundError as error:
        raise InputError(needs(path.name, "lab")) from error
    try:
        frame = pl.read_parquet(path)
        for at in range(0, len(frame), _ROWS):
            part = frame.slice(at, _ROWS).to_dicts()
            end = at + len(part)
            lines = [msgspec.json.encode(_event(row)) for row in part]
            yield Batch(range(at + 1, end + 1), lines, path.stat().st_size * end // len(frame))
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        why = f"damaged, or of a kind that is not read ({type(error).__name__})"
        raise InputError(f"{path.name} can't be read to its end: {why}") from error
    except (ValueError, OverflowError) as error:
        why = "a time before the year 1 or after the year 9999"
        raise InputError(f"{path.name} can't be read to its end: {why}") from error


def _event(row: dict[str, object]) -> dict[str, object]:
    return {name: plain for name, value in row.items() if (plain := _plain(value)) is not None}


def _plain(value: object) -> object:  # noqa: PLR0911 - one for each type
    """Return a column's value as JSON has it."""
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat()  # refused, as it is in JSON: nobody knows what it means
        return format_ms((value - _EPOCH) // _EPOCH.resolution // 1000)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"  # a column of many places fills them up with zeros
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, dict):
        return _event(value)
    return value


def _text(value: bytes) -> str | None:
    """Return what some writers store as plain bytes; what is no text is a gap."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _plain_float(value: float) -> object:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return str(value)  # as text it is refused, as JSON it would be null
    return int(value) if value.is_integer() else value
