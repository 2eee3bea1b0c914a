"""The scene as people see it: a screen on a terminal, lines anywhere else."""

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.alert import Alert
from schemas.times import format_ms
from streams.console import visible
from streams.core.watermark import NEVER
from streams.demo.scene import Arrival, Scene, WorkerSeen
from streams.lab.replay.command import what_happened
from streams.lab.report.words import money, to_cents

_MILESTONES: Final = 3
_NEW_SECONDS: Final = 4.0
_LEVELS: Final = {"alert": "bold red", "watch": "yellow"}
_STATES: Final = {"raised": "bold", "updated": "", "resolved": "green"}
_NOBODY: Final = "nobody yet: it takes twelve weeks to know what is usual for a customer"
_OTHER_LINES: Final = 13
"""Lines of the screen that are neither news, nor a milestone, nor a customer."""


def screen(scene: Scene, height: int) -> RenderableType:
    """Return all that fits on a terminal of so many lines."""
    ranked = scene.ranked()
    news = height // 6
    rows = max(1, height - _OTHER_LINES - _MILESTONES - news)
    return Group(
        Panel(
            _header(scene),
            title=Text(f"retention-signals demo: {visible(scene.title)}", "bold"),
            title_align="left",
            subtitle="Ctrl-C ends it and puts all away",
            subtitle_align="right",
            border_style="dim",
        ),
        _heading(f"Customers to win back now, by value at risk ({scene.currency})", _more(ranked, rows)),
        _ranking(ranked[:rows], _new(scene), rows),
        _heading("Newest alert records"),
        _news(scene.arrivals[-news:]),
    )


def line(scene: Scene) -> str:
    """Return how it stands in one line."""
    figures = (
        f"event time {_event_time(scene)}",
        f"{scene.published.lines.total():,} of {scene.lines:,} lines published",
        f"{scene.records_per_second:,.0f} records/s, lag {scene.lag:,}",
        *(f"worker {one.number}: {_worker_state(one)}" for one in scene.workers),
        f"alert records: {_counted(scene)}",
    )
    return "; ".join(figures)


def _header(scene: Scene) -> RenderableType:
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True)
    done = scene.published.lines.total()
    bar = Table.grid(padding=(0, 2), expand=True)
    bar.add_column(no_wrap=True)
    bar.add_column(ratio=1)
    bar.add_row(
        Text(_event_time(scene), "bold"),
        ProgressBar(total=scene.lines, completed=done, finished_style="green"),
    )
    grid.add_row("event time", bar)
    grid.add_row(
        "published",
        f"{done:,} of {scene.lines:,} lines, {scene.records_per_second:,.0f} records/s, lag {scene.lag:,}",
    )
    for one in scene.workers:
        style = "bold red" if one.killed else "" if one.partitions else "dim"
        grid.add_row(f"worker {one.number}", Text(_worker_state(one), style))
    grid.add_row("alerts", _counted(scene))
    if scene.desk is not None:
        grid.add_row("the desk", Text(scene.desk, "bold"))
    for milestone in _padded(scene.milestones[-_MILESTONES:]):
        grid.add_row(*milestone)
    return grid


def _padded(milestones: Iterable[tuple[float, str]]) -> list[tuple[str, str]]:
    lines = [(f"{seconds:.0f} s", text) for seconds, text in milestones]
    return lines + [("", "")] * (_MILESTONES - len(lines))


def _heading(text: str, more: str = "") -> Text:
    return Text.assemble("\n", (text, "bold"), "  ", (more, "dim"), no_wrap=True, overflow="ellipsis")


def _more(ranked: list[Alert], rows: int) -> str:
    if not ranked:
        return _NOBODY
    return f"and {len(ranked) - rows} more" if len(ranked) > rows else ""


def _ranking(ranked: list[Alert], new: set[str], rows: int) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    table.padding = (0, 1, 0, 0)
    table.add_column("", no_wrap=True, width=1)
    for name, width in (("customer", 12), ("level", 5)):
        table.add_column(name, no_wrap=True, width=width)
    for name, width in (("P", 4), ("at risk", 8), ("usual/day", 9), ("since", 8), ("days", 4)):
        table.add_column(name, justify="right", no_wrap=True, width=width)
    table.add_column("what happened", no_wrap=True, ratio=1)
    for alert in ranked:
        is_new = alert.event_id in new
        table.add_row(
            "+" if is_new else "",
            Text(visible(alert.customer_id)),
            Text(alert.level, _LEVELS[alert.level]),
            f"{alert.probability:.2f}",
            money(to_cents(alert.value_at_risk)),
            money(to_cents(alert.usual_spend_per_day)),
            money(to_cents(alert.spend_since)),
            f"{alert.days_since:.0f}",
            Text(what_happened(alert)),
            style="bold" if is_new else "",
        )
    for _ in range(rows - len(ranked)):
        table.add_row()
    return table


def _news(arrivals: list[Arrival]) -> Table:
    table = Table.grid(padding=(0, 1), expand=True)
    for width in (10, 12, 8, 5):
        table.add_column(no_wrap=True, width=width)
    table.add_column(no_wrap=True, ratio=1)
    for _, alert in reversed(arrivals):
        table.add_row(
            Text(alert.time[:10], "dim"),
            Text(visible(alert.customer_id)),
            Text(alert.state, _STATES[alert.state]),
            Text(alert.level, _LEVELS[alert.level]),
            Text(visible(alert.summary)),
        )
    return table


def _new(scene: Scene) -> set[str]:
    now = scene.seconds
    return {one.alert.event_id for one in scene.arrivals if now - one.seconds < _NEW_SECONDS}


def _event_time(scene: Scene) -> str:
    reached = scene.published.reached
    return "not begun" if reached == NEVER else format_ms(reached)[:10]


def _worker_state(one: WorkerSeen) -> str:
    if one.killed:
        return "killed"
    if not one.partitions:
        return "starting"
    opening = sorted(one.partitions.keys() - one.ready)
    parts = [f"partitions {_listed(one.ready)}"] if one.ready else []
    return ", ".join([*parts, f"opening {_listed(opening)}"] if opening else parts)


def _listed(numbers: Iterable[int]) -> str:
    return " ".join(map(str, sorted(numbers)))


def _counted(scene: Scene) -> str:
    states = []
    for state in _STATES:
        levels = [
            f"{scene.counts[state, level]:,} {level}" for level in _LEVELS if scene.counts[state, level]
        ]
        if levels:
            states.append(f"{state} {', '.join(levels)}")
    return " · ".join(states) or "none yet"
