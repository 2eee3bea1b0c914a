"""`explain`: one customer's story in the terminal, the same for the same data."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from streams.core.time import DAY_MS
from streams.lab.explain.text import render_story, shut
from streams.lab.story import CustomerStory, EvidencePoint, RefusedPurchase, WeekSpend
from tests.lab.report_data import (
    END_MS,
    HOSTILE_REASON,
    LEVELS,
    RULES,
    Person,
    customer_story,
    gates_of,
    story_of,
)

ANNA = Person("anna", END_MS - 40 * DAY_MS, 1_000, 5.0, 0, 0)
CLEO = Person("cleo", END_MS - 60 * DAY_MS, 9_000, 2.0, 0.9, 1)  # returns


def shown(story: CustomerStory, width: int = 100) -> str:
    out = StringIO()
    render_story(Console(file=out, width=width, no_color=True), story)
    return out.getvalue().replace("\u00a0", " ")


ANNAS_STORY = """\
Customer anna
1 alert up to 1 Jan 2018; the last one: alert, open.
The contacts are synthetic.

Purchases per week, USD
        139 │    █▅          ▁
            │   ▅██          █▇
usual 70.00 │   ███ ▁▅  ▅ ▅ ▁██   ▂▇▆
            │█▆▆███▁██▃ █▆█▄███ ▆▅███▇▁
            │██████████▆███████▆███████
            └────────────────────────────────
   contacts               ○           ●●
               Jun Jul Aug  Sep Oct Nov  Dec

Contacts (synthetic)
24 Aug 2017 00:00       0 nats, F 0.00  email, inbound, opening hours
20 Nov 2017 00:00   +0.50 nats, F 0.50  voice, inbound, award ticket transfer
                    +0.50 dead end in the phone menu
22 Nov 2017 00:00   +3.10 nats, F 2.95  voice, inbound, award ticket transfer
                    +1.85 escalation refused
                    +0.30 “the system won’t let me”, “policy”
                    +0.95 had to come back about it

Episode from 22 Nov 2017 00:00, anchor anna-3
usual spend 10.00 USD a day; 5.0 quiet days make a nat of evidence
            │                                     ●●●●
            │                              ●●●●●●●
            │                        ●●●●●●
            │                 ●●●●●●●
 alert 80 % │╌╌╌╌╌╌╌╌╌╌●●●●●●●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
            │    ●●●●●●
 watch 50 % │●●●●╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
            │
            │
            │
    any 5 % │╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
             22 Nov 2017                    1 Jan 2018
22 Nov 2017 00:00  raised as watch
                   log-odds +0.01 (50 %) = any customer −2.94, contacts +2.95, spend +0.00
                   spent 0.00 USD in 0.0 days, worth 0.0 usual days
                   why now: the contacts alone reach watch (+0.00)
5 Dec 2017 00:00   updated as alert
                   log-odds +1.44 (81 %) = any customer −2.94, contacts +2.95, spend +1.43
                   spent 0.00 USD in 13.0 days, worth 0.0 usual days
                   why now: the contacts alone stood at 50 %; +1.43 from the spend since reached
                   alert (+1.39)
now, 1 Jan 2018    99 %, 889.14 USD at risk; spent 0.00 USD in 40.0 days; to win back by 20 Feb 2018
what would clear it: Clears once spend in 28 days reaches 140.00 USD.
"""


def test_a_whole_story_at_width_100() -> None:
    assert shown(customer_story(ANNA)) == ANNAS_STORY


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    story = customer_story(Person("x" * 30, END_MS - 130 * DAY_MS, 70_000, 1.5, 0, 5))
    assert max(len(line) for line in shown(story, width).splitlines()) <= width


def test_hostile_text_cannot_steer_the_terminal() -> None:
    hostile = Person("\x1b[2J[bold]eve[/bold]\n", END_MS - 40 * DAY_MS, 1_000, 5.0, 0, 0, HOSTILE_REASON)
    text = shown(customer_story(hostile))
    assert "Customer \\u001b[2J[bold]eve[/bold]\\u000a\n" in text
    assert "\\u001b[31m\\u202e" in text
    assert "\x1b" not in text


def test_a_customer_of_whom_nothing_is_known() -> None:
    story = replace(customer_story(ANNA, opened=False), weeks=[], contacts=[], judgements=[], synthetic=False)
    assert shown(story).splitlines() == [
        "Customer anna",
        "Nothing is known of this customer up to 1 Jan 2018.",
        "",
        "Purchases per week, USD",
        "none",
        "",
        "Contacts",
        "none",
        "",
        "Why there was nothing to judge",
        "no contact went wrong, and silence alone raises nothing",
    ]


def test_a_resolved_alert_says_how_it_ended() -> None:
    text = shown(customer_story(CLEO))
    assert "1 alert up to 1 Jan 2018; the last one: watch, returned." in text
    assert "resolved, returned" in text
    assert "closed 10 Nov 2017 00:00: returned" in text
    assert "what would clear it" not in text


def test_an_episode_that_never_reached_watch() -> None:
    story = customer_story(ANNA)
    quiet = [EvidencePoint(ANNA.anchor_ms + at * DAY_MS, 1.2, 0.0, LEVELS.prior + 1.2) for at in range(9)]
    episode = replace(story.episodes[0], alerts=[], curve=quiet)
    text = shown(replace(story, episodes=[episode]))
    assert "No alert up to 1 Jan 2018." in text
    assert "no alert: log-odds came to −1.74 at most (15 %), and watch begins at +0.00; still open" in text


def test_an_episode_without_a_curve() -> None:
    story = customer_story(ANNA)
    episode = replace(story.episodes[0], alerts=[], curve=[], resolution="withdrawn", closed_ms=END_MS)
    text = shown(replace(story, episodes=[episode]))
    assert "no alert: log-odds came to −2.94 at most (5 %), and watch begins at +0.00; withdrawn" in text
    assert "closed 1 Jan 2018 00:00: withdrawn" in text


def test_a_cancelled_subscription_is_named_as_the_cause() -> None:
    story = customer_story(ANNA)
    alerts = story_of(ANNA, level="alert").alerts[:1]
    text = shown(replace(story, episodes=[replace(story.episodes[0], alerts=alerts)]))
    assert "why now: the subscription was cancelled, which is alert whatever the evidence" in text


def silent_story() -> CustomerStory:
    """Return the story of a customer whose spend fell without a contact."""
    odds = {"prior": -6.2126, "frustration": 0.0, "silence": 7.7}
    story = customer_story(ANNA)
    alerts = story_of(ANNA, anchor=None, rule="silent", reasons=[], log_odds=odds, level="alert").alerts[:1]
    episode = replace(story.episodes[0], anchor_id=None, alerts=alerts)
    return replace(story, contacts=[], judgements=[], episodes=[episode], rules=replace(RULES, silent=True))


def test_a_silent_episode_says_since_when_spend_fell() -> None:
    text = shown(silent_story())
    assert "Episode from 22 Nov 2017 00:00, without a bad contact: spend fell from 22 Nov 2017 on\n" in text
    assert "  any < 1 % │" in text
    assert "log-odds +1.49 (82 %) = any customer −6.21, contacts +0.00, spend +7.70" in text
    assert "why now: any customer stands at < 1 %; +7.70 from the spend since reached alert" in text
    assert "Why there was nothing to judge" not in text


def test_without_an_episode_the_silent_rule_is_named() -> None:
    text = shown(replace(silent_story(), episodes=[]))
    assert text.endswith("no contact went wrong, and the silent rule found no reason\n")


def test_what_leaves_the_chart_is_marked() -> None:
    assert "▲" in shown(customer_story(Person("far", END_MS - 80 * DAY_MS, 1_000, 1.5, 0, 0)))
    assert "▲" not in shown(customer_story(ANNA))


def test_a_week_of_refunds_and_a_week_of_little() -> None:
    weeks = [WeekSpend(END_MS - at * 7 * DAY_MS, cents) for at, cents in ((3, 80_000), (2, -500), (1, 1))]
    text = shown(replace(customer_story(ANNA, opened=False), weeks=weeks, contacts=[]))
    assert "        800 │█\n            │█\n            │█\n            │█\n            │█ ▁\n" in text


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ({"frustration": 0.85}, "frustration 0.85 is below 1.00 nats"),
        ({"blocks": 2}, "no baseline: 2 of 3 whole blocks of 28 days since the first purchase"),
        ({"usual": None}, "no baseline: nothing was spent in the blocks of 28 days before"),
        ({"cutoff": None}, "too few customers for a cut-off, so nobody counts as high value yet"),
        (
            {"trailing_spend": 119_999, "cutoff": 120_000},
            "not high value: 1,199.99 USD in the year before, cut-off 1,200.00 USD",
        ),
    ],
)
def test_the_first_gate_that_was_shut_is_named(gates: dict[str, object], said: str) -> None:
    story = customer_story(ANNA, opened=False, **gates)
    assert shut(gates_of(ANNA, valuable=False, **gates), story) == said
    assert said in " ".join(shown(story).split())


def test_it_says_how_many_purchases_were_refused_and_why() -> None:
    """Of all, and of those since the episode began to weigh spend."""
    story = customer_story(ANNA)
    [episode] = story.episodes
    before, since = episode.first_hour_ms - 1, episode.first_hour_ms
    kinds = [(before, "too_late"), (since, "currency"), (since + DAY_MS, "currency")]
    told = shown(replace(story, refused=[RefusedPurchase(*one) for one in kinds]))
    assert "3 purchases were refused: 2 currency, 1 too_late" in told
    assert "2 purchases since were refused: currency" in told
    assert "refused:" not in shown(story)


def test_one_refused_purchase_before_all_is_no_purchase_since() -> None:
    told = shown(replace(customer_story(ANNA), refused=[RefusedPurchase(0, "schema")]))
    assert "1 purchase was refused: schema" in told
    assert "since w" not in told
