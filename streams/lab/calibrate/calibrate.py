"""Calibrating, step by step, on a source that holds only what may be learnt from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from schemas.times import format_ms
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_DAYS
from streams.core.spend.evidence import Yardstick
from streams.core.time import DAY_HOURS
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.history.reading import Source
from streams.lab.calibrate.measures import silence, temperature
from streams.lab.calibrate.measures.population import Value, judgeable, value_check, yardsticks
from streams.lab.calibrate.measures.season import season
from streams.lab.calibrate.measures.share import predicted
from streams.lab.calibrate.measures.temperature import Sample
from streams.lab.calibrate.measures.weights import LEAST_OF_EACH, LEAST_OUTCOMES, Weights, cases, weights
from streams.lab.calibrate.measures.windows import Floats, placebo_windows
from streams.lab.calibrate.result import (
    LEAST_CUSTOMERS,
    Calibration,
    CalibrationError,
    Change,
    Choice,
    Targets,
)
from streams.lab.replay import ReplayResult

CALIBRATED: Final = "-calibrated-"
"""Parts the name of a version from the date of what it was calibrated on."""

_OTHER_TARGETS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
_WEEK_DAYS: Final = 7

Step = Callable[[str], None]
"""Takes the name of the step that begins."""


def calibrate(
    source: Source, base: Ruleset, targets: Targets, step: Step = lambda _what: None
) -> Calibration:
    """Return the ruleset that a source calls for; each step starts from the result of the one before.

    Raise CalibrationError if the source says too little, InputError if it can't be read.
    """
    step("reading")
    history = source.history(base)
    _check_length(history, base)
    value = _value(history, base)
    draft = _Draft(base)
    step("replaying")
    result, opened = source.replay(base)
    found = _weigh(draft, history, result)
    if draft.changes:
        _, opened = source.replay(draft.rules)
    frustrations = np.sort(np.array(opened or [base.frustration_cap], np.float64))
    _note_replay(draft, result, opened)
    _set_irregularity(draft, value)
    step("measuring placebo windows")
    sample = _set_temperature(draft, history, frustrations, targets.contact)
    step("watching for silence")
    stretches = _set_silent_prior(draft, history, targets.silent)
    step("drawing the customers again")
    last_ms = history.last_ms or 0
    rules = replace(draft.rules, version=_version(base, last_ms))
    typical = float(np.median(frustrations))
    now = yardsticks(history, rules)
    return Calibration(
        base=base,
        rules=rules,
        targets=targets,
        changes=draft.changes,
        first_ms=history.first_ms or 0,
        last_ms=last_ms,
        episodes=len(opened),
        sample=sample,
        predicted=predicted(sample, rules, targets.contact, sample.customers),
        stretches=stretches,
        predicted_silent=None
        if stretches.customers < LEAST_CUSTOMERS
        else predicted(stretches, rules, targets.silent, stretches.customers),
        value=value,
        judgeable_before=judgeable(yardsticks(history, base), base, typical),
        judgeable=judgeable(now, rules, typical),
        choices=[_choice(target, sample, now, rules) for target in _OTHER_TARGETS],
        season=season(history),
        weights=found,
        notes=draft.notes,
    )


@dataclass
class _Draft:
    """The ruleset so far, how it came about, and what to know about it."""

    rules: Ruleset
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def set(self, key: str, value: float, why: str) -> None:
        """Change a key, and record why."""
        old = getattr(self.rules, key)
        if value != old:
            self.rules = Ruleset.from_mapping({**self.rules.as_mapping(), key: value})
            self.changes.append(Change(key, old, value, why))


def least_days(rules: Ruleset) -> int:
    """Return the days that a history must have to learn from: a baseline, a refresh, a whole window."""
    return rules.minimum_blocks * BLOCK_DAYS + _WEEK_DAYS + rules.raise_days + 1


def _check_length(history: History, rules: Ruleset) -> None:
    days, least = (history.end_hour - history.first_hour) / DAY_HOURS, least_days(rules)
    if days < least:
        raise CalibrationError(
            f"history too short: the part to learn from has {days:.0f} days, it needs {least}"
        )


def _value(history: History, rules: Ruleset) -> Value:
    value = value_check(history, rules)
    if value is None:
        raise CalibrationError(
            "no customers of high value: in the year before the last refresh fewer than "
            f"{rules.population_minimum} customers spent anything"
        )
    return value


def _weigh(draft: _Draft, history: History, result: ReplayResult) -> Weights:
    """Set the weights of frustration, if enough closed alerts say what turned out."""
    closed = cases((*result.alerts, *result.holdout), history.dispositions, history.moments, draft.rules)
    found = weights(closed)
    count = f"{found.leaving} left, {found.staying} did not"
    if not found.enough:
        draft.notes.append(
            f"the weights of frustration are as they were: of the alerts closed with an outcome {count}; "
            f"{LEAST_OUTCOMES} are needed, {LEAST_OF_EACH} of each"
        )
    for key, nats in found.changes(draft.rules).items():
        draft.set(key, nats, f"closed alerts: {count}")
    return found


def _note_replay(draft: _Draft, result: ReplayResult, opened: list[float]) -> None:
    if result.dead_letters:
        draft.notes.append(f"{len(result.dead_letters):,} lines were refused: see replay --dead-letters")
    if not opened:
        draft.notes.append("no episode opened: the cap of frustration stands for what they would open with")


def _set_irregularity(draft: _Draft, value: Value) -> None:
    days = round(value.irregularity_days, 2)
    why = f"geometric mean of the {value.customers:,} customers of high value"
    draft.set("irregularity_default_days", days, why)


def _set_temperature(draft: _Draft, history: History, frustrations: Floats, target: float) -> Sample:
    windows = placebo_windows(history, draft.rules, history.first_hour, history.end_hour)
    sample = Sample.of(windows, frustrations)
    if sample.windows < LEAST_CUSTOMERS:
        raise CalibrationError(
            f"too few placebo windows: {sample.windows} customers of high value without a bad contact, "
            f"{LEAST_CUSTOMERS} are needed"
        )
    best = sample.fitted(draft.rules, target).temperature
    before = sample.false_alarms(draft.rules)
    draft.set(
        "temperature",
        best,
        f"{target:.3f} false alarms in {draft.rules.raise_days} days on {sample.windows:,} placebo windows "
        f"of {sample.customers:,} customers; with {draft.rules.temperature} it is {before:.3f}",
    )
    _note_bounds(draft, "temperature", best, (temperature.LOWEST, temperature.HIGHEST))
    return sample


def _set_silent_prior(draft: _Draft, history: History, target: float) -> silence.Watched:
    stretches = silence.watched(history, draft.rules, history.first_hour, history.end_hour)
    if stretches.customers < LEAST_CUSTOMERS:
        draft.notes.append(
            f"the silent rule is as it was: {stretches.customers} customers without a bad contact could be "
            f"watched, {LEAST_CUSTOMERS} are needed"
        )
        return stretches
    best = stretches.fitted(draft.rules, target).silent_prior_probability
    before = stretches.false_alarms(draft.rules)
    draft.set(
        "silent_prior_probability",
        best,
        f"{target:.3f} silent alerts in {silence.PER_DAYS} days on {stretches.customers:,} customers watched;"
        f" with {draft.rules.silent_prior_probability}, at this temperature, it is {before:.3f}",
    )
    _note_bounds(draft, "silent_prior_probability", best, (silence.LOWEST, silence.HIGHEST))
    return stretches


def _choice(target: float, sample: Sample, measured_by: Sequence[Yardstick | None], rules: Ruleset) -> Choice:
    other = sample.fitted(rules, target)
    typical = float(np.median(sample.frustrations))
    return Choice(target, other.temperature, judgeable(measured_by, other, typical))


def _note_bounds(draft: _Draft, key: str, value: float, bounds: tuple[float, float]) -> None:
    if value in bounds:
        draft.notes.append(f"{key} is at a bound, {value:g}: the target is not met exactly")


def _version(base: Ruleset, last_ms: int) -> str:
    return f"{base.version.split(CALIBRATED)[0]}{CALIBRATED}{format_ms(last_ms)[:10]}"
