"""Measured cells as lines of a file."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from msgspec import Struct

from bench.scale.cells import Cell

PHASE: Final = "phase: "
"""The names of figures that tell where the time goes begin so."""


class Result(Struct, frozen=True, kw_only=True):
    """One round of a cell, and on what it was measured."""

    cell: Cell
    round: int
    figures: dict[str, float]
    took_seconds: float
    at: str
    machine: str
    versions: str
    note: str = ""


class Spread(Struct, frozen=True):
    """The median of a figure over its rounds, the least and the greatest."""

    median: float
    least: float
    greatest: float


Table = dict[Cell, dict[str, Spread]]


def read(path: Path) -> list[Result]:
    """Return what a file holds; nothing if there is none."""
    if not path.is_file():
        return []
    return [msgspec.json.decode(line, type=Result) for line in path.read_bytes().splitlines()]


def table(results: Iterable[Result]) -> Table:
    """Return each figure of each cell over its rounds."""
    values: defaultdict[Cell, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        for name, value in result.figures.items():
            values[result.cell][name].append(value)
    return {
        cell: {name: Spread(median(many), min(many), max(many)) for name, many in figures.items()}
        for cell, figures in values.items()
    }
