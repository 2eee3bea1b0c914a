"""What a valid line says, as far as decisions need it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A feed's promise that nothing earlier than its time follows."""

    time_ms: int


@dataclass(frozen=True, kw_only=True)
class Event:
    """What all events have in common."""

    event_id: str
    source: str
    customer_id: str
    time_ms: int
    kind: str = ""
    """The kind of a transaction, else the type: ids are unique in each."""


@dataclass(frozen=True, kw_only=True)
class Purchase(Event):
    """Volitional spend in hundredths of the reporting currency; of 0 it is a visit under ruleset 4."""

    cents: int


@dataclass(frozen=True, kw_only=True)
class Reversal(Event):
    """A refund or chargeback: negative hundredths, in the pane of `spent_ms`, a guess if not dated."""

    cents: int
    spent_ms: int
    dated: bool = True


@dataclass(frozen=True, kw_only=True)
class Correction(Event):
    """A purchase was edited: by how many hundredths, above or below 0, the pane of `spent_ms` changes."""

    cents: int
    spent_ms: int


@dataclass(frozen=True, kw_only=True)
class SignOfLife(Event):
    """A purchase that was refused, of which it is known who bought and when; it has no id and no source."""

    event_id: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Cancellation(Event):
    """A subscription was cancelled."""


@dataclass(frozen=True, kw_only=True)
class PlanChange(Event):
    """A subscription costs another amount per period; `previous_cents` are None where that says nothing."""

    cents: int
    previous_cents: int | None


@dataclass(frozen=True, kw_only=True)
class Charge(Event):
    """A subscription was paid for, in hundredths of the reporting currency."""

    cents: int


@dataclass(frozen=True, kw_only=True)
class Fee(Event):
    """A fee: moves the clock and decides nothing."""


@dataclass(frozen=True, kw_only=True)
class Contact(Event):
    """One version of a contact, or a notice; absent fields stand at what the text says of them."""

    contact_id: str
    version: int = 1
    moment_ms: int
    started_ms: int | None = None
    parent_contact_id: str | None = None
    answered: bool | None = None
    is_notice: bool = False
    notified: bool = False
    outbound: bool = False
    recovery: bool = False
    case_id: str | None = None
    reason: str | None = None
    resolution: str | None = None
    self_served: bool = False
    csat: int | None = None
    ces: int | None = None
    effort: int | None = None
    escalation_requested: bool = False
    escalation_granted: bool = False
    complaint: bool = False
    first_reply_seconds: float = 0
    transfers_cold: int = 0
    transfers_warm: int = 0
    hold_seconds: float = 0
    hold_count: int = 0
    deflected_to: str | None = None
    ended_stage: str | None = None
    ended_by: str | None = None
    ivr_zero_outs: int = 0
    queue_seconds: float = 0
    repeated_information: bool = False
    phrases: bool = False
    self_service_minutes: float = 0

    @property
    def identity(self) -> tuple[str, str]:
        """What makes two versions the same contact of a customer."""
        return self.source, self.contact_id

    @property
    def done(self) -> bool:
        """Whether the customer got what the contact was for."""
        return self.self_served or self.resolution == "resolved"


@dataclass(frozen=True, kw_only=True)
class Profile(Event):
    """The customer's master data; the newest one replaces all before."""

    tier: str | None


@dataclass(frozen=True, kw_only=True)
class Merge(Event):
    """The id `customer_id` ends, its customer is known by another from then on."""

    merged_into: str

    @property
    def age(self) -> tuple[int, str]:
        """What makes one of two merges the later: the larger."""
        return self.time_ms, self.event_id


@dataclass(frozen=True, kw_only=True)
class Disposition(Event):
    """What the people who work on alerts say became of one."""

    alert_id: str
    status: str
    snooze_until_ms: int | None
