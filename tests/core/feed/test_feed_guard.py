"""The feed guard: an hour is broken if a day's purchases are fewer than half of those four weeks before."""

import pytest

from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS

RULES = Ruleset()
START = 470_400
"""An hour divisible by 168."""
NOW = START + 4 * WEEK_HOURS + 2 * DAY_HOURS
"""The hour judged: a day that ends here has four like it before."""


def guard_of(weeks: list[int], *, at: int = NOW) -> FeedGuard:
    """Return a guard that counted so many purchases in one hour, 0, 1, 2 ... weeks before another."""
    guard = FeedGuard()
    guard.counts_of("", RULES)[START] += 1
    for week, count in enumerate(weeks):
        guard.counts_of("", RULES)[at - week * WEEK_HOURS] += count
    guard.advance(NOW + 1, RULES)
    return guard


@pytest.mark.parametrize(("now", "broken"), [(49, True), (50, False), (51, False)])
def test_fewer_than_half_of_the_usual_is_broken(now: int, broken: bool) -> None:
    """The mean of the four weeks before is 100."""
    assert guard_of([now, 70, 130, 90, 110]).is_broken(NOW) is broken


@pytest.mark.parametrize(("usual", "broken"), [(79, False), (80, True), (81, True)])
def test_a_mean_below_20_turns_the_guard_off(usual: int, broken: bool) -> None:
    assert guard_of([0, usual, 0, 0, 0]).is_broken(NOW) is broken


def test_what_is_usual_is_known_before_and_after_a_crash() -> None:
    guard = guard_of([7, 70, 130, 90, 110])
    again = FeedGuard()
    again.restore(guard.state())
    assert guard.usual == again.usual == 100
    assert FeedGuard().usual == 0


@pytest.mark.parametrize(("hours_before", "counts"), [(22, True), (23, True), (24, False)])
def test_the_window_is_the_day_that_ends_with_the_hour(hours_before: int, counts: bool) -> None:
    """[g-23, g+1): purchases of 23 hours before are in it, those of 24 before are not."""
    guard = FeedGuard()
    guard.counts_of("", RULES)[START] += 1
    for week in range(1, 5):
        guard.counts_of("", RULES)[NOW - week * WEEK_HOURS] += 100
    guard.counts_of("", RULES)[NOW - hours_before] += 100
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
        guard.counts_of("", RULES)[hour] = 10
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
        guard.counts_of("", RULES)[hour] = 10
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
    assert list(guard.hours) == []


def test_forgetting_changes_no_later_hour() -> None:
    guard = dead_for(1)
    guard.forget(NOW + 1)
    again = FeedGuard()
    again.restore(guard.state())
    again.advance(NOW + 20, RULES)
    assert [again.is_broken(NOW + hour) for hour in range(20)] == [
        dead_for(20).is_broken(NOW + hour) for hour in range(20)
    ]
    assert min(again.hours) == NOW + 1 - (4 * 7 + 1) * DAY_HOURS - 1


# The clock of operational time


def steady(until: int = NOW) -> FeedGuard:
    """Return a guard of a feed that began at `START` with 10 purchases an hour."""
    guard = FeedGuard()
    for hour in range(START, until):
        guard.counts_of("", RULES)[hour] = 10
    guard.advance(until, RULES)
    return guard


@pytest.mark.parametrize(("hour", "purchases"), [(-1, 0), (0, 0), (1, 10), (700, 7_000)])
def test_purchases_are_counted_from_the_beginning(hour: int, purchases: int) -> None:
    assert steady().purchases_before(START + hour) == purchases


def test_a_guard_that_saw_nothing_counts_nothing() -> None:
    assert FeedGuard().purchases_before(START) == 0
    assert FeedGuard().usual_purchases_per_day(START, 4) == 0.0


@pytest.mark.parametrize(("age", "known"), [(696, True), (697, True), (698, False)])
def test_hours_are_known_for_four_weeks_and_a_day_before_a_refresh(age: int, known: bool) -> None:
    refresh = START + 8 * WEEK_HOURS
    guard = steady(refresh + 5)
    guard.forget(refresh)
    purchases = guard.purchases_before(refresh - age)
    assert purchases == ((8 * WEEK_HOURS - age) * 10 if known else None)


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize(
    ("hour", "weeks", "per_day"),
    [
        (8 * WEEK_HOURS, 4, 240.0),
        (9 * WEEK_HOURS - 1, 8, 240.0),
        (8 * WEEK_HOURS - 1, 7, 240.0),
        (8 * WEEK_HOURS - 1, 14, 120.0),  # half of these weeks lie before the beginning
    ],
)
def test_usual_purchases_are_those_of_whole_weeks(
    hour: int, weeks: int, per_day: float, forgotten: bool
) -> None:
    guard = steady(START + 9 * WEEK_HOURS)
    if forgotten:
        guard.forget(START + 9 * WEEK_HOURS)
    again = FeedGuard()
    again.restore(guard.state())
    for one in (guard, again):
        assert one.usual_purchases_per_day(START + hour, weeks) == pytest.approx(per_day)


def test_weeks_are_forgotten_with_the_panes() -> None:
    guard = steady(START + 20 * WEEK_HOURS)
    guard.forget(START + 20 * WEEK_HOURS)
    assert guard.usual_purchases_per_day(START + 10 * WEEK_HOURS, 4) == 240.0
    guard.forget(START + 79 * WEEK_HOURS)  # 484 days are 69 weeks and one day
    assert guard.usual_purchases_per_day(START + 10 * WEEK_HOURS, 4) is None


def test_the_total_goes_on_after_forgetting_and_after_a_crash() -> None:
    guard = steady(START + 9 * WEEK_HOURS)
    guard.forget(START + 9 * WEEK_HOURS)
    again = FeedGuard()
    again.restore(guard.state())
    again.counts_of("", RULES)[START + 9 * WEEK_HOURS] = 7
    again.advance(START + 9 * WEEK_HOURS + 3, RULES)
    assert again.purchases_before(START + 9 * WEEK_HOURS + 2) == 9 * WEEK_HOURS * 10 + 7


# A delayed feed: late purchases count, and sources are told apart

LATE = Ruleset(delayed_feed=True)
LATE_SETTLED = Ruleset(delayed_feed=True, settle_hours=27)
OTHERS = ("app", "shop")
"""Of different groups."""


def delayed(late_from: int, *, known_after: int = 1, rules: Ruleset = LATE) -> FeedGuard:
    """Return a guard of a feed with 10 purchases an hour, known some hours later from an hour on."""
    guard = FeedGuard()
    for hour in range(START, NOW + 48):
        for _ in range(10):
            if hour < late_from:
                guard.counts_of("shop", rules)[hour] += 1
            else:
                guard.add_late("shop", hour * HOUR_MS, (hour + known_after) * HOUR_MS, rules)
    guard.advance(NOW + 48, rules)
    return guard


def test_late_purchases_keep_the_feed_alive() -> None:
    """Under rules that leave them out, the feed is found broken after half a day."""
    assert delayed(NOW).working_hours(NOW, NOW + 48) == 48
    assert delayed(NOW, rules=RULES).working_hours(NOW, NOW + 48) < 24


@pytest.mark.parametrize(("known_after", "count"), [(0, 10), (1, 0), (2, -10)])
def test_operational_time_counts_a_purchase_when_it_is_known(known_after: int, count: int) -> None:
    """Ten in each hour: all are known but those that are on their way."""
    guard = delayed(NOW, known_after=known_after)
    before = guard.purchases_before(NOW)
    after = guard.purchases_before(NOW + 1)
    later = guard.purchases_before(NOW + 2)
    assert before is not None
    assert after is not None
    assert later is not None
    assert after - before == (10 if known_after == 0 else 0)
    assert later - before == 10 + count


@pytest.mark.parametrize(("known_after", "broken"), [(26, 0), (27, 0), (28, 1), (40, 13)])
def test_hours_that_settle_are_judged_when_all_is_there(known_after: int, broken: int) -> None:
    """With 27 hours to settle a purchase that takes 27 counts in its own hour."""
    guard = delayed(NOW, known_after=known_after, rules=LATE_SETTLED)
    before, after = guard.purchases_before(NOW), guard.purchases_before(NOW + 1)
    assert before is not None
    assert after is not None
    assert after - before == (10 if known_after <= 27 else 0)
    assert (48 - guard.working_hours(NOW, NOW + 48) > 0) is (broken > 12)


def two_sources(until: dict[str, int], replaced_by: str | None = None) -> FeedGuard:
    """Return a guard of two sources with 10 purchases an hour each, until an hour at which one ends."""
    guard = FeedGuard()
    for hour in range(START, NOW + 48):
        for source in OTHERS:
            found = source if hour < until.get(source, NOW + 48) else replaced_by
            if found is not None:
                guard.counts_of(found, LATE)[hour] += 10
    guard.advance(NOW + 48, LATE)
    return guard


def test_one_of_two_sources_that_fails_breaks_the_feed() -> None:
    """Half of all is left, which is not fewer than half."""
    guard = two_sources({"app": NOW})
    assert guard.working_hours(NOW, NOW + 48) == 12
    assert guard.broken_now


@pytest.mark.parametrize("replaced_by", ["shop", "web"])
def test_a_source_whose_purchases_come_by_another_is_no_failure(replaced_by: str) -> None:
    guard = two_sources({"app": NOW}, replaced_by)
    assert guard.working_hours(NOW, NOW + 48) == 48
    assert not guard.broken_now


def test_nothing_is_broken_before_anything_is_decided() -> None:
    assert not FeedGuard().broken_now


def test_a_restored_guard_goes_on_as_the_one_that_was_left() -> None:
    """In the middle of a delay, with purchases on their way that count from later hours."""
    left = FeedGuard()
    for hour in range(START, NOW):
        left.counts_of("shop", LATE)[hour] += 10
        left.counts_of("app", LATE)[hour] += 10
    left.advance(NOW, LATE)
    for _ in range(10):
        left.add_late("app", (NOW - 3) * HOUR_MS, (NOW + 5) * HOUR_MS, LATE)
        left.add_late("shop", NOW * HOUR_MS, NOW * HOUR_MS, LATE)
    again = FeedGuard()
    again.restore(left.state())
    for guard in (left, again):
        guard.advance(NOW + 30, LATE)
        guard.forget(NOW + 30)
    assert again.state() == left.state()
    found = [[one.purchases_before(NOW + hour) for hour in range(30)] for one in (left, again)]
    assert found[0] == found[1]


def test_however_many_sources_there_are_they_are_counted() -> None:
    guard = FeedGuard()
    for at in range(10_001):
        guard.counts_of(f"s{at}", LATE)[START] += 1
    guard.counts_of("s0", LATE)[START] += 1
    guard.advance(START + 1, LATE)
    assert guard.purchases_before(START + 1) == 10_002


def test_what_was_counted_before_sources_were_told_apart_is_no_source_that_failed() -> None:
    """After the adoption of rules that tell them apart, a mild dip of all is no failure of anybody."""
    guard = FeedGuard()
    for hour in range(START, NOW + 48):
        rules = RULES if hour < NOW - WEEK_HOURS else LATE
        for source in OTHERS:
            guard.counts_of(source, rules)[hour] += 10 if hour < NOW else 8
    guard.advance(NOW - WEEK_HOURS, RULES)
    guard.advance(NOW + 48, LATE)
    assert guard.working_hours(NOW, NOW + 48) == 48
