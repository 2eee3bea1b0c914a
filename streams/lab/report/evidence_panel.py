"""The lower half of a story's picture: the log-odds over time, crossing the levels."""

from markupsafe import Markup

from streams.charts.scale import Panel
from streams.charts.svg import level, pct, polyline, stretched, tag
from streams.lab.report.picture import EVIDENCE, Decision, Picture
from streams.lab.report.words import chance, day_and_time

# Odds of 150 to 1: more would squeeze the levels together and say no more to a reader.
TOP_LOG_ODDS = 5.0
_BESIDE = 0.03


def evidence_axis(picture: Picture) -> Panel:
    """Return the panel with the range of log-odds that the story needs."""
    seen = [point.log_odds for point in picture.curve]
    levels = picture.levels
    low, high = min([levels.prior, *seen]) - 0.4, max([levels.alert, *seen]) + 0.8
    # However the settings lie, the alert level has room above it.
    ceiling = max(TOP_LOG_ODDS, levels.alert + 0.8)
    return Panel(*EVIDENCE, low=max(low, levels.prior - 3), high=min(high, ceiling))


def bands(picture: Picture, panel: Panel) -> Markup:
    """Return the ground: where an episode is a watch, and where it is an alert."""
    levels = picture.levels
    alert = _band(panel, levels.alert, panel.high, "alert")
    return alert + _band(panel, levels.watch, levels.alert, "watch")


def evidence_panel(picture: Picture, panel: Panel) -> Markup:
    """Return the levels, the curve of the evidence and the decisions on it."""
    levels = picture.levels
    return tag(
        "g",
        tag("text", "evidence that this customer is leaving", x=0, y=EVIDENCE[0] - 6, class_="name halo"),
        _level(panel, levels.alert, "alert"),
        _level(panel, levels.watch, "watch"),
        _level(panel, levels.prior, "anyone"),
        _curves(picture, panel),
        _outlook(picture, panel),
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
        level(y),
        tag("text", f"{word} {chance(log_odds)}", x=4, y=y - 4, class_="halo"),
        class_=f"level {word}",
    )


def _curves(picture: Picture, panel: Panel) -> Markup:
    prior, curve = picture.levels.prior, picture.curve
    across = [picture.axis.share(point.time_ms) for point in curve]
    contacts_alone = [panel.depth(prior + point.frustration) for point in curve]
    both = [panel.depth(point.log_odds) for point in curve]
    return stretched(
        panel.top,
        panel.height,
        polyline(zip(across, contacts_alone, strict=True), "contacts-alone"),
        polyline(zip(across, both, strict=True), "curve"),
    )


def _outlook(picture: Picture, panel: Panel) -> Markup:
    ahead = picture.outlook
    if ahead is None:
        return Markup("")
    begin, end = picture.axis.share(ahead.start_ms), picture.axis.share(ahead.end_ms)
    y = panel.y(ahead.end)
    anchor, shift = ("end", -6) if end > 0.8 else ("start", 6)
    # A mark beside the end of the curve would be below what is written there, and words stand above that.
    apart = end - begin > _BESIDE
    mark = tag("circle", cx=pct(end), cy=y, r=3) if apart else ""
    return tag(
        "g",
        tag("line", x1=pct(begin), y1=panel.y(ahead.start), x2=pct(end), y2=y),
        mark,
        tag(
            "text",
            ahead.said,
            x=pct(end),
            y=y - (6 if apart else 11),
            dx=shift,
            text_anchor=anchor,
            class_="halo",
        ),
        class_="outlook",
    )


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
    if picture.ended or not inside:
        return Markup("")
    last = picture.curve[-1]
    share = picture.axis.share(inside[-1].time_ms)
    # Beside the end of the curve, or before it where the page ends.
    anchor, shift = ("end", -6) if share > 0.9 else ("start", 6)
    return tag(
        "text",
        chance(last.log_odds),
        class_="now halo",
        x=pct(share),
        dx=shift,
        y=panel.y(last.log_odds) + 4,
        text_anchor=anchor,
    )
