"""Which customers to look at when."""

import pytest

from streams.core.wakes import Wakes


def two() -> Wakes:
    """Return wake-ups of `a` and `b` at hour 5, and of `c` at hour 3."""
    wakes = Wakes()
    wakes.add("a", 5)
    wakes.add("b", 5)
    wakes.add("c", 3)
    return wakes


@pytest.mark.parametrize(
    ("hour", "due"), [(3, []), (4, ["c"]), (5, ["c"]), (6, ["c", "a", "b"]), (7, ["c", "a", "b"])]
)
def test_those_before_an_hour_are_due_by_hour(hour: int, due: list[str]) -> None:
    found = two().pop_before(hour)
    assert found[:1] == due[:1]
    assert sorted(found) == sorted(due)


def test_each_is_due_once() -> None:
    wakes = two()
    wakes.pop_before(6)
    assert wakes.pop_before(100) == []


def test_the_first_hour_is_known_while_there_is_one() -> None:
    wakes = two()
    assert wakes.first == 3
    wakes.pop_before(4)
    assert wakes.first == 5
    wakes.pop_before(6)
    assert wakes.first is None


def test_a_wake_up_can_be_called_off() -> None:
    wakes = two()
    wakes.discard("a", 5)
    wakes.discard("c", 4)  # nobody is woken at hour 4: nothing happens
    wakes.discard("a", 3)  # not this customer's: nothing happens
    assert wakes.pop_before(6) == ["c", "b"]
