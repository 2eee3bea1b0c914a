"""Whole alerts against the truth: is the stated probability right, who is found, what is it worth."""

from collections.abc import Callable, Sequence
from math import floor

from streams.charts import scale
from streams.charts.plot import Guide, Line, Plot, Point
from streams.evaluation.report.document import Cell, Figure, Part, Row, Section, Table
from streams.evaluation.report.words import POPULATIONS, SHAPES, counted, days, share, share_cell, version
from streams.evaluation.worlds.figures import STATED, Bin, Mix, MixFigures
from streams.evaluation.worlds.worlds import WorldsResult

MIXES = {
    Mix.WEIGHTS: "Boycotts as often as the weights say",
    Mix.GENERATED: "Boycotts at 5, 9 and 25 %, by severity",
}


def against_truth(result: WorldsResult, key: str) -> Section:
    """Return the section of one ruleset; `key` is unique in the page."""
    totals = [result.of(mix) for mix in Mix]
    single = [one for one in result.figures if one.population is not None]
    hint = (
        f"Whole worlds replayed through the rules, {len(result.seeds)} seeds a population: contacts, "
        "boycotts, alerts. A customer has left from the last contact of the journey that started the boycott "
        "until the boycott ends; an alert is real if the customer had left when it came."
    )
    calibration = Part(
        "Is the stated probability right?",
        "On the dotted line as many had left as was stated, above it more. Upright lines: 95 % intervals.",
        figures=tuple(calibration_figure(f"{key}-{one.mix}", one) for one in totals),
    )
    parts = (
        calibration,
        Part("Stated and real, as a table", "", (_bins(totals),), folded=True),
        Part("What the alerts are worth", "", (_precision(totals), _found(totals), _worth(totals))),
        Part("By population", "", (_precision(single), _worth(single)), folded=True),
    )
    return Section(key, f"Alerts against the truth, ruleset {version(result.ruleset)}", hint, parts)


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
        scale.shares("stated probability", low, 1.0, 0.1),
        scale.shares("had left"),
        (Line("alerts", 0, points, joined=False, marked=True),),
        (Guide((1, 1), (low, low), "as stated"),),
    )
    real, between = figures.stated.real, f"stated {STATED[0]} to {STATED[1]}"
    caption = f"Of {real.of:,} records {between}, {counted(real)} had left."
    return Figure(MIXES[figures.mix], plot, caption if real.of else f"No record {between}.")


def _said(one: Bin) -> str:
    return f"of {one.real.of:,} stated {one.low:.2f} to {one.high:.2f}, {counted(one.real)} had left"


def _label(figures: MixFigures) -> str:
    if figures.population is None:
        return MIXES[figures.mix]
    return f"{POPULATIONS[figures.population]}: {MIXES[figures.mix].lower()}"


def _table(
    caption: str,
    columns: tuple[str, ...],
    mixes: Sequence[MixFigures],
    rows: Callable[[MixFigures], list[Row]],
) -> Table:
    return Table(caption, columns, {_label(one): rows(one) for one in mixes})


def _bins(mixes: Sequence[MixFigures]) -> Table:
    def row(one: Bin) -> Row:
        cells = Cell(f"{one.real.of:,}"), Cell(share(one.stated)), share_cell(one.real, of=False)
        return Row(f"{one.low:.2f} to {one.high:.2f}", cells, strong=(one.low, one.high) == STATED)

    columns = ("Stated", "Records", "Mean stated", "Had left")
    return _table(
        "Stated and real", columns, mixes, lambda mix: [row(one) for one in mix.bins if one.real.of]
    )


def _precision(mixes: Sequence[MixFigures]) -> Table:
    columns = ("Severity of the journey", "Alerts that are real", "Watches that are real")
    return _table(
        "Precision",
        columns,
        mixes,
        lambda mix: [
            Row(
                one.severity or "all",
                (share_cell(one.alert), share_cell(one.watch)),
                strong=one.severity is None,
            )
            for one in mix.precision
        ],
    )


def _found(mixes: Sequence[MixFigures]) -> Table:
    columns = ("Shape", "Watch or more in 90 days", "Alert in 90 days", "Median days to the alert")
    return _table(
        "Boycotts found, of high-value customers who were judged",
        columns,
        mixes,
        lambda mix: [
            Row(
                SHAPES[one.shape],
                (share_cell(one.watch), share_cell(one.alert), Cell(days(one.median_days))),
            )
            for one in mix.found
        ],
    )


def _worth(mixes: Sequence[MixFigures]) -> Table:
    def row(mix: MixFigures) -> Row:
        value, alarms = mix.value, mix.false_alarms
        cells = (
            Cell(_part(value.caught, value.lost), f"of {value.lost / 100:,.0f}"),
            Cell(_part(value.to_come, value.caught), "of the caught, at the alert"),
            Cell(share(alarms.per_90_days), f"{alarms.alerts.count:,} of {alarms.alerts.of:,} episodes"),
        )
        return Row(_label(mix), cells, f"{mix.worlds:,} worlds")

    caption = "Value at risk, and false alarms of the loyal in 90 judged days"
    columns = ("Worlds", "Loss caught", "Still to come", "False alarms")
    return Table(caption, columns, {"": [row(mix) for mix in mixes]})


def _part(cents: int, of: int) -> str:
    return share(cents / of if of else None)
