"""The temperature c at which placebo windows raise as many false alarms as the target allows.

A window alarms for an F if `prior + F + c S` reaches the alert level for its largest S. The share is the mean
over windows and over the F with which episodes really open, so that it is that of the rule as it is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.core.contacts.frustration import TOLERANCE
from streams.core.ruleset import Ruleset
from streams.lab.calibrate.measures.share import Share, bootstrapped
from streams.lab.calibrate.measures.windows import Floats, Window

LOWEST: Final = 0.05
HIGHEST: Final = 2.0
_PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """The largest S of placebo windows, by customer: rows are customers, NaN where one has fewer windows."""

    peaks: Floats
    blocks: float = 0.0
    """Blocks of 28 days that a window's yardstick stands on, the median."""

    @classmethod
    def of(cls, windows: Sequence[Window]) -> "Sample":
        """Return the sample of some windows."""
        rows: dict[str, list[float]] = {}
        for window in windows:
            rows.setdefault(window.customer_id, []).append(window.peak)
        widest = max(map(len, rows.values()), default=0)
        filled = [[*row, *[np.nan] * (widest - len(row))] for row in rows.values()]
        blocks = float(np.median([window.blocks for window in windows])) if windows else 0.0
        return cls(np.array(filled, np.float64).reshape(len(rows), widest), blocks)

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
        return Sample(self.peaks[rng.integers(0, len(self.peaks), customers)])


def false_alarms(sample: Sample, frustrations: Floats, rules: Ruleset, temperature: float) -> float:
    """Return the share of windows that alarm, of a sample that has some; `frustrations` ascend."""
    peaks = sample.peaks[~np.isnan(sample.peaks)]
    needed = rules.levels[-1] - rules.prior - temperature * peaks - TOLERANCE
    below = np.searchsorted(frustrations, needed, side="left")
    return float(1 - below.mean() / len(frustrations))


def fit(sample: Sample, frustrations: Floats, rules: Ruleset, target: float) -> float:
    """Return the largest temperature within the bounds whose false alarms are not above the target."""
    low, high = LOWEST, HIGHEST
    most = target + TOLERANCE
    if false_alarms(sample, frustrations, rules, high) <= most:
        return high
    while high - low > 10**-_PLACES / 4:
        middle = (low + high) / 2
        if false_alarms(sample, frustrations, rules, middle) <= most:
            low = middle
        else:
            high = middle
    return max(LOWEST, int(low * 10**_PLACES) / 10**_PLACES)


def predicted(sample: Sample, frustrations: Floats, rules: Ruleset, target: float, customers: int) -> Share:
    """Return the share of false alarms to expect of the fitted temperature on so many other customers.

    The bootstrap interval holds the noise of both steps: the temperature is fitted to customers drawn again,
    and tried on others drawn again.
    """

    def trial(rng: np.random.Generator) -> float:
        temperature = fit(sample.drawn(rng, sample.customers), frustrations, rules, target)
        return false_alarms(sample.drawn(rng, customers), frustrations, rules, temperature)

    temperature = fit(sample, frustrations, rules, target)
    return bootstrapped(false_alarms(sample, frustrations, rules, temperature), trial)


def realised(sample: Sample, frustrations: Floats, rules: Ruleset) -> Share:
    """Return the share of a sample's windows that alarm under a ruleset, with the interval over customers."""

    def trial(rng: np.random.Generator) -> float:
        return false_alarms(sample.drawn(rng, sample.customers), frustrations, rules, rules.temperature)

    return bootstrapped(false_alarms(sample, frustrations, rules, rules.temperature), trial)
