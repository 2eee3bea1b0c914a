"""How a calibration does on the history after the part that it was learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass

from streams.core.time import HOUR_MS
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.measures.share import Measured, Share, predicted, realised
from streams.lab.calibrate.measures.silence import watched
from streams.lab.calibrate.measures.temperature import Sample
from streams.lab.calibrate.measures.windows import placebo_windows
from streams.lab.calibrate.result import LEAST_CUSTOMERS, Calibration


@dataclass(frozen=True, slots=True)
class Shown:
    """False alarms of a rule on the rest: the prediction, and the result of both rulesets."""

    customers: int
    predicted: Share
    before: Share
    after: Share

    @property
    def within(self) -> bool:
        """Return whether the result lies within the predicted interval."""
        return self.after.share in self.predicted


@dataclass(frozen=True, slots=True)
class Proof:
    """How both rules do on the rest; None where there is too little of it to say."""

    contact: Shown | None
    silent: Shown | None
    blocks: float
    """Blocks of 28 days that the yardsticks of the rest stand on, the median."""


def prove(history: History, calibration: Calibration) -> Proof:
    """Return how a calibration does on a whole history, in the time after what it was learnt from."""
    span = -(-calibration.last_ms // HOUR_MS), history.end_hour
    both = calibration.base, calibration.rules
    learnt, targets = calibration.sample, calibration.targets
    samples = [Sample.of(placebo_windows(history, rules, *span), learnt.frustrations) for rules in both]
    stretches = [watched(history, rules, *span) for rules in both]
    return Proof(
        contact=_shown(calibration, learnt, targets.contact, samples),
        silent=None
        if calibration.predicted_silent is None
        else _shown(calibration, calibration.stretches, targets.silent, stretches),
        blocks=samples[-1].blocks,
    )


def _shown(
    calibration: Calibration, learnt: Measured, target: float, rest: Sequence[Measured]
) -> Shown | None:
    """Return how a rule does on the rest, as both rulesets measure it; None if it is too little to say."""
    before, after = rest
    if after.customers < LEAST_CUSTOMERS:
        return None
    return Shown(
        customers=after.customers,
        predicted=predicted(learnt, calibration.rules, target, after.customers),
        before=realised(before, calibration.base),
        after=realised(after, calibration.rules),
    )
