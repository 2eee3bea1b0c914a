"""The result of calibrating."""

from dataclasses import dataclass
from typing import Final

from streams.core.ruleset import Ruleset
from streams.lab.calibrate.measures.population import Judgeable, Value
from streams.lab.calibrate.measures.season import Season
from streams.lab.calibrate.measures.share import Share
from streams.lab.calibrate.measures.silence import Watched
from streams.lab.calibrate.measures.temperature import Sample
from streams.lab.calibrate.measures.weights import Weights

LEAST_CUSTOMERS: Final = 100
"""Fewer windows, or customers watched, say too little about a share of some hundredths."""


class CalibrationError(ValueError):
    """A history that says too little; the message says what is missing, and how much."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What to calibrate for: false alarms at the alert level in 90 days."""

    contact: float = 0.02
    """Share of the customers of high value without a reason, once an episode is open."""
    silent: float = 0.005
    """Share of the customers of high value without a bad contact, by the silent rule."""


@dataclass(frozen=True, slots=True)
class Change:
    """A key of the ruleset with another value than before, and why."""

    key: str
    old: object
    new: object
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The temperature that another target calls for, and who could be judged with it."""

    target: float
    temperature: float
    judgeable: Judgeable


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibrated ruleset, and what it was learnt from."""

    base: Ruleset
    rules: Ruleset
    targets: Targets
    changes: list[Change]
    """In the order in which they were made; without the version."""
    first_ms: int
    last_ms: int
    """The oldest and the newest transaction or contact that was learnt from."""
    episodes: int
    sample: Sample
    """The placebo windows, measured with the new ruleset; tried with the cap of F alone if none opened."""
    predicted: Share
    """The false alarms to expect of as many customers again."""
    stretches: Watched
    predicted_silent: Share | None
    """The silent alerts to expect; None where too few customers were watched to change anything."""
    value: Value
    judgeable_before: Judgeable
    judgeable: Judgeable
    choices: list[Choice]
    """The result that other targets would have."""
    season: Season | None
    weights: Weights
    notes: list[str]
    """What to know before it is used, a sentence each."""
