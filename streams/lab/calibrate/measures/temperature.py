"""The temperature c at which placebo windows raise as many false alarms as the target allows.

A window alarms for an F if `prior + F + c S` reaches the alert level for its largest S. The share is the mean
over windows and over the F with which episodes really open, so that it is that of the rule as it is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streams.core.contacts.frustration import TOLERANCE
from streams.core.ruleset import Ruleset
from streams.lab.calibrate.measures.windows import Floats, Window

LOWEST: Final = 0.05
HIGHEST: Final = 2.0
_PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """The largest S of placebo windows, by customer, and the F that they are tried with."""

    peaks: Floats
    """Rows are customers; NaN where one has fewer windows."""
    frustrations: Floats
    """F at the opening of episodes, in nats, ascending."""
    blocks: float = 0.0
    """Blocks of 28 days that a window's yardstick stands on, the median."""

    @classmethod
    def of(cls, windows: Sequence[Window], frustrations: Floats) -> "Sample":
        """Return the sample of some windows."""
        rows: dict[str, list[float]] = {}
        for window in windows:
            rows.setdefault(window.customer_id, []).append(window.peak)
        widest = max(map(len, rows.values()), default=0)
        filled = [[*row, *[np.nan] * (widest - len(row))] for row in rows.values()]
        blocks = float(np.median([window.blocks for window in windows])) if windows else 0.0
        return cls(np.array(filled, np.float64).reshape(len(rows), widest), frustrations, blocks)

    @property
    def customers(self) -> int:
        """Return how many customers there are."""
        return len(self.peaks)

    @property
    def windows(self) -> int:
        """Return how many windows there are."""
        return int(np.count_nonzero(~np.isnan(self.peaks)))

    def drawn(self, rng: np.random.Generator, customers: int) -> "Sample":
        """Return a sample of so many customers, drawn with replacement."""
        return Sample(self.peaks[rng.integers(0, len(self.peaks), customers)], self.frustrations)

    def false_alarms(self, rules: Ruleset) -> float:
        """Return the share of windows that alarm under a ruleset; there must be some."""
        return self._alarms(rules, rules.temperature)

    def fitted(self, rules: Ruleset, target: float) -> Ruleset:
        """Return the rules with the largest temperature within the bounds that meets the target."""
        return replace(rules, temperature=self._fit(rules, target + TOLERANCE))

    def _fit(self, rules: Ruleset, most: float) -> float:
        low, high = LOWEST, HIGHEST
        if self._alarms(rules, high) <= most:
            return high
        while high - low > 10**-_PLACES / 4:
            middle = (low + high) / 2
            if self._alarms(rules, middle) <= most:
                low = middle
            else:
                high = middle
        return max(LOWEST, int(low * 10**_PLACES) / 10**_PLACES)

    def _alarms(self, rules: Ruleset, temperature: float) -> float:
        peaks = self.peaks[~np.isnan(self.peaks)]
        needed = rules.levels[-1] - rules.prior - temperature * peaks - TOLERANCE
        below = np.searchsorted(self.frustrations, needed, side="left")
        return float(1 - below.mean() / len(self.frustrations))
