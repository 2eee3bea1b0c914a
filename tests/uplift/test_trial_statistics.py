"""Intervals and sample sizes against published examples, scipy, and what statsmodels 0.15 gives."""

from itertools import product
from math import exp, inf, log, sqrt

import pytest
from scipy.stats import ttest_ind

from streams.uplift.trial_statistics import (
    Estimate,
    Means,
    Rate,
    Rates,
    Sample,
    chance_of_arms,
    is_unlike,
    needed_for_means,
    needed_for_rates,
    standardised,
)


def rates(treated: tuple[int, int], held_out: tuple[int, int]) -> Rates:
    return Rates(Rate(*treated), Rate(*held_out))


def test_a_rate_has_wilsons_interval() -> None:
    """An example of Newcombe's paper on single proportions, and the ends."""
    found = Rate(81, 263).estimate()
    assert (found.low, found.high) == pytest.approx((0.2552885, 0.3662096), abs=1e-7)
    assert Rate(0, 20).estimate().low == 0
    assert Rate(20, 20).estimate().high == 1
    assert Rate(0, 0).estimate() == Estimate(0, 0, 1)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [((56, 70), (48, 80), 0.0524315, 0.3338727), ((5, 56), (0, 29), -0.0381371, 0.1925600)],
)
def test_a_difference_of_rates_has_newcombes_interval(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """Examples of his paper, method 10; statsmodels gives the same."""
    found = rates(one, other).difference
    assert found.value == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-7)


def test_difference_and_ratio_agree_on_what_is_told_apart() -> None:
    """Both intervals are made of the same two, so one leaves out 0 exactly when the other leaves out 1."""
    told = 0
    for treated, held_out in product(range(0, 31, 3), range(1, 21)):
        found = rates((treated, 30), (held_out, 20))
        ratio, difference = found.ratio, found.difference
        assert ratio is not None
        assert 0 <= ratio.low <= ratio.value <= ratio.high < inf
        assert (ratio.low > 1, ratio.high < 1) == (difference.low > 0, difference.high < 0)
        told += ratio.low > 1
    assert told > 20
    assert rates((5, 30), (0, 20)).ratio is None
    none = rates((0, 30), (5, 20)).ratio
    assert none is not None
    assert none.value == none.low == 0 < none.high < 1


def test_a_difference_of_means_has_welchs_interval() -> None:
    one, other = [1, 2, 30, 4, 500], [3, 9, 1, 1]
    found = Means(Sample.of(one), Sample.of(other)).difference
    expected = ttest_ind(one, other, equal_var=False).confidence_interval()
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((103.9, expected.low, expected.high))


def test_a_ratio_of_means_has_an_interval_of_its_logarithm() -> None:
    """Like samples: by hand, with the t of 2 (n - 1) degrees of freedom for n = 3."""
    found = Means(Sample.of([8, 10, 12]), Sample.of([4, 5, 6])).ratio
    half = 2.7764451 * sqrt(2 * (1 / 3) * (2 / 10) ** 2)
    assert found is not None
    assert (log(found.low), found.value, log(found.high)) == pytest.approx((log(2) - half, 2, log(2) + half))
    assert found.high < exp(log(2) + half) * 1.0001


@pytest.mark.parametrize(
    ("one", "other"),
    [([5], [1, 2]), ([5, 5], []), ([-1, -3], [5, 5]), ([5, 5], [0, 0]), ([-9, 10], [5, 5])],
)
def test_there_is_no_ratio_of_what_may_be_0(one: list[int], other: list[int]) -> None:
    assert Means(Sample.of(one), Sample.of(other)).ratio is None


def test_means_of_hardly_anything() -> None:
    assert Means(Sample.of([5]), Sample.of([1, 2])).difference is None
    assert Means(Sample.of([5, 5]), Sample.of([3, 3])).difference == Estimate(2, 2, 2)
    assert Sample.of([]).mean == 0
    assert Sample.of([7]).estimate() is None


def test_cents_are_added_up_exactly() -> None:
    """As floats these squares would lose all of the variance."""
    far = 10**12
    assert Sample.of([far - 1, far, far + 1]).variance == 1


@pytest.mark.parametrize(
    ("held_out", "treated", "share", "customers"),
    [
        (0.5, 0.6, 0.5, 2 * 387.3385167),
        (0.2, 0.25, 0.1, 5593.0799229 * (1 + 1 / 9)),
        (0.2, 0.25, 0.9, 590.8391660 * 10),
        (0.3, 0.4, 0.8, 218.2617480 * 5),
    ],
)
def test_customers_for_rates_are_those_of_statsmodels(
    held_out: float, treated: float, share: float, customers: float
) -> None:
    """Of samplesize_proportions_2indep_onetail, which gives the treated, for alpha / 2 on each side."""
    assert needed_for_rates(held_out, treated, share) == pytest.approx(customers, rel=1e-7)


@pytest.mark.parametrize(
    ("difference", "share", "customers"), [(0.5, 0.5, 2 * 62.7908842), (-0.2, 0.9, 218.0239020 * 10)]
)
def test_customers_for_means_are_those_of_statsmodels(
    difference: float, share: float, customers: float
) -> None:
    """Of NormalIndPower, told the difference in standard deviations; it counts the far side too."""
    assert needed_for_means(1, 1, difference, share) == pytest.approx(customers, rel=1e-5)
    assert needed_for_means(9, 9, 3 * difference, share) == pytest.approx(customers, rel=1e-5)


def test_no_number_of_customers_shows_no_difference() -> None:
    assert needed_for_rates(0.2, 0.2, 0.1) is None
    assert needed_for_means(1, 1, 0, 0.1) is None


def test_an_arm_that_spreads_more_is_the_one_to_make_larger() -> None:
    many, few = needed_for_means(100, 1, 1, 0.1), needed_for_means(100, 1, 1, 0.9)
    assert many is not None
    assert few is not None
    assert many > 5 * few


def test_arms_of_the_wrong_size_are_unlikely() -> None:
    assert chance_of_arms(10, 100, 0.1) == pytest.approx(1)
    assert chance_of_arms(0, 100, 0.1) < 0.001
    assert chance_of_arms(30, 100, 0.1) < 1e-6


def test_standardised_differences() -> None:
    one, other = Sample.of([8, 10, 12]), Sample.of([6, 8, 10])
    assert standardised(one, other) == pytest.approx(1)
    assert standardised(Sample.of([3, 3]), Sample.of([3, 3])) == 0
    assert is_unlike(-0.2, 1000, 1000)
    assert not is_unlike(0.2, 200, 50)  # chance does that
    assert not is_unlike(0.09, 10**6, 10**6)  # too small to matter
