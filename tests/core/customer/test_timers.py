"""Which customers to look at when."""

import pytest

from streams.core.customer.timers import Timers


def two() -> Timers:
    """Return timers of `a` and `b` at 5, and of `c` at 3."""
    timers = Timers()
    timers.add("a", 5)
    timers.add("b", 5)
    timers.add("c", 3)
    return timers


@pytest.mark.parametrize(
    ("time", "due"), [(2, []), (3, ["c"]), (4, ["c"]), (5, ["c", "a", "b"]), (6, ["c", "a", "b"])]
)
def test_those_up_to_a_time_are_due(time: int, due: list[str]) -> None:
    assert two().pop_until(time) == due


def test_each_is_due_once() -> None:
    timers = two()
    timers.pop_until(6)
    assert timers.pop_until(100) == []


def test_the_first_time_is_known_while_there_is_one() -> None:
    timers = two()
    assert timers.first == 3
    timers.pop_until(4)
    assert timers.first == 5
    timers.pop_until(5)
    assert timers.first is None


@pytest.mark.parametrize(("time", "due"), [(4, 4), (5, 5), (6, 5)])
def test_the_earlier_of_two_timer_ups_counts(time: int, due: int) -> None:
    timers = two()
    timers.add("a", time)
    assert ("a" in timers.pop_until(due - 1), "a" in timers.pop_until(due)) == (False, True)


def test_a_timer_up_can_be_put_off_and_called_off() -> None:
    timers = two()
    timers.set("a", 9)
    timers.set("c", None)
    timers.set("nobody", None)
    assert timers.pop_until(8) == ["b"]
    assert timers.pop_until(9) == ["a"]


def test_what_was_called_off_is_not_kept_for_ever() -> None:
    """Somebody with an open episode who buys all day is rearmed each time."""
    timers = Timers()
    for time in range(100_000, 0, -1):
        timers.set("a", time)
    assert len(timers._queue) < 1_100
    assert timers.pop_until(1) == ["a"]
