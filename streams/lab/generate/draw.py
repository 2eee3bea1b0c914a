"""Scalar draws with short names: a thin face over numpy's generator."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


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
        """Draw one of `choices`, all alike."""
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
