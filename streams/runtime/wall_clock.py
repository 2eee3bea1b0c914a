"""The wall clock, mistrusted: it may be set, the time of a computer that runs can't."""

import time
from collections.abc import Callable
from typing import Final

_MOST: Final = 1.01
"""The wall clock may run by this factor faster than the monotonic one; beyond, it was set."""
_SLACK_MS: Final = 1_000
"""What time servers put right at once is less."""


def _boot_time_ns() -> int:
    """Return a clock that is never set, and goes on while the machine is suspended."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux only
    return time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot)


class WallClock:
    """Time in ms UTC that never runs ahead of what can have passed since the start."""

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = _boot_time_ns
    ) -> None:
        self._wall, self._steady = wall_ns, steady_ns
        self._started_wall, self._started_steady = wall_ns(), steady_ns()
        self._stood_at: int | None = None

    def now_ms(self) -> int:
        """Return the time; while the wall clock is ahead of what can be, the last time before that."""
        wall = self._wall()
        can_be = self._started_wall + round((self._steady() - self._started_steady) * _MOST)
        if wall <= can_be + _SLACK_MS * 1_000_000:
            self._stood_at = None
            return wall // 1_000_000
        if self._stood_at is None:
            self._stood_at = can_be // 1_000_000
        return self._stood_at

    @property
    def stopped(self) -> bool:
        """Tell whether time stands still because the wall clock was set ahead."""
        self.now_ms()
        return self._stood_at is not None
