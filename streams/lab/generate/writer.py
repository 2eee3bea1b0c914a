"""Writes lines in order of arrival."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import msgspec
import polars as pl

from streams.files import SUFFIXES
from streams.lab.generate.purchases import Ints
from streams.outputs import writing

CHUNK_LINES = 100_000
FILES = ("transactions", "contacts", "customers", "dispositions", "truth")


def stale(directory: Path, written: Iterable[Path]) -> Iterator[Path]:
    """Yield the event files of an earlier run that this one did not write: they would be replayed too."""
    kept = set(written)
    for name in FILES:
        for suffix in SUFFIXES:
            there = directory / f"{name}{suffix}"
            if there not in kept and there.exists():
                yield there


def path(directory: Path, name: str, *, compress: bool) -> Path:
    """Return where the events of that name go."""
    return directory / (f"{name}.jsonl.gz" if compress else f"{name}.jsonl")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the file for writing, compressed if so named; equal content is equal bytes.

    What was there is whole until the end.
    """
    with writing(path) as raw:
        if path.suffix != ".gz":
            yield raw
            return
        with gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as file:
            yield cast("IO[bytes]", file)


def write_transactions(
    file: IO[bytes],
    table: pl.DataFrame,
    customer_ids: list[str],
    order: Ints,
    progress: Callable[[int, int], None],
) -> None:
    """Write the rows of `table` in `order`. No id or source may hold a character that JSON would escape."""
    ids = pl.Series(customer_ids)
    line = _transaction_line()
    for start in range(0, len(order), CHUNK_LINES):
        rows = table[order[start : start + CHUNK_LINES]]
        lines = rows.with_columns(customer_id=ids.gather(rows["customer"])).select(line).to_series()
        file.write(("\n".join(lines.to_list()) + "\n").encode("ascii"))
        progress(min(start + CHUNK_LINES, len(order)), len(order))


def _transaction_line() -> pl.Expr:
    cents = pl.col("cents")
    return pl.concat_str(
        _part('{"type":"transaction","event_id":"', pl.col("event_id"), '"'),
        _part(',"customer_id":"', pl.col("customer_id"), '"'),
        _part(',"time":"', _time("time_ms"), '"'),
        _part(',"source":"', pl.col("source"), '"'),
        _part(',"kind":"', pl.col("kind"), '"'),
        _part(
            ',"amount":"', cents // 100, ".", (cents % 100).cast(pl.String).str.zfill(2), '","currency":"USD"'
        ),
        _part(',"order_id":"', pl.col("order_id"), '"'),
        _part(',"original_time":"', _time("original_ms"), '"'),
        _part(',"attributes":{"synthetic":"', pl.col("synthetic"), '"}'),
        pl.lit("}"),
        ignore_nulls=True,
    )


def _part(*pieces: str | pl.Expr) -> pl.Expr:
    """Join the pieces; null as a whole when one of them is."""
    return pl.concat_str([pl.lit(piece) if isinstance(piece, str) else piece for piece in pieces])


def _time(column: str) -> pl.Expr:
    return pl.from_epoch(pl.col(column), time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def write_lines(file: IO[bytes], lines: Iterable[msgspec.Struct]) -> None:
    """Write one struct a line, fields in their order."""
    encoder = msgspec.json.Encoder()
    file.writelines(encoder.encode(line) + b"\n" for line in lines)
