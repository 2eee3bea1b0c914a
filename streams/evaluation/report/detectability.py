"""Who can be judged: what the leading ruleset finds by purchase frequency and by months of history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.evaluation.report import axis
from streams.evaluation.report.document import Cell, Figure, Group, Part, Row, Table
from streams.evaluation.report.plot import Line, Plot, Point
from streams.evaluation.report.words import SHAPES, SHORT_SHAPES, between, cell, days, share

if TYPE_CHECKING:
    from streams.evaluation.detectors.results import ClassFigures, Estimate, PopulationFigures
    from streams.lab.generate.options import Shape

# Classes stand one apart; their lines a little, so that no interval hides another.
SHIFT = 0.06


def detectability(figures: PopulationFigures, leader: str) -> tuple[Part, Part]:
    """Return pictures of recall over classes of cases, and tables of median delays; no empty classes."""
    one = next(one for one in figures.detectability if one.detector == leader)
    known = (("trips", "purchases a month", one.by_trips), ("history", "months of history", one.by_history))
    filled = [(key, name, tuple(of for of in classes if of.cases)) for key, name, classes in known]
    shown = [by for by in filled if by[2]]
    pictures = tuple(_recall(f"{figures.population}-{key}", name, classes) for key, name, classes in shown)
    medians = tuple(_medians(name, classes) for _, name, classes in shown)
    hint = f"{leader} in classes of cases, with 95 % intervals."
    return Part("Who can be judged", hint, figures=pictures), Part("Median delays", "", medians, folded=True)


def _recall(key: str, name: str, classes: tuple[ClassFigures, ...]) -> Figure:
    shapes = [shape for shape, _ in classes[0].found_90]
    lines = tuple(
        Line(SHORT_SHAPES[shape], tone, _points(shape, classes, tone - (len(shapes) - 1) / 2), marked=True)
        for tone, shape in enumerate(shapes)
    )
    x = axis.classes(name, tuple(one.label for one in classes))
    plot = Plot(
        f"by-{key}", f"Found in 90 days by {name}", x, axis.shares("found in 90 days"), lines, named=True
    )
    return Figure(f"Found by {name}", plot, _caption(name, classes))


def _points(shape: Shape, classes: tuple[ClassFigures, ...], rank: float) -> tuple[Point, ...]:
    return tuple(
        Point(at + rank * SHIFT, found.value, found.low, found.high, _said(one, found))
        for at, one in enumerate(classes)
        for found in (dict(one.found_90)[shape],)
    )


def _said(one: ClassFigures, found: Estimate) -> str:
    return f"{share(found.value)} ({between(found, share)}) of {one.cases:,} cases at {one.label}"


def _caption(name: str, classes: tuple[ClassFigures, ...]) -> str:
    first, last = classes[0], classes[-1]
    # The shape with the widest gap says most about what the classes do.
    shape, _ = max(first.found_90, key=lambda pair: abs(dict(last.found_90)[pair[0]].value - pair[1].value))
    low, high = dict(first.found_90)[shape].value, dict(last.found_90)[shape].value
    return (
        f"“{SHORT_SHAPES[shape].capitalize()}” depends most: {share(low)} found at {first.label} {name},"
        f" {share(high)} at {last.label}."
    )


def _medians(name: str, classes: tuple[ClassFigures, ...]) -> Table:
    rows = [
        Row(SHAPES[shape], tuple(cell(dict(one.median_days)[shape], days) for one in classes))
        for shape, _ in classes[0].median_days
    ]
    cases = Row("Cases", tuple(Cell(f"{one.cases:,}") for one in classes))
    columns = ("Shape", *(one.label for one in classes))
    return Table(f"Median days until found, by {name}", columns, (Group("", (cases, *rows)),))
