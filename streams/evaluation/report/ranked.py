"""Which detector the page is about, and the tone of each, the same in every picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.evaluation.detectors.results import DetectorComparison, DetectorFigures, PopulationFigures


def leading(comparison: DetectorComparison) -> str:
    """Return the name of our ruleset that meets most goals; of equals the one named first."""
    ours = [one.name for one in comparison.populations[0].detectors if one.ours]
    return max(ours, key=lambda name: sum(goal.met for goal in comparison.goals if goal.detector == name))


def ranked(figures: PopulationFigures, leader: str) -> list[tuple[int, DetectorFigures]]:
    """Return the detectors with their tones, the leading one first with tone 0, the others as they come."""
    return list(enumerate(sorted(figures.detectors, key=lambda one: one.name != leader)))
