"""Whole alerts against the truth: is the stated probability right, who is found, what is it worth."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

from streams.evaluation.report import axis
from streams.evaluation.report.document import Cell, Figure, Group, Part, Row, Section, Table
from streams.evaluation.report.plot import Guide, Line, Plot, Point
from streams.evaluation.report.words import POPULATIONS, SHAPES, counted, days, known, share, split, version
from streams.evaluation.worlds.figures import STATED, Mix
from streams.lab.report.words import money

if TYPE_CHECKING:
    from streams.evaluation.shared.wilson import Share
    from streams.evaluation.worlds.figures import Bin, MixFigures
    from streams.evaluation.worlds.worlds import WorldsResult

MIXES = {
    Mix.WEIGHTS: "Boycotts as often as the weights say",
    Mix.GENERATED: "Boycotts at 5, 9 and 25 %, by severity",
}


def against_truth(result: WorldsResult, key: str) -> Section:
    """Return the section of one ruleset; `key` is unique in the page."""
    totals = tuple(result.of(mix) for mix in Mix)
    pictures = tuple(calibration_figure(f"{key}-{one.mix}", one) for one in totals)
    hint = (
        f"Whole worlds replayed through the rules, {len(result.seeds)} seeds a population: contacts, "
        "boycotts, alerts. A customer has left from the last contact of the journey that started the boycott "
        "until the boycott ends; an alert is real if the customer had left when it came."
    )
    calibration = Part(
        "Is the stated probability right?",
        "On the dotted line as many had left as was stated, above it more. Upright lines: 95 % intervals.",
        figures=pictures,
    )
    stated = Part("Stated and real, as a table", "", (_bins(totals),), folded=True)
    worth = Part("What the alerts are worth", "", (_precision(totals), _found(totals), _worth(totals)))
    single = tuple(one for one in result.figures if one.population is not None)
    apart = Part("By population", "", (_precision(single), _worth(single)), folded=True)
    heading = f"Alerts against the truth, ruleset {version(result.ruleset)}"
    return Section(key, heading, hint, (calibration, stated, worth, apart))


def _label(figures: MixFigures) -> str:
    if figures.population is None:
        return MIXES[figures.mix]
    return f"{POPULATIONS[figures.population]}: {MIXES[figures.mix].lower()}"


def calibration_figure(key: str, figures: MixFigures) -> Figure:
    """Return the picture of the stated probability against the share that had left; `key` as of a plot."""
    points = tuple(
        Point(one.stated, one.real.share, one.real.low, one.real.high, _said(one))
        for one in figures.bins
        if one.stated is not None and one.real.share is not None
    )
    low = min([0.4, *(floor(point.x * 10) / 10 for point in points)])
    plot = Plot(
        key,
        f"{MIXES[figures.mix]}: stated probability and share of real ones",
        axis.shares("stated probability", low, 1.0, 0.1),
        axis.shares("had left"),
        (Line("alerts", 0, points, joined=False, marked=True),),
        (Guide((1, 1), (low, low), "as stated"),),
    )
    return Figure(MIXES[figures.mix], plot, _caption(figures.stated))


def _said(one: Bin) -> str:
    return f"of {one.real.of:,} stated {one.low:.2f} to {one.high:.2f}, {counted(one.real)} had left"


def _caption(stated: Bin) -> str:
    between = f"stated {STATED[0]} to {STATED[1]}"
    if stated.real.share is None:
        return f"No record {between}."
    return f"Of {stated.real.of:,} records {between}, {counted(stated.real)} had left."


def _bins(mixes: tuple[MixFigures, ...]) -> Table:
    groups = tuple(Group(_label(one), tuple(map(_bin, filter(_filled, one.bins)))) for one in mixes)
    return Table("Stated and real", ("Stated", "Records", "Mean stated", "Had left"), groups)


def _filled(one: Bin) -> bool:
    return one.real.of > 0


def _bin(one: Bin) -> Row:
    cells = (Cell(f"{one.real.of:,}"), Cell(known(one.stated, share)), Cell(*split(one.real)))
    return Row(f"{one.low:.2f} to {one.high:.2f}", cells, strong=(one.low, one.high) == STATED)


def _precision(mixes: tuple[MixFigures, ...]) -> Table:
    groups = tuple(
        Group(
            _label(mix),
            tuple(
                Row(one.severity or "all", (_of(one.alert), _of(one.watch)), strong=one.severity is None)
                for one in mix.precision
            ),
        )
        for mix in mixes
    )
    columns = ("Severity of the journey", "Alerts that are real", "Watches that are real")
    return Table("Precision", columns, groups)


def _found(mixes: tuple[MixFigures, ...]) -> Table:
    groups = tuple(
        Group(
            _label(mix),
            tuple(
                Row(SHAPES[one.shape], (_of(one.watch), _of(one.alert), Cell(known(one.median_days, days))))
                for one in mix.found
            ),
        )
        for mix in mixes
    )
    columns = ("Shape", "Watch or more in 90 days", "Alert in 90 days", "Median days to the alert")
    return Table("Boycotts found, of high-value customers who were judged", columns, groups)


def _worth(mixes: tuple[MixFigures, ...]) -> Table:
    columns = ("Worlds", "Loss caught", "Still to come", "False alarms")
    rows = tuple(Row(_label(one), _worth_cells(one), f"{one.worlds:,} worlds") for one in mixes)
    return Table(
        "Value at risk, and false alarms of the loyal in 90 judged days", columns, (Group("", rows),)
    )


def _worth_cells(figures: MixFigures) -> tuple[Cell, ...]:
    value, alarms = figures.value, figures.false_alarms
    caught = value.caught / value.lost if value.lost else None
    to_come = value.to_come / value.caught if value.caught else None
    return (
        Cell(known(caught, share), f"of {money(value.lost)}"),
        Cell(known(to_come, share), "of the caught, at the alert"),
        Cell(known(alarms.per_90_days, share), f"{alarms.alerts.count:,} of {alarms.alerts.of:,} episodes"),
    )


def _of(real: Share) -> Cell:
    said, interval = split(real)
    return Cell(said, f"{interval}, of {real.of:,}" if real.of else "")
