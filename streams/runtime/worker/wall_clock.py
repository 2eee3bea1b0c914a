"""The time of a worker, by the majority of three clocks: any of them may be wrong, seldom two at once.

The steady clock of a computer that runs can't be set, but knows no date. The wall clock may be set, rightly
or wrongly. The broker's is known from what it appended: not before we asked last time and found nothing, nor
after it came.
"""

import time
from collections.abc import Callable
from typing import Final

SLACK_MS: Final = 2_000
"""Clocks that differ by no more agree; what time servers put right at once is less."""
_MOST_DRIFT: Final = 0.01
"""The wall clock is followed no faster than by this share of the time that passes."""
_WIDEST_MS: Final = 10_000
"""What tells the broker's time no closer tells nothing."""


def _boot_time_ns() -> int:
    """Return a clock that is never set, and goes on while the machine is suspended."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux only
    return time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot)


class WallClock:
    """Time in ms UTC: the steady clock and an offset, which begins as the wall clock has it.

    `steady_ms` may be called in all threads, the rest in one.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = _boot_time_ns,
        widest_ms: int = _WIDEST_MS,
    ) -> None:
        self._wall, self._steady, self._widest_ms = wall_ns, steady_ns, widest_ms
        self._offset = float(self._wall_offset())
        self._followed = self.steady_ms()
        self._broker: tuple[int, int] | None = None
        self._confirmed = False
        """Whether the broker agreed with us once."""

    def steady_ms(self) -> int:
        """Return the ms of a clock that is never set."""
        return self._steady() // 1_000_000

    def utc_ms(self, steady_ms: int) -> int:
        """Return what time it was when the steady clock stood so."""
        return round(steady_ms + self._offset)

    def now_ms(self) -> int:
        """Return the time; while no two clocks agree it goes on from when two did."""
        self.update()
        return self.utc_ms(self.steady_ms())

    @property
    def wall_ahead_ms(self) -> int:
        """Return how far the wall clock is ahead of the time that is gone by."""
        return round(self._wall_offset() - self._offset)

    def appended(self, at_ms: int, *, after_steady_ms: int, before_steady_ms: int) -> None:
        """Take note that the broker appended a record at a time of its own, between two steady ones."""
        least, most = at_ms - before_steady_ms, at_ms - after_steady_ms
        if self._broker is not None:
            narrowed = max(least, self._broker[0]), min(most, self._broker[1])
            if narrowed[0] <= narrowed[1]:
                least, most = narrowed
        if most - least <= self._widest_ms:
            self._broker = least, most

    def update(self) -> bool:
        """Follow the clocks that agree, and return whether two do; else event time has to stand still."""
        wall, steady = self._wall_offset(), self.steady_ms()
        passed, self._followed = steady - self._followed, steady
        ours = self._agrees(self._offset)
        if abs(wall - self._offset) <= SLACK_MS:
            drift = passed * _MOST_DRIFT
            self._offset += min(max(wall - self._offset, -drift), drift)
            self._confirmed = self._confirmed or ours is True
            # At the start the steady clock has its date from the wall clock, so it is no witness for it.
            return self._confirmed or ours is not False
        if ours is not True and self._agrees(wall):
            self._offset, self._confirmed = float(wall), True
            return True
        return ours is True

    def _agrees(self, offset: float) -> bool | None:
        """Return whether the broker's clock agrees with an offset; None while nothing is known of it."""
        if self._broker is None:
            return None
        least, most = self._broker
        return least - SLACK_MS <= offset <= most + SLACK_MS

    def _wall_offset(self) -> int:
        return (self._wall() - self._steady()) // 1_000_000
