"""How a calibration does on the history after the part that it was learnt from."""

from dataclasses import dataclass

from streams.core.ruleset import Ruleset
from streams.core.time import HOUR_MS
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.measures import silence, temperature
from streams.lab.calibrate.measures.share import Share
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
    blocks: float | None = None
    """Blocks of 28 days that the yardsticks stand on, the median; None where that is not known."""

    @property
    def within(self) -> bool:
        """Return whether the result lies within the predicted interval."""
        return self.after.share in self.predicted


@dataclass(frozen=True, slots=True)
class Proof:
    """How both rules do on the rest; None where there is too little of it to say."""

    contact: Shown | None
    silent: Shown | None


def prove(history: History, calibration: Calibration) -> Proof:
    """Return how a calibration does on a whole history, in the time after what it was learnt from."""
    start = -(-calibration.last_ms // HOUR_MS)
    return Proof(_contact(history, calibration, start), _silent(history, calibration, start))


def _contact(history: History, calibration: Calibration, start: int) -> Shown | None:
    def sample(rules: Ruleset) -> Sample:
        return Sample.of(placebo_windows(history, rules, start, history.end_hour))

    new, levels, rules = sample(calibration.rules), calibration.frustrations, calibration.rules
    if new.customers < LEAST_CUSTOMERS:
        return None
    target = calibration.targets.contact
    return Shown(
        customers=new.customers,
        predicted=temperature.predicted(calibration.sample, levels, rules, target, new.customers),
        before=temperature.realised(sample(calibration.base), levels, calibration.base),
        after=temperature.realised(new, levels, rules),
        blocks=new.blocks,
    )


def _silent(history: History, calibration: Calibration, start: int) -> Shown | None:
    def stretches(rules: Ruleset) -> silence.Watched:
        return silence.watched(history, rules, start, history.end_hour)

    new, rules = stretches(calibration.rules), calibration.rules
    if calibration.predicted_silent is None or new.customers < LEAST_CUSTOMERS:
        return None
    target = calibration.targets.silent
    return Shown(
        customers=new.customers,
        predicted=silence.predicted_silent(calibration.stretches, rules, target, new.customers),
        before=silence.realised_silent(stretches(calibration.base), calibration.base),
        after=silence.realised_silent(new, rules),
    )
