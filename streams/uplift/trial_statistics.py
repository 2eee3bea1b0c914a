"""The statistics of a trial with two arms: estimates with 95 % intervals, and sample sizes.

Rates: Wilson's interval; for difference and ratio the intervals of Newcombe, and of Donner and Zou, which are
made from Wilson's. Means: Student's interval; for the difference Welch's, for the ratio the same of the
logarithm (delta method). Sample sizes: of the usual two-sided normal test, with what the arms are drawn in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, hypot, sqrt
from statistics import NormalDist
from typing import Final

from scipy.stats import binomtest, t

CONFIDENCE: Final = 0.95
POWER: Final = 0.80
SURPRISE: Final = 0.001
"""Arms whose sizes are less likely than this are not of the shares that were meant."""

_SIDE: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_POWER_SIDE: Final = NormalDist().inv_cdf(POWER)
_CHANCE: Final = NormalDist().inv_cdf(0.995)
"""What chance alone exceeds once in a hundred times, in standard errors."""
_LARGE: Final = 0.1
"""From here on a standardised difference is worth a look."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """Return the rate, from 0 to 1; of nobody it is 0."""
        return self.count / self.of if self.of else 0.0

    def estimate(self) -> Estimate:
        """Return the rate with Wilson's interval; of nobody that is all from 0 to 1."""
        if not self.of:
            return Estimate(0.0, 0.0, 1.0)
        found = binomtest(self.count, self.of).proportion_ci(CONFIDENCE, method="wilson")
        return Estimate(self.share, float(found.low), float(found.high))


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of some values for their mean: how many, their sum, the sum of their squares."""

    count: int
    total: float
    squares: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Sample":
        """Return the sample of some values; whole numbers are added up exactly."""
        count: int = 0
        total: float = 0
        squares: float = 0
        for value in values:
            count += 1
            total += value
            squares += value * value
        return cls(count, total, squares)

    @property
    def mean(self) -> float:
        """Return the mean; of nothing it is 0."""
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """Return the variance, over n - 1; of fewer than two values it is 0."""
        if self.count < 2:
            return 0.0
        return max(0.0, self.count * self.squares - self.total * self.total) / (self.count * (self.count - 1))

    def estimate(self) -> Estimate | None:
        """Return the mean with Student's interval; None of fewer than two values."""
        if self.count < 2:
            return None
        half = float(t.ppf((1 + CONFIDENCE) / 2, self.count - 1)) * sqrt(self.variance / self.count)
        return Estimate(self.mean, self.mean - half, self.mean + half)


@dataclass(frozen=True, slots=True)
class Rates:
    """A rate in both arms."""

    treated: Rate
    held_out: Rate

    @property
    def pooled(self) -> Rate:
        """Return the rate of both arms together."""
        return Rate(self.treated.count + self.held_out.count, self.treated.of + self.held_out.of)

    @property
    def difference(self) -> Estimate:
        """Return treated less held out, with Newcombe's interval."""
        one, other = self.treated.estimate(), self.held_out.estimate()
        below = hypot(one.value - one.low, other.high - other.value)
        above = hypot(one.high - one.value, other.value - other.low)
        difference = one.value - other.value
        return Estimate(difference, difference - below, difference + above)

    @property
    def ratio(self) -> Estimate | None:
        """Return treated through held out, with Donner and Zou's interval; None if the latter is 0."""
        if not self.held_out.count:
            return None
        one, other = self.treated.estimate(), self.held_out.estimate()
        product = one.value * other.value
        low, over = _turned(one.value, one.low), _turned(other.value, other.high)
        high, under = _turned(one.value, one.high), _turned(other.value, other.low)
        return Estimate(
            one.value / other.value,
            low / (product + sqrt(max(0.0, product**2 - low * over))) if product else 0.0,
            (product + sqrt(max(0.0, product**2 - high * under))) / under,
        )


def _turned(value: float, bound: float) -> float:
    """Return value² - (value - bound)², without a loss of digits."""
    return bound * (2 * value - bound)


@dataclass(frozen=True, slots=True)
class Means:
    """Values of both arms, for their means."""

    treated: Sample
    held_out: Sample

    @property
    def pooled(self) -> Sample:
        """Return the values of both arms together."""
        one, other = self.treated, self.held_out
        return Sample(one.count + other.count, one.total + other.total, one.squares + other.squares)

    @property
    def difference(self) -> Estimate | None:
        """Return treated less held out, with Welch's interval; None of fewer than two values in an arm."""
        one, other = self.treated, self.held_out
        if min(one.count, other.count) < 2:
            return None
        difference = one.mean - other.mean
        half = self._half_width(one.variance / one.count, other.variance / other.count)
        return Estimate(difference, difference - half, difference + half)

    @property
    def ratio(self) -> Estimate | None:
        """Return treated through held out, with an interval; None unless both means are surely above 0."""
        one, other = self.treated, self.held_out
        if not all(mean is not None and mean.low > 0 for mean in (one.estimate(), other.estimate())):
            return None
        half = self._half_width(
            one.variance / one.count / one.mean**2, other.variance / other.count / other.mean**2
        )
        middle = one.mean / other.mean
        return Estimate(middle, middle / exp(half), middle * exp(half))

    def _half_width(self, first: float, second: float) -> float:
        """Return half of an interval from the squared errors of both, by Welch and Satterthwaite."""
        both = first + second
        if not both:
            return 0.0
        freedom = both**2 / (first**2 / (self.treated.count - 1) + second**2 / (self.held_out.count - 1))
        return float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * sqrt(both)


def needed_for_rates(held_out: float, treated: float, share: float) -> float | None:
    """Return how many customers in both arms show a difference of two rates; None if there is none.

    `share` of them is held out. The variance under no difference is that of both rates together.
    """
    if held_out == treated:
        return None
    ratio = (1 - share) / share
    together = (held_out + ratio * treated) / (1 + ratio)
    under_none = sqrt(together * (1 - together) * (1 + 1 / ratio))
    under_some = sqrt(held_out * (1 - held_out) + treated * (1 - treated) / ratio)
    of_held_out = ((_SIDE * under_none + _POWER_SIDE * under_some) / (treated - held_out)) ** 2
    return of_held_out / share


def needed_for_means(
    held_out_variance: float, treated_variance: float, difference: float, share: float
) -> float | None:
    """Return how many customers in both arms show a difference of two means; None if there is none."""
    if not difference:
        return None
    ratio = (1 - share) / share
    spread = held_out_variance + treated_variance / ratio
    return (_SIDE + _POWER_SIDE) ** 2 * spread / difference**2 / share


def chance_of_arms(held_out: int, of: int, share: float) -> float:
    """Return how likely arms are that are at least as far from the share as these."""
    return float(binomtest(held_out, of, share).pvalue)


def standardised(one: Sample, other: Sample) -> float:
    """Return the difference of two means in standard deviations; 0 if nothing differs at all."""
    spread = sqrt((one.variance + other.variance) / 2)
    return (one.mean - other.mean) / spread if spread else 0.0


def is_unlike(difference: float, one: int, other: int) -> bool:
    """Return whether a standardised difference is large, and more than chance does once in a hundred."""
    return abs(difference) > max(_LARGE, _CHANCE * sqrt(1 / one + 1 / other))
