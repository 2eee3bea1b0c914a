"""The parts of `calibrate`: each against a plain account of what it should find."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from schemas.events import Disposition
from schemas.partitioner import partition_of
from schemas.times import parse_ms
from streams.core.episodes.silent import begin_watch
from streams.core.odds.odds import measure
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS
from streams.evaluation.splits import held_out_splits
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.history.reading import Source
from streams.lab.calibrate.measures import silence, temperature
from streams.lab.calibrate.measures.population import judgeable, value_check, yardsticks
from streams.lab.calibrate.measures.season import season
from streams.lab.calibrate.measures.share import Share, predicted
from streams.lab.calibrate.measures.temperature import Sample
from streams.lab.calibrate.measures.weights import KEYS, Case, cases, weights
from streams.lab.calibrate.measures.windows import QUIET_DAYS_BEFORE, Window, placebo_windows
from streams.lab.generate import GenerateOptions, Population, generate
from streams.lab.report.words import SIGNALS
from tests.lab.datasets import NOW

pytestmark = pytest.mark.slow

RULES = Ruleset()
OTHERS = {"high_value_quantile": 0.3, "population_minimum": 5}
START = 2_900 * WEEK_HOURS
CLOSED = ("confirmed", "benign", "already_left", "returned", "wrong_customer")


@pytest.fixture(name="place", scope="module")
def place_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the year of a synthetic population with few contacts."""
    directory = tmp_path_factory.mktemp("place") / "here"
    options = GenerateOptions(
        population=Population.SYNTHETIC, customers=120, days=365, seed=8, start=date(2024, 1, 1)
    )
    generate(directory, options)
    return directory


def rules_of(version: str, **keys: object) -> Ruleset:
    return Ruleset.from_mapping({**VERSIONS[version].as_mapping(), **OTHERS, **keys})


def history_of(purchases: dict[str, list[tuple[int, int]]]) -> History:
    """Return the history of purchases, given by customer as (hour, cents)."""
    history = History(RULES, partitions=1)
    for customer_id, spend in purchases.items():
        for hour, cents in spend:
            history.stretch(hour * HOUR_MS)
            history.spend(customer_id, hour * HOUR_MS, cents)
    history.complete()
    return history


def sample_of(levels: list[float], *peaks: float) -> Sample:
    return Sample.of([Window(f"c{at}", 0, peak, 3) for at, peak in enumerate(peaks)], np.array(levels))


# Placebo windows


def test_a_history_has_its_customers_where_the_partitioner_puts_them(place: Path) -> None:
    history = Source(place, partitions=4, partitioner="crc32").history(rules_of("2"))
    homes = {one: history.routes[one] for one in history.customers}
    assert homes == {one: partition_of(one, 4, "crc32") for one in history.customers}
    assert len(set(homes.values())) == 4


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_window_has_the_largest_evidence_of_its_hours(place: Path, version: str) -> None:
    rules = rules_of(version, settle_hours=0 if version == "1" else 24)
    history = Source(place, partitions=2).history(rules)
    start, end = history.first_hour, history.end_hour
    windows = placebo_windows(history, rules, start, end, 3)
    assert len(windows) > 60
    refreshes = history.refreshes(rules)
    for window in windows[:20]:
        customer, guard = history.customers[window.customer_id], history.feed(window.customer_id)
        refresh = refreshes[history.routes[window.customer_id]][window.hour // WEEK_HOURS * WEEK_HOURS]
        at_anchor = type(refresh)(window.hour, refresh.cutoff, refresh.irregularity_days)
        watch = begin_watch(customer, at_anchor, rules, guard)
        assert watch is not None
        hours = range(window.hour, window.hour + 90 * DAY_HOURS + 1)
        scanned = max(
            measure(customer, watch.yardstick, hour - rules.settle_hours, rules, guard).silence
            for hour in hours
        )
        assert math.isclose(window.peak, scanned, abs_tol=1e-9)


def test_windows_lie_in_their_time_apart_and_without_a_bad_contact(place: Path) -> None:
    rules = rules_of("1")
    history = Source(place).history(rules)
    start, end = history.first_hour + 100 * DAY_HOURS, history.end_hour
    windows = placebo_windows(history, rules, start, end, 3)
    length = 90 * DAY_HOURS
    by_customer: dict[str, list[int]] = {}
    for window in windows:
        assert start <= window.hour <= end - length
        by_customer.setdefault(window.customer_id, []).append(window.hour)
        for bad in history.bad_hours.get(window.customer_id, ()):
            assert not window.hour - QUIET_DAYS_BEFORE * DAY_HOURS <= bad < window.hour + length
    assert sum(map(len, history.bad_hours.values())) > 20
    assert any(len(hours) > 1 for hours in by_customer.values())
    for hours in by_customer.values():
        assert all(
            later - earlier >= length
            for earlier, later in zip(sorted(hours), sorted(hours)[1:], strict=False)
        )


# Temperature


def test_the_temperature_is_the_largest_that_meets_the_target() -> None:
    sample = sample_of([2.0], *(at / 10 for at in range(1, 101)))
    need = math.log(4) - RULES.prior - 2.0
    found = sample.fitted(RULES, 0.05)
    # Five windows may alarm: those of S = 9.6 to 10, so not yet that of S = 9.5.
    assert need / 9.6 <= found.temperature < need / 9.5
    assert sample.false_alarms(found) == pytest.approx(0.05)


def test_false_alarms_are_the_mean_over_windows_and_frustration() -> None:
    needed = math.log(4) - RULES.prior - 2.0
    sample = sample_of([1.0, 2.0, 2.95], needed / 0.5, 0.0)
    assert sample.false_alarms(replace(RULES, temperature=0.5)) == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("peaks", "bound"), [((0.0,) * 50, temperature.HIGHEST), ((1000.0,) * 50, temperature.LOWEST)]
)
def test_the_temperature_stays_within_its_bounds(peaks: tuple[float, ...], bound: float) -> None:
    assert sample_of([2.0], *peaks).fitted(RULES, 0.02).temperature == bound


def test_the_prediction_is_the_same_every_time_and_narrower_for_more_customers() -> None:
    peaks = np.random.default_rng(1).gamma(1.0, 4.0, 400)
    sample = sample_of(np.linspace(1, 2.95, 20).tolist(), *peaks)
    few, many, again = (predicted(sample, RULES, 0.05, customers) for customers in (100, 4000, 100))
    assert few == again
    assert few.low < few.share < few.high
    assert many.high - many.low < few.high - few.low
    assert few.share in few
    assert few.high + 0.001 not in few


def test_what_was_predicted_comes_on_the_other_half_of_the_households() -> None:
    splits = held_out_splits(splits=2, customers=500, target=0.1)
    assert splits == held_out_splits(splits=2, customers=500, target=0.1)
    for split in splits:
        assert split.calibrated_on > 80
        assert split.tried_on > 80
        assert split.within == (split.predicted.low <= split.realised <= split.predicted.high)
        assert split.predicted.low < 0.1 < split.predicted.high


# Silence


def test_silent_alerts_are_foretold_as_a_replay_has_them(tmp_path: Path) -> None:
    base = rules_of("2")
    options = GenerateOptions(population=Population.SYNTHETIC, customers=120, days=365, contact_rate=0.0)
    generate(tmp_path / "here", options)
    source = Source(tmp_path / "here", partitions=2, now_ms=NOW)
    history = source.history(base)
    stretches = silence.watched(history, base, history.first_hour, history.end_hour)
    rules = replace(stretches.fitted(base, 0.1), silent=True)
    result, _ = source.replay(rules)
    raised = {alert.alert_id for alert in result.alerts if alert.level == "alert"}
    assert {alert.rule for alert in result.alerts} == {"silent"}
    rate = stretches.false_alarms(rules)
    foretold = rate * stretches.days.sum() / silence.PER_DAYS
    assert 0.08 < rate <= 0.1
    assert len(raised) > 5
    assert abs(len(raised) - foretold) <= 0.3 * foretold


def test_the_silent_prior_is_the_largest_that_meets_the_target() -> None:
    peaks = np.arange(100, 0, -1, dtype=np.float64)
    stretches = silence.Watched(np.arange(100), peaks, np.full(100, 90.0), np.ones(100, np.int64))
    rules = stretches.fitted(replace(RULES, temperature=0.1), 0.05)
    assert stretches.false_alarms(rules) == pytest.approx(0.05)
    more = replace(rules, silent_prior_probability=rules.silent_prior_probability * 1.02)
    assert stretches.false_alarms(more) == pytest.approx(0.06)
    low, high = (replace(stretches, peaks=peaks * k).fitted(RULES, 0.05) for k in (99, 0))
    assert low.silent_prior_probability == silence.LOWEST
    assert high.silent_prior_probability == silence.HIGHEST


# Weights


def drawn(factors: dict[str, float], count: int) -> Iterator[Case]:
    rng = np.random.default_rng(4)
    for _ in range(count):
        parts = {
            name: float(part) for name, part in zip(factors, rng.gamma(2, 0.7, len(factors)), strict=True)
        }
        offset = float(rng.normal(-1, 1))
        odds = offset + sum(factors[name] * part for name, part in parts.items())
        yield Case(parts, offset, bool(rng.random() < 1 / (1 + math.exp(-odds))))


def test_weights_follow_what_turned_out() -> None:
    found = weights(list(drawn({"unresolved": 1.6, "transfers": 0.4, "repeat": 1.0}, 4000)))
    assert found.enough
    assert found.factors == pytest.approx({"unresolved": 1.6, "transfers": 0.4, "repeat": 1.0}, abs=0.15)
    changes = found.changes(RULES)
    assert changes["transfer_first"] == round(0.15 * found.factors["transfers"], 3)
    assert changes["transfer_further"] == round(0.66 * found.factors["transfers"], 3)
    rules = Ruleset.from_mapping({**RULES.as_mapping(), **changes})
    assert rules.outcome_unresolved > RULES.outcome_unresolved


def test_a_weight_is_never_below_zero_and_stays_where_nothing_speaks_against_it() -> None:
    against = [Case({"unresolved": 3.0}, 5.0, leaving=False) for _ in range(170)]
    idle = [Case({"complaint": 0.0}, 0.0, leaving=at % 2 == 0) for at in range(60)]
    found = weights([*against, *idle])
    assert found.factors == {"unresolved": 0.0, "complaint": 1.0}


@pytest.mark.parametrize(
    ("leaving", "staying", "enough"), [(170, 30, True), (171, 29, False), (150, 49, False)]
)
def test_too_few_outcomes_leave_the_weights(leaving: int, staying: int, *, enough: bool) -> None:
    given = [Case({"repeat": 2.0}, -3.0, leaving=at < leaving) for at in range(leaving + staying)]
    found = weights(given)
    assert found.enough is enough
    assert bool(found.changes(RULES)) is enough


def test_every_signal_has_its_keys() -> None:
    assert set(KEYS) == set(SIGNALS) - {"subscription_cancelled", "silence"}
    names = [key for keys in KEYS.values() for key in keys]
    assert len(names) == len(set(names))
    assert set(names) <= set(RULES.as_mapping())


def test_a_closed_alert_is_parted_as_its_odds_are(dataset: Path, rules: Path) -> None:
    given = Ruleset.from_toml(rules.read_text(encoding="utf-8"))
    source = Source(dataset, now_ms=NOW)
    history, (result, _) = source.history(given), source.replay(given)
    last = {alert.alert_id: alert for alert in result.alerts if alert.state != "resolved"}
    closings = [
        Disposition(
            alert.customer_id, "crm", f"d{at}", parse_ms(alert.time), alert.alert_id, "closed", outcome, None
        )
        for at, alert in enumerate(last.values())
        for outcome in [CLOSED[at % len(CLOSED)]]
    ]
    unheard = Disposition(
        "x", "crm", "d", closings[0].time, closings[0].alert_id, "closed", "no_answer", None
    )
    found = cases(result.alerts, [*closings, unheard], history.moments, given)
    assert len(found) == len(closings) > 20
    closings.sort(key=lambda one: (one.time, one.event_id))
    for case, closing in zip(found, closings, strict=True):
        alert = last[closing.alert_id]
        odds = alert.log_odds
        assert sum(case.parts.values()) == pytest.approx(odds.frustration)
        assert case.offset == pytest.approx(odds.prior + odds.silence)
        assert case.leaving == (closing.outcome in {"confirmed", "already_left"})
        assert set(case.parts) == {reason.signal for reason in alert.reasons}


# The population, and its seasons


def test_the_value_check_counts_who_holds_the_spend() -> None:
    hours = [START + day * DAY_HOURS for day in range(0, 200, 4)]
    history = history_of({f"c{at:02}": [(hour, 100 * (at + 1)) for hour in hours] for at in range(25)})
    value = value_check(history, RULES)
    assert value is not None
    # The 20th of 25 is the cut-off; the last refresh is after 196 days, 49 purchases.
    assert (value.customers, value.spenders, value.cutoff_cents) == (6, 25, 49 * 2000)
    assert value.spend_share == pytest.approx(sum(range(20, 26)) / sum(range(1, 26)))
    assert value_check(history, replace(RULES, population_minimum=26)) is None


def test_who_stops_at_once_is_an_alert_after_so_many_days() -> None:
    hours = [START + day * DAY_HOURS for day in range(0, 200, 4)]
    history = history_of({f"c{at:02}": [(hour, 1000) for hour in hours] for at in range(25)})
    found = judgeable(yardsticks(history, RULES), RULES, 2.0)
    # Clockwork: D is the floor, drawn nowhere by a population that is just as regular.
    days = RULES.irregularity_floor_days * (math.log(4) - RULES.prior - 2.0) / RULES.temperature
    assert found.customers == 25
    assert found.share == 1.0
    assert found.quartile_days == pytest.approx((days, days, days), abs=1 / 24)
    slow = judgeable([*yardsticks(history, RULES), None], replace(RULES, temperature=0.01), 2.0)
    assert slow.share == 0.0
    assert slow.customers == 26


def test_seasons_are_the_weeks_and_the_days_of_the_week() -> None:
    # START is a Thursday. One purchase of 1.00 a day, 3.00 on Saturdays, nothing in the week from day 70.
    days = [day for day in range(141) if not 70 <= day < 77]
    spend = [(START + day * DAY_HOURS, 300 if day % 7 == 2 else 100) for day in days]
    crowd = [(START + day * DAY_HOURS + hour, 0) for day in days for hour in range(24)]
    history = history_of({"c": spend, "d": [(hour, 1) for hour, _ in crowd]})
    found = season(history)
    assert found is not None
    assert found.lowest_week == START + 70 * DAY_HOURS
    assert found.lowest_index == 0.0
    assert found.day_indexes[5] == max(found.day_indexes)
    assert sum(found.day_indexes) == pytest.approx(7)
    assert found.broken_weeks >= 1
    assert season(history_of({"c": [(START, 100)]})) is None


def test_a_share_is_within_its_interval_bounds_included() -> None:
    share = Share(0.02, 0.01, 0.03)
    assert 0.01 in share
    assert 0.03 in share
    assert 0.0301 not in share
