"""The picture of one story: spend by week, contacts and evidence crossing its levels, on one time axis."""

from markupsafe import Markup

from streams.charts.scale import TimeAxis
from streams.charts.svg import pct, tag, upright
from streams.lab.report.evidence_panel import bands, evidence_axis, evidence_panel
from streams.lab.report.picture import BOTTOM, HEIGHT, MONTHS, SPEND, Picture
from streams.lab.report.spend_panel import contact_lane, spend_panel
from streams.lab.report.words import count, day


def draw(picture: Picture) -> Markup:
    """Return the whole picture as one inline SVG that scales with the page."""
    panel = evidence_axis(picture)
    return tag(
        "svg",
        tag("title", picture.title, id=f"{picture.key}-title"),
        bands(picture, panel),
        _months(picture.axis),
        _ahead(picture),
        _vertical(
            picture.axis, picture.anchor_ms, "anchor", "a fall in spend" if picture.silent else "the contact"
        ),
        _vertical(picture.axis, picture.deadline_ms, "deadline", "deadline"),
        spend_panel(picture),
        contact_lane(picture),
        evidence_panel(picture, panel),
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
            upright(at, SPEND[0], BOTTOM, "grid"),
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
    at = axis.share(time_ms)
    return tag(
        "g",
        upright(at, SPEND[0] - 8, BOTTOM),
        tag("text", word, x=pct(at), y=SPEND[0] - 12, text_anchor="middle"),
        class_=f"moment {kind}",
    )


def _ahead(picture: Picture) -> Markup:
    at = max(picture.axis.share(picture.last_ms), 0)
    if at >= 1:
        return Markup("")
    return tag("rect", class_="ahead", x=pct(at), width=pct(1 - at), y=SPEND[0], height=BOTTOM - SPEND[0])


def spoken(picture: Picture) -> str:
    """Return the chart in words, for those who do not see it."""
    bad = sum(contact.nats > 0 for contact in picture.contacts)
    steps = ", ".join(f"{decision.word} on {day(decision.time_ms)}" for decision in picture.decisions)
    return f"Spend by week, {count(bad, 'bad contact')} and the evidence over time: {steps}."
