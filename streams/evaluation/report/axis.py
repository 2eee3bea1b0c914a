"""A plot's axes: which values lie where, and how they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


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


def percent(share: float) -> str:
    """Say a share as whole percent, in short: `5%`."""
    return f"{share * 100:.0f}%"


def shares(name: str, low: float = 0.0, high: float = 1.0, step: float = 0.25) -> Axis:
    """Return an axis of shares from `low` to `high`, marked every `step` from `low` on, in percent."""
    ticks = tuple(low + step * k for k in range(int((high - low) / step + 1e-9) + 1))
    return Axis(name, low, high, ticks, percent)


def days(name: str, high: int, step: int) -> Axis:
    """Return an axis of days from 0 to `high`, marked every `step`."""
    return Axis(name, 0, high, tuple(range(0, high + 1, step)), lambda day: f"{day:g}")


def classes(name: str, labels: Sequence[str]) -> Axis:
    """Return an axis of classes 0, 1, ... with half a class of room at each end, marked with their labels."""
    return Axis(name, -0.5, len(labels) - 0.5, tuple(range(len(labels))), lambda at: labels[round(at)])
