"""How an open episode stands: whose figures, and from when on it is past its deadline."""

import pytest

from streams.core.odds import Odds
from streams.core.standing import Standing

DEADLINE = 1_700_000_000_000


def standing(time: int = DEADLINE, days: float = 10.0, days_usual: float = 4.0) -> Standing:
    return Standing(
        time=time,
        alert_id="a",
        level="watch",
        odds=Odds(-2.9, 2.9, 0.0),
        usual_per_day=100,
        spend=round(100 * days_usual),
        days=days,
        days_usual_spend=days_usual,
        at_risk=4_500,
        deadline=DEADLINE,
    )


@pytest.mark.parametrize(
    ("time", "overdue"), [(DEADLINE - 1, False), (DEADLINE, False), (DEADLINE + 1, True)]
)
def test_on_its_deadline_an_episode_is_not_overdue(time: int, overdue: bool) -> None:
    """On it something may still be raised, after it nothing."""
    assert standing(time).overdue is overdue


@pytest.mark.parametrize(("days", "share"), [(0.0, None), (2.0, 2.0), (8.0, 0.5)])
def test_what_is_kept_of_the_usual_is_known_once_days_have_passed(days: float, share: float | None) -> None:
    assert standing(days=days).kept_share == share
