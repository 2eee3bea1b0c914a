"""The promise of equal alerts: whatever the order of arrival, batches, duplicates, crashes, steps of time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.alert import Alert
from schemas.events import Disposition, Tick, Transaction
from streams.core.customer.customer_codec import ENTRY
from streams.core.customer.pending import Episode
from streams.core.customer.state import is_page_key
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, GIVEN, NEVER, Input
from tests.core.drive import (
    SILENT,
    SMALL,
    Crashes,
    Log,
    State,
    drive,
    in_order,
    interleaved,
    keep,
    restored,
    shuffled,
    time_of,
    unique,
    world,
)

pytestmark = pytest.mark.slow

RULES = (
    Ruleset(**SMALL),
    Ruleset(**SMALL, **SILENT, settle_hours=24),
    Ruleset(**SMALL, **SILENT, guard_minimum=1, population_sample=8),
    Ruleset(protected_tiers=("gold", "platinum"), holdout_share=0.5, guard_minimum=1),
    replace(VERSIONS["2"], **SMALL, guard_minimum=1),
    replace(VERSIONS["3"], **SMALL, guard_minimum=1, most_contacts=2),
    replace(VERSIONS["3"], **SMALL, **SILENT, guard_minimum=1, settle_hours=27),
    replace(VERSIONS["4"], **SMALL, **SILENT, guard_minimum=1),
)
LATENESS = 5_000
COPIES = 0.3

worlds = st.integers(0, 10_000)
dice = st.integers(0, 1 << 30)
rulesets = st.sampled_from(range(len(RULES)))
Make = Callable[[int], dict[Input, list[Record]]]


def bounded(examples: int) -> settings:
    """Return the profile of these tests: the same examples in every run, a fixed number of them.

    A seed is not simpler for being smaller, so a failure is not shrunk.
    """
    phases = (Phase.explicit, Phase.generate)
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None, phases=phases)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function from seed to the records of a random world."""
    directory: Path = tmp_path_factory.mktemp("world")
    return lambda seed: world(directory, seed, customers=20, days=300)


def plain(inputs: dict[Input, list[Record]]) -> dict[Input, list[Record]]:
    """Return the sorted unique events, all of them on time."""
    return {source: unique(records) for source, records in inputs.items()}


def late(rng: Random, inputs: dict[Input, list[Record]]) -> dict[Input, list[Record]]:
    """Return the events in any order within the allowed lateness, three in ten of them twice."""
    return {source: shuffled(rng, records, LATENESS, COPIES) for source, records in inputs.items()}


@bounded(12)
@given(worlds, dice, rulesets)
def test_any_arrival_within_the_lateness_gives_the_alerts_of_the_sorted_run(
    make: Make, seed: int, die: int, which: int
) -> None:
    """Order (late by less than 5 s), batches, interleaving and duplicates change no field of any alert."""
    inputs, rng = plain(make(seed)), Random(die)
    expected, _ = drive(Partition(RULES[which]), in_order(inputs))
    found, _ = drive(Partition(RULES[which]), interleaved(rng, late(rng, inputs)), rng=rng)
    assert found == expected


@bounded(4)
@given(worlds, dice)
def test_three_shuffles_of_a_world_with_duplicates_give_identical_alerts(
    make: Make, seed: int, die: int
) -> None:
    inputs = plain(make(seed))
    shuffles = [Random(die + one) for one in range(3)]
    runs = [drive(Partition(RULES[0]), interleaved(rng, late(rng, inputs)), rng=rng)[0] for rng in shuffles]
    assert runs[0] == runs[1] == runs[2]


@bounded(10)
@given(worlds, dice, rulesets)
def test_a_log_with_late_records_and_ticks_gives_the_same_alerts_however_it_is_read(
    make: Make, seed: int, die: int, which: int
) -> None:
    """With each topic's own order fixed, batches, interleaving and the times of deciding change nothing."""
    inputs = make(seed)
    runs = []
    for one in range(2):
        rng = Random(die + one)
        runs.append(drive(Partition(RULES[which]), interleaved(rng, inputs), rng=rng)[0])
    assert runs[0] == runs[1]


@bounded(12)
@given(worlds, dice, rulesets)
def test_crashes_change_no_alert(make: Make, seed: int, die: int, which: int) -> None:
    """A partition restored from exactly what was drained, at any point, goes on with the same alerts.

    The changelog is read in any order. Records that came after the last drain come again.
    """
    inputs, rng = make(seed), Random(die)
    log = interleaved(rng, inputs)
    expected, _ = drive(Partition(RULES[which]), log, rng=Random(die))
    crashes = Crashes(Random(die), RULES[which], often=0.2)
    found, _ = drive(Partition(RULES[which]), log, rng=Random(die), between=crashes)
    assert found == expected, f"{crashes.happened} crashes"


@bounded(6)
@given(worlds, dice, rulesets)
def test_what_bounds_the_cost_changes_no_alert(make: Make, seed: int, die: int, which: int) -> None:
    """Pages of five ids, a table for 500, and everybody with a contact kept unpacked; crashes in between."""
    inputs, rng = make(seed), Random(die)
    log = interleaved(rng, inputs)
    expected, _ = drive(Partition(RULES[which]), log, rng=Random(die))
    crashes = Crashes(Random(die), RULES[which], often=0.2)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("customer.customer_codec", "customer.pages", "partition.intake"):
            patch.setattr(f"streams.core.{module}.PAGE_BYTES", 5 * ENTRY.size)
        patch.setattr("streams.core.customer.event_ids.MOST_RECENT", 500)
        patch.setattr("streams.core.customer.customer_store.MANY_CONTACTS", 1)
        patch.setattr("streams.core.customer.customer_store.MOST_CACHED", 3)
        found, _ = drive(Partition(RULES[which]), log, rng=Random(die), between=crashes)
        assert any(map(is_page_key, crashes.state)) or not crashes.state
    assert found == expected, f"{crashes.happened} crashes"


@bounded(6)
@given(worlds, dice)
def test_the_watermark_never_goes_back(make: Make, seed: int, die: int) -> None:
    inputs, rng = make(seed), Random(die)
    seen = [NEVER]

    def watch(partition: Partition) -> Partition:
        seen.append(partition.watermark)
        assert partition.decided <= partition.watermark
        return partition

    _, partition = drive(Partition(RULES[0]), interleaved(rng, inputs), rng=rng, between=watch)
    assert seen == sorted(seen)
    assert partition.watermark == partition.newest + 1


@bounded(6)
@given(worlds, dice, rulesets)
def test_deciding_in_steps_is_deciding_at_once(make: Make, seed: int, die: int, which: int) -> None:
    log, rng = in_order(plain(make(seed))), Random(die)
    expected, whole = drive(Partition(RULES[which]), log)
    partition = Partition(RULES[which])
    for source, record in log:
        partition.apply(source, [record])
    partition.move(dict.fromkeys(FACTS, whole.newest + 1))
    alerts: list[Alert] = []
    end = min(time_of(record) for _, record in log)
    while end < partition.watermark:
        end += rng.choice((1, HOUR_MS, DAY_MS, 7 * DAY_MS, rng.randrange(30 * DAY_MS)))
        alerts += partition.decide(end)
        assert partition.decided == min(end, partition.watermark)
    alerts.sort(key=lambda alert: (alert.time, alert.customer_id))
    assert alerts == expected


def trying(rng: Random, inputs: dict[Input, list[Record]], alerts: list[Alert]) -> Log:
    """Return the log with what tries the timers most: future-dated and huge refunds, and snoozes."""
    made: list[tuple[Input, Record]] = []
    money = [one for one in inputs[Input.TRANSACTIONS] if isinstance(one, Transaction)]
    for number, one in enumerate(rng.sample(money, len(money) // 20)):
        event = {"event_id": f"trying-{number}", "kind": rng.choice(("refund", "chargeback"))}
        original = one.time + rng.choice((1, 30, 700)) * HOUR_MS
        cents = one.cents * rng.choice((1, 1, 20))
        made.append((Input.TRANSACTIONS, replaced(one, **event, original_time=original, cents=cents)))
    for number, alert in enumerate(alerts):
        start = rng.choice(money).time
        until = start + rng.randrange(40 * DAY_MS) // rng.choice((1, HOUR_MS)) * HOUR_MS
        snooze = Disposition(
            alert.customer_id, "desk", f"trying-{number}", start, alert.alert_id, "contacted", None, until
        )
        made.append((Input.DISPOSITIONS, snooze))
    return in_order(inputs | {one: [*inputs[one], *(new for at, new in made if at is one)] for one in GIVEN})


def replaced(event: Transaction, **changes: object) -> Transaction:
    """Return a transaction with some fields replaced."""
    fields = {name: getattr(event, name) for name in Transaction.__struct_fields__}
    return Transaction(**{**fields, **changes})


@bounded(7)
@given(worlds, dice, rulesets)
def test_sleeping_until_the_first_hour_that_can_matter_is_scanning_every_hour(
    make: Make, seed: int, die: int, which: int
) -> None:
    inputs = plain(make(seed))
    rules = RULES[which]
    log = trying(Random(die), inputs, drive(Partition(rules), in_order(inputs))[0])
    slept, _ = drive(Partition(rules), log, rng=Random(die))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streams.core.episodes.lifecycle.next_timer", every_hour)
        scanned, _ = drive(Partition(rules), log)
    assert slept == scanned


def every_hour(_customer: object, _episode: Episode, hour: int, _guard: object, _rules: Ruleset) -> int:
    """Wake at once."""
    return hour


@bounded(7)
@given(worlds, dice)
def test_state_restored_and_drained_is_the_same_bytes(make: Make, seed: int, die: int) -> None:
    """Also after half a log, with facts waiting; and what did not change is not drained."""
    rng = Random(die)
    log = interleaved(rng, make(seed))
    state: State = {}
    _, partition = drive(Partition(RULES[0]), log[: len(log) // 2], rng=rng)
    partition.apply(*one_batch(log))
    keep(state, partition)
    again = restored(RULES[0], state)
    for customer_id in again._customers.records:
        again._customers.touch(customer_id)
    second: State = {}
    keep(second, again)
    assert second == state
    assert [key for key, _ in again.drain_dirty()] == [b"p"]


def one_batch(log: Log) -> tuple[Input, list[Record]]:
    """Return what the second half of a log first brings of transactions, ticks left out."""
    half = log[len(log) // 2 :]
    records: list[Record] = [
        one for source, one in half if source is Input.TRANSACTIONS and not isinstance(one, Tick)
    ]
    return Input.TRANSACTIONS, records[:50]
