"""A page of figures, as text: what a browser without a network would show, and to those who do not see it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from streams.lab.evaluate.report.axis import classes, days, shares
from streams.lab.evaluate.report.document import Cell, Document, Figure, Group, Part, Row, Section, Table
from streams.lab.evaluate.report.labels import ROW, apart
from streams.lab.evaluate.report.marks import SHAPES
from streams.lab.evaluate.report.page import render
from streams.lab.evaluate.report.plot import HEIGHT, TOP, Guide, Line, Plot, Point, draw, legend, spoken

HOSTILE = "\u202e<script>alert(1)</script>{{ 7*7 }}"
RISING = Line("ours", 0, tuple(Point(day, day / 90) for day in range(91)))
FLAT = Line("theirs", 1, (Point(0, 0.25), Point(90, 0.25)))
DELAY = Plot(
    "delay",
    "Found by day",
    days("days after the contact", 90, 30),
    shares("share found"),
    (RISING, FLAT),
    (Guide((0, 0.5), (90, 0.5), "half of them"),),
)
BINS = Line("alerts", 0, (Point(0, 0.4, 0.3, 0.5, "40% of 120"), Point(1, 0.8)), joined=False, marked=True)
CLASSES = Plot("bins", "By class", classes("class", ("few", "many")), shares("real"), (BINS,), named=True)


def document() -> Document:
    """Return a page with all there is to show."""
    rows = (
        Row(HOSTILE, (Cell("0.99", "0.98–1.00", met=True), Cell("18")), "of 100", strong=True),
        Row("theirs", (Cell("0.40", met=False), Cell("never"))),
    )
    table = Table(
        "Side by side", ("Detector", "Found", "Days"), (Group("full boycott", rows), Group("", rows))
    )
    first = Section(
        "sides",
        "Side by side",
        "What it says.",
        (Part("", "", (table,), (Figure("Delay", DELAY, "Rises."),)),),
    )
    shown = Part("In classes", "Classes.", (), (Figure("Bins", CLASSES, "Grows."),), ("A note.",))
    second = Section(
        "by", "By class", "More.", (shown, Part("More of it", "", notes=("Folded.",), folded=True))
    )
    tiles = (("1,234", "households"),)
    return Document("T", "E", ("Found,", "early"), "Lead", "Synthetic", tiles, (first, second), "Foot")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(str(html))
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))
        self.text += " "

    @override
    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str, css_class: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of the tag that has the class."""
        return [a for name, a in self.all if name == tag and css_class in (a.get("class") or "").split()]


@pytest.fixture(scope="module")
def html() -> str:
    return render(document())


@pytest.fixture(scope="module")
def page(html: str) -> Elements:
    return Elements(html)


def test_nothing_runs_and_nothing_comes_from_outside(html: str, page: Elements) -> None:
    for tag, attrs in page.all:
        assert tag not in {"script", "link", "object", "embed", "form", "base", "img"}
        assert not [name for name in attrs if name in {"style", "src"} or name.startswith("on")]
    assert not re.search(r"https?:|@import|url\(|xmlns", html)


def test_policy_allows_the_one_sheet(html: str, page: Elements) -> None:
    (sheet,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    policies = [a["content"] for _, a in page.all if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]


def test_hostile_text_stays_text_and_shows_what_is_unseen(page: Elements) -> None:
    assert page.text.count("\\u202e<script>alert(1)</script>{{ 7*7 }}") == 2
    assert "\u202e" not in page.text


def test_names_within_the_page_are_unique_and_lead_somewhere(page: Elements) -> None:
    names = [attrs["id"] for _, attrs in page.all if "id" in attrs]
    assert len(names) == len(set(names))
    links = {attrs["href"] for tag, attrs in page.all if tag == "a"}
    assert links == {"#sides", "#by"}
    told = {a[key] for _, a in page.all for key in ("aria-labelledby", "aria-describedby") if key in a}
    assert {"delay-title", "delay-desc", "bins-title", "bins-desc"} <= told <= set(names)


def test_a_goal_is_seen_as_met_or_missed(page: Elements) -> None:
    assert (len(page.of("td", "met")), len(page.of("td", "missed"))) == (2, 2)
    assert len(page.of("tr", "strong")) == 2
    assert len(page.of("tr", "group")) == 1


def test_the_legend_stands_where_lines_have_no_names(page: Elements) -> None:
    assert len(page.of("ul", "legend")) == 1
    alone = Figure("Delay", replace(DELAY, lines=(RISING,)), "Rises.")
    sections = (Section("one", "One", "", (Part("", "", figures=(alone,)),)),)
    assert not Elements(render(replace(document(), sections=sections))).of("ul", "legend")


def test_legend_names_each_line_once_in_order() -> None:
    listed = Elements(legend([RISING, FLAT, replace(RISING, points=())]))
    assert listed.text.split() == ["ours", "theirs"]


def test_the_picture_in_words() -> None:
    assert spoken(DELAY) == (
        "share found by days after the contact."
        " ours: 0% at 0, 50% at 45, 100% at 90. theirs: 25% at 0, 25% at 90."
    )
    assert spoken(CLASSES) == "real by class. alerts: 40% of 120, 80% at many."
    assert (
        spoken(replace(DELAY, lines=(replace(RISING, points=()),)))
        == "share found by days after the contact. "
    )


def test_a_line_runs_from_corner_to_corner() -> None:
    (points,) = [
        a["points"] for a in Elements(draw(replace(DELAY, lines=(RISING,)))).of("polyline", "tone-0")
    ]
    assert points is not None
    assert points.startswith("0,1000 ")
    assert points.endswith(" 1000,0")


def test_marks_only_where_points_are_not_joined() -> None:
    drawn = Elements(draw(CLASSES))
    assert not [tag for tag, _ in drawn.all if tag == "polyline"]
    assert len(drawn.of("path", "mark")) == 2
    whiskers = [a for tag, a in drawn.all if tag == "line" and a.get("y1") == f"{TOP + HEIGHT * 0.7:g}"]
    assert [(a["x1"], a["y2"]) for a in whiskers] == [("25%", f"{TOP + HEIGHT * 0.5:g}")]


def test_joined_lines_have_two_marks_each_none_on_another() -> None:
    lines = tuple(replace(RISING, tone=tone) for tone in range(8))
    places = [(a["x"], a["y"]) for a in _marks(draw(replace(DELAY, lines=lines)))]
    assert len(places) == len(set(places)) == 16


def test_lines_without_points_are_drawn_as_nothing() -> None:
    drawn = Elements(draw(replace(CLASSES, lines=(replace(RISING, points=()),))))
    assert not drawn.of("path", "mark")
    assert not drawn.of("text", "end")


def test_tones_differ_in_mark_and_dashes(html: str) -> None:
    assert len(set(SHAPES)) == 10
    dashes = dict(re.findall(r"\.line\.(tone-\d) \{ stroke-dasharray: ([\d. ]+);", html))
    assert len(dashes) == len(set(dashes.values())) == 9
    assert "tone-0" not in dashes


#  wanted rows  10  10  10          10  24  38
#                         moved to
def test_names_keep_their_distance_and_their_order() -> None:
    assert apart([10, 10, 10], 200) == [10, 10 + ROW, 10 + 2 * ROW]
    assert apart([199, 100, 198], 200) == [200, 100, 200 - ROW]
    assert apart([], 200) == []


def test_axes_mark_both_ends() -> None:
    assert shares("s").ticks == (0, 0.25, 0.5, 0.75, 1)
    assert shares("s", 0, 0.2, 0.05).ticks == pytest.approx((0, 0.05, 0.1, 0.15, 0.2))
    assert days("d", 90, 30).ticks == (0, 30, 60, 90)
    axis = classes("c", ("few", "many"))
    assert [(axis.share(tick), axis.show(tick)) for tick in axis.ticks] == [(0.25, "few"), (0.75, "many")]


@pytest.mark.parametrize("dark", [False, True])
def test_tones_have_contrast_in_light_and_dark(html: str, dark: bool) -> None:
    """WCAG AA: 4.5 to 1, as names at the lines' ends have the colour of their line."""
    schemes = re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    paper = dict(re.findall(r"--([\w-]+): (#\w{6})", schemes[dark]))
    tones = dict(re.findall(r"--([\w-]+): (#\w{6})", schemes[2 + dark]))
    assert len(tones) == 10
    low = {tone for tone, colour in tones.items() if _contrast(colour, paper["paper"]) < 4.5}
    assert low == set()


def _marks(svg: str) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in Elements(svg).all if tag == "svg" and attrs.get("width") == "1"]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
