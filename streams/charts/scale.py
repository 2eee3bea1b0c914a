"""The axes that the two panels of a story share: time across, one panel's values down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streams.lab.report.words import moment

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Event time [start_ms, end_ms) across the full width."""

    start_ms: int
    end_ms: int

    def share(self, time_ms: int) -> float:
        """Return the share of the width at which the time lies (outside [0, 1] if it is not on the axis)."""
        return (time_ms - self.start_ms) / (self.end_ms - self.start_ms)

    def shows(self, time_ms: int) -> bool:
        """Tell whether the time is on the axis."""
        return self.start_ms <= time_ms <= self.end_ms

    def months(self) -> Iterator[datetime]:
        """Yield the first effective time of every month on the axis."""
        first = moment(self.start_ms)
        index = first.year * 12 + first.month
        while True:
            month = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
            if month.timestamp() * 1000 >= self.end_ms:
                return
            yield month
            index += 1


@dataclass(frozen=True, slots=True)
class Panel:
    """Values [low, high] over pixels [top, top + height], the high value at the top."""

    top: float
    height: float
    low: float
    high: float

    def depth(self, value: float) -> float:
        """Return how far down the panel the value lies: 0 at the top, 1 at the bottom, others outside."""
        return 1 - (value - self.low) / (self.high - self.low)

    def y(self, value: float) -> float:
        """Return the pixel row of the value; one outside the panel is moved to its edge."""
        return self.top + self.height * min(max(self.depth(value), 0), 1)
