"""Recent pace, trips or spend, and operational time against numbers worked by hand."""

from dataclasses import replace

import pytest

from tests.recompute.arrival import Customer, Fact, Partition, Sale
from tests.recompute.events import Reversal
from tests.recompute.ledger import Ledger
from tests.recompute.pace import Pace, PopulationClock, TripsOrSpend, UsualPurchases, pace
from tests.recompute.rules import HOUR_MS, VERSION_3
from tests.recompute.rules import VERSION_2 as RULESET_2
from tests.recompute.spending import Baseline

VERSION_2 = replace(
    RULESET_2, temperature=0.9, trips_certainty=8.0, spend_certainty=16.0, recent_half_life_blocks=0.5
)
"""Round numbers."""

HOURLY = Partition(sales=[Sale(pane, pane * HOUR_MS, late=False, source="pos") for pane in range(3000)])

DAILY = TripsOrSpend(trips=Pace(1.0, 3.0), spend=Pace(1000.0, 3.0))


@pytest.mark.parametrize(("newest", "floored"), [(7000, 0.514059), (6440, 0.5)])
def test_the_newest_block_weighs_most(newest: int, floored: float) -> None:
    # weights 1, 1/4 .. 1/256, in sum 341/256; of 28000 the last four make 28000 * 85/256
    found = pace(Baseline((newest, 28000, 28000, 28000, 28000)), 8.6, VERSION_2)
    assert found.per_day == pytest.approx((newest + 28000 * 85 / 256) / (341 / 256) / 28)
    usual = Baseline((newest, 28000, 28000, 28000, 28000)).irregularity(8.6, VERSION_2)
    assert found.irregularity == pytest.approx(usual / floored, rel=1e-6)


@pytest.mark.parametrize(
    ("trips", "cents", "days", "nats"),
    [
        (0, 0, 5.375, 1.219413),  # ln((exp(1.180895) + exp(1.256502)) / 2)
        (1, 1000, 179 / 24, 1.223356),  # y = 1/3 of both
        (18, 4500, 17.875, 1.217434),  # as often for a quarter
        (3, 12000, 392 / 24, 1.218835),  # a quarter as often for as much
        (0, 0, 0.0, 0.0),
    ],
)
def test_nats_of_trips_or_spend(trips: int, cents: int, days: float, nats: float) -> None:
    assert DAILY.nats(trips, cents, days, VERSION_2) == pytest.approx(nats, abs=1e-6)


def test_a_great_deal_of_spend_is_no_overflow() -> None:
    assert DAILY.nats(0, 10**12, 1.0, VERSION_2) < 0


def test_a_trip_is_a_pane_above_zero() -> None:
    ledger = Ledger(Customer(on_time=[(5, 100), (5, 100), (6, 100), (7, 100)]), VERSION_2)
    refund = Reversal(event_id="e", source="pos", customer_id="c", time_ms=9 * HOUR_MS, cents=0, spent_ms=0)
    for hour, cents in ((5, -199), (6, -100), (7, -101)):
        ledger.fold(Fact(9 * HOUR_MS, replace(refund, cents=cents, spent_ms=hour * HOUR_MS)))
    assert [ledger.trips(0, end, 10) for end in (5, 6, 7, 8)] == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("q", "now", "per_day"),
    [
        (1679, 1679, None),  # w = 9: 1512 hours, 18 a day
        (1680, 1680, 20.0),  # w = 10: 1680 hours of the 84 days
        (2015, 2015, 22.0),
        (2016, 2016, 24.0),
        (2158, 2856, None),  # the refresh of 2856 keeps the hours from 2159 on
        (2159, 2856, 24.0),
        (2158, 2855, 24.0),
    ],
)
def test_usual_purchases_a_day_are_those_of_whole_weeks(q: int, now: int, per_day: float | None) -> None:
    """One purchase an hour, three blocks."""
    found = PopulationClock(HOURLY, VERSION_2).usual(q + 1, 3, now)
    assert found == (None if per_day is None else UsualPurchases(per_day, q))


@pytest.mark.parametrize(
    ("h0", "now", "q"),
    [
        (2700, 2700, 2676),
        (2700, 2722, 2698),
        (2700, 2723, 2699),  # the hour before h0 is settled
        (2700, 2724, 2699),
        (2136, 2856, 2135),  # the refresh of 2856 keeps 24 hours more
        (2135, 2856, None),
    ],
)
def test_operational_time_begins_at_a_settled_hour(h0: int, now: int, q: int | None) -> None:
    clock = PopulationClock(HOURLY, replace(VERSION_3, settle_hours=24))
    assert clock.usual(h0, 3, now) == (None if q is None else UsualPurchases(24.0, q))


@pytest.mark.parametrize(("settle_hours", "since"), [(0, 9), (2, 7), (4, 5), (5, 5)])
def test_a_late_purchase_counts_from_when_it_is_known(settle_hours: int, since: int) -> None:
    partition = Partition(sales=[Sale(5, 9 * HOUR_MS + 1, late=True, source="pos")])
    clock = PopulationClock(partition, replace(VERSION_3, settle_hours=settle_hours))
    assert [clock.purchases_before(h) for h in (since, since + 1)] == [0, 1]
    assert PopulationClock(partition, VERSION_2).purchases_before(99) == 0
