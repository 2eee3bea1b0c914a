"""The command `evaluate`: how many boycotts are found, how early, at how many false alarms."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streams.console import Exit, failed, step_bars
from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset
from streams.evaluation.detectors.goals import TARGET
from streams.evaluation.detectors.trial import TooFewError
from streams.evaluation.evaluation import FULL, QUICK, Evaluation, as_json, evaluate
from streams.evaluation.report.page import render_evaluation
from streams.evaluation.tables import (
    comparison_tables,
    goals_table,
    stress_table,
    value_table,
    worlds_table,
)
from streams.lab.generate.options import Population
from streams.lab.replay.options import load_ruleset
from streams.outputs import PAGE, Force, Output, check_or_exit, write_or_exit


class Chosen(StrEnum):
    """A population, or all."""

    COMPLETEJOURNEY = "completejourney"
    CDNOW = "cdnow"
    SYNTHETIC = "synthetic"
    ALL = "all"

    @property
    def populations(self) -> tuple[Population, ...]:
        """Return the populations that are meant."""
        return tuple(one for one in Population if self in {Chosen.ALL, Chosen(one)})


_Chosen = Annotated[
    Chosen,
    typer.Option(
        "--population",
        help="Whose purchases: grocery baskets of 2,469 households, CDNOW (records, bought rarely), "
        "drawn customers, or all.",
    ),
]
_Seeds = Annotated[
    int, typer.Option(min=1, max=1_000, help="Anchors for every household: one for each seed.")
]
_Quick = Annotated[bool, typer.Option("--quick", help="In a minute: two seeds, small worlds.")]
_FalseAlarms = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=0.5,
        help="Share of untouched households that may alarm in 90 days: the threshold of every detector.",
    ),
]
_Rulesets = Annotated[
    list[Path] | None,
    typer.Option(
        "--ruleset",
        help="A built-in version or a TOML file; may be given more than once (default: all built-in). The "
        "last is also held against whole worlds, and put under stress.",
    ),
]
_Jobs = Annotated[int, typer.Option(min=1, max=64, help="Processes. The figures do not depend on it.")]
_Report = Annotated[Path | None, typer.Option("--report", help="Write the report (one HTML file) here.")]
_Json = Annotated[
    Path | None, typer.Option("--json", help="Write all figures here; null is infinite or unknown.")
]


def evaluate_command(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    population: _Chosen = Chosen.ALL,
    seeds: _Seeds = 10,
    quick: _Quick = False,
    false_alarms: _FalseAlarms = TARGET,
    ruleset: _Rulesets = None,
    jobs: _Jobs = 2,
    report: _Report = None,
    json: _Json = None,
    force: Force = False,
) -> None:
    """Measure the detection: how many boycotts are found, how early, and how many false alarms it raises.

    Puts boycotts of six shapes into real purchases at random times, and compares our rules with what else is
    used (days without a purchase, P(alive) of BG/NBD, spend ratios, a CUSUM), each at the same rate of false
    alarms, with thresholds from other households than those that are scored. Then whole worlds with known
    truth: how many alerts are real, whether the stated probability is right, and what an outage, a
    holiday or a quiet season does to false alarms. Some eight minutes on two cores.
    """
    check_or_exit(_outputs(report, json), ruleset or (), force=force)
    rules = _rulesets(ruleset)
    try:
        with step_bars() as progress:
            found = evaluate(
                population.populations,
                rules,
                size=QUICK if quick else FULL,
                seeds=seeds,
                target=false_alarms,
                jobs=jobs,
                progress=progress,
            )
    except ModuleNotFoundError as error:
        raise failed(str(error), Exit.CONFIG) from error
    except TooFewError as error:
        raise failed(str(error), Exit.BAD_DATA) from error
    if report is not None:
        page = render_evaluation(found.comparison, found.worlds, found.stress)
        write_or_exit(report, page.encode())
    write_or_exit(json, as_json(found).encode())
    _show(Console(), found)
    for what, place in {"report": report, "figures": json}.items():
        if place is not None:
            typer.echo(f"{what}: {place}")


def _rulesets(names: list[Path] | None) -> list[Ruleset]:
    rules = [load_ruleset(name) for name in names] if names else [VERSIONS["1"], DEFAULT]
    versions = [one.version for one in rules]
    for version in versions:
        if versions.count(version) > 1:
            raise failed(f'two rulesets are of version "{version}": give each its own `version`', Exit.USAGE)
    return rules


def _outputs(report: Path | None, json: Path | None) -> Iterator[Output]:
    if report is not None:
        yield Output(report, "--report", PAGE)
    if json is not None:
        yield Output(json, "--json", re.compile(rb'\{\s*"comparison": \{'))


def _show(console: Console, found: Evaluation) -> None:
    for table in comparison_tables(found.comparison):
        console.print(table)
    for figures in found.comparison.populations:
        for note in figures.notes:
            console.print(f"{figures.population}: {note}", highlight=False, markup=False)
    for result in found.worlds:
        console.print(worlds_table(result), value_table(result))
    for stressed in found.stress:
        console.print(stress_table(stressed))
    if found.comparison.goals:
        console.print(goals_table(found.comparison.goals))
