"""Clocks of the inputs, and the watermark of the two that carry facts."""

import pytest

from streams.core.watermark import GIVEN, NEVER, Clock, Input, watermark


def test_a_clock_follows_the_largest_time_by_the_allowed_lateness() -> None:
    clock = Clock(5_000)
    assert (clock.now, clock.newest) == (NEVER, NEVER)
    clock.accept(100_000)
    assert (clock.now, clock.newest) == (95_000, 100_000)
    clock.accept(99_000)
    assert (clock.now, clock.newest) == (95_000, 100_000)
    clock.accept(100_001)
    assert (clock.now, clock.newest) == (95_001, 100_001)


def test_a_tick_moves_a_clock_to_its_time() -> None:
    clock = Clock(5_000)
    clock.tick(100_000)
    assert (clock.now, clock.newest) == (100_000, 100_000)
    clock.tick(99_999)
    assert (clock.now, clock.newest) == (100_000, 100_000)


def test_what_is_known_to_be_complete_moves_a_clock_and_is_no_news() -> None:
    clock = Clock(5_000)
    clock.move(100_000)
    assert (clock.now, clock.newest) == (100_000, NEVER)
    clock.move(99_999)
    assert clock.now == 100_000


@pytest.mark.parametrize(
    ("time", "effective_time"), [(94_999, 95_000), (95_000, 95_000), (95_001, 95_001), (200_000, 200_000)]
)
def test_an_effective_time_is_never_before_the_clock(time: int, effective_time: int) -> None:
    clock = Clock(5_000)
    clock.accept(100_000)
    assert clock.effective_time(time) == effective_time


@pytest.mark.parametrize(("contacts", "expected"), [(6, 6), (7, 7), (8, 7)])
def test_the_watermark_is_the_slower_of_the_two_fact_inputs(contacts: int, expected: int) -> None:
    clocks = {one: Clock(0) for one in GIVEN}
    clocks[Input.TRANSACTIONS].move(7)
    clocks[Input.CONTACTS].move(contacts)
    clocks[Input.CUSTOMERS].move(1)
    assert watermark(clocks) == expected
