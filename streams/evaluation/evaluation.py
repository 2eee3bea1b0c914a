"""Everything that `evaluate` measures, and how large it is measured."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from streams.core.ruleset import Ruleset
from streams.evaluation.detectors.compare import compare
from streams.evaluation.detectors.goals import goals
from streams.evaluation.detectors.results import DetectorComparison, Goal
from streams.evaluation.detectors.scores import our_names
from streams.evaluation.splits import held_out_splits
from streams.evaluation.stress.stress import StressResult, stress
from streams.evaluation.worlds.worlds import WorldsResult, alerts_against_truth
from streams.lab.generate.options import Population
from streams.lab.generate.world import Progress

_WORLDS: Final = (Population.COMPLETEJOURNEY, Population.SYNTHETIC)
"""CDNOW buys too rarely for whole worlds to say something."""
_WITHIN: Final = 0.9
"""The least share of splits in which a calibrated ruleset must give the false alarms predicted of it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; customers of None are all, and no seeds mean that it is left out."""

    customers: tuple[tuple[Population, int | None], ...]
    most_seeds: int
    """Of the comparison."""
    world_seeds: int
    world_customers: int | None
    stress_seeds: int
    stress_customers: int | None
    splits: int


FULL: Final = Size(
    customers=((Population.COMPLETEJOURNEY, None), (Population.CDNOW, 5_000), (Population.SYNTHETIC, None)),
    most_seeds=1_000,
    world_seeds=9,
    world_customers=None,
    stress_seeds=4,
    stress_customers=1_200,
    splits=10,
)
QUICK: Final = Size(
    customers=((Population.COMPLETEJOURNEY, None), (Population.CDNOW, 1_500), (Population.SYNTHETIC, 600)),
    most_seeds=2,
    world_seeds=1,
    world_customers=1_000,
    stress_seeds=0,
    stress_customers=None,
    splits=0,
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The comparison of the detectors; the whole worlds and the stress of one ruleset, where measured."""

    comparison: DetectorComparison
    worlds: tuple[WorldsResult, ...]
    stress: tuple[StressResult, ...]


def evaluate(  # noqa: PLR0913 - everything a measurement depends on
    populations: Sequence[Population],
    rulesets: Sequence[Ruleset],
    *,
    size: Size,
    seeds: int,
    target: float,
    jobs: int,
    progress: Progress,
) -> Evaluation:
    """Return what was measured; the last ruleset is also held against whole worlds, and put under stress.

    Raises as `compare` does.
    """
    last, drawn = rulesets[-1], range(min(seeds, size.most_seeds))
    figures = tuple(
        compare(whose, rulesets, drawn, target, customers=customers, jobs=jobs, progress=progress)
        for whose, customers in size.customers
        if whose in populations
    )
    found = list(goals(figures, target))
    if size.splits and Population.COMPLETEJOURNEY in populations:
        found.append(_splits_goal(last, size.splits, progress))
    whole = [one for one in _WORLDS if one in populations]
    worlds = (
        alerts_against_truth(last, of, whole, customers=size.world_customers, jobs=jobs, progress=progress)
        for of in _seeds(whole, size.world_seeds)
    )
    stressed = (
        stress(last, of, whole, customers=size.stress_customers, jobs=jobs, progress=progress)
        for of in _seeds(whole, size.stress_seeds)
    )
    return Evaluation(DetectorComparison(target, figures, tuple(found)), tuple(worlds), tuple(stressed))


def _seeds(populations: Sequence[Population], count: int) -> Iterator[range]:
    """Yield the seeds of a measurement; nothing if it is left out."""
    if populations and count:
        yield range(1, count + 1)


def _splits_goal(rules: Ruleset, count: int, progress: Progress) -> Goal:
    progress("calibrated halves", 0, 1)
    splits = held_out_splits(rules, splits=count)
    progress("calibrated halves", 1, 1)
    within = sum(one.within for one in splits)
    least = math.ceil(_WITHIN * count)
    goal = f"calibrated: false alarms of other households as predicted, >= {least} of {count} times"
    (name,) = our_names([rules])
    return Goal(name, goal, f"{within} of {count}", within >= least)


def as_json(evaluation: Evaluation) -> str:
    """Return all figures as JSON; null is infinite, or not known."""
    finite = json.loads(json.dumps(asdict(evaluation)), parse_constant=lambda _infinite: None)
    return json.dumps(finite, allow_nan=False, indent=1, ensure_ascii=False) + "\n"
