"""What comparing the detectors gives: every figure of the tables and pictures, and nothing larger.

A *case* is a household with the anchor of one seed; a *copy* is a case's purchases, untouched or with one
boycott in them. Shares lie in [0, 1]; delays are days since the anchor, infinite where fewer than half of
the boycotts are found. Intervals are 95 %, from drawing households with replacement, with all their cases.
"""

from dataclasses import dataclass

from streams.lab.generate.options import Population, Shape

DAYS = 90
"""Days after the anchor in which a boycott counts as found and an alarm as false."""

TARGETS = tuple(percent / 100 for percent in range(1, 21))
"""Rates of false alarms in 90 days that thresholds are set for, to draw recall against false alarms."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval; any of them may be infinite."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ShapeFigures:
    """What a detector finds of boycotts of one shape."""

    shape: Shape
    found_30: Estimate
    found_90: Estimate
    median_days: Estimate
    found_by_day: tuple[float, ...]
    """The share found by the end of day 0, 1, ... `DAYS`."""
    found_at_targets: tuple[float, ...]
    """The share found in 90 days with the threshold set for each of `TARGETS`."""


@dataclass(frozen=True, slots=True)
class DetectorFigures:
    """One detector, all shapes."""

    name: str
    ours: bool
    false_alarms: Estimate
    """The share of untouched copies that alarm in 90 days, thresholds from the other half."""
    false_alarms_at_targets: tuple[float, ...]
    """The same with the threshold set for each of `TARGETS`."""
    shapes: tuple[ShapeFigures, ...]

    def of(self, shape: Shape) -> ShapeFigures:
        """Return the figures of one shape."""
        return next(one for one in self.shapes if one.shape is shape)


@dataclass(frozen=True, slots=True)
class Difference:
    """One of our rulesets less the best other detector, on the same draws of households."""

    detector: str
    shape: Shape
    best: str
    """The other detector with the highest recall in 90 days."""
    recall: Estimate
    earliest: str
    """The other detector with the shortest median delay."""
    median_days: Estimate
    """Below 0 where ours is earlier; minus infinite where only ours finds half."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """What one of our rulesets finds in one class of cases, for each shape."""

    label: str
    cases: int
    found_90: tuple[tuple[Shape, Estimate], ...]
    median_days: tuple[tuple[Shape, Estimate], ...]


@dataclass(frozen=True, slots=True)
class Detectability:
    """How what a detector finds depends on what its customers are like."""

    detector: str
    by_trips: tuple[ClassFigures, ...]
    """Fifths of the cases by purchases a month before the anchor, lowest first."""
    by_history: tuple[ClassFigures, ...]
    """By months from the first purchase to the anchor, shortest first."""


@dataclass(frozen=True, slots=True)
class PopulationFigures:
    """All detectors side by side on one population."""

    population: Population
    customers: int
    """In the population, judged or not."""
    households: int
    """High-value customers with a baseline that gave at least one case."""
    seeds: tuple[int, ...]
    cases: int
    copies: int
    """Untouched and treated, all seeds."""
    detectors: tuple[DetectorFigures, ...]
    """Ours first."""
    differences: tuple[Difference, ...]
    detectability: tuple[Detectability, ...]
    """One for each of our rulesets."""
    notes: tuple[str, ...]
    """What a reader must know, such as where a fit does not converge: one sentence each."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of the project held against what was measured."""

    detector: str
    goal: str
    """In words: `full: found within 90 days at least 99 %`."""
    measured: str
    met: bool


@dataclass(frozen=True, slots=True)
class DetectorComparison:
    """Everything the comparison of the detectors gave."""

    target: float
    """The rate of false alarms in 90 days that thresholds of the tables are set for."""
    populations: tuple[PopulationFigures, ...]
    goals: tuple[Goal, ...]
