"""Erasure: nothing of a customer is left, what was sent is ended once, and whoever comes back starts anew."""

import pytest

from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.spend.population import customer_hash
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, daily, erasure, keep, profile, purchase, restored

DATASET = Ruleset(population_minimum=1, high_value_quantile=0.1)
TX, CT, CU = Input.TRANSACTIONS, Input.CONTACTS, Input.CUSTOMERS
DAY_150 = HOME + 150 * DAY_MS


def dataset(*, contacts: int) -> Partition:
    """Return a partition where `a` buys daily until day 150; one bad contact opens, two raise."""
    partition = Partition(DATASET)
    partition.apply(TX, daily("a", HOME, 150))
    partition.apply(CT, [bad("a", DAY_150 + at * HOUR_MS, f"k{at}") for at in range(contacts)])
    alerts = partition.advance(dict.fromkeys(FACTS, DAY_150 + 3 * HOUR_MS))
    assert len(alerts) == (contacts > 1)
    assert list(partition.open_customers) == ["a"]
    return partition


def test_what_was_sent_is_ended_by_one_record() -> None:
    """It says erased, at the last decided time, with the level sent and the next revision."""
    partition = dataset(contacts=2)
    outcome = partition.apply(CU, [erasure("a"), erasure("a")])
    assert outcome.applied == 2
    [alert] = outcome.alerts
    assert (alert.state, alert.resolution, alert.level) == ("resolved", "erased", "watch")
    assert (alert.revision, alert.time) == (2, "2024-06-02T03:00:00.000Z")
    assert alert.summary.startswith("The customer was erased: ")


@pytest.mark.parametrize("customer_id", ["a", "nobody"])
def test_what_was_not_sent_ends_silently(customer_id: str) -> None:
    assert dataset(contacts=1).apply(CU, [erasure(customer_id)]).alerts == []


def test_nothing_is_left_of_the_customer() -> None:
    """Not in a question, not in the changelog but as a tombstone, and no timer does anything."""
    partition = dataset(contacts=2)
    partition.apply(CT, [bad("a", DAY_150 + 4 * HOUR_MS, "waiting")])
    partition.apply(CU, [profile("a", DAY_150 + 4 * HOUR_MS)])
    state: State = {}
    keep(state, partition)
    assert state.keys() == {b"ca", b"p"}
    partition.apply(CU, [erasure("a")])
    assert partition.lookup("a") is None
    assert not partition.knows("a")
    assert partition.customers == 0
    assert list(partition.open_customers) == []
    assert dict(partition.drain_dirty())[b"ca"] is None
    assert partition.advance(dict.fromkeys(FACTS, DAY_150 + 200 * DAY_MS)) == []


@pytest.mark.parametrize("back", [False, True])
def test_a_fact_that_waits_outside_the_record_goes_too(back: bool) -> None:
    """Its timer finds nobody, or whoever came back, and folds nothing either way."""
    partition = dataset(contacts=2)
    partition.apply(CT, [bad("a", DAY_150 + 4 * HOUR_MS, "waiting")])
    partition.apply(CU, [erasure("a")])
    if back:
        partition.apply(TX, [purchase("a", DAY_150 + 5 * HOUR_MS)])
    assert partition.advance(dict.fromkeys(FACTS, DAY_150 + DAY_MS)) == []
    view = partition.lookup("a")
    assert (view is not None) is back
    assert view is None or (view.contacts, view.frustration) == ([], 0)


def test_a_customer_who_is_not_known_leaves_no_tombstone() -> None:
    partition = dataset(contacts=1)
    partition.drain_dirty()
    partition.apply(CU, [erasure("nobody")])
    assert [key for key, _ in partition.drain_dirty()] == [b"p"]


@pytest.mark.parametrize("source", [TX, CT])
def test_ids_are_forgotten(source: Input) -> None:
    """The same event sent again is accepted: nobody can tell that it was there."""
    partition = dataset(contacts=2)
    record = purchase("a", DAY_150 - DAY_MS // 2) if source is TX else bad("a", DAY_150, "k0")
    assert partition.apply(source, [record]).duplicate == 1
    partition.apply(CU, [erasure("a")])
    assert partition.apply(source, [record]).duplicate == 0


def test_a_purchase_that_was_to_put_off_a_timer_up_is_forgotten_too() -> None:
    """An open episode without spend since is asleep until it expires; a purchase disturbs that."""
    partition = dataset(contacts=1)
    partition.apply(TX, [purchase("a", DAY_150 + 4 * HOUR_MS)])
    partition.apply(CU, [erasure("a")])
    assert partition.advance(dict.fromkeys(FACTS, DAY_150 + DAY_MS)) == []


@pytest.mark.parametrize("crash", [False, True])
def test_whoever_comes_back_starts_anew(crash: bool) -> None:
    """No frustration, no panes from before, revisions from 1; the same after a crash."""
    partition = dataset(contacts=2)
    state: State = {}
    keep(state, partition)
    partition.apply(CU, [erasure("a")])
    keep(state, partition)
    if crash:
        assert state.keys() == {b"p"}
        partition = restored(DATASET, state)
    back = DAY_150 + 10 * DAY_MS
    partition.apply(TX, daily("a", back, 90))
    partition.apply(CT, [bad("a", back + 90 * DAY_MS, "k0")])
    assert partition.advance(dict.fromkeys(FACTS, back + 91 * DAY_MS)) == []
    view = partition.lookup("a")
    assert view is not None
    assert view.first_pane == (back + DAY_MS // 2) // HOUR_MS
    assert view.frustration == 1.85
    partition.apply(CT, [bad("a", back + 91 * DAY_MS, "k1")])
    [alert] = partition.advance(dict.fromkeys(FACTS, back + 92 * DAY_MS))
    assert alert.anchor is not None
    assert (alert.state, alert.revision, alert.anchor.contact_id) == ("raised", 1, "k0")


def test_a_customer_who_comes_back_before_the_drain_is_drained_as_a_new_one() -> None:
    partition = dataset(contacts=2)
    partition.apply(CU, [erasure("a")])
    partition.apply(TX, [purchase("a", DAY_150 + DAY_MS)])
    drained = partition.drain_dirty()
    assert [key for key, _ in drained] == [b"ca", b"p"]
    view = restored(DATASET, {key: value for key, value in drained if value is not None}).lookup("a")
    assert view is not None
    assert view.panes.hours == [(DAY_150 + DAY_MS) // HOUR_MS]


PEOPLE = sorted((f"c{one}" for one in range(4)), key=customer_hash)
"""Four customers, the one with the smallest hash first."""
SMALL_SAMPLE = Ruleset(population_sample=2, population_minimum=1, high_value_quantile=0.1)


def cutoff(partition: Partition, day: int) -> int | None:
    """Let time run to a day of a refresh, and return its cut-off."""
    partition.advance(dict.fromkeys(FACTS, HOME + day * DAY_MS))
    assert partition._judge.refresh is not None
    assert partition._judge.refresh.hour == (HOME + day * DAY_MS) // HOUR_MS
    return partition._judge.refresh.cutoff


@pytest.mark.parametrize(
    ("erased", "smallest"),
    [([], 100), ([0], 200), ([1], 100), ([2], 100), ([0, 1], 300), ([0, 1, 2], 400), ([0, 1, 2, 3], None)],
)
def test_the_next_smallest_hash_moves_up_into_the_sample(erased: list[int], smallest: int | None) -> None:
    """The i-th customer by hash spends 100 (i + 1); with a sample of two the cut-off is its least."""
    partition = Partition(SMALL_SAMPLE)
    partition.apply(TX, [purchase(one, HOME + at, 100 * (at + 1)) for at, one in enumerate(PEOPLE)])
    assert cutoff(partition, 7) == 100
    partition.apply(CU, [erasure(PEOPLE[at]) for at in erased])
    assert cutoff(partition, 14) == smallest


def test_one_who_moved_up_is_followed_from_then_on() -> None:
    """Its spend before and after count, and that of the erased one does not."""
    partition = Partition(SMALL_SAMPLE)
    partition.apply(TX, [purchase(one, HOME + at, 1_000 * (at + 1)) for at, one in enumerate(PEOPLE)])
    cutoff(partition, 7)
    partition.apply(CU, [erasure(PEOPLE[0]), erasure(PEOPLE[1])])
    cutoff(partition, 14)
    partition.apply(TX, [purchase(PEOPLE[2], HOME + 15 * DAY_MS, 7)])
    assert cutoff(partition, 21) == 3_007
