"""The figures of an evaluation as tables for a terminal."""

import math
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from streams.evaluation.detectors.results import DetectorComparison, Estimate, Goal, PopulationFigures
from streams.evaluation.detectors.trial import SHAPES
from streams.evaluation.shared.wilson import Share
from streams.evaluation.stress.stress import MOST, StressResult
from streams.evaluation.worlds.figures import STATED, Mix
from streams.evaluation.worlds.worlds import REAL, WorldsResult

_MIXES = {Mix.WEIGHTS: "the weights say", Mix.GENERATED: "generate draws them"}


def comparison_tables(comparison: DetectorComparison) -> Iterator[Table]:
    """Yield what the detectors find on each population, how early, and what ours are better by."""
    for figures in comparison.populations:
        yield _side_by_side(figures)
        yield _ahead(figures)


def goals_table(goals: Sequence[Goal]) -> Table:
    """Return the goals, met or not."""
    table = _table("Goals and what was measured", "goal", "measured", "met?")
    for name in dict.fromkeys(one.detector for one in goals):
        _head(table, name)
        for one in goals:
            if one.detector == name:
                table.add_row(one.goal, one.measured, "met" if one.met else "[bold]not met[/bold]")
    return table


def worlds_table(result: WorldsResult) -> Table:
    """Return what the alerts of a ruleset are worth in whole worlds."""
    title = f"Whole worlds, ruleset {result.ruleset}, {len(result.seeds)} seeds: records that were real"
    table = _table(title, "severity", "of watch", "of alert")
    for figures in result.figures:
        if figures.population is None:
            _head(table, f"boycotts as often as {_MIXES[figures.mix]}")
            for one in figures.precision:
                table.add_row(one.severity or "all", _share(one.watch), _share(one.alert))
            stated = f"P from {figures.stated.low:g} to {figures.stated.high:g}"
            table.add_row(stated, "", _share(figures.stated.real))
    goal = {None: "too few to tell", True: "met", False: "[bold]not met[/bold]"}[result.calibrated]
    _head(table, f"P from {STATED[0]:g} to {STATED[1]:g} as the weights say")
    table.add_row(f"real: {REAL[0]:g} to {REAL[1]:g}", "", goal)
    return table


def value_table(result: WorldsResult) -> Table:
    """Return what the boycotts of judged customers took away, and how much of it was seen coming."""
    title = f"Value lost to boycotts of judged customers in 90 days, ruleset {result.ruleset}"
    table = _table(title, "boycotts as often as", "in boycotts found", "of that, after the alert")
    for one in result.figures:
        if one.population is None:
            value = one.value
            found, to_come = value.caught / max(value.lost, 1), value.to_come / max(value.caught, 1)
            table.add_row(_MIXES[one.mix], f"{found:.0%}", f"{to_come:.0%}")
    _head(table, "false alarms")
    for one in result.figures:
        if one.population is None:
            alerts = _share(one.false_alarms.alerts)
            table.add_row(_MIXES[one.mix], f"{alerts} of the loyal's episodes", "")
    return table


def stress_table(result: StressResult) -> Table:
    """Return what disturbances do to the false alarms of a ruleset."""
    title = f"False alarms under disturbance, ruleset {result.ruleset}"
    table = _table(title, "disturbance", "without", "with", "ratio", "95 %", f"<= {MOST}?")
    for one in result.ratios:
        if one.population is None:
            ratio = "–" if one.ratio is None else f"{one.ratio:.2f}"
            between = f"{one.low:.2f} to {one.high:.2f}"
            met = "met" if one.met else "[bold]not met[/bold]"
            table.add_row(one.disturbance, f"{one.without:,}", f"{one.with_it:,}", ratio, between, met)
    return table


def _side_by_side(figures: PopulationFigures) -> Table:
    title = (
        f"{figures.population}: {figures.households:,} high-value households of {figures.customers:,} "
        f"customers, {len(figures.seeds)} seeds, {figures.cases:,} cases, {figures.copies:,} copies"
    )
    table = _table(title, "detector", "30 d", "found in 90 d, %", "median, days")
    _head(table, "untouched: false alarms")
    for one in figures.detectors:
        table.add_row(one.name, "", _percent(one.false_alarms), "")
    for shape in SHAPES:
        _head(table, shape)
        for one in figures.detectors:
            found = one.of(shape)
            early = f"{100 * found.found_30.value:.1f}"
            table.add_row(one.name, early, _percent(found.found_90), _days(found.median_days))
    return table


def _ahead(figures: PopulationFigures) -> Table:
    title = f"{figures.population}: ours less the best other, the same households drawn for both"
    table = _table(title, "shape", "difference", "less")
    for name in dict.fromkeys(one.detector for one in figures.differences):
        _head(table, name)
        for one in figures.differences:
            if one.detector == name:
                table.add_row(one.shape, f"{_points(one.recall)} points", one.best)
                table.add_row("", f"{_fewer_days(one.median_days)} days", one.earliest)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name)
    return table


def _head(table: Table, name: str) -> None:
    table.add_section()
    table.add_row(f"[bold]{escape(name)}[/bold]")


def _percent(one: Estimate) -> str:
    return _between(*(f"{100 * each:.1f}" for each in (one.value, one.low, one.high)))


def _points(one: Estimate) -> str:
    return _between(*(f"{100 * each:+.1f}" for each in (one.value, one.low, one.high)))


def _days(one: Estimate) -> str:
    return _between(
        *("never" if math.isinf(each) else f"{each:.1f}" for each in (one.value, one.low, one.high))
    )


def _fewer_days(one: Estimate) -> str:
    """Say a difference of medians; infinite where only one of the two finds half."""
    words = {math.inf: "only theirs", -math.inf: "only ours"}
    return _between(*(words.get(each, f"{each:+.1f}") for each in (one.value, one.low, one.high)))


def _between(value: str, low: str, high: str) -> str:
    return value if value == low == high else f"{value} ({low} to {high})"


def _share(one: Share) -> str:
    if one.share is None:
        return "none"
    return f"{one.share:.0%} of {one.of:,} ({one.low:.0%} to {one.high:.0%})"
