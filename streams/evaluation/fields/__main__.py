"""Print which fields move the needle: `python -m streams.evaluation.fields`, or write the figures as JSON."""

import json as to_json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streams.console import Exit, failed, step_bars
from streams.core.ruleset import DEFAULT
from streams.evaluation.fields.measure import Difference, FieldRow, FieldsResult, fields_against_truth
from streams.evaluation.shared.wilson import Share
from streams.lab.generate.options import Population
from streams.outputs import write_or_exit

_Worlds = Annotated[int, typer.Option(min=1, max=1_000, help="Worlds, one for each seed from 1 on.")]
_Jobs = Annotated[int, typer.Option(min=1, max=64, help="Processes. The figures do not depend on it.")]
_Json = Annotated[Path | None, typer.Option("--json", help="Write all figures here, as JSON.")]
_Population = Annotated[Population, typer.Option(help="Whose purchases.")]
_Customers = Annotated[int | None, typer.Option(min=1, help="Customers (default: all).")]


def fields_command(
    *,
    worlds: _Worlds = 6,
    population: _Population = Population.COMPLETEJOURNEY,
    customers: _Customers = None,
    jobs: _Jobs = 1,
    json: _Json = None,
) -> None:
    """Measure what detection loses when a feed lacks some fields: synthetic contacts and boycotts.

    Each world is replayed with everything, and once without each group of fields. A quarter of an hour.
    """
    try:
        with step_bars() as progress:
            found = fields_against_truth(
                DEFAULT,
                range(1, worlds + 1),
                population=population,
                customers=customers,
                jobs=jobs,
                progress=progress,
            )
    except ModuleNotFoundError as error:
        raise failed(str(error), Exit.CONFIG) from error
    write_or_exit(json, (to_json.dumps(asdict(found), indent=1) + "\n").encode())
    Console().print(fields_table(found))


def fields_table(found: FieldsResult) -> Table:
    """Return the rows for a terminal."""
    title = f"Synthetic contacts and boycotts, {len(found.seeds)} worlds, ruleset {found.ruleset}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("the feed has")
    for name in ("found in 90 d", "less everything", "median day", "real alerts", "less everything"):
        table.add_column(name, justify="right")
    for row in found.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: FieldRow) -> tuple[str, ...]:
    days = "–" if row.median_days is None else f"{row.median_days:.0f}"
    return (
        row.name,
        _share(row.found),
        _less(row.found_less),
        days,
        _share(row.real),
        "–" if row.real_less is None else _less(row.real_less),
    )


def _share(share: Share) -> str:
    return "–" if share.share is None else f"{share.share:.1%} of {share.of:,}"


def _less(one: Difference) -> str:
    return f"{100 * one.value:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"


if __name__ == "__main__":
    typer.run(fields_command)
