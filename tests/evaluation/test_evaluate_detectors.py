"""What the detectors are asked, and what they answer: by the core itself, by hand, and without the future."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

from streams.core.customer.customer import Customer
from streams.core.customer.customer_codec import Body
from streams.core.episodes.opening import yardstick_of
from streams.core.odds.odds import measure
from streams.core.ruleset import VERSIONS
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS
from streams.evaluation.detectors import alive
from streams.evaluation.detectors.cases import Cases, draw_cases
from streams.evaluation.detectors.copies import Copies, untouched
from streams.evaluation.detectors.prepare import Prepared, guard, prepare, refreshes
from streams.evaluation.detectors.scores import (
    ALIVE,
    CUSUM,
    GAPS,
    INACTIVITY,
    RATIO_30,
    RATIO_90,
    detectors,
    our_score,
)
from streams.evaluation.detectors.trial import other_half
from streams.lab.generate.options import Population, Shape
from streams.lab.generate.purchases import DAY_MS, Purchases

RULES = tuple(VERSIONS.values())
CASES = (0, 7, 23)


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(Population.SYNTHETIC, RULES, 240)


@pytest.fixture(scope="module")
def cases(prepared: Prepared) -> Cases:
    return draw_cases(prepared, np.random.default_rng(5))


@pytest.fixture(scope="module")
def plain(prepared: Prepared, cases: Cases) -> Copies:
    return untouched(prepared.purchases, cases.customers, cases.first_hours)


@pytest.fixture(scope="module")
def fewer(cases: Cases, plain: Copies) -> Copies:
    return plain.treated(Shape.FEWER_TRIPS, cases.first_hours, luck(plain))


def luck(copies: Copies) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(6).random(len(copies.cents))


def of_case(copies: Copies, case: int) -> list[tuple[int, int]]:
    """Return (time, cents) of a case's purchases."""
    mine = copies.case == case
    return list(zip(copies.time_ms[mine].tolist(), copies.cents[mine].tolist(), strict=True))


def before(copies: Copies, case: int, start: int, end: int) -> list[int]:
    """Return the cents of a case's purchases in the hours `[start, end)`."""
    return [cents for time, cents in of_case(copies, case) if start <= time // HOUR_MS < end]


# Who is judged


def test_cases_pass_the_gates_of_the_rule_at_their_own_anchor(prepared: Prepared, cases: Cases) -> None:
    everybody = prepared.purchases
    assert len(cases.every) > 30
    assert all(np.diff(cases.customers) > 0)
    for case in cases.every:
        mine = everybody.customer == case.customer
        hours, cents = everybody.time_ms[mine] // HOUR_MS, everybody.cents[mine]
        assert hours[0] + 84 * DAY_HOURS <= case.hour <= everybody.end_ms // HOUR_MS - 90 * DAY_HOURS
        refresh = prepared.refreshes[0][case.hour // WEEK_HOURS * WEEK_HOURS]
        year = (hours >= case.hour - 52 * WEEK_HOURS) & (hours < case.hour)
        assert refresh.cutoff is not None
        assert cents[year].sum() >= refresh.cutoff


def test_the_cut_off_is_that_of_a_fifth_of_all_customers(prepared: Prepared) -> None:
    everybody = prepared.purchases
    for hour, refresh in list(prepared.refreshes[0].items())[20::15]:
        known = everybody.time_ms < hour * HOUR_MS
        recent = known & (everybody.time_ms >= (hour - 52 * WEEK_HOURS) * HOUR_MS)
        spend = np.bincount(everybody.customer[recent], weights=everybody.cents[recent])
        positive = np.sort(spend[spend > 0])
        assert refresh.cutoff == positive[math.ceil(0.8 * len(positive)) - 1]


def test_what_comes_after_an_anchor_changes_nothing_of_its_case(prepared: Prepared, cases: Cases) -> None:
    day = prepared.purchases.start_ms + 200 * DAY_MS
    bought = prepared.purchases
    stays = (bought.time_ms < day) | (np.random.default_rng(7).random(len(bought.cents)) < 0.5)
    other = without_fits(
        prepared,
        replace(
            bought,
            customer=bought.customer[stays],
            time_ms=bought.time_ms[stays],
            cents=np.where(bought.time_ms < day, bought.cents, 7 * bought.cents)[stays],
            number=bought.number[stays],
        ),
    )
    drawn = draw_cases(other, np.random.default_rng(5))

    def known(prepared_: Prepared, cases_: Cases) -> list[object]:
        early = [case for case in cases_.every if case.hour * HOUR_MS < day]
        return [(case, [case.yardstick(prepared_, at) for at in range(len(RULES))]) for case in early]

    assert len(known(prepared, cases)) > 15
    assert known(other, drawn) == known(prepared, cases)
    assert alive._fit(other.purchases, prepared.fits[0].before_ms) == prepared.fits[0]


def without_fits(prepared: Prepared, purchases: Purchases) -> Prepared:
    return Prepared(
        population=prepared.population,
        purchases=purchases,
        rulesets=RULES,
        refreshes=tuple(refreshes(purchases, rules) for rules in RULES),
        guards=tuple(guard(purchases, rules) for rules in RULES),
        fits=(),
    )


# Copies


def test_a_boycott_leaves_what_was_before_and_what_its_shape_says(cases: Cases, plain: Copies) -> None:
    hours = cases.first_hours
    after = plain.hour >= hours[plain.case]
    for shape in Shape:
        copies = plain.treated(shape, hours, luck(plain))
        begin = hours[copies.case] + (21 * DAY_HOURS if shape is Shape.DELAYED else 0)
        untreated = plain.hour < hours[plain.case] + (21 * DAY_HOURS if shape is Shape.DELAYED else 0)
        calm = copies.hour < begin
        assert copies.time_ms[calm].tolist() == plain.time_ms[untreated].tolist()
        assert copies.cents[calm].tolist() == plain.cents[untreated].tolist()
        trips = np.count_nonzero(copies.hour >= hours[copies.case]) / np.count_nonzero(after)
        spend = copies.cents[copies.hour >= hours[copies.case]].sum() / plain.cents[after].sum()
        low, high, of_spend = STAYS[shape]
        assert low <= trips <= high
        assert spend == pytest.approx(of_spend * trips, rel=0.15)


STAYS = {
    Shape.FULL: (0.0, 0.0, 1.0),
    Shape.FEWER_TRIPS: (0.25, 0.35, 1.0),
    Shape.SMALLER_BASKETS: (1.0, 1.0, 0.3),
    Shape.HALF_HALF: (0.45, 0.55, 0.5),
    Shape.DELAYED: (0.15, 0.30, 1.0),
    Shape.GRADUAL: (0.22, 0.40, 1.0),
}
"""By shape: the least and the most share of trips that stays in 90 days, and the share of each basket."""


# Scores


@pytest.mark.parametrize("ruleset", range(len(RULES)))
def test_ours_is_what_the_core_measures_of_such_a_customer(
    prepared: Prepared, cases: Cases, fewer: Copies, ruleset: int
) -> None:
    rules, feed = RULES[ruleset], prepared.guards[ruleset]
    scores = our_score(prepared, cases, ruleset)(fewer)
    for at in CASES:
        case = cases.every[at]
        customer = Customer("s", Body())
        for time, cents in of_case(fewer, at):
            customer.add(time // HOUR_MS, cents)
        refresh = prepared.refreshes[ruleset][case.hour // WEEK_HOURS * WEEK_HOURS]
        usual = case.usual[ruleset]
        yardstick = yardstick_of(usual, refresh.irregularity_days, case.hour + 1, case.hour + 1, rules, feed)
        found = [measure(customer, yardstick, hour, rules, feed).silence for hour in cases.hours[at].tolist()]
        assert scores[at].tolist() == found


def test_unsettled_hours_are_not_looked_at(prepared: Prepared, cases: Cases, fewer: Copies) -> None:
    settled = replace(prepared, rulesets=(replace(RULES[0], settle_hours=24), *RULES[1:]))
    now, later = (our_score(one, cases, 0)(fewer) for one in (prepared, settled))
    assert later[:, 4:].tolist() == now[:, :-4].tolist()
    assert not later[:, :4].any()


def test_the_other_detectors_by_hand(prepared: Prepared, cases: Cases, plain: Copies, fewer: Copies) -> None:
    scores = {name: score(fewer) for name, score in detectors(prepared, cases, plain).items()}
    for at in CASES:
        case, first = cases.every[at], cases.every[at].first_hour
        usual = case.usual[0].usual_per_day
        past = sorted({time // HOUR_MS for time, _ in of_case(plain, at) if time // HOUR_MS < first})
        gap = (past[-1] - past[0]) / 24 / (len(past) - 1)
        for step in (0, 40, 133, 360):
            hour = first + 6 * step
            waited = (hour - max(t // HOUR_MS for t, _ in of_case(fewer, at) if t // HOUR_MS < hour)) / 24
            assert scores[INACTIVITY][at, step] == pytest.approx(waited)
            assert scores[GAPS][at, step] == pytest.approx(waited / gap)
            for name, days in ((RATIO_30, 30), (RATIO_90, 90)):
                spent = sum(before(fewer, at, hour - 24 * days, hour))
                assert scores[name][at, step] == pytest.approx(-spent / days / usual)
            assert scores[CUSUM][at, step] == pytest.approx(cusum(cases, plain, fewer, at, hour))


def cusum(cases: Cases, plain: Copies, copies: Copies, at: int, hour: int) -> float:
    case = cases.every[at]
    weeks = 4 * len(case.usual[0].blocks)
    past = [
        sum(before(plain, at, case.hour - WEEK_HOURS * (week + 1), case.hour - WEEK_HOURS * week))
        for week in range(weeks)
    ]
    total = 0.0
    for start in range(case.first_hour, hour - WEEK_HOURS + 1, WEEK_HOURS):
        spend = sum(before(copies, at, start, start + WEEK_HOURS))
        total = max(0.0, total + float((np.mean(past) - spend) / np.std(past, ddof=1)) - 0.5)
    return total


def test_alive_is_what_lifetimes_says(prepared: Prepared, cases: Cases, plain: Copies, fewer: Copies) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter  # type: ignore[import-untyped]  # noqa: PLC0415
    fit = replace(prepared.fits[0], r=0.8, alpha=9.0, a=0.7, b=3.0)
    scores = detectors(replace(prepared, fits=(fit,)), cases, plain)[ALIVE](fewer)
    model = BetaGeoFitter()
    model.params_ = {"r": fit.r, "alpha": fit.alpha, "a": fit.a, "b": fit.b}
    for at in CASES:
        hour = cases.every[at].first_hour + 6 * 133
        known = [time for time, _ in of_case(fewer, at) if time // HOUR_MS < hour]
        hours = [time // HOUR_MS for time in known]
        days = len({time // DAY_MS for time in known})
        recency, age = (hours[-1] - hours[0]) / 24, (hour - hours[0]) / 24
        (stays,) = model.conditional_probability_alive(days - 1, recency, age)
        assert 1 / (1 + math.exp(scores[at, 133])) == pytest.approx(float(stays))


def test_who_bought_on_one_day_is_alive_to_the_model() -> None:
    fit = alive.Fit(0, 0.3, 40.0, 0.5, 2.0)
    once = fit.dropped_out(np.zeros(1), np.zeros(1), np.full(1, 300.0))
    assert once < fit.dropped_out(np.ones(1), np.ones(1), np.full(1, 1.0))


def test_the_notes_say_which_fits_went_wrong() -> None:
    fine = alive.Fit(0, 0.3, 40.0, 0.5, 2.0)
    assert len(alive.notes((fine,))) == 1
    assert "1 of 2 fits diverged" in " ".join(alive.notes((fine, replace(fine, a=1e-9))))


def test_a_threshold_is_of_the_other_half_alone() -> None:
    rng = np.random.default_rng(3)
    calm, half = rng.normal(size=2_000), rng.permutation(2_000) % 2
    thresholds = other_half(calm, half, (0.05, 0.2))
    higher = other_half(np.where(half == 0, calm + 100, calm), half, (0.05, 0.2))
    assert (higher[half == 0] == thresholds[half == 0]).all()
    assert higher[half == 1] == pytest.approx(thresholds[half == 1] + 100)
    for at, target in enumerate((0.05, 0.2)):
        assert (calm > thresholds[:, at]).mean() == pytest.approx(target, abs=0.015)
