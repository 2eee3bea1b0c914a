"""One seed: anchors, copies, every detector on every copy, and a threshold from the other half."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.evaluation.detectors.cases import Case, draw_cases
from streams.evaluation.detectors.copies import Copies, untouched
from streams.evaluation.detectors.prepare import Prepared
from streams.evaluation.detectors.results import TARGETS
from streams.evaluation.detectors.scores import Score, detectors
from streams.lab.generate.options import Shape
from streams.lab.generate.purchases import Floats, Ints

SHAPES = tuple(Shape)


_LEAST = 40
"""Cases that a seed must give: at 5 %, half of them make a threshold."""


class TooFewError(ValueError):
    """Too few households can be judged to set a threshold; the message says how many there are."""


@dataclass(frozen=True, slots=True)
class Caught:
    """What one detector did on the cases of a seed."""

    steps: Ints
    """Cases x shapes: the quarter of a day after the anchor that finds the boycott; -1 where none does."""
    alarms: npt.NDArray[np.bool_]
    """By case: whether the untouched copy alarms."""
    found_at: npt.NDArray[np.bool_]
    """Cases x shapes x `TARGETS`: found in 90 days, with the threshold set for the target."""
    alarms_at: npt.NDArray[np.bool_]
    """Cases x `TARGETS`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a seed gave."""

    cases: tuple[Case, ...]
    caught: Mapping[str, Caught]
    """By detector."""


def run_trial(prepared: Prepared, seed: int, target: float) -> Trial:
    """Return what every detector finds of the boycotts of one seed; the same whoever runs it.

    Raises TooFewError.
    """
    rng = np.random.default_rng([seed, list(type(prepared.population)).index(prepared.population)])
    cases = draw_cases(prepared, rng)
    if len(cases.every) < _LEAST:
        raise TooFewError(
            f"{prepared.population}: {len(cases.every)} households can be judged at the anchors of a seed, "
            f"and {_LEAST} are needed"
        )
    plain = untouched(prepared.purchases, cases.customers, cases.first_hours)
    luck = rng.random(len(plain.cents))
    treated = [plain.treated(shape, cases.first_hours, luck) for shape in SHAPES]
    half = rng.permutation(len(cases.every)) % 2
    caught = {
        name: _caught(score, plain, treated, half, target)
        for name, score in detectors(prepared, cases, plain).items()
    }
    return Trial(cases.every, caught)


def _caught(score: Score, plain: Copies, treated: list[Copies], half: Ints, target: float) -> Caught:
    calm = score(plain).max(axis=1)
    thresholds = other_half(calm, half, (target, *TARGETS))
    steps = np.empty((len(calm), len(treated)), np.int64)
    found_at = np.empty((len(calm), len(treated), len(TARGETS)), np.bool_)
    for at, copies in enumerate(treated):
        scores = score(copies)
        hit = scores > thresholds[:, :1]
        steps[:, at] = np.where(hit.any(axis=1), hit.argmax(axis=1), -1)
        found_at[:, at] = scores.max(axis=1)[:, None] > thresholds[:, 1:]
    return Caught(
        steps=steps,
        alarms=calm > thresholds[:, 0],
        found_at=found_at,
        alarms_at=calm[:, None] > thresholds[:, 1:],
    )


def other_half(calm: Floats, half: Ints, targets: tuple[float, ...]) -> Floats:
    """Return each case's thresholds (cases x targets) from the largest scores of the other half, untouched.

    The threshold for a rate of false alarms is the quantile that one more copy exceeds with this chance.
    """
    levels = 1 - np.array(targets)
    thresholds = np.empty((len(calm), len(levels)))
    for side in (0, 1):
        thresholds[half == side] = np.quantile(calm[half != side], levels, method="weibull")
    return thresholds
