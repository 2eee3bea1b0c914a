"""A share with its interval."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

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


def bootstrapped(share: float, trial: Callable[[np.random.Generator], float]) -> Share:
    """Return a share with its bootstrap interval: each trial draws its customers again."""
    rng = np.random.default_rng(_SEED)
    low, high = np.quantile([trial(rng) for _ in range(_DRAWS)], _SIDES)
    return Share(share, float(low), float(high))
