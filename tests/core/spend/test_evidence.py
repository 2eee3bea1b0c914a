"""Evidence of silence, log-odds, and the hour at which silence alone is enough."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.odds.odds import probability
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.spend.evidence import (
    Evidence,
    Pace,
    Since,
    Yardstick,
    evidence,
    hours_until,
)

RULES = Ruleset()
YARD = Yardstick(usual_per_day=100.0, irregularity_days=4.0, first_hour=1_000)


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (999, Evidence(0, 0.0, 0.0)),
        (1_000, Evidence(0, 0.0, 0.0)),
        (1_001, Evidence(50, 1.0, (1.0 - 1.0) / 4)),
    ],
)
def test_there_is_none_before_the_first_hour_is_over(hour: int, expected: Evidence) -> None:
    assert evidence(YARD, hour, Since(50, 0, 1.0), RULES) == expected


@pytest.mark.parametrize(("spend", "silence"), [(-1, 2.5), (0, 2.5), (100, 2.0), (500, 0.0), (1_000, -2.5)])
def test_each_quiet_day_adds_and_usual_spend_takes_away(spend: int, silence: float) -> None:
    """Ten working days at D = 4 are 2.5 nats; break-even is half the usual; refunds beyond zero are zero."""
    found = evidence(YARD, 2_000, Since(spend, 0, 10.0), RULES)
    assert found == Evidence(max(0, spend), 10.0, silence)


@pytest.mark.parametrize(
    ("odds", "chance"), [(-math.log(4), 0.2), (0.0, 0.5), (math.log(4), 0.8), (-1e4, 0.0), (1e4, 1.0)]
)
def test_probability_of_log_odds_however_large(odds: float, chance: float) -> None:
    assert probability(odds) == pytest.approx(chance, abs=1e-12)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(
    st.floats(-3.0, 4.0),
    st.integers(-500, 5_000),
    st.integers(0, 3_000),
    st.floats(1.5, 40.0),
    st.floats(0.5, 10_000.0),
)
def test_the_timer_up_is_the_first_hour_that_reaches_the_need(
    need: float, spend: int, worked: int, irregularity: float, usual: float
) -> None:
    """Scanning hour by hour finds the same hour, or one later by the tolerance of waking early."""
    yard = Yardstick(usual, irregularity, 0)
    hours = hours_until(yard, need, Since(spend, 0, worked / 24), RULES)
    assert hours is not None

    def reached(more: int) -> float:
        days = (worked + more) / 24
        return RULES.temperature * (days - 2 * max(0, spend) / usual) / irregularity - need

    assert hours >= 0
    if hours > 0:
        assert reached(hours - 1) < 0
    assert reached(hours + 1) > 0


@pytest.mark.parametrize(("worked", "hours"), [(23, 1), (24, 0), (25, 0)])
def test_no_hours_are_left_once_the_need_is_reached(worked: int, hours: int) -> None:
    yard = Yardstick(100.0, 1.0, 0)
    assert hours_until(yard, RULES.temperature, Since(0, 0, worked / 24), RULES) == hours


# Ruleset 2: trips or spend

RULES_2 = VERSIONS["2"]
PACED = Yardstick(
    100.0,
    4.0,
    0,
    Pace(spend_per_day=80.0, trips_per_day=0.5, spend_irregularity_days=4.0, trips_irregularity_days=3.0),
)


def fallen(count: float, expected: float, certainty: float) -> float:
    """Return the ratio of two negative binomials at a count, as the text has it."""
    return count * math.log(0.25) + (certainty + count) * math.log(
        (certainty + expected) / (certainty + 0.25 * expected)
    )


@pytest.mark.parametrize(("spend", "trips"), [(0, 0), (-500, 0), (4_000, 0), (0, 9), (800, 3), (9_000, 40)])
def test_trips_and_spend_are_weighed_alike(spend: int, trips: int) -> None:
    by_trips = fallen(trips / 0.5 / 3.0, 20 / 3.0, 12.0)
    by_spend = fallen(max(0, spend) / 80.0 / 4.0, 20 / 4.0, 24.0)
    expected = math.log((math.exp(by_trips) + math.exp(by_spend)) / 2)
    found = evidence(PACED, 480, Since(spend, trips, 20.0), RULES_2)
    assert found.silence == pytest.approx(expected, abs=1e-12)
    assert (found.trips, found.spend) == (trips, max(0, spend))


def test_nothing_known_is_no_evidence() -> None:
    assert evidence(PACED, 1, Since(0, 0, 0.0), RULES_2).silence == pytest.approx(0.0, abs=1e-12)


def test_endless_silence_proves_only_so_much() -> None:
    """Both ratios end at their certainty times ln 4: people also change by themselves."""
    endless = evidence(PACED, 10**6, Since(0, 0, 1e12), RULES_2).silence
    assert endless == pytest.approx(24 * math.log(4) - math.log(2), abs=1e-4)


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(
    st.integers(0, 20_000),
    st.integers(0, 60),
    st.floats(0.0, 120.0),
    st.integers(1, 3_000),
    st.integers(0, 5),
    st.floats(0.01, 30.0),
)
def test_evidence_grows_with_days_and_falls_with_spend_and_trips(  # noqa: PLR0917 - six numbers
    spend: int, trips: int, days: float, more_spend: int, more_trips: int, more_days: float
) -> None:
    now = evidence(PACED, 9_999, Since(spend, trips, days), RULES_2).silence
    later = evidence(PACED, 9_999, Since(spend, trips, days + more_days), RULES_2).silence
    bought = evidence(PACED, 9_999, Since(spend + more_spend, trips + more_trips, days), RULES_2).silence
    assert later > now
    assert bought <= now


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(st.floats(-3.0, 18.0), st.integers(-500, 20_000), st.integers(0, 40), st.integers(0, 2_000))
def test_the_timer_up_under_ruleset_2_is_the_first_hour_that_reaches_the_need(
    need: float, spend: int, trips: int, worked: int
) -> None:
    hours = hours_until(PACED, need, Since(spend, trips, worked / 24), RULES_2)

    def reached(more: int) -> float:
        since = Since(spend, trips, (worked + more) / 24)
        return RULES_2.temperature * evidence(PACED, 9_999, since, RULES_2).silence - need

    if hours is None:
        assert reached(30_000) < 0
    else:
        assert hours == 0 or reached(hours - 1) < 0
        assert reached(hours) > -1e-5
        since = Since(spend, trips, worked / 24)
        assert hours_until(PACED, need, since, RULES_2, hours) == hours
        assert hours_until(PACED, need, since, RULES_2, hours - 1) is None


def test_a_need_beyond_all_silence_never_timers() -> None:
    assert hours_until(PACED, 50.0, Since(0, 0, 0.0), RULES_2) is None
