"""The report tells one date: the end of the run first, the day when it was raised second."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Evidence
from streams.core.time import DAY_MS
from streams.lab.replay import ReplayResult, replay_directory
from streams.lab.replay.open_now import OpenAlert, figures_now, open_now
from streams.lab.replay.summary import report_data as gathered
from streams.lab.replay.summary import run_summary
from streams.lab.replay.watch import Watcher
from streams.lab.report.page import render
from streams.lab.report.view import Card, cards
from streams.lab.report.why import numbers, steps
from streams.lab.report.words import exact_money, to_cents
from streams.rulesets import calibration_note
from streams.runtime.http.lookup import LookupEpisode, lookup_answer
from tests.lab.datasets import NOW
from tests.lab.html_page import Page
from tests.lab.report_data import END_MS, Person, report_data, story_of, summary

if TYPE_CHECKING:
    from pathlib import Path

    from streams.lab.story import ReportData, Story

RULES = Ruleset(high_value_quantile=0.3, population_minimum=5, opening_frustration=0.5)
DAYS = 100

ANNA = Person("anna", END_MS - 40 * DAY_MS, 1_000, 5.0, 0, 0)
CLEO = Person("cleo", END_MS - 60 * DAY_MS, 9_000, 2.0, 0.9, 1)  # returns
DORA = Person("dora", END_MS - DAYS * DAY_MS, 2_000, 5.0, 0.2, 3)  # past day 90


class Run:
    """A replayed dataset, and what the report is told of it."""

    def __init__(self, dataset: Path) -> None:
        watcher = Watcher(RULES)
        self.result: ReplayResult = replay_directory(dataset, ruleset=RULES, now_ms=NOW, sampler=watcher)
        counts = run_summary(self.result, dataset, 4)
        self.data: ReportData = gathered(watcher.stories(self.result), counts, RULES, "USD")
        self.cards = cards(self.data.stories)

    def looked_up(self, customer_id: str) -> LookupEpisode | None:
        """Return the open episode as lookup states it."""
        view = self.result.lookup(customer_id)
        assert view is not None
        return lookup_answer(view, "USD").open_episode


@pytest.fixture(name="run", scope="module")
def run_fixture(dataset: Path) -> Run:
    return Run(dataset)


@pytest.fixture(name="page", scope="module")
def page_fixture() -> Page:
    return Page(render(report_data()))


def text_of(*stories: Story, **changes: object) -> str:
    """Return what a page of these stories says at first sight."""
    return Page(render(report_data(list(stories), **changes))).in_sight()


def rows_of(text: str, head: str, end: str) -> str:
    """Return the part of the text from one heading to the next."""
    return text[text.index(head) : text.index(end, text.index(head))]


# As lookup has it


def test_open_is_what_lookup_shows_open_with_its_figures(run: Run) -> None:
    open_cards = [card for card in run.cards if card.now is not None]
    assert len(open_cards) > 5
    for card in open_cards:
        episode = run.looked_up(card.story.customer_id)
        assert episode is not None
        assert card.now is not None
        assert episode.alert_id == card.last.alert_id
        assert episode.level == card.last.level
        assert episode.probability == round(card.now.odds.probability, 4)
        assert to_cents(episode.value_at_risk) == card.now.at_risk == card.at_risk_cents
        assert to_cents(episode.spend_since) == card.now.spend
        assert episode.days_since == round(card.now.days, 4)


def test_what_lookup_does_not_show_is_not_open(run: Run) -> None:
    ended = [card for card in run.cards if card.place == "resolved"]
    assert ended
    for card in ended:
        episode = run.looked_up(card.story.customer_id)
        assert episode is None or episode.alert_id != card.last.alert_id or episode.level is None


def test_each_story_says_what_lookup_says(run: Run) -> None:
    html = render(run.data)
    for card in run.cards:
        episode = run.looked_up(card.story.customer_id)
        if card.now is None or episode is None:
            continue
        story = html[html.index(f'id="{card.key}"') :]
        said = Page(story[: story.index("</article>")]).in_sight()
        assert f"{exact_money(to_cents(episode.value_at_risk), 'USD')} at risk now" in said
        assert f"; {exact_money(to_cents(episode.spend_since), 'USD')} spent in " in said
        if 0.01 < episode.probability < 0.99:
            assert f"a chance of {episode.probability * 100:.0f} % of leaving" in said


def test_the_curve_ends_where_the_story_stands(run: Run) -> None:
    for card in run.cards:
        if card.now is not None:
            assert card.story.curve[-1].log_odds == pytest.approx(card.now.odds.total)


def test_the_terminal_ranks_as_the_report_does(run: Run) -> None:
    still = open_now(run.result)
    in_report = [card for card in run.cards if card.place in {"open", "overdue"}]
    assert {one.alert.alert_id for one in still} == {card.last.alert_id for card in in_report}
    waiting = [card.last.alert_id for card in in_report if card.place == "open"]
    assert [one.alert.alert_id for one in still if not one.now.overdue] == waiting


def test_an_episode_opened_again_of_which_nothing_was_sent_leaves_its_alert_closed(run: Run) -> None:
    """The alert id of a contact is the same each time; lookup shows no level then."""
    one: OpenAlert = open_now(run.result)[0]
    view = run.result.lookup(one.alert.customer_id)
    assert view is not None
    assert view.episode is not None
    again = replace(run.result, lookup=lambda _customer_id: view)
    assert figures_now(one.alert, again) is not None
    view.episode.episode.sent = 0
    assert figures_now(one.alert, again) is None


# Now first, when raised second


def test_a_row_shows_now_and_then_the_day_it_was_raised() -> None:
    story = story_of(ANNA)
    assert story.now is not None
    evidence = Evidence(16_680, story.now.days, -1.0 / 0.55)
    odds = story.now.odds._replace(silence=-1.0)
    fallen = replace(story.now, odds=odds, evidence=evidence, at_risk=80_575)
    text = text_of(replace(story, now=replace(fallen, days_usual_spend=16.0)))
    assert "alert 27 % 806 300 167 40 % of usual 20 Feb 2018 50 days left 81 %, 727 on 5 Dec 2017" in text
    assert (
        "Now, 1 Jan 2018: a chance of 27 % of leaving; 166.80 USD spent in 40 days, 40 % of the usual" in text
    )
    assert "When raised, 5 Dec 2017: a chance of 81 %, 726.99 USD at risk." in text


def test_the_page_says_of_which_date_it_tells() -> None:
    text = text_of(story_of(ANNA))
    assert "889 USD at risk As of 1 Jan 2018, where the run ended" in text
    assert "As of" not in text_of(story_of(ANNA), summary=summary(last_ms=None))


def test_the_list_ranks_by_what_is_at_risk_now() -> None:
    """Anna had more at risk when the alert was raised, Dirk has more now."""
    dirk = story_of(Person("dirk", END_MS - 30 * DAY_MS, 900, 5.0, 0, 0))
    anna = story_of(ANNA)
    assert anna.now is not None
    anna = replace(anna, now=replace(anna.now, at_risk=100))
    assert [card.story.customer_id for card in cards([anna, dirk])] == ["dirk", "anna"]


# Past the deadline, and ended


def test_past_the_deadline_is_a_list_of_its_own_and_not_in_the_sum() -> None:
    text = text_of(story_of(ANNA), story_of(DORA))
    assert "1 customer to win back, 889 USD at risk" in text
    assert "Open, past their deadline 1" in text
    assert "dora" not in rows_of(text, "Customers to win back, by value", "Past their deadline Still")
    assert "dora" in rows_of(text, "Past their deadline Still", "What is behind them The same")
    assert "cut off by the company 0.00 1 0" in text


@pytest.mark.parametrize(("late_ms", "place"), [(-1, "open"), (0, "open"), (1, "overdue")])
def test_an_alert_is_overdue_after_its_deadline(late_ms: int, place: str) -> None:
    story = story_of(ANNA)
    assert story.now is not None
    [card] = cards([replace(story, now=replace(story.now, time=story.now.deadline + late_ms))])
    assert card.place == place


def test_without_anything_to_win_back_the_page_says_so_and_lists_the_overdue() -> None:
    text = text_of(story_of(DORA))
    assert "No customer left to win back" in text
    assert "Nothing is open within its deadline." in text


def test_what_ended_states_no_chance_of_leaving() -> None:
    text = text_of(story_of(CLEO))
    row = rows_of(text, "Resolved Ended", "What is behind them The same")
    row = row[row.index("cleo") :]
    assert "watch returned – 406 2,700 " in row
    assert not re.search(r"\d %(?! of usual)", row)
    story = text[text.index("USD was at risk") - 40 :]
    assert "of leaving;" not in story
    assert "Now, " not in story
    assert "Why it was raised" in story


def test_the_hold_out_arm_shows_now_and_is_no_sum() -> None:
    text = text_of(story_of(ANNA, arm="holdout"))
    assert "No customer left to win back" in text
    row = rows_of(text, "Hold-out arm: leave these alone", "What is behind them The same")
    assert "alert hold-out 99 % 889 " in row


def test_an_ended_alert_of_the_hold_out_arm_has_no_figures_of_now() -> None:
    row = rows_of(text_of(story_of(CLEO, arm="holdout")), "leave these alone", "What is behind them The")
    assert "watch hold-out – – 2,700 " in row


# Words before numbers


def test_no_nats_outside_the_details(page: Page) -> None:
    """Also not in the pictures, in tooltips, labels, legend, footer and settings."""
    assert not re.search(r"\bnats?\b|log-odds", page.in_sight(), re.IGNORECASE)
    labels = [text or "" for _, attrs in page.elements for name, text in attrs.items() if "label" in name]
    assert not [text for text in labels if re.search(r"\bnats?\b|log-odds", text)]
    assert "log-odds in all" in page.plain()
    assert page.count("details") == page.count("article", "story") + 1


def test_the_steps_lead_from_any_customer_to_now() -> None:
    [card] = cards([story_of(ANNA)])
    told = steps(card)
    assert [(step.label, step.weight) for step in told] == [
        ("any customer", ""),
        ("the contacts, as they fade", "very strong"),
        ("the quiet since", "very strong"),
        ("in all", ""),
    ]
    assert [step.start for step in told[1:3]] == [step.end for step in told[:2]]
    assert card.now is not None
    assert told[-1].end == pytest.approx(card.now.odds.probability)


def test_spend_that_speaks_against_leaving_is_said_to() -> None:
    story = story_of(ANNA)
    assert story.now is not None
    now = replace(story.now, odds=story.now.odds._replace(silence=-1.0))
    step = steps(cards([replace(story, now=now)])[0])[2]
    assert (step.label, step.weight) == ("the spend since", "strong, against it")
    assert step.end < step.start


def test_the_numbers_stand_beside_those_of_the_day_it_was_raised() -> None:
    told = {row.label: (row.now, row.raised) for row in numbers(_card(ANNA))}
    assert told["any customer"] == ("−2.94", "−2.94")
    assert told["the spend since"] == ("+4.40", "+1.43")
    assert [row.now for row in numbers(_card(CLEO))] == [None] * 4


def _card(person: Person) -> Card:
    return cards([story_of(person)])[0]


# In which world the chance was measured


def test_the_calibration_stands_beside_the_chance_and_with_the_settings() -> None:
    html = render(report_data([story_of(ANNA)]))
    assert html.count("Measured here: <code>calibrate</code> measures it there.") == 2
    text = Page(html).in_sight()
    assert text.index("Customers to win back Open") < text.index("Measured here") < text.index("anna 22 Nov")


def test_a_run_says_how_its_own_rules_were_measured(run: Run) -> None:
    assert run.data.calibration == calibration_note(RULES)
