"""The numbers of the detection text, each with its default."""

from dataclasses import dataclass, replace
from math import log

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def hour_of(time_ms: int) -> int:
    """Pane that a moment lies in."""
    return time_ms // HOUR_MS


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Every number that decides; durations in the unit of the name."""

    lateness_ms: int = 5_000
    too_late_ms: int = 8 * DAY_MS
    future_ms: int = 5 * 60_000
    remember_id_ms: int = 8 * DAY_MS
    line_bytes: int = 64 * 1024

    unresolved: float = 1.85
    bad_score: float = 2.00
    csat_at_most: int = 1
    ces_at_most: int = 2
    effort_at_most: int = -4
    escalation_refused: float = 1.85
    complaint: float = 1.00
    slow_reply: float = 1.85
    slow_reply_seconds: float = 86_400
    first_transfer: float = 0.15
    next_transfer: float = 0.66
    cold_factor: float = 0.5
    hold: float = 0.20
    hold_seconds: float = 300
    hold_count: int = 2
    deflected: float = 0.50
    ivr_dead_end: float = 0.50
    hung_up_on: float = 0.95
    zero_outs: float = 0.20
    zero_outs_count: int = 3
    abandoned: float = 0.40
    abandoned_seconds: float = 120
    repeated_information: float = 0.20
    phrases: float = 0.30
    self_service: float = 0.20
    self_service_minutes: float = 30
    repeat: float = 0.95
    repeat_ms: int = 7 * DAY_MS
    notice: float = 0.50
    half_life_ms: int = 30 * DAY_MS
    frustration_cap: float = 2.95
    contact_ms: int = 120 * DAY_MS
    most_contacts: int = 0
    """How many of a customer's newest contacts count; 0: all."""

    leg_ms: int = 30 * 60_000

    opening_frustration: float = 1.0
    block_hours: int = 672
    blocks: int = 13
    blocks_needed: int = 3
    year_hours: int = 8_736
    protected_tiers: frozenset[str] = frozenset()
    refresh_hours: int = 168
    sample: int = 2_048
    cutoff_fifths: int = 4
    customers_needed: int = 20
    dispersion_floor: float = 0.25
    dispersion_default: float = 8.6
    dispersion_weight: float = 4
    irregularity_floor: float = 1.5
    evidence: str = "spend"
    fallen_share: float = 0.25
    trips_certainty: float = 12.0
    spend_certainty: float = 24.0
    recent_half_life_blocks: float = 1.0
    recent_floor: float = 0.5
    population_clock: bool = False
    clock_hours: int = 697
    longest_lag_hours: int = 192

    prior: float = log(0.05 / 0.95)
    spend_weight: float = 2.0
    temperature: float = 0.55
    watch: float = 0.0
    alert: float = log(4)
    tolerance: float = 1e-9
    guard_mean: int = 20
    settle_hours: int = 0
    delayed_feed: bool = False

    as_meant: bool = False
    delayed_ms: int = HOUR_MS
    delayed_needed: int = 4
    delivery_hours: int = 672
    unread_hours: int = 24
    subscription_nats: float = 3.5
    cancellation_near_ms: int = 7 * DAY_MS
    plan_change_ms: int = 300_000
    plan_events: int = 64

    fresh_ms: int = 7 * DAY_MS
    """Age up to which a contact of a merged customer may yet open an episode."""

    raise_hours: int = 2_160
    returned_silence: float = -3.0
    returned_usual_days: int = 14
    returned_hours: int = 672
    expire_days: int = 120
    risk_days: int = 90
    pane_hours: int = 484 * 24
    holdout_share: float = 0.0
    holdout_salt: str = ""

    silent: bool = False
    silent_prior_probability: float = 0.002
    silent_days: int = 182

    shared_ids: frozenset[str] = frozenset()
    shared_trips_factor: int = 0
    """How many times the median trips are too many for one customer; 0: no number is."""

    shared_trips: int = 100
    shared_trips_hours: int = 672
    median_sample: int = 256
    shared_contacts: int = 0
    """How many contacts in `shared_contacts_ms` are too many for one customer; 0: no number is."""

    shared_contacts_ms: int = 7 * DAY_MS

    def __post_init__(self) -> None:
        """Refuse what the text does not describe: ruleset 4 without what it is built on."""
        if self.as_meant and not self.delayed_feed:
            raise ValueError("as_meant needs delayed_feed")

    @property
    def kept_hours(self) -> int:
        """How long before the latest refresh purchases are still known by the hour."""
        return self.clock_hours + self.lag_hours + (self.longest_lag_hours if self.as_meant else 0)

    @property
    def lag_hours(self) -> int:
        """By how much ruleset 3 settles all that is decided; before it only hour decisions were."""
        return self.settle_hours if self.delayed_feed else 0

    @property
    def silent_prior(self) -> float:
        """Log-odds that a customer under watch is leaving, before any evidence."""
        return log(self.silent_prior_probability / (1 - self.silent_prior_probability))


VERSION_2 = Rules(
    dispersion_weight=2,
    irregularity_floor=3.0,
    evidence="trips_or_spend",
    population_clock=True,
    temperature=0.8,
    returned_silence=-2.0,
    silent_prior_probability=0.001,
)
"""Ruleset 2."""

VERSION_3 = replace(VERSION_2, delayed_feed=True, most_contacts=500)
"""Ruleset 3."""

VERSION_4 = replace(VERSION_3, as_meant=True, shared_trips_factor=10, shared_contacts=50)
"""Ruleset 4."""
