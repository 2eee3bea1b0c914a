"""What the report and `explain` show: plain data that replay fills and the renderers read.

Times are integer ms UTC, money integer hundredths of the reporting currency, evidence nats of log-odds.
Text taken from an event (ids, reasons, signals) is hostile input; the renderers make it harmless.
"""

from dataclasses import dataclass, field

from schemas.alert import Alert
from streams.core.alerts.figures import Figures
from streams.core.episodes.opening import Gates
from streams.core.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Levels:
    """Log-odds from which an episode is `watch` and `alert`, and what an untroubled customer starts from."""

    watch: float
    alert: float
    prior: float

    @classmethod
    def of(cls, ruleset: Ruleset) -> "Levels":
        """Return the levels that a ruleset decides by."""
        watch, alert = ruleset.levels
        return cls(watch=watch, alert=alert, prior=ruleset.prior)


@dataclass(frozen=True, slots=True)
class EvidencePoint:
    """The evidence at one moment: about one a day while an episode is open, and one at each decision.

    `silence` is the tempered share of the spend evidence (0.55 S), so that
    log_odds = prior + frustration + silence.
    """

    time_ms: int
    frustration: float
    silence: float
    log_odds: float


@dataclass(frozen=True, slots=True)
class ContactMark:
    """One contact or notice, in its last version, with the frustration that it added.

    `nats` is its own nats before decay and cap (0 for a good contact or a recovery); `signals` split it by
    rule, in the order of the table; `frustration_after` is F once it was folded.
    """

    time_ms: int
    contact_id: str
    channel: str | None
    reason: str | None
    direction: str | None
    nats: float
    signals: list[tuple[str, float]]
    frustration_after: float
    synthetic: bool


@dataclass(frozen=True, slots=True)
class WeekSpend:
    """Volitional spend of the seven days from `start_ms`; below zero when refunds outweigh purchases."""

    start_ms: int
    cents: int


@dataclass(frozen=True, slots=True)
class Story:
    """One alert: all its revisions in order (at least one), the evidence curve, the customer's contacts.

    `weeks` is spend by week from 26 weeks before the anchor, of a silent alert before spend began to fall, to
    the end of the run, on the alert's own grid; left empty, the report shows the `spend_by_week` of the last
    revision, which ends at its decision. `now` is how the episode stands at the end of the run, None if it is
    not open.
    """

    customer_id: str
    alerts: list[Alert]
    curve: list[EvidencePoint]
    contacts: list[ContactMark]
    weeks: list[WeekSpend] = field(default_factory=list)
    now: Figures | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The counts of a replay. `directory` is a base name, never a path; `seconds` is wall time.

    `outcomes` counts events by file and outcome (accepted, duplicate, late, refused ...), `refused` by
    reason, `alert_records` by state and level. `episodes` counts openings by a bad contact, `silent` those
    without one. `notes` are further (label, value) lines, shown as they are; `findings` are sentences about
    the data that must be known before the alerts are trusted.
    """

    directory: str
    outcomes: dict[str, dict[str, int]]
    refused: dict[str, int]
    customers: int
    partitions: int
    first_ms: int | None
    last_ms: int | None
    seconds: float
    episodes: int
    alert_records: dict[str, dict[str, int]]
    silent: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything the report shows. One story per alert id, in any order; `synthetic` if any contact is.

    `settings` are the ruleset's rows (name, value, unit, source) as `Ruleset.rows` gives them, `ruleset` its
    version and hash. `calibration` says in which world the probabilities were measured.
    """

    stories: list[Story]
    summary: RunSummary
    settings: list[tuple[str, object, str, str]]
    ruleset: str
    currency: str
    synthetic: bool
    levels: Levels
    calibration: str


@dataclass(frozen=True, slots=True)
class EpisodeStory:
    """One episode, from its anchor until it closed (`closed_ms` None while open), alerts sent or not.

    `first_hour_ms` is h0, from which spend is weighed. An episode of the silent rule has no anchor.
    `resolution` is why it closed, also when nothing was sent; None while open. `now` is how it stands at
    the end of the run, None if it is not open or nothing was sent.
    """

    anchor_id: str | None
    opened_ms: int
    first_hour_ms: int
    closed_ms: int | None
    resolution: str | None
    usual_cents_per_day: float
    irregularity_days: float
    curve: list[EvidencePoint]
    alerts: list[Alert]
    now: Figures | None = None


@dataclass(frozen=True, slots=True)
class RefusedPurchase:
    """A purchase that was refused, of which it is known who bought and when (ms)."""

    time_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class CustomerStory:
    """All that `explain` shows of one customer. `last_ms` is how far event time ran.

    `weeks` are consecutive, oldest first, empty weeks included. A customer without any event has no weeks and
    no contacts. `judgements` are the gates that each bad contact met while no episode was open.
    """

    customer_id: str
    currency: str
    last_ms: int
    weeks: list[WeekSpend]
    contacts: list[ContactMark]
    judgements: list[Gates]
    episodes: list[EpisodeStory]
    synthetic: bool
    rules: Ruleset
    refused: list[RefusedPurchase] = field(default_factory=list)
    merged_into: str | None = None
    """The id that goes on, if this one ended."""
    merged_from: tuple[str, ...] = ()
    """Ids whose history this one took over."""

    @property
    def levels(self) -> Levels:
        """Return the levels that the rules decide by."""
        return Levels.of(self.rules)
