"""Intervals from drawing households with replacement, each with all its cases and copies.

Thresholds are held as the other half set them. Everything is computed in rows: the first counts each
household once and gives the value, the others are the draws and give the interval. The same rows serve all
detectors, so that differences are paired.
"""

from dataclasses import dataclass

import numpy as np

from streams.evaluation.detectors.cases import STEP_HOURS
from streams.evaluation.detectors.results import DAYS, Estimate
from streams.lab.generate.purchases import Flags, Floats, Ints

DRAWS = 500

_SEED = 95
_STEPS_A_DAY = 24 // STEP_HOURS
_STEPS = DAYS * _STEPS_A_DAY + 1


@dataclass(frozen=True, slots=True)
class Delays:
    """The share of some boycotts found by each step, in rows (rows x steps)."""

    found: Floats

    def share(self, days: int = DAYS) -> Floats:
        """Return the share found within so many days, in rows."""
        return np.asarray(self.found[:, days * _STEPS_A_DAY], np.float64)

    def median(self) -> Floats:
        """Return the days after which half are found, in rows; infinite where fewer are."""
        half = self.found >= 0.5 - 1e-9
        return np.where(half.any(axis=1), half.argmax(axis=1) / _STEPS_A_DAY, np.inf)

    def by_day(self) -> tuple[float, ...]:
        """Return the share found by the end of each day."""
        return tuple(self.found[0, ::_STEPS_A_DAY].tolist())


class Draws:
    """Rows of weights of the households, one column for each household; `household` is that of each case."""

    def __init__(self, household: Ints) -> None:
        _, self._household = np.unique(household, return_inverse=True)
        self.households = int(self._household.max(initial=-1)) + 1
        rng = np.random.default_rng(_SEED)
        even = np.full(self.households, 1 / self.households)
        drawn = rng.multinomial(self.households, even, DRAWS)
        self._weights = np.vstack([np.ones(self.households), drawn])

    def share(self, true: Flags) -> Floats:
        """Return the share of cases for which something is true, in rows."""
        return self._sum(true.astype(np.float64)) / self._sum(np.ones(len(true)))

    def delays(self, steps: Ints, chosen: Flags | None = None) -> Delays:
        """Return the delays of cases by the step that finds each, -1 for none; of the chosen, if given."""
        mine = np.ones(len(steps), np.bool_) if chosen is None else chosen
        found = mine & (steps >= 0)
        hits = np.zeros((self.households, _STEPS))
        np.add.at(hits, (self._household[found], steps[found]), 1)
        total = np.maximum(self._sum(mine.astype(np.float64)), 1)
        return Delays(np.cumsum(self._weights @ hits, axis=1) / total[:, None])

    def _sum(self, values: Floats) -> Floats:
        of_household = np.bincount(self._household, weights=values, minlength=self.households)
        return np.asarray(self._weights @ of_household, np.float64)


def estimate(rows: Floats) -> Estimate:
    """Return the value of the first row, and the interval of the others."""
    # No interpolation: between days and never there is nothing.
    low, high = np.quantile(rows[1:], (0.025, 0.975), method="inverted_cdf")
    return Estimate(float(rows[0]), float(low), float(high))


def difference(ours: Floats, other: Floats) -> Estimate:
    """Return ours less the other, row by row; nothing where both are infinite."""
    same = np.isinf(ours) & np.isinf(other)
    return estimate(np.where(same, 0.0, np.where(same, 0.0, ours) - np.where(same, 0.0, other)))
