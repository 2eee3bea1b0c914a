"""The report: harmless whatever the events hold, whole without a network, and everything in it."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from schemas.times import parse_ms
from streams.core.time import DAY_MS
from streams.lab.report import render as page_of
from streams.lab.report.chart import draw
from streams.lab.report.page import render, setting_value
from streams.lab.report.view import cards, picture
from streams.lab.report.words import WEEK_MS
from streams.lab.story import WeekSpend
from tests.lab.html_page import Page
from tests.lab.report_data import (
    END_MS,
    HOSTILE,
    LEVELS,
    Person,
    alert,
    curve_of,
    figures_of,
    report_data,
    story_of,
    summary,
)

if TYPE_CHECKING:
    from pathlib import Path

ANNA = Person("anna", END_MS - 40 * DAY_MS, 1_000, 5.0, 0, 0)
BERT = Person("bert", END_MS - 50 * DAY_MS, 3_000, 5.0, 0, 0)
CLEO = Person("cleo", END_MS - 60 * DAY_MS, 9_000, 2.0, 0.9, 1)  # returns
DORA = Person("dora", END_MS - 45 * DAY_MS, 9_000, 5.0, 0, 3)  # held out


@pytest.fixture(scope="module")
def whole() -> str:
    return render(report_data())


@pytest.fixture(scope="module")
def page(whole: str) -> Page:
    return Page(whole)


def test_writes_the_page_as_utf8(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    data = report_data([story_of(ANNA)])
    path.write_text(page_of(data), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == render(data)


def test_hostile_text_stays_text(page: Page) -> None:
    assert page.count("script") == page.count("img") == page.count("iframe") == 0
    assert HOSTILE in page.text
    assert "\\u001b[31m\\u202e\"><img src=x onerror=alert(1)>{{ 7*7 }} & 'x'" in page.text


def test_nothing_runs_and_nothing_is_styled_but_by_the_one_sheet(page: Page) -> None:
    for tag, attrs in page.elements:
        assert tag not in {"script", "link", "object", "embed", "form", "base"}
        assert not [name for name in attrs if name == "style" or name.startswith("on")]


def test_no_unseen_characters_reach_the_page(whole: str) -> None:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", whole)


def test_policy_forbids_all_but_the_sheet(whole: str, page: Page) -> None:
    policy = next(
        a["content"]
        for t, a in page.elements
        if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    sheet = re.findall(r"<style>(.*?)</style>", whole, re.DOTALL)
    assert len(sheet) == 1
    digest = base64.b64encode(hashlib.sha256(sheet[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_refers_to_nothing_outside_itself(whole: str, page: Page) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\(|xmlns", whole)
    assert not [attrs for _, attrs in page.elements if {"src", "srcset", "xlink:href", "data"} & attrs.keys()]


def test_links_lead_to_places_in_the_page(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = {attrs["href"] for tag, attrs in page.elements if tag == "a"}
    assert targets <= {f"#{name}" for name in ids}
    labelled = {attrs["aria-labelledby"] for _, attrs in page.elements if "aria-labelledby" in attrs}
    assert labelled <= set(ids)


def test_every_alert_is_listed_and_told(page: Page) -> None:
    names = {story.customer_id for story in report_data().stories}
    assert len(names) == 42
    assert page.count("article", "story") == page.count("svg", "chart") == 42
    told = [name for name in names if page.text.count(name) >= 2]
    assert set(told) == names


def test_many_alerts_are_all_listed_and_the_first_told() -> None:
    html = render(report_data(), stories_shown=3)
    page = Page(html)
    assert page.count("article", "story") == 3
    assert "The first 3 of 42 alerts are told here" in page.plain()
    assert all(story.customer_id in page.text for story in report_data().stories)
    assert 'href="#story-3"' in html
    assert 'href="#story-4"' not in html


def test_same_data_same_bytes_in_any_order(whole: str) -> None:
    data = report_data()
    stories = list(data.stories)
    random.Random(3).shuffle(stories)
    assert render(replace(data, stories=stories)) == whole


def test_open_first_by_value_then_resolved_then_hold_out() -> None:
    html = render(
        report_data([story_of(CLEO), story_of(DORA, arm="holdout"), story_of(ANNA), story_of(BERT)])
    )
    heads = re.findall(r'<article class="story".*?class="who">(\w+)<', html, re.DOTALL)
    assert heads == ["bert", "anna", "cleo", "dora"]
    text = Page(html).plain()
    assert text.index("Customers to win back") < text.index("bert") < text.index("anna")
    assert text.index("anna") < text.index("Resolved Ended, by the most") < text.index("cleo")
    assert text.index("cleo") < text.index("leave these alone") < text.index("dora")


def test_headline_counts_open_alerts_only() -> None:
    stories = [story_of(CLEO), story_of(DORA, arm="holdout"), story_of(ANNA), story_of(BERT)]
    at_risk = sum(story.now.at_risk / 100 for story in stories[2:] if story.now)
    text = Page(render(report_data(stories))).plain()
    assert f"2 customers to win back, {at_risk:,.0f} USD at risk" in text
    assert "Alerts, open 2 Watches, open 0 Returned 1 Resolved otherwise 0 Hold-out arm 1" in text


def test_one_customer_in_the_singular() -> None:
    assert "1 customer to win back, 5" not in (text := Page(render(report_data([story_of(ANNA)]))).plain())
    assert "1 customer to win back," in text


@pytest.mark.parametrize("asked", [False, True])
def test_whoever_asked_not_to_be_got_in_touch_with_is_marked(asked: bool) -> None:
    """In the list and in the story, and nobody is told to call."""
    text = Page(render(report_data([story_of(ANNA, do_not_contact=asked)]))).plain()
    assert text.count("do not contact") == (2 if asked else 0)
    assert (
        "nobody: they asked not to be got in touch with; for named executive to put right" in text
    ) is asked
    assert ("Who should call named executive" in text) is not asked


def test_story_tells_the_case() -> None:
    text = Page(render(report_data([story_of(ANNA)]))).plain()
    for fact in (
        "any customer −2.94",
        "the contacts, faded and capped +2.95",
        "escalation refused 22 Nov 2017 +1.85",
        "Usual spend a day 10.00 USD",
        "Win back by 20 Feb 2018 50 days left",
        "Who should call named executive",
        "What would clear it Clears once spend in 28 days reaches 140.00 USD.",
        "22 Nov 2017 00:00 raised as watch at 50 %",
        "22 Nov 2017 00:00 voice, inbound · award ticket transfer: escalation refused;",
    ):
        assert fact in text


def test_repeats_in_one_contact_are_added_up() -> None:
    reasons = [{"signal": "repeat", "nats": 0.95, "contact_id": "anna-3"}] * 3
    text = Page(render(report_data([story_of(ANNA, reasons=reasons)]))).plain()
    assert "had to come back about it (3 times) 22 Nov 2017 very strong" in text
    assert "had to come back about it 22 Nov 2017 +2.85" in text


def test_unknown_signal_and_missing_contact_still_show() -> None:
    reasons = [{"signal": "something_new", "nats": 0.1, "contact_id": None}]
    assert "something new +0.10" in Page(render(report_data([story_of(ANNA, reasons=reasons)]))).plain()


def test_silence_without_an_anchor_is_told() -> None:
    story = story_of(ANNA, anchor=None, rule="silent", reasons=[])
    page = Page(render(report_data([replace(story, contacts=[])], summary=summary(silent=1))))
    assert "no bad contact known" in page.text
    assert "spend fell silent" in page.text
    assert "1 time spend fell without one;" in page.plain()
    assert "Fell silent without one 1" in page.plain()
    assert page.count("rect", "since") == 6


def test_a_silent_story_begins_where_spend_began_to_fall_and_spans_its_life() -> None:
    """Noticed 35 days after the last reset, it lasts for up to 120 days more."""
    odds = {"prior": -6.2126, "frustration": 0.0, "silence": 6.3}
    story = story_of(ANNA, anchor=None, rule="silent", reasons=[], log_odds=odds)
    reset = parse_ms(story.alerts[0].time) - 35 * DAY_MS
    weeks = [WeekSpend(reset + at * WEEK_MS, 7_000) for at in range(-26, 10)]
    [card] = cards([replace(story, contacts=[], weeks=weeks)])
    shown = picture(card, report_data([story]))
    assert (card.anchor_ms, shown.anchor_ms) == (reset, reset)
    assert shown.axis.end_ms == reset + (35 + 122) * DAY_MS
    assert (shown.levels.prior, shown.levels.alert) == (-6.2126, LEVELS.alert)
    assert "a fall in spend" in draw(shown)


def test_resolved_counts_what_was_at_risk() -> None:
    story = story_of(CLEO)
    assert story.alerts[-1].state == "resolved"
    most = max(float(one.value_at_risk) for one in story.alerts)
    assert f"{most:,.2f} USD was at risk" in Page(render(report_data([story]))).plain()


def test_chart_marks_what_the_story_holds() -> None:
    page = Page(render(report_data([story_of(ANNA)])))
    assert page.count("rect", "before") == 26
    assert page.count("rect", "since") == 6
    assert page.count("circle", "bad") == 2
    assert page.count("circle", "fine") == 1
    assert page.count("g", "decision") == 2
    assert page.count("polyline", "curve") == 1


def test_chart_without_weeks_of_its_own_takes_those_of_the_alert() -> None:
    story = replace(story_of(ANNA), weeks=[])
    page = Page(render(report_data([story])))
    assert page.count("rect", "before") == 26
    assert page.count("rect", "since") == len(story.alerts[-1].spend_by_week) - 26


def test_chart_without_a_curve_has_levels_only() -> None:
    page = Page(render(report_data([replace(story_of(ANNA), curve=[])])))
    assert page.count("g", "level") == 3


def test_alerts_meet_under_what_went_wrong() -> None:
    stories = [story_of(ANNA), story_of(BERT), story_of(CLEO)]
    at_risk = sum(story.now.at_risk / 100 for story in stories[:2] if story.now)
    text = Page(render(report_data(stories))).plain()
    assert f"escalation refused {at_risk:,.0f} 2 2" in text
    assert "left unresolved 0.00 1 0" in text
    behind = text[text.index("By the reason of the contact") :]
    assert f"(2) {at_risk:,.0f} 2 2" in behind


def test_settings_and_run_are_shown(page: Page) -> None:
    text = page.plain()
    assert "frustration cap 2.95 nats P = 0.50 from contacts alone" in text
    assert report_data().ruleset in text
    assert "transactions.jsonl accepted 155,848 duplicate 12 late 340 refused 3" in text
    assert "not json 1 schema 4" in text
    assert "raised alert 10 watch 30 resolved alert 12" in text
    assert "Hours with a broken feed 2" in text


def test_synthetic_contacts_are_called_so() -> None:
    stories = [story_of(ANNA)]
    assert "The contacts are synthetic." in render(report_data(stories))
    assert "ynthetic" not in Page(render(report_data(stories, synthetic=False))).text.replace(
        "synthetic contact", ""
    )


def test_a_run_without_alerts() -> None:
    nothing = summary(
        outcomes={},
        refused={},
        customers=0,
        first_ms=None,
        last_ms=None,
        episodes=0,
        alert_records={},
        notes=[],
    )
    page = Page(render(report_data([], summary=nothing, synthetic=False)))
    assert "No alerts" in page.text
    assert "Nothing is open. Either nobody of high value had a bad contact" in page.plain()
    assert page.count("article") == page.count("svg") == 0


def test_only_resolved_alerts() -> None:
    text = Page(render(report_data([story_of(CLEO)]))).plain()
    assert "No customer left to win back" in text
    assert "Every alert of this run has ended, is past its deadline" in text


def test_an_alert_the_moment_it_came_has_no_share_of_usual_spend() -> None:
    first = curve_of(ANNA, END_MS)[0]
    came = alert(ANNA, first, 1)
    now = figures_of(ANNA, first, ANNA.anchor_ms, came)
    story = replace(story_of(ANNA), alerts=[came], curve=[first], now=now)
    text = Page(render(report_data([story]))).plain()
    assert "50 % 451 300 0.00 – 20 Feb 2018 90 days left 50 %, 451 on 22 Nov 2017" in text
    assert "a chance of 50 % of leaving; 0.00 USD spent in 0 days." in text


def test_levels_far_apart_still_fit() -> None:
    far = replace(LEVELS, alert=9.0)
    assert "alert >\u00a099\u00a0%" in Page(render(report_data([story_of(ANNA)], levels=far))).text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ((), "–"),
        (("gold", "black"), "gold, black"),
        ("", "–"),
        ("1", "1"),
        (2048, "2,048"),
        (0.1, "0.1"),
        (86_400.0, "86,400"),
    ],
)
def test_setting_values(value: object, shown: str) -> None:
    assert setting_value(value) == shown


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_contrast_in_light_and_dark(whole: str, dark: bool) -> None:
    """WCAG AA: 4.5 to 1 for text of ordinary size."""
    schemes = re.findall(r":root \{(.*?)\}", whole, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", schemes[dark]))
    pairs = [(ink, ground) for ink in ("ink", "soft", "link") for ground in ("paper", "sheet", "faint")]
    pairs += [
        (tone, ground) for tone in ("alert", "watch", "good") for ground in ("paper", "sheet", f"{tone}-tint")
    ]
    ratios = {pair: _contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


def test_weeks_count_from_the_anchors_hour() -> None:
    """The alert's weeks start on the hour of the anchor, a little before its moment."""
    later = replace(ANNA, anchor_ms=ANNA.anchor_ms + 59 * 60_000)
    for story in (story_of(later), replace(story_of(later), weeks=[])):
        page = Page(render(report_data([story])))
        assert page.count("rect", "before") == 26
        assert page.count("rect", "since") >= 1


def test_what_the_chart_does_not_span_is_left_out() -> None:
    story = story_of(ANNA)
    stray = replace(story.curve[-1], time_ms=ANNA.anchor_ms + 200 * DAY_MS)
    late = alert(ANNA, stray, 3, state="resolved", resolution="closed")
    page = Page(
        render(report_data([replace(story, alerts=[*story.alerts, late], curve=[*story.curve, stray])]))
    )
    assert page.count("g", "decision") == 2
    assert "resolved: closed by the CRM" in page.plain()


def test_a_deadline_beyond_the_chart_is_not_drawn() -> None:
    far = story_of(ANNA, deadline="2018-09-01T00:00:00.000Z")
    assert Page(render(report_data([far]))).count("g", "deadline") == 0
    assert Page(render(report_data([story_of(ANNA)]))).count("g", "deadline") == 1


def test_a_run_of_which_only_the_end_is_known() -> None:
    text = Page(render(report_data([story_of(ANNA)], summary=summary(first_ms=None)))).plain()
    assert "Up to 1 Jan 2018, 2,469 customers followed." in text
