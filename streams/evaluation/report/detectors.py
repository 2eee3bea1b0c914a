"""The detectors side by side: tables with intervals, curves, and who can be judged at all."""

from collections.abc import Callable, Sequence
from math import ceil, isfinite

from streams.charts import scale
from streams.charts.plot import Guide, Line, Plot, Point
from streams.evaluation.detectors.results import (
    DAYS,
    ClassFigures,
    DetectorComparison,
    DetectorFigures,
    Difference,
    PopulationFigures,
    ShapeFigures,
)
from streams.evaluation.report.document import Cell, Figure, Part, Row, Section, Table
from streams.evaluation.report.words import (
    POPULATIONS,
    SHAPES,
    SHORT_SHAPES,
    between,
    cell,
    days,
    points,
    share,
    signed,
)
from streams.lab.generate.options import Population, Shape

ABOUT = {
    Population.COMPLETEJOURNEY: "Real purchases of households at a grocer (completejourney).",
    Population.CDNOW: "Real purchases at an online music shop (CDNOW): the case of low frequency.",
    Population.SYNTHETIC: "Synthetic purchases, drawn customer by customer with a rhythm of their own.",
}
SHIFT = 0.06
"""Classes stand one apart; their lines a little, so that no interval hides another."""


def leading(comparison: DetectorComparison) -> str:
    """Return the name of our ruleset that meets most goals; of equals the one named first."""
    ours = [one.name for one in comparison.populations[0].detectors if one.ours]
    return max(ours, key=lambda name: sum(goal.met for goal in comparison.goals if goal.detector == name))


def ranked(figures: PopulationFigures, leader: str) -> list[DetectorFigures]:
    """Return the detectors by their tones, the same in every picture: the leading one, then the others."""
    return sorted(figures.detectors, key=lambda one: one.name != leader)


def population_section(figures: PopulationFigures, leader: str, target: float) -> Section:
    """Return the section of one population."""
    about = (
        f"{ABOUT[figures.population]} {figures.households:,} high-value households of {figures.customers:,} "
        f"customers, {len(figures.seeds)} seeds, {figures.cases:,} cases, {figures.copies:,} copies."
    )
    parts = (
        _overview(figures, leader, target),
        _intervals(figures, leader),
        recall_curves(figures, leader, target),
        delay_curves(figures, leader),
        *detectability(figures, leader),
        *((Part("To know", "", notes=figures.notes),) if figures.notes else ()),
    )
    return Section(figures.population, POPULATIONS[figures.population], about, parts)


# Tables


def _rows(
    figures: PopulationFigures, leader: str, cells: Callable[[DetectorFigures], tuple[Cell, ...]]
) -> list[Row]:
    return [Row(one.name, cells(one), strong=one.name == leader) for one in ranked(figures, leader)]


def _overview(figures: PopulationFigures, leader: str, target: float) -> Part:
    hint = (
        f"Each detector may raise a false alarm over {target:.0%} of the untouched copies in 90 days: its "
        "threshold is set on half of the households and scored on the other half, both ways. Large: found in "
        "90 days; small: the median delay in days."
    )
    rows = _rows(
        figures,
        leader,
        lambda one: tuple(Cell(share(of.found_90.value), days(of.median_days.value)) for of in one.shapes),
    )
    columns = ("Detector", *(SHORT_SHAPES[shape] for shape in _shapes(figures)))
    return Part("Side by side", hint, (Table("Found in 90 days, and median days", columns, {"": rows}),))


def _intervals(figures: PopulationFigures, leader: str) -> Part:
    alarms = _rows(figures, leader, lambda one: (cell(one.false_alarms, share),))
    ahead = {
        name: [_ahead(one) for one in figures.differences if one.detector == name]
        for name in dict.fromkeys(one.detector for one in figures.differences)
    }
    found = {
        SHAPES[shape]: _rows(figures, leader, lambda one, shape=shape: _found(one.of(shape)))  # type: ignore[misc]
        for shape in _shapes(figures)
    }
    tables = (
        Table("False alarms as they came out", ("Detector", "In 90 days"), {"": alarms}),
        Table(
            "Ours less the best of the others", ("Shape", "Found, points more", "Median, days later"), ahead
        ),
        Table(
            "Boycotts found, by their shape",
            ("Detector", "Found in 30 days", "in 90 days", "Median, days"),
            found,
        ),
    )
    return Part(
        "The same with intervals, false alarms as they came out, and how far ours is ahead",
        "In small: the interval that holds the figure in 95 of 100 draws of households.",
        tables,
        folded=True,
    )


def _found(found: ShapeFigures) -> tuple[Cell, ...]:
    return cell(found.found_30, share), cell(found.found_90, share), cell(found.median_days, days)


def _ahead(difference: Difference) -> Row:
    found = cell(difference.recall, points, f"against {difference.best}")
    delay = cell(difference.median_days, signed, f"against {difference.earliest}")
    return Row(SHAPES[difference.shape], (found, delay))


# Curves


def recall_curves(figures: PopulationFigures, leader: str, target: float) -> Part:
    """Return recall in 90 days against the false alarms that came with it, one picture for each shape."""
    highest = max(max(one.false_alarms_at_targets) for one in figures.detectors)
    x = scale.shares("false alarms in 90 days", 0, ceil(highest * 20) / 20, 0.05)
    y = scale.shares("found in 90 days")
    guide = Guide((target, 1), (target, 0))

    def swept(one: DetectorFigures, shape: Shape) -> list[tuple[float, float]]:
        return sorted(zip(one.false_alarms_at_targets, one.of(shape).found_at_targets, strict=True))

    def told(shape: Shape, first: DetectorFigures, others: Sequence[DetectorFigures]) -> str:
        best = max(others, key=lambda one: one.of(shape).found_90.value)
        ours, theirs = (share(one.of(shape).found_90.value) for one in (first, best))
        return (
            f"At the tables’ rate, {first.name}, finds {ours}; the best of the others, {best.name}, {theirs}."
        )

    return Part(
        "Recall against false alarms",
        "Further up and further left is better. The upright dots: the rate that the tables are for.",
        figures=_curves(
            figures, leader, ("recall", "recall against false alarms"), (x, y), guide, swept, told
        ),
    )


def delay_curves(figures: PopulationFigures, leader: str) -> Part:
    """Return the share of boycotts found by day, one picture for each shape."""
    axes = scale.days("days after the contact", DAYS, 15), scale.shares("found so far")
    guide = Guide((0, 0.5), (DAYS, 0.5), "half")

    def by_day(one: DetectorFigures, shape: Shape) -> list[tuple[float, float]]:
        return list(enumerate(one.of(shape).found_by_day))

    def told(shape: Shape, first: DetectorFigures, others: Sequence[DetectorFigures]) -> str:
        earliest = min(others, key=lambda one: one.of(shape).median_days.value)
        ours, theirs = (_half(one.of(shape)) for one in (first, earliest))
        return f"{first.name}, {ours}; the earliest of the others, {earliest.name}, {theirs}."

    return Part(
        "How early",
        "A line that rises earlier leaves more time to win the customer back.",
        figures=_curves(figures, leader, ("delay", "share found by day"), axes, guide, by_day, told),
    )


def _curves(  # noqa: PLR0913, PLR0917 - what one kind of picture differs in
    figures: PopulationFigures,
    leader: str,
    named: tuple[str, str],
    axes: tuple[scale.Axis, scale.Axis],
    guide: Guide,
    values: Callable[[DetectorFigures, Shape], list[tuple[float, float]]],
    told: Callable[[Shape, DetectorFigures, Sequence[DetectorFigures]], str],
) -> tuple[Figure, ...]:
    detectors = ranked(figures, leader)
    others = [one for one in detectors[1:] if not one.ours]

    def drawn(shape: Shape) -> Figure:
        lines = tuple(
            Line(one.name, tone, tuple(Point(x, y) for x, y in values(one, shape)))
            for tone, one in enumerate(detectors)
        )
        key, title = f"{named[0]}-{figures.population}-{shape}", f"{SHAPES[shape]}: {named[1]}"
        plot = Plot(key, title, *axes, lines, (guide,))
        return Figure(SHAPES[shape], plot, told(shape, detectors[0], others))

    return tuple(map(drawn, _shapes(figures)))


def _shapes(figures: PopulationFigures) -> list[Shape]:
    return [one.shape for one in figures.detectors[0].shapes]


def _half(found: ShapeFigures) -> str:
    median = found.median_days.value
    return f"finds half in {days(median)} days" if isfinite(median) else "does not find half"


# Who can be judged


def detectability(figures: PopulationFigures, leader: str) -> tuple[Part, Part]:
    """Return pictures of recall over classes of cases, and tables of median delays; no empty classes."""
    one = next(one for one in figures.detectability if one.detector == leader)
    known = (("trips", "purchases a month", one.by_trips), ("history", "months of history", one.by_history))
    filled = [(key, name, [of for of in classes if of.cases]) for key, name, classes in known]
    shown = [by for by in filled if by[2]]
    pictures = tuple(_by_class(f"by-{figures.population}-{key}", name, of) for key, name, of in shown)
    medians = tuple(_medians(name, classes) for _, name, classes in shown)
    hint = f"{leader} in classes of cases, with 95 % intervals."
    return Part("Who can be judged", hint, figures=pictures), Part("Median delays", "", medians, folded=True)


def _by_class(key: str, name: str, classes: Sequence[ClassFigures]) -> Figure:
    found = [dict(one.found_90) for one in classes]
    middle = (len(found[0]) - 1) / 2

    def points_of(shape: Shape, rank: float) -> tuple[Point, ...]:
        said = [
            f"{share(of[shape].value)} ({between(of[shape], share)}) of {one.cases:,} cases at {one.label}"
            for one, of in zip(classes, found, strict=True)
        ]
        return tuple(
            Point(at + rank * SHIFT, of[shape].value, of[shape].low, of[shape].high, said[at])
            for at, of in enumerate(found)
        )

    lines = tuple(
        Line(SHORT_SHAPES[shape], tone, points_of(shape, tone - middle), marked=True)
        for tone, shape in enumerate(found[0])
    )
    # The shape with the widest gap says most about what the classes do.
    shape = max(found[0], key=lambda shape: abs(found[-1][shape].value - found[0][shape].value))
    low, high = share(found[0][shape].value), share(found[-1][shape].value)
    caption = (
        f"“{SHORT_SHAPES[shape].capitalize()}” depends most: {low} found at {classes[0].label} {name},"
        f" {high} at {classes[-1].label}."
    )
    axes = scale.classes(name, [one.label for one in classes]), scale.shares("found in 90 days")
    return Figure(
        f"Found by {name}", Plot(key, f"Found in 90 days by {name}", *axes, lines, named=True), caption
    )


def _medians(name: str, classes: Sequence[ClassFigures]) -> Table:
    cases = Row("Cases", tuple(Cell(f"{one.cases:,}") for one in classes))
    rows = [
        Row(SHAPES[shape], tuple(cell(dict(one.median_days)[shape], days) for one in classes))
        for shape, _ in classes[0].median_days
    ]
    columns = ("Shape", *(one.label for one in classes))
    return Table(f"Median days until found, by {name}", columns, {"": [cases, *rows]})
