"""The contact: how a customer was treated when they got in touch, or were got in touch with."""

from typing import Annotated, Literal, Self, TypeAlias

from annotated_types import Ge, Le
from pydantic import ConfigDict, Field, model_validator

from schemas.common import MAX_INT, Count, CustomerEvent, Duration, EventTime, Identifier
from schemas.times import parse_ms

Channel: TypeAlias = Literal["voice", "chat", "email", "message", "social", "web", "store"]
Phrase: TypeAlias = Literal["system_wont_let_me", "not_allowed", "policy"]


class Contact(CustomerEvent):
    """One version of a contact, recorded at `time`. A later version replaces the earlier."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "contact",
                    "event_id": "k-1",
                    "customer_id": "c-1042",
                    "time": "2026-03-02T14:23:11.482Z",
                    "source": "contact-centre",
                    "contact_id": "call-9",
                    "version": 1,
                    "channel": "voice",
                    "started_at": "2026-03-02T13:50:00Z",
                    "ended_at": "2026-03-02T14:23:10Z",
                    "direction": "inbound",
                    "reason": "refund",
                    "case_id": "case-3",
                    "resolution": "unresolved",
                    "queue_seconds": 312.5,
                    "hold_count": 2,
                    "transfers_cold": 1,
                    "ended_by": "agent",
                    "ended_stage": "transfer",
                    "escalation_requested": True,
                    "escalation_granted": False,
                    "phrases": ["not_allowed"],
                },
                {
                    "type": "contact",
                    "event_id": "k-2",
                    "customer_id": "c-1042",
                    "time": "2026-03-04T08:00:00+01:00",
                    "source": "contact-centre",
                    "contact_id": "call-9",
                    "version": 2,
                    "channel": "voice",
                    "ended_at": "2026-03-02T14:23:10Z",
                    "csat": 1,
                    "attributes": {"wave": "3"},
                },
            ]
        }
    )

    type: Literal["contact"]
    """The type of the event."""
    contact_id: Identifier
    """The contact that this is a version of."""
    version: Annotated[int, Ge(1), Le(MAX_INT)]
    """Counts up: surveys and resolutions come days later as a new version."""
    channel: Channel
    """How they spoke."""
    started_at: EventTime | None = None
    """When it began."""
    ended_at: EventTime | None = None
    """When it ended, never after `time`; null while open. The contact's moment is this, else `time`."""
    direction: Literal["inbound", "outbound"] | None = None
    """Who got in touch: the customer (inbound) or the company."""
    reason: str | None = None
    """What it was about, in the words of the contact centre's own list."""
    case_id: str | None = None
    """The case that it belongs to."""
    resolution: Literal["resolved", "unresolved", "unknown"] | None = None
    """Whether the matter was settled."""
    queue_seconds: Duration | None = None
    """Time spent waiting for somebody."""
    hold_seconds: Duration | None = None
    """Time spent on hold."""
    hold_count: Count | None = None
    """How often put on hold."""
    transfers_cold: Count | None = None
    """How often handed on without a word."""
    transfers_warm: Count | None = None
    """How often handed on with an introduction."""
    ended_by: Literal["customer", "agent", "system", "network"] | None = None
    """Who ended it, as common systems write it.

    agent: also one who hands on and so ends their own leg (`ended_stage` is then transfer: nobody hung up).
    system: the IVR, the dialer or the software of the queue dropped it. network: the line was lost. Of an
    outbound call that nobody answered dialers write system (no-answer, busy, voicemail): then `answered` is
    false.
    """
    ended_stage: Literal["ivr", "queue", "hold", "agent", "transfer"] | None = None
    """Where it ended."""
    ivr_zero_outs: Count | None = None
    """How often the customer pressed 0 to get past the machine."""
    self_served: bool | None = None
    """Whether the customer got it done alone."""
    self_service_minutes: Duration | None = None
    """Time spent on trying alone."""
    deflected_to: Channel | None = None
    """The channel that the customer was sent to instead."""
    escalation_requested: bool | None = None
    """Whether the customer asked for somebody with more authority."""
    escalation_granted: bool | None = None
    """Whether they got somebody."""
    complaint: bool | None = None
    """Whether it was a complaint."""
    repeated_information: bool | None = None
    """Whether the customer had to say again what was said before."""
    first_reply_seconds: Duration | None = None
    """Time to the first reply."""
    csat: Annotated[int, Ge(1), Le(5)] | None = None
    """Satisfaction, 1 (worst) to 5."""
    ces: Annotated[int, Ge(1), Le(7)] | None = None
    """Customer effort score, 1 (very difficult) to 7."""
    effort: Annotated[int, Ge(-5), Le(5)] | None = None
    """Effort as the customer put it, -5 (worst) to 5."""
    phrases: Annotated[tuple[Phrase, ...], Field(fail_fast=True)] | None = None
    """Excuses heard."""
    recovery: bool | None = None
    """Whether somebody with authority called back, apologised and put it right."""
    answered: bool | None = None
    """Whether somebody answered; for outbound contacts."""
    parent_contact_id: Identifier | None = None
    """The contact that this one is a leg of."""

    @model_validator(mode="after")
    def _ended_by_then(self) -> Self:
        if self.ended_at is not None and parse_ms(self.ended_at) > parse_ms(self.time):
            raise ValueError("ended_at: after time")
        return self
