"""One seed: anchors, copies, every detector on every copy, and a threshold from the other half."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from streams.evaluation.detectors.cases import Case, draw_cases
from streams.evaluation.detectors.copies import Copies, untouched
from streams.evaluation.detectors.prepare import Prepared
from streams.evaluation.detectors.results import TARGETS
from streams.evaluation.detectors.scores import Score, detectors
from streams.lab.generate.options import Shape
from streams.lab.generate.purchases import Flags, Floats, Ints

SHAPES: Final = tuple(Shape)
_LEAST: Final = 40
"""Cases that a seed must give: at 5 %, half of them make a threshold."""


class TooFewError(ValueError):
    """Too few households can be judged to set a threshold; the message says how many there are."""


class Caught(NamedTuple):
    """What one detector did on the cases of a seed, or of all seeds."""

    steps: Ints
    """Cases x shapes: the quarter of a day after the anchor that finds the boycott; -1 where none does."""
    alarms: Flags
    """By case: whether the untouched copy alarms."""
    found_at: Flags
    """Cases x shapes x `TARGETS`: found in 90 days, with the threshold set for the target."""
    alarms_at: Flags
    """Cases x `TARGETS`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a seed gave."""

    cases: tuple[Case, ...]
    caught: Mapping[str, Caught]
    """By detector."""


def run_trial(prepared: Prepared, target: float, seed: int) -> Trial:
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
    scores = detectors(prepared, cases, plain)
    return Trial(
        cases.every, {name: _caught(score, plain, treated, half, target) for name, score in scores.items()}
    )


def _caught(score: Score, plain: Copies, treated: list[Copies], half: Ints, target: float) -> Caught:
    calm = score(plain).max(axis=1)
    thresholds = other_half(calm, half, (target, *TARGETS))
    steps, found_at = [], []
    for copies in treated:
        scores = score(copies)
        hit = scores > thresholds[:, :1]
        steps.append(np.where(hit.any(axis=1), hit.argmax(axis=1), -1))
        found_at.append(scores.max(axis=1)[:, None] > thresholds[:, 1:])
    alarms = calm[:, None] > thresholds
    return Caught(np.stack(steps, axis=1), alarms[:, 0], np.stack(found_at, axis=1), alarms[:, 1:])


def other_half(calm: Floats, half: Ints, targets: tuple[float, ...]) -> Floats:
    """Return each case's thresholds (cases x targets) from the largest scores of the other half, untouched.

    The threshold for a rate of false alarms is the quantile that one more copy exceeds with this chance.
    """
    levels = 1 - np.array(targets)
    thresholds = np.empty((len(calm), len(levels)))
    for side in (0, 1):
        thresholds[half == side] = np.quantile(calm[half != side], levels, method="weibull")
    return thresholds
