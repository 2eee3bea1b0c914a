"""The merge: drawn partitions, read in any pieces, come out by event time; nobody is waited for in vain."""

import random
from collections.abc import Callable

import pytest

from streams.ingest.flow.merge import WAIT_SECONDS, Merge
from streams.ingest.flow.record import Place, Prepared, Record


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


def record(place: Place, offset: int, time: int | None) -> Record:
    return Record(*place, offset, 0, None, b"" if time is None else str(time).encode())


def prepare(one: Record) -> Prepared:
    return Prepared(one, one, "s", int(one.value) if one.value else None, [])


def merge(prepares: Callable[[Record], Prepared] = prepare) -> tuple[Merge, Clock]:
    clock = Clock()
    return Merge(prepares, clock), clock


def drain(one: Merge) -> list[Record]:
    found = []
    while (prepared := one.take()) is not None:
        found.append(prepared.record)
    return found


A, B, D = Place("a", 0), Place("a", 1), Place("drafts", 0)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_partitions_come_out_by_time_however_they_are_read(seed: int) -> None:
    chance = random.Random(seed)
    lanes = {
        Place("t", number): sorted(chance.choices(range(1_000), k=chance.randrange(60)))
        for number in range(chance.randrange(1, 6))
    }
    merged, _ = merge()
    for place in lanes:
        merged.add(place, firm=chance.random() < 0.3)
    left = {
        place: [record(place, at, time) for at, time in enumerate(times)] for place, times in lanes.items()
    }
    for place, times in lanes.items():
        merged.expect(place, len(times))
    found: list[Record] = []
    taken: list[Record] = []
    while any(left.values()):
        place = chance.choice([one for one, records in left.items() if records])
        many = chance.randrange(1, 10)
        merged.offer(place, left[place][:many], len(lanes[place]))
        left[place] = left[place][many:]
        taken += drain(merged)
        if chance.random() < 0.3:  # a transaction that was undone
            kept = chance.randrange(len(taken) + 1)
            merged.put_back(taken[kept:])
            taken = taken[:kept]
        elif chance.random() < 0.5:
            found, taken = found + taken, []
    for place, times in lanes.items():
        merged.reached_end(place, len(times))
    found += taken + drain(merged)
    wanted = sorted((time, place, at) for place, times in lanes.items() for at, time in enumerate(times))
    assert [(int(one.value or b""), Place(one.topic, one.partition), one.offset) for one in found] == wanted


def test_a_partition_that_has_more_is_waited_for_and_one_at_its_end_is_not() -> None:
    merged, _ = merge()
    merged.add(A)
    merged.add(B)
    merged.offer(A, [record(A, 0, 5)], end=1)
    assert drain(merged) == []  # nobody knows yet what B has
    merged.offer(B, [record(B, 0, 3)], end=2)
    assert [one.value for one in drain(merged)] == [b"3"]  # B has one more
    merged.reached_end(B, 2)  # which was the end of a transaction
    assert [one.value for one in drain(merged)] == [b"5"]
    merged.offer(A, [record(A, 1, 9)], end=2)
    assert [one.value for one in drain(merged)] == [b"9"]


def test_drafts_are_waited_for_until_they_are_here() -> None:
    merged, _ = merge()
    merged.add(A)
    merged.add(D, firm=True)
    merged.expect(D, 0)
    merged.reached_end(D, 0)
    merged.offer(A, [record(A, 0, 5)], end=1)
    assert len(drain(merged)) == 1
    merged.expect(D, 7, at_least=True)
    merged.offer(A, [record(A, 1, 6)], end=2)
    merged.reached_end(D, 5)
    assert drain(merged) == []  # a reader may say so before it sees what was just committed
    merged.offer(D, [record(D, 6, 5)])
    assert [one.value for one in drain(merged)] == [b"5", b"6"]


def test_what_brings_nothing_is_given_up_after_a_while() -> None:
    merged, clock = merge()
    merged.add(A)
    merged.add(B)
    merged.offer(A, [record(A, 0, 5)], end=1)
    clock.now = WAIT_SECONDS
    assert merged.give_up() == []
    clock.now += 1
    assert merged.give_up() == [B]
    assert len(drain(merged)) == 1
    merged.offer(B, [record(B, 0, 1)], end=2)
    assert len(drain(merged)) == 1
    merged.offer(A, [record(A, 1, 9)], end=2)
    assert drain(merged) == []  # B is heard of again


def test_records_without_a_time_go_in_the_place_of_the_last_that_had_one() -> None:
    merged, _ = merge()
    for place, times in ((A, (2, None, 9)), (B, (None, 5, None))):
        merged.add(place)
        merged.offer(place, [record(place, at, time) for at, time in enumerate(times)], end=3)
    order = [(one.partition, one.offset) for one in drain(merged)]
    assert order == [(1, 0), (0, 0), (0, 1), (1, 1), (1, 2), (0, 2)]


def test_partitions_that_are_taken_away_leave_nothing_behind() -> None:
    merged, _ = merge()
    merged.add(A)
    merged.add(B)
    merged.offer(A, [record(A, 0, 5)], end=1)
    merged.offer(B, [record(B, 0, 1), record(B, 1, 7)], end=9)
    assert len(drain(merged)) == 3
    merged.remove([B, Place("no", 0)])
    assert merged.places == [A]
    merged.put_back([record(B, 1, 7)])
    assert drain(merged) == []
    merged.add(A)
    assert merged.size(A) == 0
    merged.offer(Place("no", 0), [record(B, 2, 9)], end=3)
    assert not merged.is_drained(A)


def test_a_record_that_can_not_be_mapped_yet_stays() -> None:
    away = [True]

    def prepares(one: Record) -> Prepared:
        if away[0]:
            raise OSError("away")
        return prepare(one)

    merged, _ = merge(prepares)
    merged.add(A)
    merged.offer(A, [record(A, 0, 5)], end=1)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            merged.take()
    away[0] = False
    assert len(drain(merged)) == 1
    assert merged.is_empty


def test_a_record_from_the_future_does_not_hold_up_what_comes_after_it() -> None:
    merged = Merge(prepare, Clock(), lambda: 100.0)
    for place, times in ((A, [1, 999, 3, 5]), (B, [2, 4, 6])):
        merged.add(place)
        merged.offer(place, [record(place, at, time) for at, time in enumerate(times)], len(times))
    assert [one.value for one in drain(merged)] == [b"1", b"999", b"2", b"3", b"4", b"5", b"6"]
