"""The picture of one story: spend by week, contacts and evidence crossing its levels, on one time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from streams.lab.report.axis import Panel, TimeAxis
from streams.lab.report.svg import number, pct, stretched, tag
from streams.lab.report.words import (
    WEEK_MS,
    count,
    day,
    day_and_time,
    money,
    nats,
    percent,
    probability,
    signal_label,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.lab.story import ContactMark, EvidencePoint, Levels, WeekSpend

HEIGHT = 306
SPEND = (24.0, 100.0)  # top and height in pixels
LANE = 141.0
EVIDENCE = (166.0, 112.0)
MONTHS = 297.0

# Odds of 150 to 1: more would squeeze the levels together and say no more to a reader.
TOP_LOG_ODDS = 5.0


@dataclass(frozen=True, slots=True)
class Decision:
    """A revision as the chart marks it: when, at which log-odds, and the word beside the mark."""

    time_ms: int
    log_odds: float
    word: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What one chart shows. `usual_week_cents` is the baseline, `anchor_ms` the bad contact.

    `last_ms` is how far event time ran: what lies beyond is drawn pale.
    """

    key: str
    title: str
    axis: TimeAxis
    anchor_ms: int
    deadline_ms: int
    usual_week_cents: float
    currency: str
    last_ms: int
    weeks: Sequence[WeekSpend]
    contacts: Sequence[ContactMark]
    curve: Sequence[EvidencePoint]
    decisions: Sequence[Decision]
    levels: Levels


def draw(picture: Picture) -> Markup:
    """Return the whole picture as one inline SVG that scales with the page."""
    panel = _evidence_panel(picture)
    return tag(
        "svg",
        tag("title", picture.title, id=f"{picture.key}-title"),
        _band(panel, picture.levels.alert, panel.high, "alert"),
        _band(panel, picture.levels.watch, picture.levels.alert, "watch"),
        _months(picture.axis),
        _ahead(picture),
        _vertical(picture.axis, picture.anchor_ms, "anchor", "the contact"),
        _vertical(picture.axis, picture.deadline_ms, "deadline", "deadline"),
        _spend(picture),
        _lane(picture),
        _evidence(picture, panel),
        class_="chart",
        role="img",
        width="100%",
        height=HEIGHT,
        aria_labelledby=f"{picture.key}-title",
    )


def _months(axis: TimeAxis) -> Markup:
    ticks = [
        tag(
            "g",
            tag("line", class_="grid", x1=pct(at), x2=pct(at), y1=SPEND[0], y2=EVIDENCE[0] + EVIDENCE[1]),
            # A label that would be cut off at the right edge is left out.
            tag(
                "text",
                f"{month:%b}" + (f" {month:%Y}" if month.month == 1 else ""),
                x=pct(at),
                y=MONTHS,
                dx=3,
            )
            if at < 0.95
            else "",
            class_="month even" if month.month % 2 else "month odd",
        )
        for month in axis.months()
        if (at := axis.share(round(month.timestamp() * 1000))) >= 0
    ]
    return Markup("").join(ticks)


def _vertical(axis: TimeAxis, time_ms: int, kind: str, word: str) -> Markup:
    if not axis.shows(time_ms):
        return Markup("")
    at = pct(axis.share(time_ms))
    bottom = EVIDENCE[0] + EVIDENCE[1]
    return tag(
        "g",
        tag("line", x1=at, x2=at, y1=SPEND[0] - 8, y2=bottom),
        tag("text", word, x=at, y=SPEND[0] - 12, text_anchor="middle"),
        class_=f"moment {kind}",
    )


def _ahead(picture: Picture) -> Markup:
    at = max(picture.axis.share(picture.last_ms), 0)
    if at >= 1:
        return Markup("")
    bottom = EVIDENCE[0] + EVIDENCE[1]
    return tag("rect", class_="ahead", x=pct(at), width=pct(1 - at), y=SPEND[0], height=bottom - SPEND[0])


def _spend(picture: Picture) -> Markup:
    weeks = [week for week in picture.weeks if _fits(picture.axis, week)]
    highest = max([week.cents for week in weeks], default=0)
    panel = Panel(*SPEND, low=0, high=max(highest, picture.usual_week_cents * 1.25, 1))
    usual = panel.y(picture.usual_week_cents)
    word = f"usual {money(picture.usual_week_cents)} a week"
    return tag(
        "g",
        tag("text", f"spend by week, {picture.currency}", x=0, y=SPEND[0] - 12, class_="name"),
        *(_bar(picture, panel, week) for week in weeks),
        tag("line", class_="base", x1=0, x2="100%", y1=panel.y(0), y2=panel.y(0)),
        tag("line", class_="usual", x1=0, x2="100%", y1=usual, y2=usual),
        tag("text", word, class_="halo", x="100%", y=usual - 5, text_anchor="end"),
        class_="spend",
    )


def _fits(axis: TimeAxis, week: WeekSpend) -> bool:
    return axis.shows(week.start_ms) and axis.shows(week.start_ms + WEEK_MS)


def _bar(picture: Picture, panel: Panel, week: WeekSpend) -> Markup:
    left = picture.axis.share(week.start_ms)
    width = picture.axis.share(week.start_ms + WEEK_MS) - left
    top = panel.y(week.cents)
    return tag(
        "rect",
        tag("title", f"week of {day(week.start_ms)}: {money(week.cents, picture.currency)}"),
        class_="before" if week.start_ms < picture.anchor_ms else "since",
        x=pct(left + width * 0.12),
        width=pct(width * 0.76),
        y=top,
        height=panel.y(0) - top,
    )


def _lane(picture: Picture) -> Markup:
    marks = [
        _mark(picture.axis, contact) for contact in picture.contacts if picture.axis.shows(contact.time_ms)
    ]
    line = tag("line", x1=0, x2="100%", y1=LANE, y2=LANE)
    return tag("g", line, *marks, class_="contacts")


def _mark(axis: TimeAxis, contact: ContactMark) -> Markup:
    return tag(
        "circle",
        tag("title", contact_sentence(contact)),
        class_="bad" if contact.nats > 0 else "fine",
        cx=pct(axis.share(contact.time_ms)),
        cy=LANE,
        r=3.5 + 1.6 * min(contact.nats, 3),
    )


def contact_sentence(contact: ContactMark) -> str:
    """Return the contact in one line: when, how, why, and what was wrong with it."""
    head = ", ".join(visible(part) for part in (contact.channel, contact.direction, contact.reason) if part)
    wrong = "; ".join(visible(signal_label(signal)) for signal, _ in contact.signals)
    kind = "synthetic contact " if contact.synthetic else ""
    return f"{day_and_time(contact.time_ms)} {kind}{head}: {nats(contact.nats)} nats" + (
        f" ({wrong})" if wrong else ""
    )


def _evidence_panel(picture: Picture) -> Panel:
    seen = [point.log_odds for point in picture.curve]
    levels = picture.levels
    low, high = min([levels.prior, *seen]) - 0.4, max([levels.alert, *seen]) + 0.8
    # However the settings lie, the alert level has room above it.
    ceiling = max(TOP_LOG_ODDS, levels.alert + 0.8)
    return Panel(*EVIDENCE, low=max(low, levels.prior - 3), high=min(high, ceiling))


def _evidence(picture: Picture, panel: Panel) -> Markup:
    levels = picture.levels
    return tag(
        "g",
        tag("text", "evidence that this customer is leaving", x=0, y=EVIDENCE[0] - 6, class_="name halo"),
        _level(panel, levels.alert, "alert"),
        _level(panel, levels.watch, "watch"),
        _level(panel, levels.prior, "anyone"),
        _curves(picture, panel),
        *(_decision(picture, panel, decision) for decision in picture.decisions),
        _now(picture, panel),
        class_="evidence",
    )


def _band(panel: Panel, low: float, high: float, kind: str) -> Markup:
    top = panel.y(high)
    return tag("rect", class_=f"band {kind}", x=0, width="100%", y=top, height=panel.y(low) - top)


def _level(panel: Panel, log_odds: float, word: str) -> Markup:
    y = panel.y(log_odds)
    return tag(
        "g",
        tag("line", x1=0, x2="100%", y1=y, y2=y),
        tag("text", f"{word} {percent(probability(log_odds))}", x=4, y=y - 4, class_="halo"),
        class_=f"level {word}",
    )


def _curves(picture: Picture, panel: Panel) -> Markup:
    contacts_alone = [(point.time_ms, picture.levels.prior + point.frustration) for point in picture.curve]
    both = [(point.time_ms, point.log_odds) for point in picture.curve]
    return stretched(
        panel.top,
        panel.height,
        _line(picture.axis, panel, contacts_alone, "contacts-alone"),
        _line(picture.axis, panel, both, "curve"),
    )


def _line(axis: TimeAxis, panel: Panel, points: list[tuple[int, float]], kind: str) -> Markup:
    # Not clamped: what leaves the panel is cut off at its edge, instead of seeming to level out there.
    drawn = " ".join(
        f"{number(axis.share(time_ms) * 1000)},{number(panel.depth(value) * 1000)}"
        for time_ms, value in points
    )
    return tag("polyline", class_=kind, points=drawn, vector_effect="non-scaling-stroke")


def _decision(picture: Picture, panel: Panel, decision: Decision) -> Markup:
    at = picture.axis.share(decision.time_ms)
    y = panel.y(decision.log_odds)
    return tag(
        "g",
        tag("title", f"{decision.word} {day_and_time(decision.time_ms)}"),
        tag("circle", cx=pct(at), cy=y, r=4),
        tag("text", decision.word, x=pct(at), y=y + 4, dx=-9, text_anchor="end", class_="halo"),
        class_="decision",
    )


def _now(picture: Picture, panel: Panel) -> Markup:
    # Where the curve has left the panel, the word stands where it left.
    inside = [point for point in picture.curve if point.log_odds <= panel.high] or picture.curve
    if not inside or inside[-1].time_ms in {decision.time_ms for decision in picture.decisions}:
        return Markup("")
    last = picture.curve[-1]
    share = picture.axis.share(inside[-1].time_ms)
    # Beside the end of the curve, or before it where the page ends.
    anchor, shift = ("end", -6) if share > 0.9 else ("start", 6)
    return tag(
        "text",
        percent(probability(last.log_odds)),
        class_="now halo",
        x=pct(share),
        dx=shift,
        y=panel.y(last.log_odds) + 4,
        text_anchor=anchor,
    )


def spoken(picture: Picture) -> str:
    """Return the chart in words, for those who do not see it."""
    bad = sum(contact.nats > 0 for contact in picture.contacts)
    steps = ", ".join(f"{decision.word} on {day(decision.time_ms)}" for decision in picture.decisions)
    return f"Spend by week, {count(bad, 'bad contact')} and the evidence over time: {steps}."
