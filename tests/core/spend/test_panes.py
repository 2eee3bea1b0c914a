"""Sums of cents by hour: additions in any order, half-open windows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.spend.panes import Panes


def three() -> Panes:
    """Return panes of 1, 10 and 100 cents at hours 5, 7 and 9."""
    return Panes([5, 7, 9], [1, 10, 100])


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (4, [(4, 2), (5, 1), (7, 10), (9, 100)]),
        (5, [(5, 3), (7, 10), (9, 100)]),
        (6, [(5, 1), (6, 2), (7, 10), (9, 100)]),
        (9, [(5, 1), (7, 10), (9, 102)]),
        (10, [(5, 1), (7, 10), (9, 100), (10, 2)]),
    ],
)
def test_cents_go_to_the_pane_of_their_hour(hour: int, expected: list[tuple[int, int]]) -> None:
    panes = three()
    panes.add(hour, 2)
    assert list(panes) == expected


def test_the_first_cents_make_the_first_pane() -> None:
    panes = Panes()
    panes.add(3, -4)
    assert list(panes) == [(3, -4)]


@pytest.mark.parametrize(
    ("start", "end", "cents"),
    # [5 1] [7 10] [9 100]: a window [start, end) has its first hour and not its last.
    [(4, 7, 1), (5, 7, 1), (6, 7, 0), (5, 6, 1), (5, 8, 11), (5, 9, 11), (5, 10, 111), (7, 7, 0), (9, 5, 0)],
)
def test_a_window_is_half_open(start: int, end: int, cents: int) -> None:
    assert three().spend(start, end) == cents


@pytest.mark.parametrize(("start", "cents"), [(6, [10, 100]), (7, [10, 100]), (8, [100]), (10, [])])
def test_panes_since_an_hour_begin_with_it(start: int, cents: list[int]) -> None:
    assert three().since(start) == cents


@pytest.mark.parametrize(("start", "hours"), [(6, [7, 9]), (7, [7, 9]), (8, [9]), (10, [])])
def test_panes_before_an_hour_are_dropped(start: int, hours: list[int]) -> None:
    panes = three()
    panes.drop_before(start)
    assert [hour for hour, _ in panes] == hours


def test_a_copy_is_independent() -> None:
    panes = three()
    panes.copy().add(5, 1)
    assert list(panes) == list(three())


additions = st.lists(st.tuples(st.integers(0, 30), st.integers(-50, 50)), max_size=40)


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(additions, st.integers(-1, 31), st.integers(-1, 31))
def test_windows_of_additions_in_any_order_are_plain_sums(
    added: list[tuple[int, int]], start: int, end: int
) -> None:
    panes = Panes()
    for hour, cents in added:
        panes.add(hour, cents)
    assert panes.hours == sorted({hour for hour, _ in added})
    assert panes.spend(start, end) == sum(cents for hour, cents in added if start <= hour < end)


@pytest.mark.parametrize(
    ("start", "end", "trips"),
    # [4 -5] [5 1] [7 10] [8 0] [9 100]: panes without spend are no trips.
    [(4, 10, 3), (5, 9, 2), (6, 7, 0), (7, 7, 0), (9, 5, 0), (0, 5, 0)],
)
def test_a_trip_is_a_pane_with_spend(start: int, end: int, trips: int) -> None:
    assert Panes([4, 5, 7, 8, 9], [-5, 1, 10, 0, 100]).trips(start, end) == trips
