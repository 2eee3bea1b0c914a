"""The pictures of docs/performance.md, from the measured cells, as files that stand alone."""

import math
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from itertools import product
from typing import Final

from bench.scale.cells import CUSTOMERS, PARTITIONS, USUAL, WEIGHTS, WORKERS, Cell
from bench.scale.results import Spread, Table
from streams.charts.plot import BELOW, HEIGHT, TOP, Line, Plot, Point, draw
from streams.charts.scale import Axis, classes

_LEFT, _RIGHT, _WIDTH, _MARGIN = 64, 150, 680, 10
_OWN: Final = """
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.plot, .plot.named { width: 100%; margin: 0; }
.grid { stroke: var(--rule); } .base, .guide line { stroke: var(--soft); } .paper { fill: var(--sheet); }
.plot .from-edge { transform: translateX(-54px); }
"""
Figures = dict[str, Spread]
Figure = Callable[[Figures], Spread]


def pictures(measured: Table) -> dict[str, str]:
    """Return the SVG of each picture by its name; one of which nothing was measured is left out."""
    plots = (
        _throughput_by_customers(measured),
        _throughput_by_partitions(measured),
        _restore(measured),
        _memory(measured),
        _replay(measured),
        _latency(measured),
    )
    return {plot.key: _alone(plot) for plot in plots if plot.lines}


def rate(figures: Figures) -> Spread:
    """Return thousands of events a second; the fastest round has the fewest seconds."""
    events, seconds = figures["events"].median / 1000, figures["seconds"]
    return Spread(events / seconds.median, events / seconds.greatest, events / seconds.least)


def _throughput_by_customers(measured: Table) -> Plot:
    lines = []
    for tone, weights in enumerate(WEIGHTS):
        cells = [Cell("work", size, 4, 1, weights) for size in CUSTOMERS]
        lines.append(_line(f"{weights} keys", tone, _points(measured, cells, rate)))
    title = "Events a second by customers"
    return _plot("throughput-customers", title, _customers(), "thousand events/s", lines)


def _throughput_by_partitions(measured: Table) -> Plot:
    lines = []
    for tone, (weights, workers) in enumerate(product(WEIGHTS, WORKERS)):
        cells = [Cell("work", USUAL, number, workers, weights) for number in PARTITIONS]
        name = f"{workers} worker{'s' * (workers > 1)}, {weights}"
        lines.append(_line(name, tone, _points(measured, cells, rate)))
    title = "Events a second by partitions and workers"
    return _plot("throughput-partitions", title, _partitions(), "thousand events/s", lines)


def _restore(measured: Table) -> Plot:
    cells = [Cell("work", size, 4, 1, "uniform") for size in CUSTOMERS]
    compacted = _points(measured, cells, lambda found: _logarithm(found["restore_seconds"]))
    loaded = _points(measured, cells, lambda found: _logarithm(found["restore_after_seconds"]))
    lines = [_line("compacted", 0, compacted), _line("after the load", 1, loaded)]
    axis = Axis("seconds", -1, 2, (-1, 0, 1, 2), lambda power: f"{10**power:g}")
    return _plot("restore", "Seconds until a worker is ready, by customers", _customers(), axis, lines)


def _memory(measured: Table) -> Plot:
    cells = [Cell("memory", size) for size in CUSTOMERS]
    lines = []
    for tone, (label, name) in enumerate(
        (("sum of the parts", "parts_bytes"), ("growth, state alone", "growth_bytes"))
    ):
        points = [
            Point(at, measured[cell][name].median / cell.customers)
            for at, cell in enumerate(cells)
            if cell in measured
        ]
        lines.append(_line(label, tone, points))
    return _plot("memory", "Bytes of memory for a customer", _customers(), "bytes", lines)


def _replay(measured: Table) -> Plot:
    lines = []
    for tone, weights in enumerate(WEIGHTS):
        cells = [Cell("replay", size, weights=weights) for size in CUSTOMERS]
        points = _points(measured, cells, lambda found: _thousandth(found["rate"]))
        lines.append(_line(f"{weights} keys", tone, points))
    return _plot("replay", "Replay, events a second by customers", _customers(), "thousand events/s", lines)


def _latency(measured: Table) -> Plot:
    cells = [Cell("latency", 5_000, number, 1) for number in PARTITIONS]
    lines = [
        _line("p50", 0, _points(measured, cells, lambda found: found["p50_ms"])),
        _line("p99", 1, _points(measured, cells, lambda found: found["p99_ms"])),
    ]
    return _plot("latency", "Ms from a contact to its alert, by partitions", _partitions(), "ms", lines)


def _points(measured: Table, cells: Sequence[Cell], figure: Figure) -> list[Point]:
    """Return a point for each measured cell, with its interval."""
    found = [(at, figure(measured[cell])) for at, cell in enumerate(cells) if cell in measured]
    return [Point(at, one.median, one.least, one.greatest) for at, one in found]


def _line(label: str, tone: int, points: Sequence[Point]) -> Line:
    return Line(label, tone, tuple(points), marked=True)


def _plot(key: str, title: str, x: Axis, y: Axis | str, lines: Iterable[Line]) -> Plot:
    drawn = tuple(line for line in lines if line.points)
    highest = max((point.high or point.y for line in drawn for point in line.points), default=1)
    axis = y if isinstance(y, Axis) else _from_zero(y, highest)
    return Plot(key, title, x, axis, drawn, named=True)


def _from_zero(name: str, highest: float) -> Axis:
    """Return an axis from 0 with four or five marks at round values."""
    power = 10 ** math.floor(math.log10(highest))
    step = next(one for one in (power / 4, power / 2, power, power * 2) if highest / one <= 5)
    marks = math.ceil(highest / step)
    return Axis(
        name,
        0,
        marks * step,
        tuple(step * number for number in range(marks + 1)),
        lambda value: f"{value:,g}",
    )


def _customers() -> Axis:
    return classes("customers", [f"{size:,}" for size in CUSTOMERS])


def _partitions() -> Axis:
    return classes("partitions", [f"{number}" for number in PARTITIONS])


def _logarithm(found: Spread) -> Spread:
    return Spread(*(math.log10(value) for value in (found.median, found.least, found.greatest)))


def _thousandth(found: Spread) -> Spread:
    return Spread(found.median / 1000, found.least / 1000, found.greatest / 1000)


def _alone(plot: Plot) -> str:
    """Return a picture with the style sheets of the reports in it."""
    folder = files("streams.charts").joinpath("templates")
    colours = folder.joinpath("style.css").read_text(encoding="utf-8").partition("\n* {")[0]
    marks = folder.joinpath("plot.css").read_text(encoding="utf-8").partition("\n.wide {")[0]
    height = round(TOP + HEIGHT + BELOW)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height + 2 * _MARGIN}">\n'
        f"<style>{colours}{marks}{_OWN}</style>\n"
        '<rect class="paper" width="100%" height="100%"/>\n'
        f'<svg x="{_LEFT}" y="{_MARGIN}" width="{_WIDTH - _LEFT - _RIGHT}" height="{height}" '
        f'overflow="visible">\n{draw(plot)}\n</svg>\n</svg>\n'
    )
