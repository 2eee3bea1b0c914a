"""The lines of contacts.jsonl, customers.jsonl and truth.jsonl; fields at their default are left out."""

from msgspec import Struct

CONTACTS_SOURCE = "synthetic-contacts"
SYNTHETIC = {"synthetic": "true"}


class ContactLine(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="contact"):
    """One version of a contact. A journey fills in what happened; the schedule fills in ids and times."""

    event_id: str = ""
    customer_id: str = ""
    time: str = ""
    source: str = ""
    contact_id: str = ""
    version: int = 0
    channel: str
    direction: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    reason: str | None = None
    case_id: str | None = None
    resolution: str | None = None
    queue_seconds: int | None = None
    hold_seconds: int | None = None
    hold_count: int | None = None
    transfers_cold: int | None = None
    transfers_warm: int | None = None
    ended_by: str | None = None
    ended_stage: str | None = None
    ivr_zero_outs: int | None = None
    self_served: bool | None = None
    self_service_minutes: int | None = None
    deflected_to: str | None = None
    escalation_requested: bool | None = None
    escalation_granted: bool | None = None
    complaint: bool | None = None
    repeated_information: bool | None = None
    first_reply_seconds: int | None = None
    csat: int | None = None
    ces: int | None = None
    effort: int | None = None
    phrases: list[str] | None = None
    recovery: bool | None = None
    attributes: dict[str, str] | None = None


class NoticeLine(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="notice"):
    """Something that the company changed; ids and time as for a contact."""

    event_id: str = ""
    customer_id: str = ""
    time: str = ""
    source: str = ""
    contact_id: str = ""
    change: str
    notified: bool | None = None
    attributes: dict[str, str] | None = None


class ProfileLine(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="profile"):
    """What is known of a customer beyond events."""

    event_id: str
    customer_id: str
    time: str
    source: str
    tier: str | None = None
    country: str | None = None
    preferred_owner: str | None = None
    do_not_contact: bool | None = None
    attributes: dict[str, str] | None = None


class TruthLine(Struct, kw_only=True):
    """One contact journey and what the customer did about it. Moments are RFC 3339, spend is in money."""

    journey: str
    customer_id: str
    story: str
    severity: str
    contact_ids: list[str]
    first_moment: str
    last_moment: str
    recovered_at: str | None
    """Moment of the recovery contact, if one ended the journey."""
    boycott: str | None
    """Shape of the boycott that this journey started; null if none."""
    start: str | None
    """First moment of the boycott; it lasts to `end`, exclusive."""
    end: str | None
    """null: none, or not before the history ends."""
    during: str | None
    """The earlier journey whose boycott was going on; no second one is drawn then."""
    spend_per_day_before: float | None
    """Purchases over up to 364 days before the first moment; null for less than a day."""
    spend_per_day_after: float | None
    """Purchases in [start, end), without a boycott in the 90 days after the last moment; null as above."""
    spend_lost: float
    """Purchases that boycotts took away in that interval."""
