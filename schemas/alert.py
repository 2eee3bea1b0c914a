"""The alert: what the CRM reads, one record per revision."""

from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Le
from pydantic import Strict

from schemas.common import MAX_INT, Cents, Count, Currency, Identifier, Model, UtcTime
from schemas.contact import Channel

Probability: TypeAlias = Annotated[float, Ge(0), Le(1)]
NonNegative: TypeAlias = Annotated[float, Ge(0)]


class Anchor(Model):
    """The bad contact, or notice, that the episode starts from."""

    contact_id: Identifier
    """Its id."""
    ended_at: UtcTime | None
    """When it ended; null if it was still open, and for a notice."""
    channel: Channel | None
    """How they spoke; null for a notice."""
    reason: str | None
    """What it was about, in the words of the contact centre's own list."""


class Signal(Model):
    """One reason, with its weight."""

    signal: str
    """What happened, as the ruleset calls it."""
    nats: float
    """How much it adds to the log-odds, before decay and cap."""
    contact_id: Identifier | None
    """The contact that it happened in; null if it is not of a contact, as a cancellation."""


class LogOdds(Model):
    """The log-odds of leaving, in nats: their sum gives the probability."""

    prior: float
    """Before any evidence."""
    frustration: float
    """From contacts, decayed and capped."""
    silence: float
    """From spend since the anchor, or since it began to fall; negative when spending goes on."""


class Counters(Model):
    """Windowed counters at the decision."""

    spend_24h: Cents
    """Volitional spend of 24 hours."""
    spend_7d: Cents
    """Volitional spend of 7 days."""
    spend_28d: Cents
    """Volitional spend of 28 days."""
    spend_90d: Cents
    """Volitional spend of 90 days."""
    spend_364d: Cents
    """Volitional spend of 364 days."""
    contacts_24h: Count
    """Contacts of 24 hours."""
    contacts_7d: Count
    """Contacts of 7 days."""
    contacts_30d: Count
    """Contacts of 30 days."""
    transfers_30d: Count
    """Transfers, cold and warm, of 30 days."""
    hangups_30d: Count
    """Contacts of 30 days that were cut off by the company."""
    frustration: float
    """Frustration, in nats."""


class Alert(Model):
    """A customer of high value who may be leaving, after a bad contact or in silence, with the evidence.

    Under the silent rule there is no anchor: what is said of it here holds of the hour since which spend is
    weighed, the last reset.

    Money is in `currency`, spend is volitional (purchases less refunds and chargebacks), floats are rounded
    to 4 places by the producer. `model_dump_json` writes the fields in this order, and is deterministic.
    Records of earlier releases are without the fields that have a default.
    """

    type: Literal["alert"] = "alert"
    """The type of the event."""
    event_id: Identifier
    """`alert_id/revision`."""
    alert_id: Identifier
    """The same for every revision about one anchor: UUIDv5 of customer_id, source and contact_id.

    Under the silent rule: of customer_id and the hour since which spend is weighed.
    """
    revision: Annotated[int, Ge(1), Le(MAX_INT)]
    """Counts up from 1, also when an anchor opens a second episode."""
    customer_id: Identifier
    """The customer."""
    rule: Literal["contact", "silent"]
    """What raised it: a bad contact and what followed, or silence alone."""
    state: Literal["raised", "updated", "resolved"]
    """Where the episode stands."""
    resolution: Literal["returned", "expired", "closed", "withdrawn", "erased", "merged"] | None
    """How it was resolved; null until then."""
    level: Literal["watch", "alert"]
    """The level reached; of a resolved record, the highest that was sent."""
    arm: Literal["treated", "holdout"]
    """Whether the customer is treated, or held out for evaluation."""
    time: UtcTime
    """The event time of the decision."""
    anchor: Anchor | None
    """The bad contact; null only under the silent rule."""
    reasons: Annotated[tuple[Signal, ...], Strict(strict=False)]
    """The evidence from contacts, in the order in which it was added up."""
    probability: Probability
    """The probability of leaving."""
    log_odds: LogOdds
    """The same as log-odds, by where they come from."""
    usual_spend_per_day: Cents
    """The baseline before the anchor."""
    recurring_per_day: Cents = "0.00"
    """Subscription charges a day before the anchor."""
    spend_since: Cents
    """Spend since the anchor's hour."""
    visits_since: Count = 0
    """Orders of 0.00 since the anchor's hour."""
    unread_since: Count = 0
    """Purchases since the anchor's hour that were refused, and so are not in `spend_since`."""
    days_since: NonNegative
    """Days since the anchor's hour, without those of a broken feed."""
    days_usual_spend_since: NonNegative
    """`spend_since` in days of usual spend."""
    irregularity_days: NonNegative
    """How many quiet days make one nat of evidence for this customer."""
    value_at_risk: Cents
    """What 90 days without the customer would cost, times the probability."""
    currency: Currency
    """The reporting currency."""
    trailing_spend: Cents
    """Spend of the 364 days before the anchor."""
    value_cutoff: Cents | None
    """The trailing spend from which on a customer was of high value; null if there was no cut-off."""
    spend_by_week: Annotated[tuple[Cents, ...], Strict(strict=False)]
    """Spend of the 26 weeks before the anchor, then of every week since, oldest first."""
    counters: Counters
    """Windowed counters at the decision."""
    backfill: bool
    """Whether it was decided more than 7 days of event time behind the wall clock; not to be compared."""
    clears_when: str
    """What would clear it, in one plain sentence."""
    summary: str
    """What happened, in one plain sentence."""
    deadline: UtcTime
    """Day 90 after the anchor, under the silent rule after it was noticed: nothing is raised after it."""
    recommended_owner: str | None
    """Who should take it."""
    do_not_contact: bool = False
    """Whether the customer asked not to be got in touch with: put right what went wrong, call nobody."""
    ruleset: str
    """Version and hash of the settings that decided."""
