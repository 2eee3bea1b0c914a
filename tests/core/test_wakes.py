"""Which customers to look at when."""

import pytest

from streams.core.customer.timers import Wakes


def two() -> Wakes:
    """Return wake-ups of `a` and `b` at 5, and of `c` at 3."""
    wakes = Wakes()
    wakes.add("a", 5)
    wakes.add("b", 5)
    wakes.add("c", 3)
    return wakes


@pytest.mark.parametrize(
    ("time", "due"), [(2, []), (3, ["c"]), (4, ["c"]), (5, ["c", "a", "b"]), (6, ["c", "a", "b"])]
)
def test_those_up_to_a_time_are_due(time: int, due: list[str]) -> None:
    assert two().pop_until(time) == due


def test_each_is_due_once() -> None:
    wakes = two()
    wakes.pop_until(6)
    assert wakes.pop_until(100) == []


def test_the_first_time_is_known_while_there_is_one() -> None:
    wakes = two()
    assert wakes.first == 3
    wakes.pop_until(4)
    assert wakes.first == 5
    wakes.pop_until(5)
    assert wakes.first is None


@pytest.mark.parametrize(("time", "due"), [(4, 4), (5, 5), (6, 5)])
def test_the_earlier_of_two_wake_ups_counts(time: int, due: int) -> None:
    wakes = two()
    wakes.add("a", time)
    assert ("a" in wakes.pop_until(due - 1), "a" in wakes.pop_until(due)) == (False, True)


def test_a_wake_up_can_be_put_off_and_called_off() -> None:
    wakes = two()
    wakes.set("a", 9)
    wakes.set("c", None)
    wakes.set("nobody", None)
    assert wakes.pop_until(8) == ["b"]
    assert wakes.pop_until(9) == ["a"]


def test_what_was_called_off_is_not_kept_for_ever() -> None:
    """Somebody with an open episode who buys all day is rearmed each time."""
    wakes = Wakes()
    for time in range(100_000, 0, -1):
        wakes.set("a", time)
    assert len(wakes._queue) < 1_100
    assert wakes.pop_until(1) == ["a"]
