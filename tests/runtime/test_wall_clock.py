"""The time of a worker: two of three clocks have to agree."""

import pytest

from streams.runtime.wall_clock import SLACK_MS, WallClock

START_MS = 1_700_000_000_000
BOOTED_MS = 5_000_000
"""What the steady clock shows at the start."""
HOUR_MS = 3_600_000
WIDEST_MS = 10_000


class Clocks:
    """A wall clock and a broker's that a test sets, and a steady one."""

    def __init__(self, wall_ahead_ms: int = 0) -> None:
        self.passed_ms, self.wall_ahead_ms, self.broker_ahead_ms = 0, wall_ahead_ms, 0
        self.clock = WallClock(lambda: self._wall_ms() * 1_000_000, lambda: self._steady_ms() * 1_000_000)

    def _wall_ms(self) -> int:
        return START_MS + self.passed_ms + self.wall_ahead_ms

    def _steady_ms(self) -> int:
        return BOOTED_MS + self.passed_ms

    def append(self, width_ms: int = 1_000) -> None:
        """Let the broker append a record, of which we know when to so many ms."""
        now = self._steady_ms()
        at = START_MS + self.passed_ms + self.broker_ahead_ms
        self.clock.appended(at, after_steady_ms=now - width_ms, before_steady_ms=now)

    def seen(self) -> tuple[int, bool]:
        """Return how far the clock has come since the start, in ms, and whether it is stopped."""
        stopped = self.clock.stopped
        return self.clock.now_ms() - START_MS, stopped


def test_it_goes_with_the_wall_clock_while_nothing_is_known_of_the_broker() -> None:
    clocks = Clocks()
    clocks.passed_ms = HOUR_MS
    assert clocks.seen() == (HOUR_MS, False)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("ahead_ms", "stopped"), [(SLACK_MS - 1, False), (SLACK_MS, False), (SLACK_MS + 1, True)]
)
def test_a_wall_clock_that_is_set_is_no_longer_believed(sign: int, ahead_ms: int, stopped: bool) -> None:
    """Alone against the steady clock it proves nothing: time stands still, and would go on as before."""
    clocks = Clocks()
    clocks.seen()
    clocks.wall_ahead_ms = sign * ahead_ms
    assert clocks.seen()[1] is stopped
    clocks.passed_ms = HOUR_MS
    now, _ = clocks.seen()
    assert now == pytest.approx(HOUR_MS if stopped else HOUR_MS + sign * ahead_ms)
    clocks.wall_ahead_ms = 0
    assert clocks.seen()[1] is False


def test_it_tells_how_far_the_wall_clock_is_ahead() -> None:
    clocks = Clocks()
    clocks.wall_ahead_ms = 600_000
    clocks.seen()
    assert clocks.clock.wall_ahead_ms == 600_000


@pytest.mark.parametrize("ahead_ms", [600_000, -600_000])
def test_with_the_broker_on_its_side_the_steady_clock_goes_on(ahead_ms: int) -> None:
    clocks = Clocks()
    clocks.append()
    clocks.seen()
    clocks.wall_ahead_ms, clocks.passed_ms = ahead_ms, HOUR_MS
    assert clocks.seen() == (HOUR_MS, False)


@pytest.mark.parametrize("ahead_ms", [600_000, -600_000])
def test_a_wall_clock_that_was_wrong_at_the_start_is_one_against_the_broker(ahead_ms: int) -> None:
    """Its date came from it, so the steady clock is no second witness. Put right, it is believed at once."""
    clocks = Clocks(ahead_ms)
    assert clocks.seen() == (ahead_ms, False)
    clocks.append()
    clocks.passed_ms = HOUR_MS
    assert clocks.seen() == (HOUR_MS + ahead_ms, True)
    clocks.wall_ahead_ms = 0
    assert clocks.seen() == (HOUR_MS, False)


def test_a_machine_whose_steady_clock_stood_still_follows_the_other_two() -> None:
    """As after a pause of a virtual machine: wall clock and broker are ahead by as much."""
    clocks = Clocks()
    clocks.append()
    clocks.seen()
    clocks.wall_ahead_ms = clocks.broker_ahead_ms = HOUR_MS
    assert clocks.seen() == (0, False)
    clocks.append()
    assert clocks.seen() == (HOUR_MS, False)


def test_a_broker_whose_clock_is_set_convinces_nobody_who_knew_it_right() -> None:
    clocks = Clocks()
    clocks.append()
    clocks.seen()
    clocks.broker_ahead_ms, clocks.passed_ms = HOUR_MS, 60_000
    clocks.append()
    assert clocks.seen() == (60_000, False)


def test_three_clocks_that_all_differ_stop_time() -> None:
    clocks = Clocks()
    clocks.append()
    clocks.seen()
    clocks.wall_ahead_ms, clocks.broker_ahead_ms, clocks.passed_ms = HOUR_MS, 2 * HOUR_MS, 60_000
    clocks.append()
    assert clocks.seen() == (60_000, True)


@pytest.mark.parametrize(
    ("width_ms", "known"), [(WIDEST_MS - 1, True), (WIDEST_MS, True), (WIDEST_MS + 1, False)]
)
def test_what_tells_the_broker_s_time_too_vaguely_tells_nothing(width_ms: int, known: bool) -> None:
    clocks = Clocks()
    clocks.append(width_ms)
    clocks.wall_ahead_ms = HOUR_MS
    assert clocks.seen()[1] is not known


def test_what_is_known_of_the_broker_is_narrowed() -> None:
    """Nine seconds wide a record leaves a difference of five possible; the next, of one second, does not."""
    clocks = Clocks()
    clocks.append(9_000)
    clocks.seen()
    clocks.append(1_000)
    clocks.append(9_000)
    clocks.wall_ahead_ms = HOUR_MS
    clocks.broker_ahead_ms = 0
    assert clocks.clock._broker == (START_MS - BOOTED_MS, START_MS - BOOTED_MS + 1_000)


def test_a_slow_drift_is_followed() -> None:
    clocks = Clocks()
    for minutes in range(1, 601):
        clocks.passed_ms, clocks.wall_ahead_ms = minutes * 60_000, minutes * 30
        now, stopped = clocks.seen()
        assert (stopped, abs(now - minutes * 60_030) <= 30) == (False, True)


def test_a_wall_clock_that_runs_by_a_tenth_too_fast_is_not_followed_for_long() -> None:
    """By a hundredth of the time that passes at most; when it is 2 s ahead time stands still."""
    clocks = Clocks()
    for seconds in range(1, 3_600):
        clocks.passed_ms, clocks.wall_ahead_ms = seconds * 1_000, seconds * 100
        now, stopped = clocks.seen()
        assert now <= 1.01 * clocks.passed_ms + 1
    assert stopped


def test_the_clocks_of_the_machine() -> None:
    clock = WallClock()
    first = clock.now_ms()
    assert first > START_MS
    assert clock.now_ms() >= first
    assert not clock.stopped
    assert clock.utc_ms(clock.steady_ms()) >= first
