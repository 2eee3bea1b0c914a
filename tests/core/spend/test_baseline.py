"""Usual spend and irregularity from blocks of 28 days."""

import math

import pytest

from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.spend.baseline import BLOCK_HOURS, Baseline, baseline, block_starts, of_blocks
from streams.core.spend.panes import Panes

RULES = Ruleset()
NOW = 500_000


@pytest.mark.parametrize(
    ("hours", "blocks"),
    [
        (-1, 0),
        (0, 0),
        (BLOCK_HOURS - 1, 0),
        (BLOCK_HOURS, 1),
        (BLOCK_HOURS + 1, 1),
        (3 * BLOCK_HOURS - 1, 2),
        (3 * BLOCK_HOURS, 3),
        (3 * BLOCK_HOURS + 1, 3),
        (13 * BLOCK_HOURS - 1, 12),
        (13 * BLOCK_HOURS, 13),
        (14 * BLOCK_HOURS, 13),
    ],
)
def test_whole_blocks_after_the_first_pane_count_13_at_most(hours: int, blocks: int) -> None:
    starts = block_starts(NOW, NOW - hours)
    assert list(starts) == [NOW - BLOCK_HOURS * (one + 1) for one in range(blocks)]


def monthly(*cents: int) -> Panes:
    """Return a pane in the middle of each of the blocks before `NOW`, oldest first."""
    count = len(cents)
    return Panes([NOW - BLOCK_HOURS * (count - at) + 300 for at in range(count)], cents)


@pytest.mark.parametrize(("blocks", "found"), [(2, False), (3, True), (4, True)])
def test_three_blocks_are_needed(blocks: int, found: bool) -> None:
    panes = monthly(*[2_800] * blocks)
    assert (baseline(panes, NOW - blocks * BLOCK_HOURS, NOW, RULES) is not None) is found


def test_nobody_is_judged_without_a_pane_or_with_blocks_of_zero() -> None:
    assert baseline(Panes(), None, NOW, RULES) is None
    assert baseline(monthly(0, 0, 0), NOW - 3 * BLOCK_HOURS, NOW, RULES) is None
    assert baseline(monthly(-5, -5, -5), NOW - 3 * BLOCK_HOURS, NOW, RULES) is None


def test_the_mean_is_by_day_and_a_block_below_zero_is_zero() -> None:
    """Blocks 1400, 2800, 4200: mean 2800, sample variance 1400²; with -1 in place of 0 it would differ."""
    found = baseline(monthly(1_400, 2_800, 4_200), NOW - 3 * BLOCK_HOURS, NOW, RULES)
    assert found == Baseline(
        usual_per_day=100.0, dispersion=28 * 1_400**2 / 2_800**2, degrees=2, blocks=(4_200, 2_800, 1_400)
    )
    assert baseline(monthly(-700, 2_800, 2_800), NOW - 3 * BLOCK_HOURS, NOW, RULES) == of_blocks(
        [2_800, 2_800, 0]
    )


def test_a_block_has_its_first_hour_and_not_its_last() -> None:
    """[NOW-672*3, ...) and [..., NOW): the pane just before and the pane at NOW lie outside."""
    first = NOW - 3 * BLOCK_HOURS
    panes = Panes([first - 1, first, NOW - 1, NOW], [1, 300, 540, 1])
    found = baseline(panes, first, NOW, RULES)
    assert found is not None
    assert found.usual_per_day == 840 / 3 / 28


def test_one_block_alone_says_nothing_of_irregularity() -> None:
    assert of_blocks([2_800]) == Baseline(100.0, 0.0, 0, (2_800,))


def test_irregularity_is_drawn_towards_the_population() -> None:
    own = Baseline(100.0, 20.0, 12)
    expected = math.exp((12 * math.log(20.0) + 4 * math.log(8.6)) / 16)
    assert own.irregularity(8.6, RULES) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("dispersion", "used"), [(0.0, 0.25), (0.24, 0.25), (0.25, 0.25), (0.26, 0.26)])
def test_dispersion_has_a_floor(dispersion: float, used: float) -> None:
    expected = math.exp((2 * math.log(used) + 4 * math.log(100.0)) / 6)
    assert Baseline(1.0, dispersion, 2).irregularity(100.0, RULES) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("population", "expected"), [(1.4, 1.5), (1.5, 1.5), (1.6, 1.6)])
def test_irregularity_has_a_floor_of_a_day_and_a_half(population: float, expected: float) -> None:
    assert Baseline(1.0, 9.0, 0).irregularity(population, RULES) == pytest.approx(expected, rel=1e-12)


# Ruleset 2: trips beside spend, and the recent pace


def test_trips_are_counted_in_the_same_blocks_where_the_rules_ask_for_them() -> None:
    """Two panes with spend in the newest block, one in each before; a pane that was refunded is no trip."""
    panes = monthly(2_800, 2_800, 2_800)
    panes.add(NOW - 10, 500)
    panes.add(NOW - 9, -1)
    panes.add(NOW - 8, 0)
    first = NOW - 3 * BLOCK_HOURS
    assert baseline(panes, first, NOW, RULES) == of_blocks([3_299, 2_800, 2_800])
    found = baseline(panes, first, NOW, VERSIONS["2"])
    assert found is not None
    assert found.blocks == (3_299, 2_800, 2_800)
    assert found.trips == of_blocks([2, 1, 1])


def test_the_recent_pace_counts_a_block_half_of_the_one_after_it() -> None:
    found = of_blocks([280, 560, 1_120])
    assert found.recent_per_day(VERSIONS["2"]) == pytest.approx((10 + 20 / 2 + 40 / 4) / (1 + 1 / 2 + 1 / 4))


@pytest.mark.parametrize(("newest", "slower"), [(0, 14 / 9), (1_000, 1.0), (4_000, 14 / 19)])
def test_who_slowed_down_lately_needs_longer_silence(newest: int, slower: float) -> None:
    """Recent pace by usual pace divides D, but never by less than half: (4 b + 3) / 7 by (b + 2) / 3."""
    rules = VERSIONS["2"]
    found = of_blocks([newest, 1_000, 1_000])
    pace = (4 * newest + 3_000) / 7 / ((newest + 2_000) / 3)
    expected = found.irregularity(5.0, rules) / max(0.5, pace)
    assert found.recent_irregularity(5.0, rules) == pytest.approx(expected)
    assert expected / found.irregularity(5.0, rules) == pytest.approx(slower, rel=0.01)
