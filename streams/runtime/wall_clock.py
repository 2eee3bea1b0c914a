"""The wall clock, mistrusted: it may be set, the time of a computer that runs can't."""

import time
from collections.abc import Callable
from typing import Final

_MOST: Final = 1.01
"""The wall clock may run by this factor faster than the monotonic one; beyond, it was set."""
_SLACK_NS: Final = 1_000_000_000
"""What time servers put right at once is less."""


def _boot_time_ns() -> int:
    """Return a clock that is never set, and goes on while the machine is suspended."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux only
    return time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot)


class WallClock:
    """Time in ms UTC that never runs ahead of what can have passed since the start; for all threads."""

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = _boot_time_ns
    ) -> None:
        self._wall, self._steady = wall_ns, steady_ns
        self._started = self._trusted = wall_ns(), steady_ns()
        self._stopped = False

    def now_ms(self) -> int:
        """Return the time; while the wall clock is ahead of what can be, what passed since it was right."""
        wall, steady = self._wall(), self._steady()
        started_wall, started_steady = self._started
        can_be = started_wall + round((steady - started_steady) * _MOST) + _SLACK_NS
        self._stopped = wall > can_be
        if not self._stopped:
            self._trusted = wall, steady
            return wall // 1_000_000
        trusted_wall, trusted_steady = self._trusted
        return (trusted_wall + steady - trusted_steady) // 1_000_000

    @property
    def stopped(self) -> bool:
        """Tell whether event time has to stand still because the wall clock was set ahead."""
        self.now_ms()
        return self._stopped
