"""A page of figures, as text: what a browser without a network would show, and to those who do not see it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from math import inf, nan
from pathlib import Path

import pytest
from typing_extensions import override

from streams.charts.marks import ROW, SHAPES, apart
from streams.charts.plot import HEIGHT, TOP, Guide, Line, Plot, Point, draw, legend, spoken
from streams.charts.scale import classes, days, shares
from streams.evaluation.detectors.results import ClassFigures, Estimate
from streams.evaluation.report.detectors import delay_curves, detectability, leading, ranked
from streams.evaluation.report.document import Cell, Document, Figure, Part, Row, Section, Table
from streams.evaluation.report.goals import calibration_goal, met, stress_goals
from streams.evaluation.report.page import evaluation, render, render_evaluation
from streams.evaluation.report.truth import calibration_figure
from streams.evaluation.report.words import days as days_said
from streams.evaluation.report.words import points, share, signed
from streams.evaluation.stress.disturb import Disturbance
from streams.evaluation.stress.stress import Ratio
from streams.evaluation.worlds.figures import Mix
from streams.lab.generate.options import Shape
from tests.evaluation.evaluation_data import (
    comparison,
    detector,
    mix_figures,
    population,
    results,
    stressed,
    worlds,
)

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
    table = Table("Side by side", ("Detector", "Found", "Days"), {"full boycott": rows, "": rows})
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


@pytest.fixture(scope="module")
def whole() -> str:
    return render(evaluation(*results()))


@pytest.fixture(scope="module")
def told(whole: str) -> str:
    return " ".join(Elements(whole).text.split())


def test_writes_the_page_as_utf8(tmp_path: Path, whole: str) -> None:
    (tmp_path / "evaluation.html").write_text(render_evaluation(*results()), encoding="utf-8")
    assert (tmp_path / "evaluation.html").read_text(encoding="utf-8") == whole


def test_the_headline_is_that_of_the_ruleset_that_meets_most_goals(told: str) -> None:
    assert leading(comparison()) == "ours, ruleset 2"
    assert "99.9 % of full boycotts found in 90 days, half of them by day 9.0, at 5.2 % false alarms" in told
    assert "goals met 6 of 7 households 512 seeds 10 cases 4,321 copies scored 30,247" in told


def test_of_equals_the_ruleset_named_first_leads() -> None:
    assert leading(replace(comparison(), goals=())) == "ours, ruleset 1"


def test_a_picture_for_each_population_shape_and_question(whole: str) -> None:
    pictures = [a["aria-labelledby"] for a in Elements(whole).of("svg", "chart") if "aria-labelledby" in a]
    assert len(pictures) == len(set(pictures)) == 3 * (6 + 6 + 2) + 2 * 2


def test_the_leading_ruleset_has_the_thick_line_everywhere() -> None:
    detectors = [one.name for one in ranked(comparison().populations[0], "ours, ruleset 2")]
    assert detectors[:3] == ["ours, ruleset 2", "ours, ruleset 1", "fixed inactivity"]


def test_captions_say_what_to_see(told: str) -> None:
    for caption in (
        "At the tables’ rate, ours, ruleset 2, finds 99.5 %; the best of the others, fixed inactivity, 91 %.",
        "ours, ruleset 2, finds half in 21.0 days; the earliest of the others, fixed inactivity, finds half",
        "“Full” depends most: 50 % found at 3–6 months of history, 70 % at 9 and more.",
    ):
        assert caption in told


def test_where_half_is_never_found_the_caption_says_so() -> None:
    figures = population()
    slow = replace(figures, detectors=(detector("ours, ruleset 1", 9), detector("CUSUM", 9)))
    (caption,) = {figure.caption for figure in delay_curves(slow, "ours, ruleset 1").figures}
    assert (
        caption
        == "ours, ruleset 1, does not find half; the earliest of the others, CUSUM, does not find half."
    )


def test_tables_carry_intervals_and_what_ours_is_better_by(told: str) -> None:
    assert "ours, ruleset 2 5.2 % 4.0 % to 6.4 %" in told
    assert "Full boycott +2.1 −0.4 to +4.1, against fixed inactivity −4.0 −6.0 to +0.0" in told
    assert "−∞ −∞ to –, against BG/NBD P(alive)" in told
    assert "37 % > 90 31 % > 90" in told
    assert "The BG/NBD fit did not converge for 1 of 10 seeds." in told


def test_classes_that_a_population_does_not_have_are_left_out() -> None:
    figures = population()
    empty = ClassFigures("0–3", 0, ((Shape.FULL, Estimate(nan, nan, nan)),), ())
    one = figures.detectability[1]
    one = replace(one, by_trips=(empty, *one.by_trips), by_history=(empty,))
    pictures, medians = detectability(replace(figures, detectability=(one,)), "ours, ruleset 2")
    assert len(pictures.figures) == len(medians.tables) == 1
    assert medians.tables[0].columns[1] == "0.3–1.1"


def test_the_stated_probability_is_held_against_the_outcome(told: str) -> None:
    assert "Of 600 records stated 0.78 to 0.85, 80 % (77 % to 83 %) had left." in told
    assert "as frequent as the weights say met 80 % (77 % to 83 %) of 600" in told
    assert "0.78 to 0.85 600 82 % 82 % 78 % to 84 %" in told


def test_only_what_was_seen_is_drawn() -> None:
    figure = calibration_figure("key", mix_figures(Mix.WEIGHTS, None))
    assert len(figure.plot.lines[0].points) == 5
    nothing = calibration_figure("key", replace(mix_figures(Mix.WEIGHTS, None, 0), bins=()))
    assert nothing.plot.lines[0].points == ()
    assert nothing.caption == "No record stated 0.78 to 0.85."


def test_too_few_records_neither_meet_nor_miss_the_goal() -> None:
    for few, said in ((0, "none seen"), (100, "80 % (71 % to 87 %) of 100".replace(" %", "\u00a0%"))):
        row = calibration_goal(worlds(records=few))
        assert row.cells == (Cell("too few to tell", said),)
        assert met({"ours": [row]}, "ours") == (0, 1)


def test_disturbances_are_held_against_the_same_worlds_without(told: str) -> None:
    outage = "Feed outage of 3 days, purchases lost"
    assert f"{outage} 140 times in 6 worlds 200 300 1.50 0.90 to 1.60, not met" in told
    assert (
        f"{outage}: at most 1.2 times the false alarms not met 1.50 (0.90 to 1.60), 300 against 200" in told
    )
    assert f"{outage} Synthetic customers, 140 times in 6 worlds 200 300" in told
    assert "One of two shop systems fails for 3 days: at most" not in told


def test_without_any_false_alarm_there_is_no_ratio() -> None:
    none = Ratio(Disturbance.LOST, None, 6, 140, 0, 3, None, 0.0, inf)
    (row,) = stress_goals(replace(stressed(), ratios=(none,)))
    assert row.cells == (Cell("not met", "– (0.00 to ∞), 3 against 0", met=False),)


def test_what_was_not_measured_has_no_section() -> None:
    assert [one.key for one in evaluation(comparison(), [], []).sections][-1] == "synthetic"


def test_alerts_are_told_by_severity_shape_and_worth(told: str) -> None:
    assert "severe 54 % 40 % to 67 %, of 50 80 % 67 % to 89 %, of 50" in told
    assert "Full boycott 90 % 83 % to 94 %, of 100 80 % 71 % to 87 %, of 100 17.5" in told
    assert "20 worlds 80 % of 10,000 62 % of the caught, at the alert 3.0 % 12 of 400 episodes" in told


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0\u00a0%"),
        (0.052, "5.2\u00a0%"),
        (0.5, "50\u00a0%"),
        (0.993, "99.3\u00a0%"),
        (1.0, "100\u00a0%"),
        (nan, "–"),
    ],
)
def test_shares_read_finer_where_it_matters(value: float, said: str) -> None:
    assert share(value) == said


def test_days_read_as_days_or_as_never() -> None:
    assert (days_said(17.25), days_said(inf), days_said(nan)) == ("17.2", "> 90", "–")
    assert (points(-0.004), points(-0.0), signed(inf)) == ("−0.4", "+0.0", "+∞")


def _marks(svg: str) -> list[dict[str, str | None]]:
    return [attrs for tag, attrs in Elements(svg).all if tag == "svg" and attrs.get("width") == "1"]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
