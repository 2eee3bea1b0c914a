"""Disturbances change what arrives and nothing else; false alarms are counted in the same windows."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.times import parse_ms
from streams.core.ruleset import VERSIONS
from streams.evaluation.stress.disturb import SECOND_SHOP, Disturbance, Feed, with_second_shop
from streams.evaluation.stress.stress import CONTACT_RATE, StressResult, stress
from streams.lab.generate import GenerateOptions, Population
from streams.lab.replay import replay_directory
from tests.lab.generated import DAY_MS, make, near

pytestmark = pytest.mark.slow

HOUR_MS = 3_600_000
START = 10 * DAY_MS
CUSTOMERS = 400


@pytest.fixture(name="feed", scope="module")
def feed_fixture() -> Feed:
    """Return 90 days of purchases, and refunds among them; each arrives at once, every tenth again later."""
    rows = 9_000
    table = pl.DataFrame(
        {
            "time_ms": pl.int_range(0, rows, eager=True) * (DAY_MS // 100),
            "customer": pl.Series([row % 50 for row in range(rows)]),
            "kind": ["refund" if row % 20 == 7 else "purchase" for row in range(rows)],
            "source": ["shop"] * rows,
        }
    )
    arrival = sorted(
        [*((row, row) for row in range(rows)), *((row + 150, row) for row in range(0, rows, 10))]
    )
    order = np.array([row for _, row in arrival], dtype=np.int64)
    return Feed(with_second_shop(table, np.random.default_rng(1)), order)


def disturbed(feed: Feed, what: Disturbance) -> Feed:
    return feed.disturbed(what, START, np.random.default_rng(2))


def missing(feed: Feed, what: Disturbance) -> pl.DataFrame:
    """Return the rows that no longer arrive at all."""
    left = disturbed(feed, what).order
    return feed.table[np.setdiff1d(feed.order, left)]


def test_an_outage_loses_what_would_have_arrived(feed: Feed) -> None:
    lost = missing(feed, Disturbance.LOST)
    assert set(lost["kind"]) == {"purchase", "refund"}
    assert (lost["time_ms"].min(), lost["time_ms"].max()) == (START, START + 3 * DAY_MS - DAY_MS // 100)
    assert 270 - 15 <= len(lost) < 300  # 300 arrived, of which some come a second time after the outage
    broken = disturbed(feed, Disturbance.LOST)
    assert not ((broken.clock >= START) & (broken.clock < START + 3 * DAY_MS)).any()


def test_a_late_feed_brings_everything_6_hours_after_it_works_again(feed: Feed) -> None:
    late = disturbed(feed, Disturbance.LATE)
    assert np.array_equal(np.sort(late.order), np.sort(feed.order))
    back = START + 3 * DAY_MS + 6 * HOUR_MS
    time_ms, once = late.column("time_ms").to_numpy(), late.order % 10 != 0
    missed = once & (time_ms >= START) & (time_ms < back - 6 * HOUR_MS)
    assert missed.sum() == 270
    assert set(late.clock[missed].tolist()) == {back - DAY_MS // 100}  # right behind what came until then
    assert np.array_equal(time_ms[missed], np.sort(time_ms[missed]))
    assert np.all(np.diff(late.clock) >= 0)


def test_on_a_holiday_nobody_buys(feed: Feed) -> None:
    gone = missing(feed, Disturbance.HOLIDAY)
    inside = feed.table.filter(pl.col("time_ms").is_between(START, START + 7 * DAY_MS, closed="left"))
    assert gone.equals(inside.filter(pl.col("kind") == "purchase"))


def test_a_dip_takes_three_in_ten_purchases_and_their_repetitions(feed: Feed) -> None:
    gone = missing(feed, Disturbance.DIP)
    span = pl.col("time_ms").is_between(START, START + 56 * DAY_MS, closed="left")
    bought = feed.table.filter(span & (pl.col("kind") == "purchase"))
    assert near(len(gone), len(bought), 0.3)
    assert len(gone.join(bought, on="time_ms", how="anti")) == 0


def test_only_the_second_shop_fails(feed: Feed) -> None:
    gone = missing(feed, Disturbance.FAILING_SHOP)
    assert set(gone["source"]) == {SECOND_SHOP}
    lost = missing(feed, Disturbance.LOST)
    assert len(gone) == (lost["source"] == SECOND_SHOP).sum()


def test_customers_prefer_one_shop(feed: Feed) -> None:
    bought = feed.table.filter(pl.col("kind") == "purchase")
    second = bought.group_by("customer").agg((pl.col("source") == SECOND_SHOP).mean())["source"].to_numpy()
    prefer = second > 0.5
    assert near(int(prefer.sum()), 50, 0.3)
    assert second[prefer].mean() == pytest.approx(0.9, abs=0.02)
    assert second[~prefer].mean() == pytest.approx(0.1, abs=0.02)
    assert set(feed.table.filter(pl.col("kind") == "refund")["source"]) == {"shop"}


@pytest.fixture(name="result", scope="module")
def result_fixture() -> StressResult:
    return stress(
        VERSIONS["1"],
        [1, 2],
        [Population.SYNTHETIC],
        disturbances=[Disturbance.LOST, Disturbance.DIP],
        customers=CUSTOMERS,
    )


def test_false_alarms_are_those_of_the_same_worlds(result: StressResult, tmp_path: Path) -> None:
    """The outages of seed 1 begin at day 126 + 37 % 14 = 135 and every 60 days; those of seed 2 at 130."""
    count = 0
    for seed, first in ((1, 135), (2, 130)):
        options = GenerateOptions(
            population=Population.SYNTHETIC,
            seed=seed,
            customers=CUSTOMERS,
            contact_rate=CONTACT_RATE,
            boycott_harmless=0,
            boycott_mild=0,
            boycott_severe=0,
        )
        made = make(tmp_path / str(seed), options)
        starts = [made.summary.start_ms + day * DAY_MS for day in range(first, 367, 60)]
        for alert in replay_directory(made.directory, ruleset=VERSIONS["1"]).alerts:
            if alert.level == "alert" and alert.state != "resolved":
                count += sum(0 <= parse_ms(alert.time) - start < 33 * DAY_MS for start in starts)
    lost = result.of(Disturbance.LOST, Population.SYNTHETIC)
    assert (lost.worlds, lost.places) == (2, 8)
    assert lost.without == count > 10


def test_a_disturbance_is_held_against_the_same_windows(result: StressResult) -> None:
    for what in (Disturbance.LOST, Disturbance.DIP):
        one = result.of(what, Population.SYNTHETIC)
        assert one.ratio == one.with_it / one.without
        assert one.low <= one.ratio <= one.high
        assert one.met == (one.ratio <= 1.2)
    assert result.of(Disturbance.DIP).places == 2
    assert result.of(Disturbance.DIP).with_it != result.of(Disturbance.DIP).without


def test_without_false_alarms_there_is_no_ratio() -> None:
    few = stress(VERSIONS["1"], [1], [Population.SYNTHETIC], disturbances=[Disturbance.HOLIDAY], customers=30)
    one = few.of(Disturbance.HOLIDAY)
    assert (one.places, one.without, one.ratio, one.low, one.high) == (2, 0, None, 0.0, float("inf"))
