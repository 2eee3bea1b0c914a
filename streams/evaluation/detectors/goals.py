"""The goals of the detection, held against what was measured."""

from collections.abc import Iterator, Sequence

from streams.evaluation.detectors.results import DetectorFigures, Goal, PopulationFigures
from streams.lab.generate.options import Population, Shape

TARGET = 0.05
"""The rate of false alarms in 90 days at which the goals are set."""

_WANTED = {Shape.FULL: (0.99, 18), Shape.FEWER_TRIPS: (0.80, 45), Shape.HALF_HALF: (0.85, 42)}
"""The least share found within 90 days, and the longest median delay in days."""

_PARTIAL = (Shape.FEWER_TRIPS, Shape.HALF_HALF)
_MARGIN = 0.02
"""By how much the best other detector may find more of the full boycotts."""


def goals(populations: Sequence[PopulationFigures], target: float) -> tuple[Goal, ...]:
    """Return the goals of each of our rulesets; none for another target, or without completejourney."""
    if target != TARGET:
        return ()
    return tuple(
        goal
        for figures in populations
        if figures.population is Population.COMPLETEJOURNEY
        for detector in figures.detectors
        if detector.ours
        for goal in (*_absolute(detector), *_relative(figures, detector.name))
    )


def _absolute(detector: DetectorFigures) -> Iterator[Goal]:
    for shape, (share, days) in _WANTED.items():
        found = detector.of(shape)
        recall, median = found.found_90.value, found.median_days.value
        yield Goal(
            detector.name, f"{shape}: found within 90 days >= {share:.2f}", f"{recall:.3f}", recall >= share
        )
        yield Goal(detector.name, f"{shape}: median <= {days} days", f"{median:.1f}", median <= days)


def _relative(figures: PopulationFigures, name: str) -> Iterator[Goal]:
    for one in figures.differences:
        if one.detector == name and one.shape in _WANTED:
            days, more = one.median_days.value, one.recall.value
            earlier = f"{one.shape}: earlier than every other"
            yield Goal(name, earlier, f"{days:+.1f} days: {one.earliest}", days < 0)
            measured = f"{100 * more:+.1f} points: {one.best}"
            if one.shape in _PARTIAL:
                yield Goal(name, f"{one.shape}: more found than by any other", measured, more > 0)
            else:
                goal = f"{one.shape}: at most {100 * _MARGIN:.0f} points below the best other"
                yield Goal(name, goal, measured, more >= -_MARGIN)
