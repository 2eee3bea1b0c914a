"""The detectors side by side, as tables with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.evaluation.report.document import Cell, Group, Part, Row, Table
from streams.evaluation.report.ranked import ranked
from streams.evaluation.report.words import SHAPES, SHORT_SHAPES, cell, days, fewer_days, points, share

if TYPE_CHECKING:
    from streams.evaluation.detectors.results import (
        DetectorFigures,
        Difference,
        PopulationFigures,
        ShapeFigures,
    )


def overview(figures: PopulationFigures, leader: str, target: float) -> Part:
    """Return what each detector finds of each shape, no intervals: a row a detector, a column a shape."""
    hint = (
        f"Each detector may cry wolf over {target:.0%} of the untouched copies in 90 days: its threshold is "
        "set on half of the households and scored on the other half, both ways. Large: found in 90 days; "
        "small: the median delay in days."
    )
    detectors = [one for _, one in ranked(figures, leader)]
    rows = tuple(
        Row(one.name, tuple(map(_short, one.shapes)), strong=one.name == leader) for one in detectors
    )
    columns = ("Detector", *(SHORT_SHAPES[one.shape] for one in detectors[0].shapes))
    table = Table("Found in 90 days, and median days", columns, (Group("", rows),))
    return Part("Side by side", hint, (table,))


def intervals(figures: PopulationFigures, leader: str) -> Part:
    """Return the same and more with intervals: found, delays, false alarms, and how far ours is ahead."""
    return Part(
        "The same with intervals, false alarms as they came out, and how far ours is ahead",
        "In small: the interval that holds the figure in 95 of 100 draws of households.",
        (_alarms(figures, leader), _ahead(figures), _found(figures, leader)),
        folded=True,
    )


def _short(found: ShapeFigures) -> Cell:
    return Cell(share(found.found_90.value), days(found.median_days.value))


def _found(figures: PopulationFigures, leader: str) -> Table:
    detectors = [one for _, one in ranked(figures, leader)]
    groups = (
        Group(SHAPES[shape], tuple(_found_row(one, one.of(shape), leader) for one in detectors))
        for shape in (one.shape for one in detectors[0].shapes)
    )
    columns = ("Detector", "Found in 30 days", "in 90 days", "Median, days")
    return Table("Boycotts found, by their shape", columns, tuple(groups))


def _found_row(detector: DetectorFigures, found: ShapeFigures, leader: str) -> Row:
    cells = (cell(found.found_30, share), cell(found.found_90, share), cell(found.median_days, days))
    return Row(detector.name, cells, strong=detector.name == leader)


def _alarms(figures: PopulationFigures, leader: str) -> Table:
    rows = (
        Row(one.name, (cell(one.false_alarms, share),), strong=one.name == leader)
        for _, one in ranked(figures, leader)
    )
    return Table("False alarms as they came out", ("Detector", "In 90 days"), (Group("", tuple(rows)),))


def _ahead(figures: PopulationFigures) -> Table:
    names = dict.fromkeys(one.detector for one in figures.differences)
    groups = (
        Group(name, tuple(_ahead_row(one) for one in figures.differences if one.detector == name))
        for name in names
    )
    columns = ("Shape", "Found, points more", "Median, days later")
    return Table("Ours less the best of the others", columns, tuple(groups))


def _ahead_row(difference: Difference) -> Row:
    found = cell(difference.recall, points, f"against {difference.best}")
    delay = cell(difference.median_days, fewer_days, f"against {difference.earliest}")
    return Row(SHAPES[difference.shape], (found, delay))
