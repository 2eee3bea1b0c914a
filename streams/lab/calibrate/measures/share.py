"""False alarms on customers without a reason, as a share with its interval."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np

from streams.core.ruleset import Ruleset

_DRAWS: Final = 1000
_SEED: Final = 7
_SIDES: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval."""

    share: float
    low: float
    high: float

    def __contains__(self, other: float) -> bool:
        return self.low <= other <= self.high


class Measured(Protocol):
    """Customers without a reason, measured so that the false alarms of any ruleset on them can be told."""

    @property
    def customers(self) -> int:
        """Return how many customers there are."""

    def drawn(self, rng: np.random.Generator, customers: int) -> Self:
        """Return so many of the customers, drawn with replacement."""

    def fitted(self, rules: Ruleset, target: float) -> Ruleset:
        """Return the ruleset with the key fitted whose false alarms are not above the target."""

    def false_alarms(self, rules: Ruleset) -> float:
        """Return the false alarms under a ruleset."""


def predicted(measured: Measured, rules: Ruleset, target: float, customers: int) -> Share:
    """Return the false alarms to expect of the fitted ruleset on so many other customers.

    The bootstrap interval holds the noise of both steps: the ruleset is fitted to customers drawn again, and
    tried on others drawn again.
    """

    def trial(rng: np.random.Generator) -> float:
        fitted = measured.drawn(rng, measured.customers).fitted(rules, target)
        return measured.drawn(rng, customers).false_alarms(fitted)

    return _bootstrapped(measured.false_alarms(measured.fitted(rules, target)), trial)


def realised(measured: Measured, rules: Ruleset) -> Share:
    """Return the false alarms under a ruleset, with the interval over customers."""

    def trial(rng: np.random.Generator) -> float:
        return measured.drawn(rng, measured.customers).false_alarms(rules)

    return _bootstrapped(measured.false_alarms(rules), trial)


def _bootstrapped(share: float, trial: Callable[[np.random.Generator], float]) -> Share:
    """Return a share with its bootstrap interval: each trial draws its customers again."""
    rng = np.random.default_rng(_SEED)
    low, high = np.quantile([trial(rng) for _ in range(_DRAWS)], _SIDES)
    return Share(share, float(low), float(high))
