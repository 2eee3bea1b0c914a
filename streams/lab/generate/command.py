"""The command `generate`: options in, files and a table out."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.times import format_ms
from streams.console import Exit, failed, step_bars
from streams.lab.generate.options import GenerateOptions, OptionError, Shape
from streams.lab.generate.run import GenerateSummary, generate

_DEFAULT: Final = GenerateOptions()
_START: Final = datetime.combine(_DEFAULT.start, time.min)
_SHAPES: Final = ",".join(f"{shape}={weight:g}" for shape, weight in _DEFAULT.shapes.items())
_SPELT: Final[Mapping[str, tuple[Any, object, dict[str, Any]]]] = {
    "start": (datetime, _START, {"formats": ["%Y-%m-%d"], "show_default": f"{_DEFAULT.start}"}),
    "shapes": (str, _SHAPES, {}),
}
"""Options with another type on the command line: that type, the default, and further settings."""


def parse_shapes(text: str) -> Mapping[Shape, float]:
    """Read `name=weight,...`; a shape not named has weight 0. Raises `OptionError`."""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {Shape(name.strip()): float(weight) for name, weight in pairs}
    except ValueError as error:
        known = ", ".join(Shape)
        raise OptionError(f"shapes must be name=weight,name=weight,... of {known}") from error


_READ: Final[Mapping[str, Callable[[Any], object]]] = {"start": datetime.date, "shapes": parse_shapes}
"""How the values of these options become those of GenerateOptions."""


def generate_command(
    directory: Annotated[Path, typer.Argument(help="Where the files go; created if need be.")],
    *,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace the event files of a directory that is not empty; remove those not drawn.",
        ),
    ] = False,
    **given: Any,
) -> None:
    """Write purchases with synthetic contacts and boycotts, and the truth about them, into DIRECTORY."""
    try:
        # Called from Python, only what is not a default is given.
        options = GenerateOptions(**given | {name: _READ[name](given[name]) for name in _READ.keys() & given})
    except OptionError as error:
        raise failed(str(error), Exit.USAGE) from error
    Console().print(_table(_run(directory, options, force=force)))


def _signature() -> inspect.Signature:
    """Return the signature that typer reads: a parameter for each field of GenerateOptions."""
    own = inspect.signature(generate_command)
    directory, force, _ = own.parameters.values()
    return own.replace(parameters=[directory, *map(_parameter, fields(GenerateOptions)), force])


def _parameter(option: Field[Any]) -> inspect.Parameter:
    kind, default, more = _SPELT.get(option.name, (option.type, getattr(_DEFAULT, option.name), {}))
    names = ["--gzip"] if kind is bool else []  # and no --no-gzip
    told = typer.Option(*names, help=option.metadata["help"], **more)
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, told]
    )


generate_command.__signature__ = _signature()  # type: ignore[attr-defined]


def _run(directory: Path, options: GenerateOptions, *, force: bool) -> GenerateSummary:
    try:
        if directory.is_dir() and any(directory.iterdir()) and not force:
            raise failed(f"{directory} is not empty; --force replaces its event files", Exit.CANNOT_CREATE)
        with step_bars() as progress:
            return generate(directory, options, progress)
    except ModuleNotFoundError as error:
        raise failed(str(error), Exit.CONFIG) from error
    except OSError as error:
        place = error.filename2 or error.filename or directory
        raise failed(f"{place} cannot be written: {error.strerror}", Exit.CANNOT_CREATE) from error


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
