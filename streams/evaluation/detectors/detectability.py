"""How what a detector finds depends on how often its customers buy, and on how long they are known."""

from collections.abc import Iterator, Sequence

import numpy as np

from streams.evaluation.detectors.cases import Case
from streams.evaluation.detectors.draws import Draws, estimate
from streams.evaluation.detectors.results import ClassFigures, Detectability
from streams.evaluation.detectors.trial import SHAPES
from streams.lab.generate.purchases import Flags, Floats, Ints

_FIFTHS = 5
_MONTHS = (3, 4, 6, 8, 10, 13)
_LEAST = 20
"""Cases that a class must have to say something."""


def detectability(detector: str, steps: Ints, cases: Sequence[Case], draws: Draws) -> Detectability:
    """Return what a detector finds by class of its cases, from the step that finds each (cases x shapes)."""
    trips = np.array([case.trips_per_month for case in cases])
    months = np.array([case.months for case in cases])
    return Detectability(
        detector=detector,
        by_trips=_of_classes(_fifths(trips), steps, draws),
        by_history=_of_classes(_known_for(months), steps, draws),
    )


def _fifths(trips: Floats) -> Iterator[tuple[str, Flags]]:
    edges = np.quantile(trips, np.linspace(0, 1, _FIFTHS + 1))
    which = np.searchsorted(edges[1:-1], trips, side="right")
    for at in range(_FIFTHS):
        yield f"{edges[at]:.1f}–{edges[at + 1]:.1f}", which == at


def _known_for(months: Floats) -> Iterator[tuple[str, Flags]]:
    for low, high in zip(_MONTHS, (*_MONTHS[1:], np.inf), strict=True):
        label = f"{low}+" if np.isinf(high) else f"{low}–{high}"
        yield label, (months >= low) & (months < high)


def _of_classes(classes: Iterator[tuple[str, Flags]], steps: Ints, draws: Draws) -> tuple[ClassFigures, ...]:
    return tuple(
        _of_class(label, mine, steps, draws) for label, mine in classes if np.count_nonzero(mine) >= _LEAST
    )


def _of_class(label: str, mine: Flags, steps: Ints, draws: Draws) -> ClassFigures:
    delays = [(shape, draws.delays(steps[:, at], mine)) for at, shape in enumerate(SHAPES)]
    return ClassFigures(
        label=label,
        cases=int(np.count_nonzero(mine)),
        found_90=tuple((shape, estimate(one.share())) for shape, one in delays),
        median_days=tuple((shape, estimate(one.median())) for shape, one in delays),
    )
