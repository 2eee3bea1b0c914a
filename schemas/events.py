"""Parsed events: what the core consumes.

Times are int ms UTC, floored; money is int hundredths of the reporting currency.
"""

from typing import TypeAlias

from msgspec import Struct
from typing_extensions import override

from schemas.dead_letter import Reason


class Transaction(Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Money that moved, an order or a price that changed, a subscription that ended (`cents` is then 0)."""

    customer_id: str
    source: str
    event_id: str
    time: int
    kind: str
    cents: int
    original_time: int | None
    previous_cents: int | None = None
    """What a `correction` or `subscription_changed` says it was; of the latter None, or above 0."""


class Contact(Struct, frozen=True, array_like=True, tag=True):
    """One version of a contact; what the wire left out is 0, False, None or an empty tuple."""

    customer_id: str
    source: str
    event_id: str
    time: int
    contact_id: str
    version: int
    moment: int
    """`ended_at` if the contact has ended, else `time`."""
    ended_at: int | None
    channel: str
    outbound: bool
    reason: str | None
    case_id: str | None
    resolution: str | None
    queue_seconds: float
    hold_seconds: float
    hold_count: int
    transfers_cold: int
    transfers_warm: int
    ended_by: str | None
    ended_stage: str | None
    ivr_zero_outs: int
    self_served: bool
    self_service_minutes: float
    deflected_to: str | None
    escalation_requested: bool
    escalation_granted: bool
    complaint: bool
    repeated_information: bool
    first_reply_seconds: float
    csat: int | None
    ces: int | None
    effort: int | None
    phrases: tuple[str, ...]
    recovery: bool
    answered: bool | None = None
    parent_contact_id: str | None = None
    started_at: int | None = None


class Notice(Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Something that the company changed, and whether the customer was told beforehand."""

    customer_id: str
    source: str
    event_id: str
    time: int
    contact_id: str
    change: str
    notified: bool


class Tick(Struct, frozen=True, gc=False):
    """A feed's promise that nothing earlier than `time` follows on this partition."""

    source: str
    time: int


class Profile(Struct, frozen=True, array_like=True, tag=True, gc=False):
    """What is known of a customer beyond events."""

    customer_id: str
    source: str
    event_id: str
    time: int
    tier: str | None
    preferred_owner: str | None
    do_not_contact: bool


class Merge(Struct, frozen=True, array_like=True, tag=True, gc=False):
    """An id that ends, because the customer is known by another one."""

    customer_id: str
    source: str
    event_id: str
    time: int
    into: str


class Disposition(Struct, frozen=True, array_like=True, tag=True, gc=False):
    """What the CRM says became of an alert."""

    customer_id: str
    source: str
    event_id: str
    time: int
    alert_id: str
    status: str
    outcome: str | None
    snooze_until: int | None


class Erasure(Struct, frozen=True, gc=False):
    """A null value on the customers topic: everything about the customer goes."""

    customer_id: str


class Refusal(Struct, frozen=True, gc=False):
    """A refused record: the reason, and as detail the field path and the rule, never a value.

    Of a purchase on the transactions topic, whatever is wrong with it, it has the `kind`, and who bought and
    when (ms UTC), if these two are valid by themselves; of all else the three are None. The representation
    leaves them out: they are not for logs.
    """

    reason: Reason
    detail: str
    customer_id: str | None = None
    time: int | None = None
    kind: str | None = None

    @override
    def __repr__(self) -> str:
        return f"Refusal(reason={self.reason!r}, detail={self.detail!r})"


class SignOfLife(Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A purchase that was refused, of which it is known who bought and when.

    It is not on the wire, nor an `Event`: the shell makes it from a `Refusal`.
    """

    customer_id: str
    time: int


Event: TypeAlias = Transaction | Merge | Contact | Notice | Tick | Profile | Disposition
