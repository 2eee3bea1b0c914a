"""Numbers, times and hostile text as people read them."""

from __future__ import annotations

import math

import pytest

from streams.charts.svg import number, pct, tag
from streams.console import visible
from streams.core.alerts.words import SIGNALS
from streams.lab.report import words


@pytest.mark.parametrize(
    ("cents", "shown"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (9_999, "99.99"),
        (10_000, "100"),
        (123_456_789, "1,234,568"),
        (-1_050, "-10.50"),
    ],
)
def test_money(cents: int, shown: str) -> None:
    assert words.money(cents) == shown
    assert words.money(cents, "EUR") == f"{shown} EUR"


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.0, "0"),
        (0.009, "< 1"),
        (0.01, "1"),
        (0.5, "50"),
        (0.99, "99"),
        (0.991, "> 99"),
        (1.0, "100"),
        (1.4, "140"),
    ],
)
def test_percent_is_sure_only_when_it_is(share: float, shown: str) -> None:
    assert words.percent(share) == f"{shown} %".replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("value", "shown"), [(1.85, "+1.85"), (-2.944, "−2.94"), (-0.001, "+0.00"), (0, "+0.00")]
)
def test_nats(value: float, shown: str) -> None:
    assert words.nats(value) == shown


@pytest.mark.parametrize(
    ("odds", "word"),
    [
        (1, "none"),
        (1.1, "weak"),
        (1.99, "weak"),
        (2, "strong"),
        (4.99, "strong"),
        (5, "very strong"),
        (5.01, "very strong"),
        (1 / 1.99, "weak, against it"),
        (1 / 2, "strong, against it"),
        (1 / 5, "very strong, against it"),
    ],
)
def test_strength_goes_by_how_many_times_the_odds_rise(odds: float, word: str) -> None:
    assert words.strength(math.log(odds)) == word


@pytest.mark.parametrize(("value", "share"), [(0, 0), (1, 0.5), (2, 1), (2.95, 1), (-1, 0.5)])
def test_a_bar_of_strength_is_full_at_the_heaviest_single_sign(value: float, share: float) -> None:
    assert words.strength_share(value) == share


def test_it_is_the_customer_who_gives_the_score() -> None:
    assert words.signal_label("worst_score") == "gave the worst score"


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0.00", 0), ("12.34", 1234), ("-0.05", -5), ("999999999999.99", 99_999_999_999_999)],
)
def test_to_cents_is_exact(amount: str, cents: int) -> None:
    assert words.to_cents(amount) == cents


@pytest.mark.parametrize(("log_odds", "shown"), [(-80, "< 1"), (0, "50"), (80, "> 99")])
def test_chance_is_never_certain(log_odds: float, shown: str) -> None:
    assert words.chance(log_odds) == f"{shown} %".replace(" ", "\u00a0")


def test_times() -> None:
    time_ms = 1_483_452_306_789
    assert words.day(time_ms) == "3 Jan 2017"
    assert words.day_and_time(time_ms) == "3 Jan 2017 14:05"


@pytest.mark.parametrize(
    ("number_", "shown"), [(0, "0 alerts"), (1, "1 alert"), (2, "2 alerts"), (1_200, "1,200 alerts")]
)
def test_count(number_: int, shown: str) -> None:
    assert words.count(number_, "alert") == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Ä 漢 €", "plain Ä 漢 €"),
        ("\x1b[2J", "\\u001b[2J"),
        ("a\nb\tc\x00", "a\\u000ab\\u0009c\\u0000"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\u2028", "\\u2028"),
    ],
)
def test_unseen_characters_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_svg_escapes_text_and_attributes() -> None:
    drawn = tag("text", "<b>&", class_='a"b', text_anchor="end", x=1.50)
    assert drawn == '<text class="a&#34;b" text-anchor="end" x="1.5">&lt;b&gt;&amp;</text>'


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (-0.001, "0"), (1.0, "1"), (1.234, "1.23"), (100, "100"), (-2.5, "-2.5")]
)
def test_svg_numbers(value: float, shown: str) -> None:
    assert number(value) == shown
    assert pct(value / 100) == f"{shown}%"


def test_the_report_has_words_for_every_signal() -> None:
    without_contact = {"subscription_cancelled", "subscription_reduced", "silence"}
    assert set(words.SIGNALS) - without_contact == set(SIGNALS)
