"""The figures of an open episode: whose they are, and from when on it is past its deadline."""

import pytest

from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS, hour_of
from streams.core.watermark import FACTS, Input
from tests.core.drive import DEADLINE, HOME, bad, daily, figures, purchase

DATASET = Ruleset(population_minimum=1, high_value_quantile=0.1)


@pytest.mark.parametrize(
    ("time", "overdue"), [(DEADLINE - 1, False), (DEADLINE, False), (DEADLINE + 1, True)]
)
def test_on_its_deadline_an_episode_is_not_overdue(time: int, overdue: bool) -> None:
    """On it something may still be raised, after it nothing."""
    assert figures(DATASET, time=time).overdue is overdue


@pytest.mark.parametrize(("days", "share"), [(0.0, None), (2.0, 2.0), (8.0, 0.5)])
def test_what_is_kept_of_the_usual_is_known_once_days_have_passed(days: float, share: float | None) -> None:
    assert figures(DATASET, days=days).kept_share == share


def test_who_has_no_open_episode_has_no_figures() -> None:
    partition = Partition(DATASET)
    partition.apply(Input.TRANSACTIONS, [purchase("a", HOME)])
    view = partition.lookup("a")
    assert view is not None
    assert view.episode is None


def test_an_open_episode_stands_as_at_the_time_of_the_view() -> None:
    """Ten days without a purchase after a bad contact, of somebody who bought for 10.00 a day."""
    partition = Partition(DATASET)
    contact = HOME + 150 * DAY_MS
    partition.apply(Input.TRANSACTIONS, daily("a", HOME, 150))
    partition.apply(Input.CONTACTS, [bad("a", contact, "k")])
    partition.advance(dict.fromkeys(FACTS, contact + 10 * DAY_MS))
    view = partition.lookup("a")
    assert view is not None
    found = view.episode
    assert found is not None
    assert (found.time, found.usual_per_day, found.spend) == (contact + 10 * DAY_MS, 1_000, 0)
    assert found.level is not None
    assert found.at_risk == round(found.odds.probability * 1_000 * 90)
    assert found.deadline == hour_of(contact) * HOUR_MS + HOUR_MS + 90 * DAY_MS
