"""The detectors as curves: recall against false alarms and the share found by day, for each shape."""

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING

from streams.evaluation.detectors.results import DAYS
from streams.evaluation.report import axis
from streams.evaluation.report.document import Figure, Part
from streams.evaluation.report.plot import Guide, Line, Plot, Point
from streams.evaluation.report.ranked import ranked
from streams.evaluation.report.words import SHAPES, days, share

if TYPE_CHECKING:
    from streams.evaluation.detectors.results import DetectorFigures, PopulationFigures, ShapeFigures
    from streams.lab.generate.options import Shape


def recall_curves(figures: PopulationFigures, leader: str, target: float) -> Part:
    """Return recall in 90 days against the false alarms that came with it, one picture for each shape."""
    hint = "Further up and further left is better. The upright dots: the rate that the tables are for."
    shown = tuple(_recall(figures, shape, leader, target) for shape in _shapes(figures))
    return Part("Recall against false alarms", hint, figures=shown)


def delay_curves(figures: PopulationFigures, leader: str) -> Part:
    """Return the share of boycotts found by day, one picture for each shape."""
    hint = "A line that rises earlier leaves more time to win the customer back."
    shown = tuple(_delay(figures, shape, leader) for shape in _shapes(figures))
    return Part("How early", hint, figures=shown)


def _shapes(figures: PopulationFigures) -> list[Shape]:
    return [one.shape for one in figures.detectors[0].shapes]


def _recall(figures: PopulationFigures, shape: Shape, leader: str, target: float) -> Figure:
    detectors = ranked(figures, leader)
    highest = max(max(one.false_alarms_at_targets) for _, one in detectors)
    x = axis.shares("false alarms in 90 days", 0, ceil(highest * 20) / 20, 0.05)
    lines = tuple(Line(one.name, tone, _swept(one, shape)) for tone, one in detectors)
    plot = Plot(
        f"recall-{figures.population}-{shape}",
        f"{SHAPES[shape]}: recall against false alarms",
        x,
        axis.shares("found in 90 days"),
        lines,
        (Guide((target, 1), (target, 0)),),
    )
    return Figure(SHAPES[shape], plot, _recall_caption(figures, shape, leader))


def _swept(detector: DetectorFigures, shape: Shape) -> tuple[Point, ...]:
    found = zip(detector.false_alarms_at_targets, detector.of(shape).found_at_targets, strict=True)
    return tuple(Point(alarms, recall) for alarms, recall in sorted(found))


def _recall_caption(figures: PopulationFigures, shape: Shape, leader: str) -> str:
    first, *others = (one for _, one in ranked(figures, leader))
    best = max((one for one in others if not one.ours), key=lambda one: one.of(shape).found_90.value)
    return (
        f"At the tables’ rate, {first.name}, finds {share(first.of(shape).found_90.value)}; the best of the "
        f"others, {best.name}, {share(best.of(shape).found_90.value)}."
    )


def _delay(figures: PopulationFigures, shape: Shape, leader: str) -> Figure:
    lines = tuple(
        Line(one.name, tone, tuple(Point(day, found) for day, found in enumerate(one.of(shape).found_by_day)))
        for tone, one in ranked(figures, leader)
    )
    plot = Plot(
        f"delay-{figures.population}-{shape}",
        f"{SHAPES[shape]}: share found by day",
        axis.days("days after the contact", DAYS, 15),
        axis.shares("found so far"),
        lines,
        (Guide((0, 0.5), (DAYS, 0.5), "half"),),
    )
    return Figure(SHAPES[shape], plot, _delay_caption(figures, shape, leader))


def _delay_caption(figures: PopulationFigures, shape: Shape, leader: str) -> str:
    first, *others = (one for _, one in ranked(figures, leader))
    earliest = min((one for one in others if not one.ours), key=lambda one: one.of(shape).median_days.value)
    return (
        f"{first.name}, {_half(first.of(shape))}; the earliest of the others, {earliest.name}, "
        f"{_half(earliest.of(shape))}."
    )


def _half(found: ShapeFigures) -> str:
    median = found.median_days.value
    return f"finds half in {days(median)} days" if isfinite(median) else "does not find half"
