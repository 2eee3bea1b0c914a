"""The command `generate`: options in, files and a table out."""

from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from schemas.times import format_ms
from streams.console import ERRORS, Exit, failed
from streams.lab.generate.options import (
    DEFAULT_SHAPES,
    GenerateOptions,
    OptionError,
    Population,
    Shape,
    Weights,
    describe,
)
from streams.lab.generate.run import generate
from streams.lab.generate.summary import GenerateSummary

_DEFAULT = GenerateOptions()
_START = datetime.combine(_DEFAULT.start, time.min)
_SHAPES = ",".join(f"{shape}={weight:g}" for shape, weight in DEFAULT_SHAPES.items())


def _help(name: str) -> typer.models.OptionInfo:
    info: typer.models.OptionInfo = typer.Option(help=describe(name))
    return info


def generate_command(  # noqa: PLR0913, PLR0917 -- the options of a command are its arguments
    directory: Annotated[Path, typer.Argument(help="Where the files go; created if need be.")],
    population: Annotated[Population, _help("population")] = _DEFAULT.population,
    seed: Annotated[int, _help("seed")] = _DEFAULT.seed,
    customers: Annotated[int | None, _help("customers")] = _DEFAULT.customers,
    days: Annotated[int, _help("days")] = _DEFAULT.days,
    start: Annotated[
        datetime,
        typer.Option(help=describe("start"), formats=["%Y-%m-%d"], show_default=f"{_DEFAULT.start}"),
    ] = _START,
    transactions: Annotated[int | None, _help("transactions")] = _DEFAULT.transactions,
    weights: Annotated[Weights, _help("weights")] = _DEFAULT.weights,
    contact_rate: Annotated[float, _help("contact_rate")] = _DEFAULT.contact_rate,
    mild_share: Annotated[float, _help("mild_share")] = _DEFAULT.mild_share,
    severe_share: Annotated[float, _help("severe_share")] = _DEFAULT.severe_share,
    boycott_harmless: Annotated[float, _help("boycott_harmless")] = _DEFAULT.boycott_harmless,
    boycott_mild: Annotated[float, _help("boycott_mild")] = _DEFAULT.boycott_mild,
    boycott_severe: Annotated[float, _help("boycott_severe")] = _DEFAULT.boycott_severe,
    shapes: Annotated[str, _help("shapes")] = _SHAPES,
    return_share: Annotated[float, _help("return_share")] = _DEFAULT.return_share,
    recovery_share: Annotated[float, _help("recovery_share")] = _DEFAULT.recovery_share,
    survey_share: Annotated[float, _help("survey_share")] = _DEFAULT.survey_share,
    refund_share: Annotated[float, _help("refund_share")] = _DEFAULT.refund_share,
    subscription_share: Annotated[float, _help("subscription_share")] = _DEFAULT.subscription_share,
    profile_share: Annotated[float, _help("profile_share")] = _DEFAULT.profile_share,
    holidays: Annotated[int, _help("holidays")] = _DEFAULT.holidays,
    jitter_seconds: Annotated[float, _help("jitter_seconds")] = _DEFAULT.jitter_seconds,
    late_share: Annotated[float, _help("late_share")] = _DEFAULT.late_share,
    late_days: Annotated[float, _help("late_days")] = _DEFAULT.late_days,
    duplicate_share: Annotated[float, _help("duplicate_share")] = _DEFAULT.duplicate_share,
    gzip: Annotated[bool, typer.Option("--gzip", help=describe("gzip"))] = _DEFAULT.gzip,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace the event files of a directory that is not empty; remove those not drawn.",
        ),
    ] = False,
) -> None:
    """Write purchases with synthetic contacts and boycotts, and the truth about them, into DIRECTORY."""
    try:
        options = GenerateOptions(
            population=population,
            seed=seed,
            customers=customers,
            days=days,
            start=start.date(),
            transactions=transactions,
            weights=weights,
            contact_rate=contact_rate,
            mild_share=mild_share,
            severe_share=severe_share,
            boycott_harmless=boycott_harmless,
            boycott_mild=boycott_mild,
            boycott_severe=boycott_severe,
            shapes=parse_shapes(shapes),
            return_share=return_share,
            recovery_share=recovery_share,
            survey_share=survey_share,
            refund_share=refund_share,
            subscription_share=subscription_share,
            profile_share=profile_share,
            holidays=holidays,
            jitter_seconds=jitter_seconds,
            late_share=late_share,
            late_days=late_days,
            duplicate_share=duplicate_share,
            gzip=gzip,
        )
    except OptionError as error:
        raise failed(str(error), Exit.USAGE) from error
    Console().print(_table(_run(directory, options, force=force)))


def parse_shapes(text: str) -> Mapping[Shape, float]:
    """Read `name=weight,...`; a shape not named has weight 0. Raises `OptionError`."""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {Shape(name.strip()): float(weight) for name, weight in pairs}
    except ValueError as error:
        known = ", ".join(Shape)
        raise OptionError(f"shapes must be name=weight,name=weight,... of {known}") from error


def _run(directory: Path, options: GenerateOptions, *, force: bool) -> GenerateSummary:
    try:
        if directory.is_dir() and any(directory.iterdir()) and not force:
            raise failed(f"{directory} is not empty; --force replaces its event files", Exit.CANNOT_CREATE)
        return _with_bar(directory, options)
    except ModuleNotFoundError as error:
        raise failed(str(error), Exit.CONFIG) from error
    except OSError as error:
        place = error.filename2 or error.filename or directory
        raise failed(f"{place} cannot be written: {error.strerror}", Exit.CANNOT_CREATE) from error


def _with_bar(directory: Path, options: GenerateOptions) -> GenerateSummary:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=ERRORS, disable=not ERRORS.is_terminal, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step)
            bar.update(tasks[step], completed=done, total=total)

        return generate(directory, options, progress)


def _table(summary: GenerateSummary) -> Table:
    table = Table(title="Generated: synthetic contacts and boycotts, truth known", show_header=False)
    table.add_column("what")
    table.add_column("figure", justify="right")
    for path, lines in summary.lines.items():
        table.add_row(escape(str(path)), f"{lines:,} lines")
    table.add_section()
    for what, figure in _figures(summary):
        table.add_row(what, figure)
    table.add_section()
    for severity, journeys in summary.journeys.items():
        table.add_row(f"{severity} journeys, boycotts", f"{journeys:,}, {summary.boycotts[severity]:,}")
    for shape, count in summary.shapes.items():
        table.add_row(f"boycotts of shape {shape}", f"{count:,}")
    return table


def _figures(summary: GenerateSummary) -> list[tuple[str, str]]:
    counts = {
        "customers": summary.customers,
        "baskets": summary.baskets,
        "  of 0.00: no purchase": summary.worthless,
        "  taken away by boycotts": summary.boycotted,
        "  on holidays": summary.closed,
        **{f"{kind} events": count for kind, count in summary.kinds.items()},
        "  purchases made smaller by boycotts": summary.shrunk,
        "contacts and notices": summary.contacts,
        "records sent late": summary.late,
        "records sent twice": summary.duplicates,
    }
    span = f"{format_ms(summary.start_ms)[:10]} to {format_ms(summary.end_ms - 1)[:10]}"
    days = ", ".join(format_ms(day)[:10] for day in summary.holidays_ms)
    rows = [("history", span), *((what, f"{count:,}") for what, count in counts.items())]
    return [*rows, ("holidays", days)] if days else rows
