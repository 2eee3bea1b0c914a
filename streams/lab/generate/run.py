"""One run: draw, write in order of arrival, and count what was written."""

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import IO, TypeVar, cast

import msgspec
import polars as pl

from streams.files import SUFFIXES
from streams.lab.generate.options import GenerateOptions, Severity, Shape
from streams.lab.generate.purchases import Ints
from streams.lab.generate.world import Progress, World, draw_world, unseen
from streams.outputs import writing

E = TypeVar("E", bound=Enum)

_CHUNK_LINES = 100_000
_FILES = ("transactions", "contacts", "customers", "dispositions", "truth")


@dataclass(frozen=True, slots=True)
class GenerateSummary:
    """Figures of one run. Counts are lines or journeys; moments are ms UTC."""

    lines: Mapping[Path, int]
    """Lines by file, duplicates included."""
    customers: int
    start_ms: int
    end_ms: int
    """The history is [start_ms, end_ms)."""
    baskets: int
    """Baskets of the population, before anything was drawn on top."""
    worthless: int
    """Of these, baskets of 0.00, which are left out."""
    boycotted: int
    """Of these, purchases that a boycott took away."""
    closed: int
    """Of these, purchases that fell on a holiday (and were not boycotted)."""
    shrunk: int
    """Purchases written with a smaller amount because of a boycott."""
    holidays_ms: Sequence[int]
    """First ms of each holiday."""
    kinds: Mapping[str, int]
    """Transactions by kind, before duplicates; `purchase` = baskets - worthless - boycotted - closed."""
    contacts: int
    """Contacts and notices, each once whatever its versions."""
    journeys: Mapping[Severity, int]
    boycotts: Mapping[Severity, int]
    shapes: Mapping[Shape, int]
    """Boycotts by shape."""
    late: int
    """Records sent late, in both event files."""
    duplicates: int
    """Records sent a second time, in both event files."""


def generate(directory: Path, options: GenerateOptions, progress: Progress = unseen) -> GenerateSummary:
    """Write transactions, contacts, customers and truth into `directory`, which is created.

    Event files already there are replaced or removed. The same options give the same bytes. Raise
    `ModuleNotFoundError` when the population's package is not installed, `OSError` when the directory
    cannot be written.
    """
    world = draw_world(options, progress)
    return _summarise(world, write_world(directory, world, progress, compress=options.gzip))


def write_world(
    directory: Path, world: World, progress: Progress = unseen, *, compress: bool = False
) -> dict[Path, int]:
    """Write all files in place of those already there; return the number of lines by file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = {name: directory / f"{name}.jsonl{'.gz' if compress else ''}" for name in _FILES}
    order = world.transactions_arrival.order
    arrived = [world.contacts[each].line for each in world.contacts_arrival.order.tolist()]
    counts = {path["transactions"]: len(order)}
    with ExitStack() as stack:
        file = stack.enter_context(_opened(path["transactions"]))
        _write_transactions(
            file, world.transactions, world.purchases.customer_ids, order, partial(progress, "writing")
        )
        for name, lines in (("contacts", arrived), ("customers", world.profiles), ("truth", world.truth)):
            file = stack.enter_context(_opened(path[name]))
            file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)
            counts[path[name]] = len(lines)
    # What an earlier run left and this one did not write would be replayed too.
    for old in {directory / f"{name}{suffix}" for name in _FILES for suffix in SUFFIXES} - set(counts):
        if old.exists():
            old.unlink()
    return counts


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the file for writing, compressed if so named; the file before stays whole until the end."""
    with writing(path) as raw:
        if path.suffix != ".gz":
            yield raw
            return
        # Without name and time, so that equal content is equal bytes.
        with gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as file:
            yield cast("IO[bytes]", file)


def _write_transactions(
    file: IO[bytes],
    table: pl.DataFrame,
    customer_ids: list[str],
    order: Ints,
    progress: Callable[[int, int], None],
) -> None:
    """Write the rows of `table` in `order`. No id or source may hold a character that JSON would escape."""
    ids = pl.Series(customer_ids)
    line = _transaction_line()
    for start in range(0, len(order), _CHUNK_LINES):
        rows = table[order[start : start + _CHUNK_LINES]]
        lines = rows.with_columns(customer_id=ids.gather(rows["customer"])).select(line).to_series()
        file.write(("\n".join(lines.to_list()) + "\n").encode("ascii"))
        progress(min(start + _CHUNK_LINES, len(order)), len(order))


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


def _summarise(world: World, lines: Mapping[Path, int]) -> GenerateSummary:
    """Count what was drawn; `lines` are the lines written by file."""
    purchases = world.purchases
    stay, bought = int(world.stays.sum()), int(world.bought.sum())
    kinds = world.transactions["kind"].value_counts().sort("kind")
    arrivals = (world.transactions_arrival, world.contacts_arrival)
    return GenerateSummary(
        lines=lines,
        customers=len(purchases.customer_ids),
        start_ms=purchases.start_ms,
        end_ms=purchases.end_ms,
        baskets=purchases.read,
        worthless=purchases.worthless,
        boycotted=len(purchases.cents) - stay,
        closed=stay - bought,
        shrunk=int((world.cents != purchases.cents)[world.bought].sum()),
        holidays_ms=world.closed_ms,
        kinds=dict(zip(kinds["kind"].to_list(), kinds["count"].to_list(), strict=True)),
        contacts=sum(len(outcome.journey.contact_ids) for outcome in world.outcomes),
        journeys=_counted(Severity, (one.journey.severity for one in world.outcomes)),
        boycotts=_counted(Severity, (one.journey.severity for one in world.outcomes if one.boycott)),
        shapes=_counted(Shape, (one.boycott.shape for one in world.outcomes if one.boycott)),
        late=sum(each.late for each in arrivals),
        duplicates=sum(each.duplicates for each in arrivals),
    )


def _counted(kinds: type[E], found: Iterable[E]) -> dict[E, int]:
    """Return how often each member of an enum occurs, in the order of its definition."""
    counts = Counter(found)
    return {kind: counts[kind] for kind in kinds}
