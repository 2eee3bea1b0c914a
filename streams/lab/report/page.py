"""From report data to the page's text."""

from functools import cache

from jinja2 import Environment
from markupsafe import Markup

from schemas.times import parse_ms
from streams.charts import page
from streams.charts.svg import pct, tag
from streams.console import visible
from streams.core.time import DAY_MS
from streams.lab.report import words
from streams.lab.report.chart import draw, spoken
from streams.lab.report.groups import by_reason, by_signal
from streams.lab.report.view import PLACES, Card, cards, picture, total
from streams.lab.report.why import numbers, steps
from streams.lab.story import ReportData

STORIES_SHOWN = 200


def render(data: ReportData, stories_shown: int = STORIES_SHOWN) -> str:
    """Return the whole page; stories are told for the first `stories_shown` alerts, all are listed."""
    ranked = cards(data.stories)
    return page.render(
        _templates(),
        "report.html.jinja",
        "style.css",
        data=data,
        summary=data.summary,
        headline=_headline(ranked),
        **{place: [card for card in ranked if card.place == place] for place in PLACES},
        told=ranked[:stories_shown],
        total=len(ranked),
        reasons=by_reason(ranked),
        signals=by_signal(ranked),
        chart=lambda card: draw(picture(card, data)),
        spoken=lambda card: spoken(picture(card, data)),
    )


def _headline(ranked: list[Card]) -> dict[str, int]:
    """Return the figures at the top; value at risk is that of the alerts to win back, as the run ended."""
    waiting = [card for card in ranked if card.place == "open"]
    ended = [card for card in ranked if card.place == "resolved"]
    returned = sum(card.last.resolution == "returned" for card in ended)
    urgent = sum(card.last.level == "alert" for card in waiting)
    return {
        "open": len(waiting),
        "at_risk_cents": sum(card.at_risk_cents for card in waiting),
        "open_alert": urgent,
        "open_watch": len(waiting) - urgent,
        "overdue": sum(card.place == "overdue" for card in ranked),
        "returned": returned,
        "other_resolved": len(ended) - returned,
        "holdout": sum(card.place == "holdout" for card in ranked),
    }


def bar(start: float, end: float, kind: str, zero: float | None = None) -> Markup:
    """Return a horizontal bar between two shares of the cell it stands in, with a line at `zero` if given."""
    left, width = min(start, end), abs(end - start)
    rect = tag("rect", class_=kind, x=pct(left), width=pct(width), y=3, height=8, rx=1.5)
    line = "" if zero is None else tag("line", class_="zero", x1=pct(zero), x2=pct(zero), y1=-2, y2=16)
    return tag("svg", rect, line, class_="bar", width="100%", height=14, aria_hidden="true")


def coded(text: str) -> Markup:
    """Return text as HTML, what stands between backticks as code."""
    parts = visible(text).split("`")
    return Markup("").join(tag("code", part) if at % 2 else part for at, part in enumerate(parts))


def setting_value(value: object) -> str:
    """Format a ruleset value: numbers without needless digits, nothing at all as an en dash."""
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.10g}"
    return f"{value:,}" if isinstance(value, int) else str(value) or "–"


@cache
def _templates() -> Environment:
    templates = page.environment(__package__)
    templates.filters.update(
        cents=words.to_cents,
        chance=words.chance,
        coded=coded,
        count=words.count,
        day=words.day,
        exact=words.exact_money,
        minute=words.day_and_time,
        money=words.money,
        ms=parse_ms,
        nats=words.nats,
        numbers=numbers,
        percent=words.percent,
        resolution=words.resolution_label,
        setting=setting_value,
        signal=words.signal_label,
        steps=steps,
        strength=words.strength,
        strength_share=words.strength_share,
        log_odds=total,
    )
    templates.globals.update(bar=bar, DAY_MS=DAY_MS)
    return templates
