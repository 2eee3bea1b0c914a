"""The rows of a Parquet file as lines of JSON: the same rules hold for both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from streams.extras import needs
from streams.files.batch import Batch
from streams.files.columns import event
from streams.files.directory import InputError

_ROWS: Final = 16_384


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
            lines = [msgspec.json.encode(event(row)) for row in part]
            yield Batch(range(at + 1, end + 1), lines, path.stat().st_size * end // len(frame))
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        why = f"damaged, or of a kind that is not read ({type(error).__name__})"
        raise InputError(f"{path.name} can't be read to its end: {why}") from error
    except (ValueError, OverflowError) as error:
        why = "a time before the year 1 or after the year 9999"
        raise InputError(f"{path.name} can't be read to its end: {why}") from error
