"""Ruleset 2 as it decides: trips beside spend, operational time, and silence that proves only so much.

One customer buys for 10.00 every noon, so that the usual is a trip and 10.00 a day, and D the least, 3 days.
"""

import math
from dataclasses import replace

import pytest

from schemas.alert import Alert
from schemas.events import Transaction
from schemas.times import parse_ms
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds.odds import elapsed_days
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.spend.evidence import PopulationClock, Yardstick
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, bad, daily, purchase

RULES = replace(VERSIONS["2"], population_minimum=1, high_value_quantile=0.1)
ANCHOR = HOME + 112 * DAY_MS
BAD = bad("a", ANCHOR - 1)
"""1.85 nats: a watch needs 1.09 / 0.8 nats more, an alert 2.48 / 0.8."""
QUIET_HOURS = 142
"""Hours of silence that make it a watch."""


def alerts(*since: Record, rules: Ruleset = RULES) -> list[tuple[float, str, str]]:
    """Return day since the anchor, state and level of what 130 days bring."""
    partition = Partition(rules)
    partition.apply(Input.TRANSACTIONS, [*daily("a", HOME, 112), *since])
    partition.apply(Input.CONTACTS, [BAD])
    found = partition.advance(dict.fromkeys(FACTS, ANCHOR + 130 * DAY_MS))
    return [(days_of(one), one.state, one.level) for one in found]


def days_of(alert: Alert) -> float:
    """Return the days since the anchor."""
    return (parse_ms(alert.time) - ANCHOR) / DAY_MS


def test_silence_is_raised_within_a_week_or_two() -> None:
    """By hand: with e/D = E, S = ln((((12+E)/(12+E/4))^12 + ((24+E)/(24+E/4))^24) / 2)."""

    def strength(hours: int) -> float:
        e = hours / 24 / 3
        return math.log((((12 + e) / (12 + e / 4)) ** 12 + ((24 + e) / (24 + e / 4)) ** 24) / 2)

    prior = math.log(0.05 / 0.95) + 1.85
    hours = [
        next(at for at in range(999) if prior + 0.8 * strength(at) >= least) for least in (0, math.log(4))
    ]
    assert [row[0] for row in alerts()[:2]] == [at / 24 for at in hours]
    assert hours[0] == QUIET_HOURS


def test_trips_alone_are_enough() -> None:
    """The same spend in one trip of seven is a fall of trips, if not of spend."""
    weekly = [purchase("a", ANCHOR + (day * 24 + 12) * DAY_MS // 24, 7_000) for day in range(6, 130, 7)]
    assert [row[1:] for row in alerts(*weekly)] != []


def test_usual_trips_and_usual_spend_are_no_news() -> None:
    assert alerts(*daily("a", ANCHOR, 130)) == []


def test_silence_never_proves_more_than_people_change_by_themselves() -> None:
    """With a certainty of half a trip S ends at ln 2: no hour is enough, so none is waited for."""
    assert alerts(rules=replace(RULES, trips_certainty=0.5, spend_certainty=0.5)) == []


def others(until: float, share: float) -> list[Transaction]:
    """Return 40 purchases a day of others, of whom only a share buys after the anchor."""
    last = ANCHOR + round(until * DAY_MS)
    step = DAY_MS // 40
    before = [purchase(f"b{at % 9}", time) for at, time in enumerate(range(HOME, ANCHOR, step))]
    after = range(ANCHOR, last, round(step / share))
    return before + [purchase(f"b{at % 9}", time) for at, time in enumerate(after)]


@pytest.mark.parametrize(("share", "stretch"), [(0.6, 1 / 0.6), (1.0, 1.0), (1.6, 1.0)])
def test_time_runs_as_fast_as_the_population_buys_but_not_faster(share: float, stretch: float) -> None:
    partition = Partition(RULES)
    events = sorted([*daily("a", HOME, 112), *others(40, share)], key=lambda event: event.time)
    partition.apply(Input.TRANSACTIONS, events)
    partition.apply(Input.CONTACTS, [BAD])
    found = partition.advance(dict.fromkeys(FACTS, ANCHOR + 40 * DAY_MS))
    assert days_of(found[0]) == pytest.approx(QUIET_HOURS / 24 * stretch, rel=0.08)
    assert found[0].days_since == pytest.approx(QUIET_HOURS / 24, abs=0.05)


@pytest.mark.parametrize(("before", "days"), [(24, 1.0), (48, 0.0), (49, 2.0)])
def test_a_count_that_began_anew_leaves_days_to_the_calendar(before: int, days: float) -> None:
    """48 purchases in two days are known; a clock that began at more of them is from another life."""
    guard = FeedGuard()
    guard.counts_of("", RULES).update(dict.fromkeys(range(48), 1))
    guard.advance(48, RULES)
    yardstick = Yardstick(100.0, 3.0, 0, clock=PopulationClock(before, 24.0))
    assert elapsed_days(yardstick, 48, guard) == days
