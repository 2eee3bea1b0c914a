"""Sources that deliver by the week: their lag is learnt, and until the next delivery nobody is silent."""

from dataclasses import replace
from typing import Final

import pytest

from schemas.alert import Alert
from streams.core.feed.delivery import Delivery
from streams.core.feed.feed_guard import group_of
from streams.core.partition.partition import Partition
from streams.core.ruleset import VERSIONS
from streams.core.time import DAY_MS, HOUR_MS, WEEK_HOURS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, keep, purchase, restored

RULES: Final = replace(VERSIONS["4"], population_minimum=1, high_value_quantile=0.1, population_clock=False)
TX: Final = Input.TRANSACTIONS
WEEK_MS: Final = 7 * DAY_MS


def lived(partition: Partition, weeks: int, stops: int) -> list[Alert]:
    """Return the alerts of some weeks: one buys at noon from a partner that delivers by the week, until one.

    Another one buys in the shop every six hours; the bad contact comes on the first day of week 20.
    """
    alerts: list[Alert] = []
    for week in range(weeks):
        start = HOME + week * WEEK_MS
        partition.apply(TX, [purchase("b", start + hour * HOUR_MS, 100) for hour in range(0, WEEK_HOURS, 6)])
        if week == 20:
            partition.apply(Input.CONTACTS, [bad("a", start + HOUR_MS)])
        if week < stops:
            noons = [start + day * DAY_MS + DAY_MS // 2 for day in range(6)]
            partition.apply(TX, [purchase("a", noon, source="partner") for noon in noons])
        alerts += partition.advance(dict.fromkeys(FACTS, start + WEEK_MS))
    return alerts


def test_who_buys_from_a_source_that_delivers_by_the_week_is_not_silent_before_it_does() -> None:
    assert lived(Partition(RULES), 40, stops=40) == []
    assert lived(Partition(replace(RULES, as_meant=False)), 40, stops=40)


def test_who_stops_is_found_once_the_delivery_without_them_has_come() -> None:
    partition = Partition(RULES)
    [raised, *_] = lived(partition, 30, stops=20)
    assert raised.days_since < 12
    assert partition._guard.lags.keys() == set()  # nothing came from it for four weeks


def test_lags_are_kept_over_a_restore() -> None:
    state: State = {}
    partition = Partition(RULES)
    lived(partition, 18, stops=18)
    assert partition._guard.lags == {group_of("partner"): 150}
    keep(state, partition)
    again = restored(RULES, state)
    assert again._guard.lags == partition._guard.lags
    assert again._guard.state() == partition._guard.state()


@pytest.mark.parametrize(("delayed", "on_time", "lag"), [(4, 4, 2), (4, 5, 0), (3, 0, 0), (5, 5, 2)])
def test_a_source_delivers_late_if_half_of_at_least_four_do(delayed: int, on_time: int, lag: int) -> None:
    made = Delivery()
    for number in range(delayed):
        made.note(7, HOME + number, HOME + number + HOUR_MS + 1)
    hour = HOME // HOUR_MS + WEEK_HOURS
    assert made.lags(hour, {7: on_time}).get(7, 0) == lag
    assert made.lags(hour - WEEK_HOURS, {7: on_time}) == {}
    made.forget(hour + 5 * WEEK_HOURS)
    assert made.rows() == []


@pytest.mark.parametrize(("delay_ms", "counts"), [(HOUR_MS - 1, False), (HOUR_MS, True), (HOUR_MS + 1, True)])
def test_an_hour_is_delayed(delay_ms: int, *, counts: bool) -> None:
    made = Delivery()
    for number in range(4):
        made.note(7, HOME + number, HOME + number + delay_ms)
    assert bool(made.lags(HOME // HOUR_MS + WEEK_HOURS, {})) is counts
