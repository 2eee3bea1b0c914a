"""The figures of an evaluation as tables for a terminal."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

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
_MET = {None: "too few to tell", True: "met", False: "[bold]not met[/bold]"}


def comparison_tables(comparison: DetectorComparison) -> Iterator[Table]:
    """Yield what the detectors find on each population, how early, and what ours are better by."""
    for figures in comparison.populations:
        yield _side_by_side(figures)
        yield _ahead(figures)


def goals_table(goals: Sequence[Goal]) -> Table:
    """Return the goals, met or not."""
    table = _table("Goals and what was measured", "goal", "measured", "met?")
    for name in dict.fromkeys(one.detector for one in goals):
        mine = (one for one in goals if one.detector == name)
        _group(table, name, ((one.goal, one.measured, _MET[one.met]) for one in mine))
    return table


def worlds_table(result: WorldsResult) -> Table:
    """Return what the alerts of a ruleset are worth in whole worlds."""
    title = f"Whole worlds, ruleset {result.ruleset}, {len(result.seeds)} seeds: records that were real"
    table = _table(title, "severity", "of watch", "of alert")
    for mix in Mix:
        figures = result.of(mix)
        stated = f"P from {figures.stated.low:g} to {figures.stated.high:g}", "", _share(figures.stated.real)
        rows = [(one.severity or "all", _share(one.watch), _share(one.alert)) for one in figures.precision]
        _group(table, f"boycotts as often as {_MIXES[mix]}", [*rows, stated])
    head = f"P from {STATED[0]:g} to {STATED[1]:g} as the weights say"
    _group(table, head, [(f"real: {REAL[0]:g} to {REAL[1]:g}", "", _MET[result.calibrated])])
    return table


def value_table(result: WorldsResult) -> Table:
    """Return what the boycotts of judged customers took away, and how much of it was seen coming."""
    title = f"Value lost to boycotts of judged customers in 90 days, ruleset {result.ruleset}"
    table = _table(title, "boycotts as often as", "in boycotts found", "of that, after the alert")
    for mix in Mix:
        value = result.of(mix).value
        found, to_come = value.caught / max(value.lost, 1), value.to_come / max(value.caught, 1)
        table.add_row(_MIXES[mix], f"{found:.0%}", f"{to_come:.0%}")
    alarms = ((_MIXES[mix], _share(result.of(mix).false_alarms.alerts)) for mix in Mix)
    _group(table, "false alarms", ((mix, f"{alerts} of the loyal's episodes", "") for mix, alerts in alarms))
    return table


def stress_table(result: StressResult) -> Table:
    """Return what disturbances do to the false alarms of a ruleset."""
    title = f"False alarms under disturbance, ruleset {result.ruleset}"
    table = _table(title, "disturbance", "without", "with", "ratio", "95 %", f"<= {MOST}?")
    for one in result.ratios:
        if one.population is None:
            ratio = "–" if one.ratio is None else f"{one.ratio:.2f}"
            between = f"{one.low:.2f} to {one.high:.2f}"
            table.add_row(
                one.disturbance, f"{one.without:,}", f"{one.with_it:,}", ratio, between, _MET[one.met]
            )
    return table


def _side_by_side(figures: PopulationFigures) -> Table:
    title = (
        f"{figures.population}: {figures.households:,} high-value households of {figures.customers:,} "
        f"customers, {len(figures.seeds)} seeds, {figures.cases:,} cases, {figures.copies:,} copies"
    )
    table = _table(title, "detector", "30 d", "found in 90 d, %", "median, days")
    alarms = ((one.name, "", _said(one.false_alarms, _percent), "") for one in figures.detectors)
    _group(table, "untouched: false alarms", alarms)
    for shape in SHAPES:
        found = ((one.name, one.of(shape)) for one in figures.detectors)
        rows = (
            (
                name,
                _percent(one.found_30.value),
                _said(one.found_90, _percent),
                _said(one.median_days, _days),
            )
            for name, one in found
        )
        _group(table, shape, rows)
    return table


def _ahead(figures: PopulationFigures) -> Table:
    title = f"{figures.population}: ours less the best other, the same households drawn for both"
    table = _table(title, "shape", "difference", "less")
    for name in dict.fromkeys(one.detector for one in figures.differences):
        _group(table, name, [])
        for one in figures.differences:
            if one.detector == name:
                table.add_row(one.shape, f"{_said(one.recall, _points)} points", one.best)
                table.add_row("", f"{_said(one.median_days, _fewer_days)} days", one.earliest)
    return table


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)


def _group(table: Table, name: str, rows: Iterable[tuple[str, ...]]) -> None:
    table.add_section()
    table.add_row(f"[bold]{escape(name)}[/bold]")
    for row in rows:
        table.add_row(*row)


def _said(one: Estimate, show: Callable[[float], str]) -> str:
    value, low, high = show(one.value), show(one.low), show(one.high)
    return value if value == low == high else f"{value} ({low} to {high})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _days(days: float) -> str:
    return "never" if math.isinf(days) else f"{days:.1f}"


def _fewer_days(days: float) -> str:
    """Say a difference of medians; infinite where only one of the two finds half."""
    return {math.inf: "only theirs", -math.inf: "only ours"}.get(days, f"{days:+.1f}")


def _share(one: Share) -> str:
    if one.share is None:
        return "none"
    return f"{one.share:.0%} of {one.of:,} ({one.low:.0%} to {one.high:.0%})"
