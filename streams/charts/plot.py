"""A plot of lines: plain data in, one inline SVG out that is as wide as the page lets it be.

Nothing depends on colour alone: each tone has its dashes and its mark (`marks`), a line has its name at
its end or in the legend, and the picture has a title and its figures in words.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from streams.charts.marks import end_labels, mark, sample
from streams.charts.scale import Axis, Panel
from streams.charts.svg import level, pct, polyline, stretched, tag, upright

TOP = 22.0
HEIGHT = 180.0
# Below: the marks' words and the axis' name.
BELOW = 36.0


@dataclass(frozen=True, slots=True)
class Point:
    """A value y at x, if known with its interval [low, high]; `said` are its figures in words."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Points in order of x, drawn as a line if `joined`; each is `marked`, or else two of them."""

    label: str
    tone: int
    points: tuple[Point, ...]
    joined: bool = True
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    """A thin straight line from one place to another, in the axes' values, with a word at its beginning."""

    start: tuple[float, float]
    end: tuple[float, float]
    word: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture. `key` is unique in the page; all points and guides lie on the axes.

    With `named` each line has its name at its right end, else a `legend` must stand beside the picture.
    """

    key: str
    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    guides: tuple[Guide, ...] = ()
    named: bool = False

    @property
    def panel(self) -> Panel:
        """Return where the values of y lie."""
        return Panel(TOP, HEIGHT, self.y.low, self.y.high)


def draw(plot: Plot) -> Markup:
    """Return the picture as inline SVG, with a title and a description for those who do not see it."""
    return tag(
        "svg",
        tag("title", plot.title, id=f"{plot.key}-title"),
        tag("desc", spoken(plot), id=f"{plot.key}-desc"),
        _y_axis(plot),
        _x_axis(plot.x),
        *(_guide(plot, guide) for guide in plot.guides),
        *(_whiskers(plot, line) for line in plot.lines),
        # The first line is the one that matters: drawn last, it lies on top.
        *(_line(plot, line) for line in reversed(plot.lines) if line.joined),
        *(_marks(plot, line, at) for at, line in reversed(list(enumerate(plot.lines)))),
        _names(plot) if plot.named else "",
        class_="chart plot named" if plot.named else "chart plot",
        role="img",
        height=TOP + HEIGHT + BELOW,
        aria_labelledby=f"{plot.key}-title",
        aria_describedby=f"{plot.key}-desc",
    )


def legend(lines: Iterable[Line]) -> Markup:
    """Return the list of what each tone stands for, nothing for a single name; of equal names the first."""
    tones: dict[str, int] = {}
    for line in lines:
        tones.setdefault(line.label, line.tone)
    if len(tones) < 2:
        return Markup("")
    items = (tag("li", sample(tone), " ", label) for label, tone in tones.items())
    return tag("ul", *items, class_="legend lines", aria_label="Lines in the pictures")


def spoken(plot: Plot) -> str:
    """Return the figures of each line in words: at its first, middle and last point."""
    lines = (f"{line.label}: {_said(plot, line)}." for line in plot.lines if line.points)
    return f"{plot.y.name} by {plot.x.name}. " + " ".join(lines)


def _said(plot: Plot, line: Line) -> str:
    last = len(line.points) - 1
    told = line.points if line.marked else [line.points[at] for at in sorted({0, last // 2, last})]
    return ", ".join(point.said or f"{plot.y.show(point.y)} at {plot.x.show(point.x)}" for point in told)


def _y_axis(plot: Plot) -> Markup:
    rows = [(plot.panel.y(tick), plot.y.show(tick)) for tick in plot.y.ticks]
    ticks = (level(y, "grid") + tag("text", said, x=-6, y=y + 4, text_anchor="end") for y, said in rows)
    return tag("g", *ticks, tag("text", plot.y.name, y=10, class_="from-edge"), aria_hidden="true")


def _x_axis(axis: Axis) -> Markup:
    foot = TOP + HEIGHT
    ticks = (
        upright(axis.share(tick), foot, foot + 4, "base")
        + tag("text", axis.show(tick), x=pct(axis.share(tick)), y=foot + 16, text_anchor="middle")
        for tick in axis.ticks
    )
    name = tag("text", axis.name, x="50%", y=foot + 32, text_anchor="middle")
    return tag("g", level(foot, "base"), *ticks, name, aria_hidden="true")


def _guide(plot: Plot, guide: Guide) -> Markup:
    (x1, y1), (x2, y2) = guide.start, guide.end
    at, y = plot.x.share(x1), plot.panel.y(y1)
    line = tag("line", x1=pct(at), x2=pct(plot.x.share(x2)), y1=y, y2=plot.panel.y(y2))
    # Inwards from where the guide begins.
    side, shift = ("end", -4) if at > 0.5 else ("start", 4)
    word = tag("text", guide.word, x=pct(at), y=y - 5, dx=shift, text_anchor=side, class_="halo")
    return tag("g", line, word, class_="guide")


def _whiskers(plot: Plot, line: Line) -> Markup:
    drawn = (
        upright(plot.x.share(point.x), plot.panel.y(point.low), plot.panel.y(point.high))
        for point in line.points
        if point.low is not None and point.high is not None
    )
    return tag("g", *drawn, class_=f"whiskers tone-{line.tone}")


def _line(plot: Plot, line: Line) -> Markup:
    points = ((plot.x.share(point.x), plot.panel.depth(point.y)) for point in line.points)
    return stretched(TOP, HEIGHT, polyline(points, f"line tone-{line.tone}"))


def _marks(plot: Plot, line: Line, rank: int) -> Markup:
    marked = line.points if line.marked else _spread(line.points, rank, len(plot.lines))
    places = ((plot.x.share(point.x), plot.panel.y(point.y), point.said) for point in marked)
    return Markup("").join(mark(at, y, line.tone, said) for at, y, said in places)


def _spread(points: tuple[Point, ...], rank: int, lines: int) -> list[Point]:
    """Return two points of the later two thirds, where no other line has one: no mark hides another."""
    step = len(points) / 3
    return [points[int(step * (third + (rank + 0.5) / lines))] for third in (1, 2)] if points else []


def _names(plot: Plot) -> Markup:
    ends = [(line.label, line.tone, plot.panel.y(line.points[-1].y)) for line in plot.lines if line.points]
    return end_labels(ends, TOP + HEIGHT)
