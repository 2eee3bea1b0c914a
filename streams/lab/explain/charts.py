"""Charts of characters: spend by week, and the evidence of one episode as it crosses its levels."""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from streams.charts.scale import Panel
from streams.core.time import DAY_MS
from streams.lab.report.words import WEEK_MS, chance, day, moment, money
from streams.lab.story import ContactMark, EpisodeStory, EvidencePoint, Levels, WeekSpend

EIGHTHS = " ▁▂▃▄▅▆▇█"
SPEND_ROWS = 5
EVIDENCE_ROWS = 11
GUTTER = 13
TOP_LOG_ODDS = 5.0


def spend_chart(
    weeks: Sequence[WeekSpend], contacts: Sequence[ContactMark], usual_cents: float | None, width: int
) -> Iterator[str]:
    """Yield the rows of a bar chart of the newest weeks that fit, with contacts and months below.

    A bad contact shows as ●, another as ○; `usual_cents` is named at the left in its row.
    """
    shown = weeks[-(width - GUTTER) :]
    high = max([week.cents for week in shown] + [usual_cents or 0, 1])
    usual_row = None if usual_cents is None else min(SPEND_ROWS - 1, int(usual_cents / high * SPEND_ROWS))
    for row in reversed(range(SPEND_ROWS)):
        bars = "".join(EIGHTHS[_eighths(week.cents / high * SPEND_ROWS - row)] for week in shown)
        yield f"{_spend_label(row, usual_row, high, usual_cents):>{GUTTER - 2}} │{bars}".rstrip()
    yield f"{'':>{GUTTER - 2}} └{'─' * len(shown)}"
    yield f"{'contacts':>{GUTTER - 2}}  {''.join(_contact_at(week, contacts) for week in shown)}".rstrip()
    yield f"{'':>{GUTTER}}{_month_row([week.start_ms for week in shown], WEEK_MS)}".rstrip()


def _eighths(rows: float) -> int:
    # Whatever was spent is seen, however little beside the largest week.
    return 0 if rows <= 0 else min(8, max(1, round(rows * 8)))


def _spend_label(row: int, usual_row: int | None, high: float, usual_cents: float | None) -> str:
    if row == usual_row and usual_cents is not None:
        return f"usual {money(usual_cents)}"
    return money(high) if row == SPEND_ROWS - 1 else ""


def _contact_at(week: WeekSpend, contacts: Sequence[ContactMark]) -> str:
    inside = [mark.nats for mark in contacts if week.start_ms <= mark.time_ms < week.start_ms + WEEK_MS]
    return " " if not inside else "●" if max(inside) > 0 else "○"


def _month_row(starts: Sequence[int], step_ms: int) -> str:
    row = [" "] * len(starts)
    free_from = 0
    for at, start in enumerate(starts):
        begun, ends = moment(start - step_ms), moment(start)
        if begun.month == ends.month or at < free_from:
            continue
        label = f"{ends:%b %Y}" if ends.month == 1 else f"{ends:%b}"
        if at + len(label) <= len(row):
            row[at : at + len(label)] = label
            free_from = at + len(label) + 1
    return "".join(row)


def evidence_chart(episode: EpisodeStory, levels: Levels, width: int) -> Iterator[str]:
    """Yield the rows of the log-odds over time: a column for one day or for as many as make it fit.

    The levels run across as lines; a column stands at its last point, and a rise or fall is joined up. What
    lies above the chart shows as ▲ in its top row.
    """
    if not episode.curve:
        return
    columns = _columns(episode.curve, width - GUTTER)
    low = max(min(levels.prior, *columns), levels.prior - 3)
    high = min(max(levels.alert, *columns), max(TOP_LOG_ODDS, levels.alert))
    grid = [[" "] * len(columns) for _ in range(EVIDENCE_ROWS)]
    panel = Panel(0, EVIDENCE_ROWS - 1, low, high)
    rows = [round(panel.y(value)) for value in columns]
    levels_named = (("any", levels.prior), ("watch", levels.watch), ("alert", levels.alert))
    named = {round(panel.y(level)): f"{word} {chance(level)}" for word, level in levels_named}
    for row in named:
        grid[row] = ["╌"] * len(columns)
    _draw(grid, rows)
    grid[0] = ["▲" if value > high else cell for value, cell in zip(columns, grid[0], strict=True)]
    for row in range(EVIDENCE_ROWS):
        yield f"{named.get(row, ''):>{GUTTER - 2}} │{''.join(grid[row])}".rstrip()
    first, last = day(episode.curve[0].time_ms), day(episode.curve[-1].time_ms)
    yield f"{'':>{GUTTER}}{first}{last:>{max(len(columns) - len(first), len(last) + 1)}}"


def _columns(curve: Sequence[EvidencePoint], width: int) -> list[float]:
    start = curve[0].time_ms
    days = (curve[-1].time_ms - start) // DAY_MS + 1
    step = math.ceil(days / width) * DAY_MS
    latest = {(point.time_ms - start) // step: point.log_odds for point in curve}
    steps = range(1, max(latest) + 1)
    return list(accumulate(steps, lambda value, at: latest.get(at, value), initial=latest[0]))


def _draw(grid: list[list[str]], rows: Sequence[int]) -> None:
    grid[rows[0]][0] = "●"
    for at, (before, now) in enumerate(pairwise(rows), start=1):
        for between in range(min(before, now) + 1, max(before, now)):
            grid[between][at] = "│"
        grid[now][at] = "●"
