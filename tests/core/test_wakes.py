"""Which customers to look at when."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.time import HOUR_MS
from streams.core.wakes import Wakes

FIVE = 5 * HOUR_MS


def three() -> Wakes:
    """Return wake-ups of `a` and `b` in hour 5, and of `c` in hour 3."""
    wakes = Wakes()
    wakes.add("b", FIVE + 10)
    wakes.add("a", FIVE)
    wakes.add("c", 4 * HOUR_MS - 1)
    return wakes


@pytest.mark.parametrize(
    ("time", "due"),
    [
        (4 * HOUR_MS - 2, []),
        (4 * HOUR_MS - 1, ["c"]),
        (4 * HOUR_MS, ["c"]),
        (FIVE - 1, ["c"]),
        (FIVE, ["c", "a"]),
        (FIVE + 1, ["c", "a"]),
        (FIVE + 9, ["c", "a"]),
        (FIVE + 10, ["c", "a", "b"]),
        (FIVE + 11, ["c", "a", "b"]),
        (6 * HOUR_MS, ["c", "b", "a"]),
    ],
)
def test_those_until_a_time_are_due(time: int, due: list[str]) -> None:
    found = three().pop_until(time)
    assert found[:1] == due[:1]
    assert sorted(found) == sorted(due)


def test_each_is_due_once() -> None:
    wakes = three()
    assert wakes.pop_until(FIVE) == ["c", "a"]
    assert wakes.pop_until(FIVE) == []
    assert wakes.pop_until(100 * HOUR_MS) == ["b"]
    assert wakes.pop_until(100 * HOUR_MS) == []


def test_within_an_hour_the_earliest_time_counts() -> None:
    """Also for what is added to the hour that is looked at already."""
    wakes = three()
    assert wakes.pop_until(FIVE) == ["c", "a"]
    wakes.add("b", FIVE + 20)
    wakes.add("a", FIVE + 5)
    assert wakes.pop_until(FIVE + 9) == ["a"]
    assert wakes.pop_until(FIVE + 10) == ["b"]
    assert wakes.pop_until(FIVE + 30) == []


def test_the_first_hour_is_known_while_there_is_one() -> None:
    wakes = three()
    assert wakes.first == 3
    wakes.pop_until(4 * HOUR_MS)
    assert wakes.first == 5
    wakes.pop_until(FIVE + 10)
    assert wakes.first is None


def test_a_wake_up_can_be_called_off() -> None:
    """Also in the hour that is looked at already."""
    wakes = three()
    wakes.discard("a", 5)
    wakes.discard("c", 4)  # nobody is woken in hour 4: nothing happens
    wakes.discard("a", 3)  # not this customer's: nothing happens
    assert wakes.pop_until(FIVE) == ["c"]
    wakes.discard("b", 5)
    wakes.add("b", FIVE + 12)
    assert wakes.pop_until(FIVE + 11) == []
    assert wakes.pop_until(FIVE + 12) == ["b"]


steps = st.lists(
    st.tuples(st.sampled_from(["add", "discard", "pop"]), st.sampled_from("abc"), st.integers(0, 40)),
    max_size=40,
)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(steps)
def test_any_steps_are_those_of_a_plain_map(taken: list[tuple[str, str, int]]) -> None:
    """Time is in tenths of an hour here, and never goes back."""
    wakes, plain, now = Wakes(), dict[tuple[str, int], int](), 0
    for what, customer_id, tenths in taken:
        time = tenths * HOUR_MS // 10
        if what == "add":
            place = customer_id, tenths // 10
            plain[place] = min(time, plain.get(place, time))
            wakes.add(customer_id, time)
        elif what == "discard":
            plain.pop((customer_id, tenths // 10), None)
            wakes.discard(customer_id, tenths // 10)
        else:
            now = max(now, time)
            due = [place for place, at in plain.items() if at <= now]
            assert sorted(wakes.pop_until(now)) == sorted(customer_id for customer_id, _ in due)
            plain = {place: at for place, at in plain.items() if place not in due}
