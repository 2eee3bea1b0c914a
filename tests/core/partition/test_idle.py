"""Who has nothing due costs nothing: no record is unpacked or written for the passing of time alone."""

import pytest

from streams.core.customer.state import PARTITION_KEY
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, daily, keep, restored

DATASET = Ruleset(population_minimum=1, high_value_quantile=0.1)
TX, CT = Input.TRANSACTIONS, Input.CONTACTS
SOON = HOME + 150 * DAY_MS


def waiting(minutes: int) -> Partition:
    """Return a partition with fifty customers, of whom each has a contact that waits so many minutes more."""
    partition = Partition(DATASET)
    for at in range(50):
        partition.apply(TX, daily(f"c{at}", HOME, 150))
    partition.advance(dict.fromkeys(FACTS, SOON))
    partition.drain_dirty()
    partition.apply(CT, [bad(f"c{at}", SOON + minutes * 60_000 + at) for at in range(50)])
    partition.drain_dirty()
    return partition


def changed(partition: Partition) -> set[bytes]:
    return {key for key, _ in partition.drain_dirty()} - {PARTITION_KEY}


def test_a_decision_within_the_hour_of_a_fact_writes_nothing_before_its_effective_time() -> None:
    """Forty decisions in the hour in which fifty contacts wait."""
    partition = waiting(59)
    for minute in range(40):
        partition.advance(dict.fromkeys(FACTS, SOON + minute * 60_000))
        assert changed(partition) == set()
    partition.advance(dict.fromkeys(FACTS, SOON + HOUR_MS))
    assert len(changed(partition)) == 50


@pytest.mark.parametrize(("at", "due"), [(0, 0), (1, 1), (25, 25), (50, 50)])
def test_only_those_who_are_due_are_written(at: int, due: int) -> None:
    """A fact is folded when the watermark exceeds its effective time."""
    partition = waiting(10)
    partition.advance(dict.fromkeys(FACTS, SOON + 10 * 60_000 + at))
    assert len(changed(partition)) == due


def test_with_open_episodes_only_those_whose_hour_has_come_are_written() -> None:
    partition = waiting(1)
    partition.advance(dict.fromkeys(FACTS, SOON + HOUR_MS))
    written = len(changed(partition))
    assert written == 50
    for quarter in range(5, 12):
        partition.advance(dict.fromkeys(FACTS, SOON + quarter * HOUR_MS // 4))
        assert len(changed(partition)) <= 50
    before = partition.drain_dirty()
    assert [key for key, _ in before] == [PARTITION_KEY]


def test_what_waits_is_counted_after_a_restore() -> None:
    partition = waiting(10)
    state: State = {}
    kept = Partition(DATASET)
    for at in range(50):
        kept.apply(TX, daily(f"c{at}", HOME, 150))
    kept.advance(dict.fromkeys(FACTS, SOON))
    kept.apply(CT, [bad(f"c{at}", SOON + 600_000 + at) for at in range(50)])
    keep(state, kept)
    assert kept.undecided == partition.undecided == 50
    again = restored(DATASET, state)
    assert again.undecided == 50
    again.advance(dict.fromkeys(FACTS, SOON + 600_025))
    assert again.undecided == 25
    again.advance(dict.fromkeys(FACTS, SOON + HOUR_MS))
    assert again.undecided == 0
