"""The wall clock, mistrusted."""

import pytest

from streams.runtime.wall_clock import WallClock

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Clocks:
    """A wall clock that a test sets, and a steady one."""

    def __init__(self) -> None:
        self.passed_ms, self.set_ahead_ms = 0, 0
        self.clock = WallClock(
            lambda: (START_MS + self.passed_ms + self.set_ahead_ms) * 1_000_000,
            lambda: self.passed_ms * 1_000_000,
        )

    def seen(self) -> tuple[int, bool]:
        """Return how far the clock has come since the start, in ms, and whether it is stopped."""
        stopped = self.clock.stopped
        return self.clock.now_ms() - START_MS, stopped


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_it_goes_with_the_wall_clock(clocks: Clocks) -> None:
    clocks.passed_ms = HOUR_MS
    assert clocks.seen() == (HOUR_MS, False)


@pytest.mark.parametrize(("ahead_ms", "stopped"), [(36_999, False), (37_000, False), (37_001, True)])
def test_what_it_may_gain(clocks: Clocks, ahead_ms: int, stopped: bool) -> None:
    """Within an hour a hundredth of it, 36 s, and a second."""
    clocks.passed_ms, clocks.set_ahead_ms = HOUR_MS, ahead_ms
    assert clocks.seen() == (HOUR_MS if stopped else HOUR_MS + ahead_ms, stopped)


def test_set_a_day_ahead_it_goes_on_as_before_but_is_stopped_until_it_is_set_back(clocks: Clocks) -> None:
    """So records at their true time are not taken for the future."""
    clocks.passed_ms = HOUR_MS
    assert clocks.seen() == (HOUR_MS, False)
    clocks.set_ahead_ms = DAY_MS
    for hours in (1, 2, 20):
        clocks.passed_ms = hours * HOUR_MS
        assert clocks.seen() == (hours * HOUR_MS, True)
    clocks.set_ahead_ms = 0
    assert clocks.seen() == (20 * HOUR_MS, False)


def test_set_back_it_follows(clocks: Clocks) -> None:
    clocks.passed_ms, clocks.set_ahead_ms = HOUR_MS, -HOUR_MS
    assert clocks.seen() == (0, False)


def test_set_back_and_then_right_again_it_follows(clocks: Clocks) -> None:
    clocks.passed_ms, clocks.set_ahead_ms = HOUR_MS, -HOUR_MS
    assert clocks.seen() == (0, False)
    clocks.passed_ms, clocks.set_ahead_ms = 2 * HOUR_MS, 0
    assert clocks.seen() == (2 * HOUR_MS, False)


def test_the_clocks_of_the_machine() -> None:
    clock = WallClock()
    first = clock.now_ms()
    assert first > START_MS
    assert clock.now_ms() >= first
    assert not clock.stopped
