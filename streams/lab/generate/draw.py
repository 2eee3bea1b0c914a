"""Draws with short names over numpy's generator, and when in the week and the day people buy and call."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from streams.core.time import HOUR_MS
from streams.lab.generate.purchases import DAY_MS, Floats, Ints

T = TypeVar("T")

SYNTHETIC = {"synthetic": "true"}
"""The attributes of a synthetic line."""

# Relative weights: shops are busy from late morning to early evening, and towards the end of the week.
SHOPPING_HOURS: Floats = np.array(
    [1, 1, 1, 1, 1, 2, 6, 15, 28, 42, 54, 62, 66, 62, 60, 62, 70, 78, 72, 56, 38, 22, 10, 4], dtype=np.float64
)
# Contact centres: office hours, with some of it in the evening.
CALLING_HOURS: Floats = np.array(
    [1, 1, 1, 1, 1, 1, 3, 10, 40, 70, 80, 75, 60, 65, 70, 70, 65, 55, 40, 28, 20, 12, 6, 3], dtype=np.float64
)
WEEKDAYS: Floats = np.array([0.9, 0.9, 0.95, 1.0, 1.2, 1.3, 0.75], dtype=np.float64)
_THURSDAY = 3  # 1970-01-01


class Draw:
    """Draws from one seeded generator, in the order of the calls."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._uniform = rng.random

    def chance(self, share: float) -> bool:
        """Return True with probability `share`."""
        return self._uniform() < share

    def between(self, least: float, most: float) -> float:
        """Draw uniformly in [least, most)."""
        return least + (most - least) * self._uniform()

    def count(self, least: int, most: int) -> int:
        """Draw uniformly over the integers least..most, both included."""
        return least + int((most - least + 1) * self._uniform())

    def pick(self, choices: Sequence[T]) -> T:
        """Draw one of `choices`, each with the same chance."""
        return choices[int(len(choices) * self._uniform())]

    def weighted(self, choices: Mapping[T, float]) -> T:
        """Draw one of the keys, by its weight; at least one weight is above 0."""
        mark = self._uniform() * sum(choices.values())
        likely = [choice for choice, weight in choices.items() if weight > 0]
        for choice in likely:
            mark -= choices[choice]
            if mark < 0:
                return choice
        return likely[-1]


def within_day(rng: np.random.Generator, count: int, hours: Floats = SHOPPING_HOURS) -> Ints:
    """Draw `count` moments of a day in ms since midnight, by the weights of the hours."""
    hour = np.searchsorted(np.cumsum(hours) / hours.sum(), rng.random(count), side="right")
    return hour.astype(np.int64) * HOUR_MS + rng.integers(0, HOUR_MS, count)


def within_days(rng: np.random.Generator, count: int, start_ms: int, days: int, hours: Floats) -> Ints:
    """Draw `count` moments in the `days` from midnight `start_ms`, by the weights of weekday and hour."""
    weekday = (start_ms // DAY_MS + _THURSDAY + np.arange(days)) % 7
    weights = WEEKDAYS[weekday]
    day = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(count), side="right")
    return start_ms + day.astype(np.int64) * DAY_MS + within_day(rng, count, hours)
