"""A share with Wilson's interval, which stays within [0, 1] and holds for few cases too."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

_SIDE: Final = 1.959964
"""Of the normal distribution 95 % lie within this many standard deviations."""


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of` cases, with the 95 % interval; of no cases the share is None, the interval all."""

    count: int
    of: int
    share: float | None
    low: float
    high: float


def wilson(count: int, of: int) -> Share:
    """Return the share of `count` in `of` independent cases."""
    if of == 0:
        return Share(0, 0, None, 0.0, 1.0)
    share, square = count / of, _SIDE**2
    centre = (share + square / (2 * of)) / (1 + square / of)
    half = _SIDE * sqrt(share * (1 - share) / of + square / (4 * of**2)) / (1 + square / of)
    return Share(count, of, share, max(0.0, centre - half), min(1.0, centre + half))
