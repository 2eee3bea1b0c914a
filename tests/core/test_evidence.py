"""Evidence of silence, log-odds, and the hour at which silence alone is enough."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.evidence import Evidence, Yardstick, evidence, hours_until, log_odds, probability
from streams.core.ruleset import Ruleset

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
    assert evidence(YARD, hour, 50, 24) == expected


@pytest.mark.parametrize(("spend", "silence"), [(-1, 2.5), (0, 2.5), (100, 2.0), (500, 0.0), (1_000, -2.5)])
def test_each_quiet_day_adds_and_usual_spend_takes_away(spend: int, silence: float) -> None:
    """Ten working days at D = 4 are 2.5 nats; break-even is half the usual; refunds beyond zero are zero."""
    found = evidence(YARD, 2_000, spend, 240)
    assert found == Evidence(max(0, spend), 10.0, silence)


def test_log_odds_add_up() -> None:
    assert log_odds(1.85, 2.0, RULES) == pytest.approx(math.log(0.05 / 0.95) + 1.85 + 1.1, abs=1e-12)


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
def test_the_wake_up_is_the_first_hour_that_reaches_the_need(
    need: float, spend: int, worked: int, irregularity: float, usual: float
) -> None:
    """Scanning hour by hour finds the same hour, or one later by the tolerance of waking early."""
    yard = Yardstick(usual, irregularity, 0)
    hours = hours_until(yard, need, spend, worked, RULES)

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
    assert hours_until(yard, RULES.temperature, 0, worked, RULES) == hours
