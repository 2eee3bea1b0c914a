"""The numbers that decide, as data: each with its unit and its source.

A ruleset is frozen. A TOML file may override any of it; what decided an alert is named in the alert by
version and hash, and an episode keeps the ruleset that it opened under.
"""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

SQM = "SQM: 5 / 9 / 25 % intend to leave when resolved at once / later / not"
PORTLAND = "Portland Research 2003: repeats and transfers"
CEB = "CEB customer effort study"
QUALTRICS = "Qualtrics XM: what follows a very bad experience"
KNOX = "Knox & van Oest 2014: earlier failures fade, recovery helps but does not restore"
PLACEBO = "placebo windows of real customers"
DESIGN = "design of the rule, docs/detection.md"
EVALUATION = "chosen on half of the households of `evaluate`, docs/detection.md"

SPEND: Final = "spend"
TRIPS_OR_SPEND: Final = "trips_or_spend"
EVIDENCES: Final = (SPEND, TRIPS_OR_SPEND)


class RulesetError(ValueError):
    """A ruleset that does not parse; the message says which key and why."""


def _rule(default: Any, unit: str, source: str, *, added: bool = False) -> Any:
    """Return a setting; `added` ones came later and do not change the hash of who leaves them alone."""
    return field(default=default, metadata={"unit": unit, "source": source, "added": added})


@dataclass(frozen=True)
class Ruleset:
    """Every number of the rules. Names end in their unit where they have one.

    The defaults of the fields are version 1, whatever the default ruleset is: hashes rest on them.
    """

    version: str = _rule("1", "name", DESIGN)
    allowed_lateness_seconds: float = _rule(5.0, "s", DESIGN)

    outcome_unresolved: float = _rule(1.85, "nats", SQM)
    outcome_worst_score: float = _rule(2.00, "nats", QUALTRICS)
    outcome_escalation_refused: float = _rule(1.85, "nats", SQM)
    outcome_complaint: float = _rule(1.00, "nats", QUALTRICS)
    outcome_slow_reply: float = _rule(1.85, "nats", SQM)
    slow_reply_seconds: float = _rule(86_400.0, "s", SQM)
    worst_csat: int = _rule(1, "score", QUALTRICS)
    worst_ces: int = _rule(2, "score", CEB)
    worst_effort: int = _rule(-4, "score", CEB)
    transfer_first: float = _rule(0.15, "nats", PORTLAND)
    transfer_further: float = _rule(0.66, "nats", PORTLAND)
    transfer_cold_factor: float = _rule(0.5, "share", PORTLAND)
    long_hold: float = _rule(0.20, "nats", CEB)
    long_hold_seconds: float = _rule(300.0, "s", CEB)
    long_hold_count: int = _rule(2, "holds", CEB)
    deflected: float = _rule(0.50, "nats", CEB)
    ivr_dead_end: float = _rule(0.50, "nats", CEB)
    hung_up_on: float = _rule(0.95, "nats", PORTLAND)
    zero_outs: float = _rule(0.20, "nats", CEB)
    zero_outs_count: int = _rule(3, "presses", CEB)
    queue_abandoned: float = _rule(0.40, "nats", CEB)
    queue_abandoned_seconds: float = _rule(120.0, "s", CEB)
    repeated_information: float = _rule(0.20, "nats", CEB)
    powerless_phrase: float = _rule(0.30, "nats", CEB)
    self_service: float = _rule(0.20, "nats", CEB)
    self_service_minutes: float = _rule(30.0, "min", CEB)
    repeat: float = _rule(0.95, "nats", PORTLAND)
    repeat_days: int = _rule(7, "d", PORTLAND)
    unnotified_change: float = _rule(0.50, "nats", QUALTRICS)
    frustration_cap: float = _rule(2.95, "nats", "P = 0.50 from contacts alone")
    frustration_half_life_days: float = _rule(30.0, "d", KNOX)
    frustration_days: int = _rule(120, "d", KNOX)
    most_contacts: int = _rule(0, "contacts, 0 for no bound", DESIGN, added=True)
    recovery_factor: float = _rule(0.5, "share", KNOX)
    opening_frustration: float = _rule(1.0, "nats", DESIGN)

    prior_probability: float = _rule(0.05, "probability", SQM)
    temperature: float = _rule(0.55, "share", PLACEBO)
    minimum_blocks: int = _rule(3, "blocks of 28 d", DESIGN)
    high_value_quantile: float = _rule(0.8, "share", DESIGN)
    population_sample: int = _rule(2048, "customers", DESIGN)
    population_minimum: int = _rule(20, "customers", DESIGN)
    protected_tiers: tuple[str, ...] = _rule((), "tiers", DESIGN)
    irregularity_floor_days: float = _rule(1.5, "d", PLACEBO)
    irregularity_default_days: float = _rule(8.6, "d", PLACEBO)
    irregularity_prior_blocks: float = _rule(4.0, "blocks", PLACEBO)
    dispersion_floor_days: float = _rule(0.25, "d", PLACEBO)
    alert_odds: float = _rule(4.0, "odds", "P = 0.80")
    raise_days: int = _rule(90, "d", DESIGN)
    expiry_days: int = _rule(120, "d", DESIGN)
    returned_evidence: float = _rule(-3.0, "nats", DESIGN)
    returned_usual_days: float = _rule(14.0, "d of usual spend in 28 d", DESIGN)
    settle_hours: int = _rule(0, "h", "24 for nightly feeds")
    guard_minimum: int = _rule(20, "purchases in 24 h", DESIGN)
    delayed_feed: bool = _rule(False, "true or false", DESIGN, added=True)
    as_meant: bool = _rule(False, "true or false", DESIGN, added=True)
    leg_minutes: int = _rule(30, "min", DESIGN, added=True)
    subscription_nats: float = _rule(3.5, "nats", DESIGN, added=True)
    cancellation_near_days: int = _rule(7, "d", DESIGN, added=True)
    plan_change_seconds: int = _rule(300, "s", DESIGN, added=True)

    evidence: str = _rule(SPEND, "spend, or trips_or_spend", DESIGN, added=True)
    fallen_share: float = _rule(0.25, "share of the usual", EVALUATION, added=True)
    trips_certainty: float = _rule(12.0, "trips' worth", EVALUATION, added=True)
    spend_certainty: float = _rule(24.0, "trips' worth", EVALUATION, added=True)
    recent_half_life_blocks: float = _rule(1.0, "blocks of 28 d", EVALUATION, added=True)
    recent_floor: float = _rule(0.5, "share of the usual", EVALUATION, added=True)
    population_clock: bool = _rule(False, "true or false", EVALUATION, added=True)

    shared_trips_factor: float = _rule(0.0, "times the median customer, 0 for off", DESIGN, added=True)
    shared_contacts: int = _rule(0, "contacts in 7 d, 0 for off", DESIGN, added=True)
    shared_ids: tuple[str, ...] = _rule((), "customer ids", DESIGN, added=True)

    silent: bool = _rule(False, "true or false", DESIGN, added=True)
    silent_prior_probability: float = _rule(0.002, "probability", DESIGN, added=True)
    silent_days: int = _rule(182, "d", DESIGN, added=True)

    holdout_share: float = _rule(0.0, "share", DESIGN)
    holdout_salt: str = _rule("", "text", DESIGN)

    @cached_property
    def hash(self) -> str:
        """Return the first 12 hexadecimal digits of the SHA-256 of all settings.

        Settings added later count where they differ from their default: what decides as before has the
        name that it had before.
        """
        counting = {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if not one.metadata["added"] or getattr(self, one.name) != one.default
        }
        return sha256(json.dumps(counting, sort_keys=True).encode()).hexdigest()[:12]

    @cached_property
    def prior(self) -> float:
        """Return the prior log-odds of leaving after a bad contact."""
        return math.log(self.prior_probability / (1 - self.prior_probability))

    @cached_property
    def silent_prior(self) -> float:
        """Return the prior log-odds of leaving without a bad contact."""
        return math.log(self.silent_prior_probability / (1 - self.silent_prior_probability))

    @cached_property
    def levels(self) -> tuple[float, float]:
        """Return the log-odds from which on an episode is a watch and an alert."""
        return 0.0, math.log(self.alert_odds)

    @property
    def guard_delay_hours(self) -> int:
        """Return how many hours after its end an hour of the feed is judged."""
        return self.settle_hours if self.delayed_feed else 0

    @property
    def lateness_ms(self) -> int:
        """Return the allowed lateness in milliseconds."""
        return round(self.allowed_lateness_seconds * 1000)

    def rows(self) -> list[tuple[str, object, str, str]]:
        """Return (name, value, unit, source) of every setting, for people to read."""
        return [
            (f.name, getattr(self, f.name), f.metadata["unit"], f.metadata["source"]) for f in fields(self)
        ]

    def as_mapping(self) -> dict[str, Any]:
        """Return all settings by name; `from_mapping` takes them back."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_toml(cls, text: str) -> "Ruleset":
        """Return a built-in ruleset with the keys of a TOML document in their place.

        The key `based_on` names the built-in version; without it that is DEFAULT's. Raises RulesetError for
        what is not TOML, an unknown version or key, a wrong type or a number out of range.
        """
        try:
            given = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RulesetError(f"not TOML: {error}") from error
        base = VERSIONS.get(str(given.pop("based_on", DEFAULT.version)))
        if base is None:
            raise RulesetError(f"based_on must be one of {', '.join(VERSIONS)}")
        return cls.from_mapping({**base.as_mapping(), **given})

    @classmethod
    def from_mapping(cls, given: dict[str, Any]) -> "Ruleset":
        """Return version 1 with some keys replaced; raises RulesetError as `from_toml` does."""
        known = {f.name: f for f in fields(cls)}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise RulesetError(f"unknown key: {', '.join(unknown)}")
        return cls(**{name: _checked(name, value, known[name].default) for name, value in given.items()})


_SHARES = {"prior_probability", "silent_prior_probability", "high_value_quantile", "fallen_share"}
_MAY_BE_NEGATIVE = {"worst_effort", "returned_evidence"}
_MOST_SILENT_DAYS = 182


def _checked(name: str, value: Any, default: Any) -> Any:
    if name == "evidence" and value not in EVIDENCES:
        raise RulesetError(f"{name} must be one of {', '.join(EVIDENCES)}")
    if isinstance(default, tuple):
        return _texts(name, value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise RulesetError(f"{name} must be true or false")
        return value
    if isinstance(default, str):
        if not isinstance(value, str):
            raise RulesetError(f"{name} must be text")
        return value
    if isinstance(value, bool) or not isinstance(value, int if isinstance(default, int) else (int, float)):
        raise RulesetError(f"{name} must be {'a whole number' if isinstance(default, int) else 'a number'}")
    _check_range(name, value)
    return type(default)(value)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise RulesetError(f"{name} must be a list of texts")
    return tuple(value)


def _check_range(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise RulesetError(f"{name} must be finite")
    if name in _SHARES and not 0 < value < 1:
        raise RulesetError(f"{name} must lie between 0 and 1")
    if name == "holdout_share" and not 0 <= value <= 1:
        raise RulesetError(f"{name} must lie in [0, 1]")
    if value < 0 and name not in _MAY_BE_NEGATIVE:
        raise RulesetError(f"{name} must not be negative")
    if name == "alert_odds" and value <= 1:
        raise RulesetError(f"{name} must be above 1: watch stands at even odds")
    if name == "silent_days" and value > _MOST_SILENT_DAYS:
        raise RulesetError(f"{name} must be at most {_MOST_SILENT_DAYS}: what is older may be forgotten")
    if name == "returned_evidence" and value >= 0:
        raise RulesetError(f"{name} must be below 0")
    if value == 0 and name in _MUST_BE_POSITIVE:
        raise RulesetError(f"{name} must be above 0")


_MUST_BE_POSITIVE = {
    "frustration_half_life_days",
    "temperature",
    "minimum_blocks",
    "population_minimum",
    "population_sample",
    "irregularity_floor_days",
    "irregularity_default_days",
    "irregularity_prior_blocks",
    "dispersion_floor_days",
    "returned_usual_days",
    "silent_days",
    "trips_certainty",
    "spend_certainty",
    "recent_half_life_blocks",
    "recent_floor",
}

_SECOND: Final = Ruleset(
    version="2",
    evidence=TRIPS_OR_SPEND,
    irregularity_floor_days=3.0,
    irregularity_prior_blocks=2.0,
    temperature=0.8,
    returned_evidence=-2.0,
    population_clock=True,
    silent_prior_probability=0.001,
)
_THIRD: Final = replace(_SECOND, version="3", delayed_feed=True, most_contacts=500)
_FOURTH: Final = replace(_THIRD, version="4", as_meant=True, shared_trips_factor=10.0, shared_contacts=50)

VERSIONS: Final[Mapping[str, Ruleset]] = MappingProxyType(
    {"1": Ruleset(), "2": _SECOND, "3": _THIRD, "4": _FOURTH}
)
"""The built-in rulesets. None is ever changed: alerts name what decided them."""

DEFAULT: Final = VERSIONS["4"]
"""What decides where nobody names a ruleset."""
