"""The figures of an evaluation as tables for a terminal."""

import math
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from streams.lab.evaluate.results import DetectorComparison, Estimate, Goal, PopulationFigures
from streams.lab.evaluate.stress import StressResult
from streams.lab.evaluate.trial import SHAPES
from streams.lab.evaluate.wilson import Share
from streams.lab.evaluate.worlds import WorldsResult


def comparison_tables(comparison: DetectorComparison) -> Iterator[Table]:
    """Yield what the detectors find on each population, how early, and what ours are better by."""
    for figures in comparison.populations:
        yield _found(figures)
        yield _earliest(figures)
        yield _ahead(figures)


def goals_table(goals: Sequence[Goal]) -> Table:
    """Return the goals, met or not."""
    table = _table("Goals and what was measured", "detector", "goal", "measured", "")
    for one in goals:
        table.add_row(one.detector, one.goal, one.measured, "met" if one.met else "[bold]not met[/bold]")
    return table


def worlds_table(result: WorldsResult) -> Table:
    """Return what the alerts of a ruleset are worth in whole worlds."""
    title = f"Whole worlds, ruleset {result.ruleset}: alerts against the truth, {len(result.seeds)} seeds"
    table = _table(title, "boycotts as often as", "severity", "of watch records real", "of alerts real")
    all_together = [one for one in result.figures if one.population is None]
    for figures in all_together:
        for one in figures.precision:
            table.add_row(figures.mix, one.severity or "all", _share(one.watch), _share(one.alert))
        table.add_section()
    for figures in all_together:
        stated = f"stated {figures.stated.low:g} to {figures.stated.high:g}"
        table.add_row(figures.mix, stated, "", _share(figures.stated.real))
    return table


def value_table(result: WorldsResult) -> Table:
    """Return what the boycotts of judged customers took away, and how much of it was seen coming."""
    title = f"Value lost to boycotts of judged customers within 90 days, ruleset {result.ruleset}"
    table = _table(
        title, "boycotts as often as", "found in time", "still to come at the alert", "false alarms"
    )
    for one in result.figures:
        if one.population is None:
            lost, caught, value = max(one.value.lost, 1), max(one.value.caught, 1), one.value
            table.add_row(
                one.mix,
                f"{value.caught / lost:.0%} of what was lost",
                f"{value.to_come / caught:.0%} of that",
                f"{_share(one.false_alarms.alerts)} of the episodes of the loyal",
            )
    return table


def stress_table(result: StressResult) -> Table:
    """Return what disturbances do to the false alarms of a ruleset."""
    title = f"False alarms under disturbance, ruleset {result.ruleset}"
    table = _table(title, "disturbance", "without", "with", "ratio", "95 %")
    for one in result.ratios:
        if one.population is None:
            ratio = "–" if one.ratio is None else f"{one.ratio:.2f}"
            table.add_row(
                one.disturbance,
                f"{one.without:,}",
                f"{one.with_it:,}",
                ratio,
                f"{one.low:.2f}–{one.high:.2f}",
            )
    return table


def _found(figures: PopulationFigures) -> Table:
    title = (
        f"{figures.population}: found within 90 days, %, with 95 % intervals "
        f"({figures.households:,} high-value households of {figures.customers:,} customers, "
        f"{len(figures.seeds)} seeds, {figures.cases:,} cases, {figures.copies:,} copies)"
    )
    table = _table(title, "detector", "false alarms", *SHAPES)
    for one in figures.detectors:
        cells = (_percent(shape.found_90) for shape in one.shapes)
        table.add_row(one.name, _percent(one.false_alarms), *cells)
    return table


def _earliest(figures: PopulationFigures) -> Table:
    title = f"{figures.population}: found within 30 days, %, and the median delay in days"
    table = _table(title, "detector", *SHAPES)
    for one in figures.detectors:
        cells = (f"{100 * shape.found_30.value:.0f}, {_days(shape.median_days)}" for shape in one.shapes)
        table.add_row(one.name, *cells)
    return table


def _ahead(figures: PopulationFigures) -> Table:
    title = f"{figures.population}: ours less the best other detector, the same households drawn for both"
    table = _table(title, "detector", "shape", "points found", "less", "median, days", "less")
    for one in figures.differences:
        recall = (f"{100 * each:+.1f}" for each in (one.recall.value, one.recall.low, one.recall.high))
        median = (
            _day(each, "+.1f") for each in (one.median_days.value, one.median_days.low, one.median_days.high)
        )
        table.add_row(one.detector, one.shape, _between(*recall), one.best, _between(*median), one.earliest)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(columns):
        table.add_column(name, no_wrap=at == 0)
    return table


def _percent(one: Estimate) -> str:
    return _between(*(f"{100 * each:.1f}" for each in (one.value, one.low, one.high)))


def _days(one: Estimate) -> str:
    return _between(*(_day(each, ".1f") for each in (one.value, one.low, one.high)))


def _between(value: str, low: str, high: str) -> str:
    return value if value == low == high else f"{value} ({low} to {high})"


def _day(value: float, form: str) -> str:
    if math.isinf(value):
        return "never" if value > 0 else "only ours"
    return format(value, form)


def _share(one: Share) -> str:
    if one.share is None:
        return "none"
    return f"{one.share:.0%} of {one.of:,} ({one.low:.0%} to {one.high:.0%})"
