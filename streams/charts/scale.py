"""Where values lie: time or values across, in shares of the width, and values down, in pixels."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Event time [start_ms, end_ms) across the full width."""

    start_ms: int
    end_ms: int

    def share(self, time_ms: int) -> float:
        """Return the share of the width at which the time lies (outside [0, 1] if it is not on the axis)."""
        return (time_ms - self.start_ms) / (self.end_ms - self.start_ms)

    def shows(self, time_ms: int) -> bool:
        """Return whether the time is on the axis."""
        return self.start_ms <= time_ms <= self.end_ms

    def months(self) -> Iterator[datetime]:
        """Yield the first moment (UTC) of every month on the axis."""
        first = datetime.fromtimestamp(self.start_ms / 1000, tz=UTC)
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


@dataclass(frozen=True, slots=True)
class Axis:
    """Values [low, high] with marks at `ticks`; `show` says a value as people read it."""

    name: str
    low: float
    high: float
    ticks: tuple[float, ...]
    show: Callable[[float], str]

    def share(self, value: float) -> float:
        """Return how far along the axis the value lies: 0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)


def shares(name: str, low: float = 0.0, high: float = 1.0, step: float = 0.25) -> Axis:
    """Return an axis of shares from `low` to `high`, marked every `step` from `low` on, in percent."""
    ticks = tuple(low + step * k for k in range(int((high - low) / step + 1e-9) + 1))
    return Axis(name, low, high, ticks, lambda share: f"{share * 100:.0f}%")


def days(name: str, high: int, step: int) -> Axis:
    """Return an axis of days from 0 to `high`, marked every `step`."""
    return Axis(name, 0, high, tuple(range(0, high + 1, step)), lambda day: f"{day:g}")


def classes(name: str, labels: Sequence[str]) -> Axis:
    """Return an axis of classes 0, 1, ... with half a class of room at each end, marked with their labels."""
    return Axis(name, -0.5, len(labels) - 0.5, tuple(range(len(labels))), lambda at: labels[round(at)])
