"""The upper half of a story's picture: spend by week against the usual, and the contacts."""

from markupsafe import Markup

from streams.charts.scale import Panel, TimeAxis
from streams.charts.svg import level, pct, tag
from streams.console import visible
from streams.core.time import HOUR_MS, hour_of
from streams.lab.report.picture import LANE, SPEND, Picture
from streams.lab.report.words import WEEK_MS, day, day_and_time, money, signal_label, strength
from streams.lab.story import ContactMark, WeekSpend


def spend_panel(picture: Picture) -> Markup:
    """Return the bars, the usual spend and their labels."""
    weeks = [week for week in picture.weeks if _fits(picture.axis, week)]
    highest = max([week.cents for week in weeks], default=0)
    panel = Panel(*SPEND, low=0, high=max(highest, picture.usual_week_cents * 1.25, 1))
    usual = panel.y(picture.usual_week_cents)
    word = f"usual {money(picture.usual_week_cents)} a week"
    return tag(
        "g",
        tag("text", f"spend by week, {picture.currency}", x=0, y=SPEND[0] - 12, class_="name"),
        *(_bar(picture, panel, week) for week in weeks),
        level(panel.y(0), "base"),
        level(usual, "usual"),
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
        class_="before" if week.start_ms < hour_of(picture.anchor_ms) * HOUR_MS else "since",
        x=pct(left + width * 0.12),
        width=pct(width * 0.76),
        y=top,
        height=panel.y(0) - top,
    )


def contact_lane(picture: Picture) -> Markup:
    """Return the contacts as marks on a line, larger the worse they were."""
    marks = [
        _mark(picture.axis, contact) for contact in picture.contacts if picture.axis.shows(contact.time_ms)
    ]
    return tag("g", level(LANE), *marks, class_="contacts")


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
    sign = f"{strength(contact.nats)} sign" if contact.nats else "no sign of trouble"
    return f"{day_and_time(contact.time_ms)} {kind}{head}: {sign}" + (f" ({wrong})" if wrong else "")
