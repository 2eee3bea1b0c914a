"""All detectors side by side at the same rate of false alarms, each household against its own past.

The protocol, for each seed:

- Every household gets one synthetic anchor, uniform over the span in which it can be judged: from three
  blocks (84 days) after its first purchase to 90 days before the history ends.
- Kept are the households that the rule would judge there: spend of the 52 weeks before the anchor at or above
  the 80 % cut-off of the last weekly refresh before it (of all customers, not by partition), and at least
  three blocks, not all zero. Nothing after the anchor chooses. To choose by the spend of the whole year would
  leave out those who drop by themselves, and make every detector look far better than it is.
- Of each such case there is an untouched copy, and one for each shape of boycott from the anchor on.
- Each detector gives every copy a score at the end of each quarter of a day for 90 days, from what is known
  by then. Ours are without frustration: what is compared is the evidence in the purchases.
- The households are split in halves. The threshold for one half is the quantile of the largest scores of the
  other half's untouched copies that leaves the target share above it, and the other way round.
- A copy is found, or alarms, at the first quarter of a day at which its score exceeds its threshold.

All seeds together give the figures. Intervals come from drawing households with replacement (`draws`).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np

from streams.core.ruleset import Ruleset
from streams.evaluation.detectors import alive
from streams.evaluation.detectors.cases import Case
from streams.evaluation.detectors.draws import Delays, Draws, difference, estimate
from streams.evaluation.detectors.prepare import prepare
from streams.evaluation.detectors.results import (
    ClassFigures,
    Detectability,
    DetectorFigures,
    Difference,
    PopulationFigures,
    ShapeFigures,
)
from streams.evaluation.detectors.scores import our_names
from streams.evaluation.detectors.trial import SHAPES, Caught, run_trial
from streams.evaluation.shared.parallel import in_parallel
from streams.lab.generate.options import Population
from streams.lab.generate.purchases import Flags, Floats, Ints
from streams.lab.generate.world import Progress, unseen

_FIFTHS: Final = 5
_MONTHS: Final = (3, 4, 6, 8, 10, 13, np.inf)
_LEAST: Final = 20
"""Cases that a class must have to say something."""


def compare(  # noqa: PLR0913 - all but the first four have a default and go by name
    population: Population,
    rulesets: Sequence[Ruleset],
    seeds: Sequence[int],
    target: float,
    *,
    customers: int | None = None,
    jobs: int = 1,
    progress: Progress = unseen,
) -> PopulationFigures:
    """Return all detectors side by side on a population; the same figures whatever the number of jobs.

    `customers` takes a random sample of so many. Raises ModuleNotFoundError when the package that holds the
    history is not installed, TooFewError when too few households can be judged to set a threshold.
    """
    prepared = prepare(population, rulesets, customers)
    trial = partial(run_trial, prepared, target)
    trials = in_parallel(trial, seeds, jobs=jobs, step=f"detectors on {population}", progress=progress)
    cases = [case for trial in trials for case in trial.cases]
    draws = Draws(np.array([case.customer for case in cases], np.int64))
    caught = {
        name: Caught(*map(np.concatenate, zip(*(trial.caught[name] for trial in trials), strict=True)))
        for name in trials[0].caught
    }
    delays = {
        name: [draws.delays(one.steps[:, at]) for at in range(len(SHAPES))] for name, one in caught.items()
    }
    ours = our_names(prepared.rulesets)
    detectors = tuple(
        _detector(name, one, delays[name], draws, ours=name in ours) for name, one in caught.items()
    )
    return PopulationFigures(
        population=population,
        customers=len(prepared.purchases.customer_ids),
        households=draws.households,
        seeds=tuple(seeds),
        cases=len(cases),
        copies=len(cases) * (1 + len(SHAPES)),
        detectors=detectors,
        differences=_differences(delays, ours),
        detectability=tuple(_detectability(name, caught[name].steps, cases, draws) for name in ours),
        notes=(*alive.notes(prepared.fits), *_notes(detectors, target), _span(cases)),
    )


def _detector(
    name: str, caught: Caught, delays: Sequence[Delays], draws: Draws, *, ours: bool
) -> DetectorFigures:
    shapes = tuple(
        ShapeFigures(
            shape=shape,
            found_30=estimate(one.share(30)),
            found_90=estimate(one.share()),
            median_days=estimate(one.median()),
            found_by_day=one.by_day(),
            found_at_targets=tuple(found_at),
        )
        for shape, one, found_at in zip(SHAPES, delays, caught.found_at.mean(axis=0).tolist(), strict=True)
    )
    alarms_at = tuple(caught.alarms_at.mean(axis=0).tolist())
    return DetectorFigures(name, ours, estimate(draws.share(caught.alarms)), alarms_at, shapes)


def _differences(delays: Mapping[str, Sequence[Delays]], ours: Sequence[str]) -> tuple[Difference, ...]:
    def of(name: str, at: int) -> Difference:
        mine = delays[name][at]
        shares = {other: one[at].share() for other, one in delays.items() if other not in ours}
        medians = {other: one[at].median() for other, one in delays.items() if other not in ours}
        best = max(shares, key=lambda other: float(shares[other][0]))
        earliest = min(medians, key=lambda other: float(medians[other][0]))
        recall = difference(mine.share(), shares[best])
        return Difference(
            name, SHAPES[at], best, recall, earliest, difference(mine.median(), medians[earliest])
        )

    return tuple(of(name, at) for name in ours for at in range(len(SHAPES)))


def _notes(detectors: Sequence[DetectorFigures], target: float) -> list[str]:
    return [
        f"{one.name}: too many untouched copies share its largest score for a threshold to leave "
        f"{target:.0%} of them above it; it comes to {one.false_alarms.value:.1%}."
        for one in detectors
        if one.false_alarms.value < target / 2
    ]


def _span(cases: Sequence[Case]) -> str:
    trips = np.quantile([case.trips_per_month for case in cases], (0.25, 0.5, 0.75))
    low, middle, high = (f"{one:.1f}" for one in trips)
    return f"The cases buy {middle} times in 28 days in the median, half of them {low} to {high} times."


def _detectability(detector: str, steps: Ints, cases: Sequence[Case], draws: Draws) -> Detectability:
    """Return what a detector finds by class of its cases, from the step that finds each (cases x shapes)."""

    def of(classes: Iterable[tuple[str, Flags]]) -> tuple[ClassFigures, ...]:
        large = (one for one in classes if np.count_nonzero(one[1]) >= _LEAST)
        return tuple(_of_class(label, mine, steps, draws) for label, mine in large)

    trips = np.array([case.trips_per_month for case in cases])
    months = np.array([case.months for case in cases])
    return Detectability(detector, by_trips=of(_fifths(trips)), by_history=of(_known_for(months)))


def _fifths(trips: Floats) -> list[tuple[str, Flags]]:
    edges = np.quantile(trips, np.linspace(0, 1, _FIFTHS + 1))
    which = np.searchsorted(edges[1:-1], trips, side="right")
    return [(f"{edges[at]:.1f}–{edges[at + 1]:.1f}", which == at) for at in range(_FIFTHS)]


def _known_for(months: Floats) -> list[tuple[str, Flags]]:
    return [
        (f"{low}+" if np.isinf(high) else f"{low}–{high}", (months >= low) & (months < high))
        for low, high in pairwise(_MONTHS)
    ]


def _of_class(label: str, mine: Flags, steps: Ints, draws: Draws) -> ClassFigures:
    delays = [(shape, draws.delays(steps[:, at], mine)) for at, shape in enumerate(SHAPES)]
    return ClassFigures(
        label=label,
        cases=int(np.count_nonzero(mine)),
        found_90=tuple((shape, estimate(one.share())) for shape, one in delays),
        median_days=tuple((shape, estimate(one.median())) for shape, one in delays),
    )
