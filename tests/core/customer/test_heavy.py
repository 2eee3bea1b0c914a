"""One customer who does everything a thousand times costs little more than others."""

from time import process_time

import pytest

from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import DEFAULT, Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, daily, keep, purchase, restored, time_of

pytestmark = pytest.mark.slow

DATASET = Ruleset(population_minimum=1, high_value_quantile=0.1)
TX, CT = Input.TRANSACTIONS, Input.CONTACTS
DAY_150 = HOME + 150 * DAY_MS


def test_a_thousand_bad_contacts_in_a_week_cost_seconds_and_stand_at_the_cap() -> None:
    """Each is decided on its own as it comes, which is the dearest way."""
    partition = Partition(DATASET)
    partition.apply(TX, daily("a", HOME, 150))
    alerts = []
    begun = process_time()
    for at in range(1_000):
        time = DAY_150 + at * 7 * DAY_MS // 1_000
        partition.apply(CT, [bad("a", time, f"k{at:04}")])
        alerts += partition.advance(dict.fromkeys(FACTS, time + 1))
    seconds = process_time() - begun
    view = partition.lookup("a")
    assert view is not None
    assert (view.frustration, len(view.contacts)) == (2.95, 1_000)
    assert [(alert.state, alert.level) for alert in alerts] == [("raised", "watch"), ("updated", "alert")]
    assert seconds < 10


def test_twenty_thousand_contacts_cost_little_where_the_rules_remember_five_hundred() -> None:
    """At the pace of 100,000 in 8 days; each opens nothing, as nobody knows what the id usually buys."""
    partition, state = Partition(DEFAULT), State()
    events: list[Record] = [
        bad("a", HOME + at * 8 * DAY_MS // 100_000, f"k{at}", reason=f"r{at % 7}") for at in range(20_000)
    ]
    largest = 0
    begun = process_time()
    for start in range(0, len(events), 500):
        batch = events[start : start + 500]
        partition.apply(CT, batch)
        partition.advance(dict.fromkeys(FACTS, time_of(batch[-1]) + 1))
        keep(state, partition)
        largest = max(largest, len(state[b"ca"]))
    seconds = process_time() - begun
    assert dict(partition.tally) == {"undetectable": 20_000, "too_many_contacts": 19_500}
    assert partition.oversized == 1
    assert largest < 256 * 1024
    assert seconds < 10
    for one in (partition, restored(Ruleset(), state)):
        view = one.lookup("a")
        assert view is not None
        assert (view.frustration, len(view.contacts)) == (2.95, 500)
        assert one.apply(CT, events).duplicate == 20_000


def test_a_hundred_thousand_purchases_in_a_week_stay_small_and_fast() -> None:
    """A commit writes the record and at most one page of ids more than it has purchases for."""
    partition, state = Partition(DATASET), State()
    events: list[Record] = [purchase("a", HOME + at * 7 * DAY_MS // 100_000, 1) for at in range(100_000)]
    largest = written = 0
    begun = process_time()
    for start in range(0, len(events), 500):
        partition.apply(TX, events[start : start + 500])
        partition.advance(dict.fromkeys(FACTS, time_of(events[start])))
        before = dict(state)
        keep(state, partition)
        changed = [len(value) for key, value in state.items() if before.get(key) != value]
        largest, written = max(largest, *changed), max(written, sum(changed))
    seconds = process_time() - begun
    assert largest < 32 * 1024
    assert written < 64 * 1024
    assert seconds < 10
    view = restored(DATASET, state).lookup("a")
    assert view is not None
    assert sum(view.panes.cents) == 100_000


def test_a_hundred_thousand_purchases_stay_small_and_fast() -> None:
    """Over 400 days, 250 a day: the changelog's record stays below 256 KiB all the way."""
    partition = Partition(DATASET)
    state: State = {}
    largest = 0
    begun = process_time()
    for day in range(400):
        start = HOME + day * DAY_MS
        batch: list[Record] = [purchase("a", start + at * DAY_MS // 250) for at in range(250)]
        partition.apply(TX, batch)
        partition.advance(dict.fromkeys(FACTS, start + DAY_MS))
        keep(state, partition)
        largest = max(largest, len(state[b"ca"]))
    seconds = process_time() - begun
    assert largest < 256 * 1024
    assert seconds < 10
    for one in (partition, restored(DATASET, state)):
        view = one.lookup("a")
        assert view is not None
        assert sum(view.panes.cents) == 100_000 * 1_000
        assert view.first_pane == HOME // HOUR_MS
