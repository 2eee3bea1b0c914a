"""Duplicates: the same source and event id within 8 days of the first, whatever generation holds it."""

import pytest

from streams.core.event_ids import EventIds
from streams.core.time import DAY_MS
from streams.core.watermark import Clock
from tests.core.drive import HOME

WINDOW = 8 * DAY_MS
THREES = [(WINDOW - 1, True), (WINDOW, True), (WINDOW + 1, False)]


@pytest.mark.parametrize(("after", "duplicate"), THREES)
def test_an_id_counts_for_8_days(after: int, duplicate: bool) -> None:
    ids = EventIds()
    key = ids.key("pos", "x")
    ids.remember(key, HOME)
    assert ids.is_duplicate(key, HOME + after) is duplicate


@pytest.mark.parametrize(("after", "duplicate"), THREES)
def test_so_does_one_in_the_older_generation(after: int, duplicate: bool) -> None:
    ids, clock = EventIds(), Clock(5_000)
    key = ids.key("pos", "x")
    ids.remember(key, HOME)
    clock.move(HOME - WINDOW)
    ids.rotate(clock)
    clock.move(HOME + 5_001)
    ids.rotate(clock)
    assert key in ids.old
    assert ids.is_duplicate(key, HOME + after) is duplicate


@pytest.mark.parametrize(("beyond", "rotated"), [(-1, False), (0, False), (1, True)])
def test_a_generation_lasts_8_days_and_the_lateness(beyond: int, rotated: bool) -> None:
    ids, clock = EventIds(), Clock(5_000)
    ids.remember(ids.key("pos", "x"), HOME)
    clock.move(HOME)
    ids.rotate(clock)
    clock.move(HOME + WINDOW + 5_000 + beyond)
    ids.rotate(clock)
    assert bool(ids.old) is rotated
    assert bool(ids.young) is not rotated


def test_two_rotations_let_go() -> None:
    ids, clock = EventIds(), Clock(0)
    ids.remember(1, HOME)
    for time in (HOME, HOME + 9 * DAY_MS):
        clock.move(time)
        ids.rotate(clock)
    ids.remember(2, clock.now)
    clock.move(clock.now + 9 * DAY_MS)
    ids.rotate(clock)
    assert (ids.old, ids.young) == ({2: HOME + 9 * DAY_MS}, {})


def test_an_empty_generation_begins_at_the_clock() -> None:
    """Else the first id after a long silence would be let go soon after."""
    ids, clock = EventIds(), Clock(0)
    for time in (HOME, HOME + 30 * DAY_MS):
        clock.move(time)
        ids.rotate(clock)
    ids.remember(1, clock.now)
    clock.move(clock.now + 8 * DAY_MS)
    ids.rotate(clock)
    assert 1 in ids.young


def test_the_same_id_of_another_source_is_another() -> None:
    ids = EventIds()
    assert ids.key("pos", "x") != ids.key("web", "x")
    assert ids.key("pos", "x") != ids.key("posx", "")


def test_the_hash_of_an_id_does_not_depend_on_how_many_sources_there_were() -> None:
    ids = EventIds()
    key = ids.key("pos", "x")
    for number in range(10_001):
        ids.seed(f"source-{number}")
    assert ids.key("pos", "x") == key
    assert len(ids._seeds) <= 10_000


@pytest.mark.parametrize("order", [(HOME, HOME + 1), (HOME + 1, HOME)])
def test_restored_twice_the_later_instant_counts(order: tuple[int, int]) -> None:
    ids = EventIds()
    for instant in order:
        ids.restore(1, instant)
    assert ids.young == {1: HOME + 1}


@pytest.mark.parametrize(("instant", "left"), [(HOME - 1, True), (HOME, False), (HOME + 1, True)])
def test_an_id_is_forgotten_with_its_own_event_only(instant: int, left: bool) -> None:
    ids = EventIds()
    ids.young, ids.old = {1: HOME}, {2: HOME}
    ids.discard(1, instant)
    ids.discard(2, instant)
    assert (1 in ids.young, 2 in ids.old) == (left, left)
