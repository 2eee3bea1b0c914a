"""The feed guard: an hour is broken if a day's purchases are fewer than half of those four weeks before."""

import pytest

from streams.core.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, WEEK_HOURS

RULES = Ruleset()
START = 470_400
"""An hour divisible by 168."""
NOW = START + 4 * WEEK_HOURS + 2 * DAY_HOURS
"""The hour judged: a day that ends here has four like it before."""


def guard_of(weeks: list[int], *, at: int = NOW) -> FeedGuard:
    """Return a guard that counted so many purchases in one hour, 0, 1, 2 ... weeks before another."""
    guard = FeedGuard()
    guard.counts[START] += 1
    for week, count in enumerate(weeks):
        guard.counts[at - week * WEEK_HOURS] += count
    guard.advance(NOW + 1, RULES)
    return guard


@pytest.mark.parametrize(("now", "broken"), [(49, True), (50, False), (51, False)])
def test_fewer_than_half_of_the_usual_is_broken(now: int, broken: bool) -> None:
    """The mean of the four weeks before is 100."""
    assert guard_of([now, 70, 130, 90, 110]).is_broken(NOW) is broken


@pytest.mark.parametrize(("usual", "broken"), [(79, False), (80, True), (81, True)])
def test_a_mean_below_20_turns_the_guard_off(usual: int, broken: bool) -> None:
    assert guard_of([0, usual, 0, 0, 0]).is_broken(NOW) is broken


@pytest.mark.parametrize(("hours_before", "counts"), [(22, True), (23, True), (24, False)])
def test_the_window_is_the_day_that_ends_with_the_hour(hours_before: int, counts: bool) -> None:
    """[g-23, g+1): purchases of 23 hours before are in it, those of 24 before are not."""
    guard = FeedGuard()
    guard.counts[START] += 1
    for week in range(1, 5):
        guard.counts[NOW - week * WEEK_HOURS] += 100
    guard.counts[NOW - hours_before] += 100
    guard.advance(NOW + 1, RULES)
    assert guard.is_broken(NOW) is not counts


def test_nothing_is_decided_before_there_are_data() -> None:
    guard = FeedGuard()
    guard.advance(NOW, RULES)
    assert guard.state().decided is None
    assert not guard.is_broken(NOW)
    assert guard.working_hours(NOW - 5, NOW) == 5


def dead_for(hours: int) -> FeedGuard:
    """Return a guard of a feed with 10 purchases an hour that falls silent at `NOW` for some hours."""
    guard = FeedGuard()
    for hour in range(START, NOW):
        guard.counts[hour] = 10
    guard.advance(NOW + hours, RULES)
    return guard


def test_a_feed_that_falls_silent_is_broken_once_half_a_day_is_missing() -> None:
    """After 12 silent hours 120 of 240 are there, after 13 only 110."""
    guard = dead_for(20)
    broken = [hour - NOW for hour in range(NOW - 30, NOW + 20) if guard.is_broken(hour)]
    assert broken == list(range(12, 20))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    # Broken: [NOW+12, NOW+20)
    [
        (0, 12, 12),
        (0, 13, 12),
        (11, 13, 1),
        (12, 20, 0),
        (13, 14, 0),
        (19, 21, 1),
        (20, 21, 1),
        (5, 5, 0),
        (6, 5, 0),
    ],
)
def test_broken_hours_are_no_working_hours(start: int, end: int, hours: int) -> None:
    assert dead_for(20).working_hours(NOW + start, NOW + end) == hours


def test_steps_are_one_run() -> None:
    whole = dead_for(20).state()
    guard = FeedGuard()
    for hour in range(START, NOW):
        guard.counts[hour] = 10
    for until in range(START + 1, NOW + 21, 7):
        guard.advance(until, RULES)
        again = FeedGuard()
        again.restore(guard.state())
        guard = again
    guard.advance(NOW + 20, RULES)
    guard.advance(NOW, RULES)  # not back
    assert guard.state() == whole


@pytest.mark.parametrize(("days", "broken"), [(483, True), (484, False), (485, False)])
def test_broken_hours_are_forgotten_with_the_panes(days: int, broken: bool) -> None:
    """An hour that lies 484 days before is beyond what any decision from then on looks at."""
    guard = dead_for(13)
    assert guard.is_broken(NOW + 12)
    guard.forget(NOW + 12 + days * DAY_HOURS)
    assert guard.is_broken(NOW + 12) is broken
    assert guard.counts == {}


def test_forgetting_changes_no_later_hour() -> None:
    guard = dead_for(1)
    guard.forget(NOW + 1)
    again = FeedGuard()
    again.restore(guard.state())
    again.advance(NOW + 20, RULES)
    assert [again.is_broken(NOW + hour) for hour in range(20)] == [
        dead_for(20).is_broken(NOW + hour) for hour in range(20)
    ]
    assert min(again.counts) == NOW + 1 - (4 * 7 + 1) * DAY_HOURS - 1
