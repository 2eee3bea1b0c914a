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

All seeds together give the figures. Intervals come from drawing households anew (`draws`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streams.core.ruleset import Ruleset
from streams.evaluation.detectors import alive
from streams.evaluation.detectors.cases import Case
from streams.evaluation.detectors.detectability import detectability
from streams.evaluation.detectors.draws import Delays, Draws, difference, estimate
from streams.evaluation.detectors.prepare import Prepared, prepare
from streams.evaluation.detectors.results import DetectorFigures, Difference, PopulationFigures, ShapeFigures
from streams.evaluation.detectors.scores import our_names
from streams.evaluation.detectors.trial import SHAPES, Caught, Trial, run_trial
from streams.evaluation.shared.parallel import Progress, in_parallel
from streams.lab.generate.options import Population
from streams.lab.generate.purchases import Floats


@dataclass(frozen=True, slots=True)
class _Task:
    prepared: Prepared
    seed: int
    target: float


@dataclass(frozen=True, slots=True)
class _Rows:
    """A detector's figures in rows, for each shape."""

    caught: Caught
    alarms: Floats
    delays: tuple[Delays, ...]


def compare(  # noqa: PLR0913 - all but the first four have a default and go by name
    population: Population,
    rulesets: Sequence[Ruleset],
    seeds: Sequence[int],
    target: float,
    *,
    customers: int | None = None,
    jobs: int = 1,
    progress: Progress = lambda _step, _done, _total: None,
) -> PopulationFigures:
    """Return all detectors side by side on a population; the same figures whatever the number of jobs.

    `customers` takes a random sample of so many. Raises ModuleNotFoundError when the package that holds the
    history is not installed, TooFewError when too few households can be judged to set a threshold.
    """
    prepared = prepare(population, rulesets, customers)
    tasks = [_Task(prepared, seed, target) for seed in seeds]
    trials = in_parallel(_run, tasks, jobs=jobs, step=f"detectors on {population}", progress=progress)
    return _figures(prepared, trials, tuple(seeds), target)


def _run(task: _Task) -> Trial:
    return run_trial(task.prepared, task.seed, task.target)


def _figures(
    prepared: Prepared, trials: Sequence[Trial], seeds: tuple[int, ...], target: float
) -> PopulationFigures:
    cases = [case for trial in trials for case in trial.cases]
    draws = Draws(np.array([case.customer for case in cases], np.int64))
    caught = {name: _joined([trial.caught[name] for trial in trials]) for name in trials[0].caught}
    rows = {name: _rows(one, draws) for name, one in caught.items()}
    ours = our_names(prepared.rulesets)
    detectors = tuple(_detector(name, one, ours=name in ours) for name, one in rows.items())
    return PopulationFigures(
        population=prepared.population,
        customers=len(prepared.purchases.customer_ids),
        households=draws.households,
        seeds=seeds,
        cases=len(cases),
        copies=len(cases) * (1 + len(SHAPES)),
        detectors=detectors,
        differences=_differences(rows, ours),
        detectability=tuple(detectability(name, caught[name].steps, cases, draws) for name in ours),
        notes=(*alive.notes(prepared.fits), *_notes(detectors, target), *_span(cases)),
    )


def _joined(parts: Sequence[Caught]) -> Caught:
    return Caught(
        steps=np.concatenate([one.steps for one in parts]),
        alarms=np.concatenate([one.alarms for one in parts]),
        found_at=np.concatenate([one.found_at for one in parts]),
        alarms_at=np.concatenate([one.alarms_at for one in parts]),
    )


def _rows(caught: Caught, draws: Draws) -> _Rows:
    delays = tuple(draws.delays(caught.steps[:, at]) for at in range(len(SHAPES)))
    return _Rows(caught, draws.share(caught.alarms), delays)


def _detector(name: str, rows: _Rows, *, ours: bool) -> DetectorFigures:
    found_at = rows.caught.found_at.mean(axis=0).tolist()
    shapes = tuple(
        ShapeFigures(
            shape=shape,
            found_30=estimate(delays.share(30)),
            found_90=estimate(delays.share()),
            median_days=estimate(delays.median()),
            found_by_day=delays.by_day(),
            found_at_targets=tuple(found_at[at]),
        )
        for at, (shape, delays) in enumerate(zip(SHAPES, rows.delays, strict=True))
    )
    alarms_at = tuple(rows.caught.alarms_at.mean(axis=0).tolist())
    return DetectorFigures(name, ours, estimate(rows.alarms), alarms_at, shapes)


def _differences(rows: Mapping[str, _Rows], ours: Sequence[str]) -> tuple[Difference, ...]:
    others = {name: one for name, one in rows.items() if name not in ours}
    return tuple(_difference(name, rows[name], others, at) for name in ours for at in range(len(SHAPES)))


def _difference(name: str, mine: _Rows, others: Mapping[str, _Rows], at: int) -> Difference:
    shares = {other: one.delays[at].share() for other, one in others.items()}
    medians = {other: one.delays[at].median() for other, one in others.items()}
    best = max(shares, key=lambda other: float(shares[other][0]))
    earliest = min(medians, key=lambda other: float(medians[other][0]))
    return Difference(
        detector=name,
        shape=SHAPES[at],
        best=best,
        recall=difference(mine.delays[at].share(), shares[best]),
        earliest=earliest,
        median_days=difference(mine.delays[at].median(), medians[earliest]),
    )


def _notes(detectors: Sequence[DetectorFigures], target: float) -> list[str]:
    return [
        f"{one.name}: too many untouched copies share its largest score for a threshold to leave "
        f"{target:.0%} of them above it; it comes to {one.false_alarms.value:.1%}."
        for one in detectors
        if one.false_alarms.value < target / 2
    ]


def _span(cases: Sequence[Case]) -> list[str]:
    trips = np.quantile([case.trips_per_month for case in cases], (0.25, 0.5, 0.75))
    low, middle, high = (f"{one:.1f}" for one in trips)
    return [f"The cases buy {middle} times in 28 days in the median, half of them {low} to {high} times."]
