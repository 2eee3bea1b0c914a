"""The time of a worker, by the majority of its wall clock, its steady clock and the broker's.

Told are how far (ms) the worker's time is ahead of the true one, and whether event time stands still. Steady
and true time both begin at `START_MS`, though the steady clock does not know that.
"""

import pytest

from streams.runtime.worker.wall_clock import WallClock

START_MS = 1_700_000_000_000
SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WRONG = [DAY_MS, HOUR_MS, 2_001, -2_001, -HOUR_MS, -DAY_MS]

RIGHT = (0, False)


class Clocks:
    """Three clocks that a test sets (ms ahead of true time), and the worker's made of them."""

    def __init__(self, *, wall: int = 0) -> None:
        self.passed, self.wall, self.steady, self.broker = 0, wall, 0, 0
        self.clock = WallClock(
            lambda: (START_MS + self.passed + self.wall) * 1_000_000, lambda: self._steady() * 1_000_000
        )

    def _steady(self) -> int:
        return self.passed + self.steady

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.passed += ms

    def hear(self, *, width: int = 0, before: int = 0) -> None:
        """Take a record that the broker appended `before` (ms) we got it, having asked `width` before."""
        got = self._steady()
        at = START_MS + self.passed + self.broker - before
        self.clock.appended(at, after_steady_ms=got - width, before_steady_ms=got)

    @property
    def seen(self) -> tuple[int, bool]:
        """Return how far (ms) the worker's time is ahead, and whether event time stands still."""
        stopped = not self.clock.update()
        return self.clock.now_ms() - START_MS - self.passed, stopped


@pytest.fixture
def clocks() -> Clocks:
    """Give three clocks that are right, an hour after they were found so."""
    made = Clocks()
    made.hear()
    assert made.seen == RIGHT
    made.wait(HOUR_MS)
    return made


# While all agree


def test_it_begins_as_the_wall_clock_has_it_and_goes_on_with_the_steady_one() -> None:
    clocks = Clocks(wall=DAY_MS)
    assert clocks.seen == (DAY_MS, False)
    clocks.wait(HOUR_MS)
    assert clocks.seen == (DAY_MS, False)


def test_it_tells_what_time_it_was_when_the_steady_clock_stood_so(clocks: Clocks) -> None:
    then = clocks.clock.steady_ms()
    clocks.wait(MINUTE_MS)
    assert clocks.clock.utc_ms(then) == START_MS + HOUR_MS
    assert clocks.clock.utc_ms(clocks.clock.steady_ms()) == clocks.clock.now_ms()


@pytest.mark.parametrize("ahead", [1_999, 2_000, 2_001, -1_999, -2_000, -2_001])
def test_two_clocks_that_differ_by_two_seconds_agree(ahead: int) -> None:
    """Of the broker nothing is known, so wall clock and steady clock have to."""
    clocks = Clocks()
    clocks.wall = ahead
    assert clocks.seen == (0, abs(ahead) > 2_000)


@pytest.mark.parametrize("ahead", [1_999, 2_000, 2_001, -1_999, -2_000, -2_001])
def test_the_broker_may_differ_by_as_much(ahead: int) -> None:
    """At the start the steady clock has its date from the wall clock: it is no witness for it."""
    clocks = Clocks()
    clocks.broker = ahead
    clocks.hear()
    assert clocks.seen == (0, abs(ahead) > 2_000)


# One clock is wrong


@pytest.mark.parametrize("ahead", WRONG)
def test_a_wall_clock_that_is_set_wrong_changes_nothing(clocks: Clocks, ahead: int) -> None:
    clocks.wall = ahead
    for _ in range(20):
        clocks.wait(HOUR_MS)
        assert clocks.seen == RIGHT
    assert clocks.clock.wall_ahead_ms == ahead
    clocks.wall = 0
    clocks.wait(HOUR_MS)
    assert clocks.seen == RIGHT
    assert clocks.clock.wall_ahead_ms == 0


@pytest.mark.parametrize("ahead", WRONG)
def test_a_broker_that_is_set_wrong_changes_nothing(clocks: Clocks, ahead: int) -> None:
    """Once all three agreed, two that go on to do so are enough."""
    clocks.broker = ahead
    clocks.hear()
    assert clocks.seen == RIGHT
    clocks.broker = 0
    clocks.hear()
    assert clocks.seen == RIGHT


@pytest.mark.parametrize("ahead", WRONG)
def test_a_steady_clock_that_is_not_is_put_right_by_the_next_record(clocks: Clocks, ahead: int) -> None:
    """A computer that was halted: until something is heard, what is known of the broker is as old."""
    clocks.steady = ahead
    assert clocks.seen == (ahead, False)
    clocks.hear()
    assert clocks.seen == RIGHT
    clocks.steady = 0
    assert clocks.seen == (-ahead, False)
    clocks.hear()
    assert clocks.seen == RIGHT


@pytest.mark.parametrize("ahead", WRONG)
def test_a_wall_clock_that_is_wrong_from_the_start_stops_time_until_it_is_right(ahead: int) -> None:
    clocks = Clocks(wall=ahead)
    assert clocks.seen == (ahead, False)  # nobody can know
    clocks.hear()
    for _ in range(3):
        clocks.wait(HOUR_MS)
        assert clocks.seen == (ahead, True)
    clocks.wall = 0
    assert clocks.seen == RIGHT
    clocks.wall = ahead  # it is no better for having been first
    assert clocks.seen == RIGHT


@pytest.mark.parametrize("ahead", WRONG)
def test_a_broker_that_is_wrong_from_the_start_stops_time_until_it_is_right(ahead: int) -> None:
    clocks = Clocks()
    clocks.broker = ahead
    clocks.hear()
    assert clocks.seen == (0, True)
    clocks.broker = 0
    clocks.hear()
    assert clocks.seen == RIGHT


def test_two_that_agreed_once_are_enough_however_short_that_was() -> None:
    clocks = Clocks(wall=HOUR_MS)
    clocks.hear()
    clocks.wall = 0
    assert clocks.clock.update()
    clocks.broker = DAY_MS
    clocks.hear()
    assert clocks.seen == RIGHT


# Two clocks are wrong


def test_while_no_two_agree_it_goes_on_from_when_two_did(clocks: Clocks) -> None:
    clocks.wall, clocks.broker = DAY_MS, -HOUR_MS
    clocks.hear()
    for _ in range(3):
        clocks.wait(HOUR_MS)
        assert clocks.seen == (0, True)
    clocks.wall = 0
    assert clocks.seen == RIGHT


def test_a_wall_clock_that_is_set_before_anything_is_heard_waits_for_the_broker() -> None:
    for broker, seen in [(0, RIGHT), (HOUR_MS, (HOUR_MS, False)), (DAY_MS, (0, True))]:
        clocks = Clocks()
        clocks.wall = HOUR_MS
        assert clocks.seen == (0, True)
        clocks.broker = broker
        clocks.hear()
        assert clocks.seen == seen


def test_two_that_are_wrong_alike_are_believed(clocks: Clocks) -> None:
    clocks.wall = clocks.broker = HOUR_MS
    clocks.hear()
    assert clocks.seen == (HOUR_MS, False)


# What is known of the broker


@pytest.mark.parametrize("width", [9_999, 10_000, 10_001])
def test_what_tells_the_brokers_time_no_closer_than_ten_seconds_tells_nothing(width: int) -> None:
    clocks = Clocks(wall=DAY_MS)
    clocks.hear(width=width)
    assert clocks.seen == (DAY_MS, width <= 10_000)


@pytest.mark.parametrize("ahead", [-5_999, -6_000, -6_001, 4_999, 5_000, 5_001])
def test_the_broker_agrees_within_two_seconds_of_all_that_its_time_may_be(ahead: int) -> None:
    """Appended 4 s before we got it, and 3 s after we had asked: so it is within -4 and 3 s of ours."""
    clocks = Clocks(wall=ahead)
    clocks.hear(width=7_000, before=4_000)
    assert clocks.seen == (ahead, not -4_000 - 2_000 <= ahead <= 3_000 + 2_000)


def test_two_records_narrow_it_down() -> None:
    """One leaves [-8, 0] s, the other [0, 8]: each agrees with a clock that is 5 s off, both don't."""
    for ahead, before in [(-5_000, 8_000), (5_000, 0)]:
        clocks = Clocks(wall=ahead)
        clocks.hear(width=8_000, before=before)
        assert clocks.seen == (ahead, False)
        clocks.wait(SECOND_MS)
        clocks.clock = _unconfirmed(clocks, ahead)
        clocks.hear(width=8_000, before=before)
        clocks.hear(width=8_000, before=8_000 - before)
        assert clocks.seen == (ahead, True)


def _unconfirmed(clocks: Clocks, ahead: int) -> WallClock:
    """Return a clock that begins now, and has not been agreed with."""
    return WallClock(
        lambda: (START_MS + clocks.passed + ahead) * 1_000_000, lambda: clocks.passed * 1_000_000
    )


def test_a_record_that_contradicts_the_earlier_ones_is_believed(clocks: Clocks) -> None:
    """The broker's clock was set, or another broker leads now."""
    clocks.wall = HOUR_MS
    clocks.broker = HOUR_MS
    clocks.hear(width=5_000)
    assert clocks.seen == (HOUR_MS, False)


def test_one_that_contradicts_them_and_is_too_wide_is_not(clocks: Clocks) -> None:
    clocks.wall = HOUR_MS
    clocks.broker = HOUR_MS
    clocks.hear(width=10_001)
    assert clocks.seen == RIGHT


def test_one_that_is_too_wide_still_narrows_what_is_known() -> None:
    """[-2, 8] s is known; of [-15, 0] what both allow is left, so 5 s ahead is too much."""
    clocks = Clocks(wall=5_000)
    clocks.hear(width=10_000, before=2_000)
    clocks.hear(width=15_000, before=15_000)
    assert clocks.seen == (5_000, True)


# Drift


@pytest.mark.parametrize(("gained", "followed"), [(999, 999), (1_000, 1_000), (1_001, 1_000)])
@pytest.mark.parametrize("sign", [1, -1])
def test_it_follows_the_wall_clock_by_a_hundredth_of_the_time(
    clocks: Clocks, gained: int, followed: int, sign: int
) -> None:
    assert clocks.seen == RIGHT
    clocks.wait(100 * SECOND_MS)
    clocks.wall = sign * gained
    assert clocks.seen == (sign * followed, False)


@pytest.mark.parametrize("in_a_million", [100, -100])
def test_a_slow_drift_of_the_steady_clock_is_followed_for_days(in_a_million: int) -> None:
    """Quartz is that bad; the wall clock is kept right, and so is the broker's."""
    clocks = Clocks()
    for minute in range(5 * 24 * 60):
        clocks.wait(MINUTE_MS)
        clocks.steady = clocks.passed * in_a_million // 1_000_000
        if minute % 60 == 0:
            clocks.hear(width=1_000)
        error, stopped = clocks.seen
        assert (abs(error) <= 1, stopped) == (True, False)
    assert abs(clocks.steady) > 40_000


@pytest.mark.parametrize("heard", [True, False])
def test_a_wall_clock_that_runs_a_tenth_too_fast_is_not_followed(heard: bool) -> None:
    """Two seconds off it is left alone; without the broker nobody knows which of the two is wrong."""
    clocks = Clocks()
    for _ in range(3_600):
        clocks.wait(SECOND_MS)
        clocks.wall = clocks.passed // 10
        if heard:
            clocks.hear(width=500)
        error, stopped = clocks.seen
        assert 0 <= error < 300
        assert stopped is (not heard and clocks.clock.wall_ahead_ms > 2_000)
    assert clocks.clock.wall_ahead_ms > 300_000


def test_a_broker_that_agrees_with_both_leaves_it_with_the_steady_clock(clocks: Clocks) -> None:
    """So a wall clock that runs away does not take the time along for its first seconds."""
    clocks.wall = 2_200
    clocks.hear(width=500)
    assert clocks.seen == RIGHT


# Real clocks


def test_the_clocks_of_the_machine() -> None:
    clock = WallClock()
    first = clock.now_ms()
    assert first > START_MS
    assert clock.now_ms() >= first
    assert clock.update()
    assert abs(clock.wall_ahead_ms) < 1_000
