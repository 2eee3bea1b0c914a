"""Replay against an independent recomputation written from the text of the rules alone.

RETENTION_WORLDS sets how many random worlds are compared, RETENTION_WORLDS_FROM the first seed.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from schemas.alert import Alert
from schemas.times import format_ms
from streams.core.ruleset import VERSIONS, Ruleset
from streams.lab.generate import GenerateOptions, Population, generate
from streams.lab.replay import replay_directory
from streams.rulesets import load
from tests.recompute.arrival import read
from tests.recompute.feed import Feed
from tests.recompute.recompute import Expected, Rules, recompute
from tests.recompute.rules import VERSION_2, VERSION_3, VERSION_4, hour_of
from tests.worlds.delays import by_a_source_that_fails, by_night, by_up_to_an_hour
from tests.worlds.wire import Feed as Lines
from tests.worlds.worlds import write_world

pytestmark = pytest.mark.slow

NOW = 1_800_000_000_000
WORLDS = int(os.environ.get("RETENTION_WORLDS", "5"))
FIRST_WORLD = int(os.environ.get("RETENTION_WORLDS_FROM", "0"))


@dataclass(frozen=True)
class Variant:
    """The same change of rules for both programs."""

    core: Ruleset
    plain: Rules


SMALL = Ruleset(high_value_quantile=0.2, population_minimum=5, opening_frustration=0.3)
PLAIN_SMALL = Rules(cutoff_fifths=1, customers_needed=5, opening_frustration=0.3)
SMALL_2 = replace(
    VERSIONS["2"], high_value_quantile=0.2, population_minimum=5, opening_frustration=0.3, guard_minimum=1
)
PLAIN_SMALL_2 = replace(VERSION_2, cutoff_fifths=1, customers_needed=5, opening_frustration=0.3, guard_mean=1)
SMALL_3 = replace(SMALL_2, version="3", delayed_feed=True)
PLAIN_SMALL_3 = replace(PLAIN_SMALL_2, delayed_feed=True)
"""Without a bound of contacts: the core has none yet, and no world comes near it."""
DELAYS = (by_up_to_an_hour, by_night, by_a_source_that_fails)


def settled(hours: int, *, silent: bool) -> Variant:
    """Ruleset 3 for small worlds, settled for some hours."""
    return Variant(
        replace(SMALL_3, settle_hours=hours, silent=silent, silent_prior_probability=0.02),
        replace(PLAIN_SMALL_3, settle_hours=hours, silent=silent, silent_prior_probability=0.02),
    )


def as_meant(hours: int, *, silent: bool) -> Variant:
    """Ruleset 4 for small worlds, settled for some hours."""
    variant = settled(hours, silent=silent)
    return Variant(
        replace(
            variant.core,
            version="4",
            as_meant=True,
            most_contacts=500,
            shared_trips_factor=10,
            shared_contacts=50,
        ),
        replace(variant.plain, as_meant=True, most_contacts=500, shared_trips_factor=10, shared_contacts=50),
    )


BY_TURNS = (
    Variant(SMALL, PLAIN_SMALL),
    Variant(SMALL_2, PLAIN_SMALL_2),
    Variant(
        replace(SMALL_2, guard_minimum=3, settle_hours=6, silent=True, silent_prior_probability=0.02),
        replace(PLAIN_SMALL_2, guard_mean=3, settle_hours=6, silent=True, silent_prior_probability=0.02),
    ),
    Variant(SMALL_3, PLAIN_SMALL_3),
    Variant(replace(SMALL_3, most_contacts=2), replace(PLAIN_SMALL_3, most_contacts=2)),
    settled(1, silent=True),
    settled(26, silent=False),
)
"""Each for a seventh of the worlds."""
BUILT_IN = {
    "1": Variant(VERSIONS["1"], Rules()),
    "2": Variant(VERSIONS["2"], VERSION_2),
    "3": Variant(VERSIONS["3"], VERSION_3),
    "4": Variant(VERSIONS["4"], VERSION_4),
}
"""The built-in rulesets by name: all decide to the millisecond as the text of their rules says."""
VARIANTS = (
    Variant(
        replace(SMALL, settle_hours=24, population_sample=16, silent=True, silent_prior_probability=0.02),
        replace(PLAIN_SMALL, settle_hours=24, sample=16, silent=True, silent_prior_probability=0.02),
    ),
    Variant(
        Ruleset(
            protected_tiers=("gold", "platinum"),
            holdout_share=0.5,
            holdout_salt="s",
            guard_minimum=1,
            silent=True,
            silent_days=40,
        ),
        Rules(
            protected_tiers=frozenset({"gold", "platinum"}),
            holdout_share=0.5,
            holdout_salt="s",
            guard_mean=1,
            silent=True,
            silent_days=40,
        ),
    ),
)


def of_core(alert: Alert) -> tuple[object, ...]:
    return (
        alert.time,
        alert.customer_id,
        alert.alert_id,
        alert.revision,
        alert.state,
        alert.level,
        alert.resolution,
        alert.rule,
        alert.anchor and alert.anchor.contact_id,
        alert.arm,
        alert.deadline,
    )


def of_plain(expected: Expected) -> tuple[object, ...]:
    return (
        format_ms(expected.time_ms),
        expected.customer_id,
        expected.alert_id,
        expected.revision,
        expected.state,
        expected.level,
        expected.resolution,
        expected.rule,
        expected.anchor_contact_id,
        expected.arm,
        format_ms(expected.deadline_ms),
    )


def assert_same_numbers(alert: Alert, expected: Expected) -> None:
    floats = (
        (alert.probability, expected.probability),
        (alert.log_odds.prior, expected.prior),
        (alert.log_odds.frustration, expected.frustration),
        (alert.log_odds.silence, expected.silence),
        (alert.days_since, expected.days_since),
        (float(alert.visits_since), expected.visits_since),
        (float(alert.unread_since), expected.unread_since),
        (alert.irregularity_days, expected.irregularity_days),
    )
    money = (
        (alert.usual_spend_per_day, expected.usual_spend_per_day),
        (alert.recurring_per_day, expected.recurring_per_day),
        (alert.spend_since, expected.spend_since),
        (alert.value_at_risk, expected.value_at_risk),
        (alert.trailing_spend, expected.trailing_spend),
    )
    for given, wanted in floats:
        assert given == pytest.approx(wanted, abs=6e-5)
    for text, amount in money:
        assert float(text) == pytest.approx(amount, abs=0.0051, rel=1e-12)
    assert alert.value_cutoff == (None if expected.value_cutoff is None else f"{expected.value_cutoff:.2f}")


def assert_same(directory: Path, variant: Variant, partitions: int) -> list[Expected]:
    result = replay_directory(directory, ruleset=variant.core, partitions=partitions, now_ms=NOW)
    expected = recompute(directory, ruleset=variant.plain, partitions=partitions, now_ms=NOW)
    for arm, alerts in (("treated", result.alerts), ("holdout", result.holdout)):
        wanted = [one for one in expected if one.arm == arm]
        assert [of_core(alert) for alert in alerts] == [of_plain(one) for one in wanted]
        for alert, one in zip(alerts, wanted, strict=True):
            assert_same_numbers(alert, one)
    return expected


@pytest.mark.parametrize("seed", range(FIRST_WORLD, FIRST_WORLD + WORLDS))
def test_a_random_world_gives_the_recomputed_alerts(tmp_path: Path, seed: int) -> None:
    write_world(tmp_path, seed)
    for at, variant in enumerate((BUILT_IN[str(1 + seed % 3)], VARIANTS[seed % 2], BY_TURNS[seed % 7])):
        found = assert_same(tmp_path, variant, partitions=1 + (seed + at) % 4)
        print(f"seed {seed}, variant {at}: {len(found)} alert records")


@pytest.mark.parametrize("seed", range(FIRST_WORLD, FIRST_WORLD + (WORLDS + 3) // 2))
def test_a_world_of_delays_gives_the_recomputed_alerts(tmp_path: Path, seed: int) -> None:
    write_world(tmp_path, seed, days=300, delay=DELAYS[seed % 3])
    variant = settled((0, 1, 26)[seed // 3 % 3], silent=seed % 2 == 0)
    found = assert_same(tmp_path, variant, partitions=1 + seed % 4)
    print(f"seed {seed}: {len(found)} alert records")


@pytest.mark.parametrize("seed", range(FIRST_WORLD, FIRST_WORLD + WORLDS // 2 + 1))
def test_a_world_of_odd_events_gives_the_recomputed_alerts(tmp_path: Path, seed: int) -> None:
    """Ruleset 4, with orders of 0.00, refusals, corrections, plans, legs, dialers, purchases in batches."""
    write_world(tmp_path, seed, odd=True)
    variant = as_meant((0, 0, 26)[seed % 3], silent=seed % 2 == 0)
    found = assert_same(tmp_path, variant, partitions=1 + seed % 4)
    print(f"seed {seed}: {len(found)} alert records")


def troubles(directory: Path, rules: Rules) -> tuple[int, int]:
    """Count the late transactions and the broken hours of a directory."""
    arrival = read(directory, rules, 1, NOW, "USD")
    assert arrival.end_ms is not None
    end = hour_of(arrival.end_ms)
    broken = Feed(arrival.partitions[0], end, rules).broken_hours(0, end)
    return arrival.counts["late transactions"], broken


@pytest.mark.parametrize(("delay", "settle_hours"), [*zip(DELAYS, (1, 26, 0), strict=True)])
def test_the_worlds_of_delays_try_ruleset_3(
    tmp_path: Path, delay: Callable[[Lines], None], settle_hours: int
) -> None:
    """Purchases are late and hours are broken, other ones and with other alerts than under ruleset 2."""
    write_world(tmp_path, 1, days=300, delay=delay)
    variant = settled(settle_hours, silent=True)
    found = assert_same(tmp_path, variant, partitions=1)
    assert {(one.rule, one.state) for one in found} >= {("contact", "raised"), ("silent", "raised")}
    rules_2 = replace(variant.plain, delayed_feed=False)
    assert found != recompute(tmp_path, ruleset=rules_2, partitions=1, now_ms=NOW)
    (late, broken), (_, broken_2) = troubles(tmp_path, variant.plain), troubles(tmp_path, rules_2)
    print(f"{late} late, {broken} broken, under ruleset 2 {broken_2}, {len(found)} alert records")
    assert late > 50
    assert 0 < broken != broken_2


def test_the_worlds_try_the_silent_rule(tmp_path: Path) -> None:
    write_world(tmp_path, 2)
    found = assert_same(tmp_path, VARIANTS[0], partitions=1)
    silent = {(one.state, one.resolution, one.frustration > 0) for one in found if one.rule == "silent"}
    assert silent > {("raised", None, False), ("updated", None, False), ("resolved", "expired", False)}
    assert silent > {("updated", None, True), ("resolved", "returned", False)}


@pytest.mark.parametrize(("seed", "name", "customers"), [(1, None, None), (2, Path("1"), 1000)])
def test_real_baskets_give_the_recomputed_alerts(
    tmp_path: Path, seed: int, name: Path | None, customers: int | None
) -> None:
    """Under each, as whoever names it gets it."""
    generate(tmp_path, GenerateOptions(population=Population.COMPLETEJOURNEY, seed=seed, customers=customers))
    rules = load(name)
    assert len(assert_same(tmp_path, Variant(rules, BUILT_IN[rules.version].plain), partitions=4)) > 40


def by_purchases(found: list[Expected]) -> int:
    """Count the records whose time ran by the population's purchases: their days are no whole hours."""
    return sum(abs(one.days_since * 24 - round(one.days_since * 24)) > 1e-6 for one in found)


@pytest.mark.parametrize("variant", BY_TURNS[1:3], ids=("contact", "silent"))
def test_the_worlds_try_ruleset_2(tmp_path: Path, variant: Variant) -> None:
    write_world(tmp_path, 1)
    found = assert_same(tmp_path, variant, partitions=1)
    rules = {"contact", "silent"} if variant.plain.silent else {"contact"}
    steps = (("raised", None), ("updated", None), ("resolved", "returned"), ("resolved", "expired"))
    assert {(one.rule, one.state, one.resolution) for one in found} >= {
        (rule, *step) for rule in rules for step in steps
    }
    assert 0 < by_purchases(found) < len(found)


def test_real_baskets_give_the_recomputed_alerts_of_ruleset_2(tmp_path: Path) -> None:
    generate(tmp_path, GenerateOptions(population=Population.COMPLETEJOURNEY, seed=1, customers=600))
    ruleset_2 = Variant(replace(VERSIONS["2"], silent=True), replace(VERSION_2, silent=True))
    found = assert_same(tmp_path, ruleset_2, partitions=2)
    assert {one.rule for one in found} == {"contact", "silent"}
    assert by_purchases(found) > 0
