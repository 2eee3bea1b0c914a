"""What goes wrong again and again, as a page."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from streams.charts.svg import pct, tag
from streams.desk.board.policy import By, Group
from streams.desk.board.queue import Filters
from streams.desk.pages.shell import Shell, render
from streams.lab.report.words import count

_HEIGHT = 22


def policy_page(groups: Sequence[Group], by: By, weeks: int, currency: str, shell: Shell) -> str:
    """Return the whole page."""
    return render(
        "policy.html.jinja",
        shell=shell,
        groups=groups,
        by=by,
        weeks=weeks,
        currency=currency,
        total=sum(one.at_risk for one in groups),
        most=max((one.at_risk for one in groups), default=0),
        bar=bar,
        spark=sparkline,
        trend=trend,
        link=lambda group: _link(group, by),
    )


def policy_parts(shell: Shell) -> Mapping[str, str]:
    """Return what changes while it is open."""
    return {"health": render("health.html.jinja", shell=shell)}


def bar(share: float) -> Markup:
    """Return a bar that fills a share of its cell."""
    rect = tag("rect", class_="risk", x=0, width=pct(share), y=3, height=8, rx=1.5)
    return tag("svg", rect, class_="bar", width="100%", height=14, aria_hidden="true")


def sparkline(group: Group) -> Markup:
    """Return how many alerts were raised in each week, as small bars; the last weeks are marked."""
    weeks, highest = len(group.raised), max(1, *group.raised)
    bars = []
    for at, number in enumerate(group.raised):
        height = _HEIGHT * number / highest if number else 0.75
        kind = "late" if at >= weeks - 4 else "early"
        bars.append(
            tag(
                "rect",
                class_=kind if number else "none",
                x=pct((at + 0.1) / weeks),
                width=pct(0.8 / weeks),
                y=_HEIGHT - height,
                height=height,
            )
        )
    said = f"{count(group.total, 'alert')} in {weeks} weeks; by week: {', '.join(map(str, group.raised))}"
    return tag("svg", tag("title", said), *bars, class_="sparkline", role="img", height=_HEIGHT)


def trend(group: Group) -> str:
    """Return how it developed against the weeks before, in words."""
    change = group.change
    if change is None:
        return f"({group.before} before)"
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    return f"{sign}{abs(change) * 100:.0f} %"


def _link(group: Group, by: By) -> str:
    return Filters().query(**{by: group.name})
