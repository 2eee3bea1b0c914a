"""The disposition: what the CRM says became of an alert."""

from typing import Literal

from pydantic import ConfigDict

from schemas.common import CustomerEvent, EventTime, Identifier


class Disposition(CustomerEvent):
    """What became of an alert."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "disposition",
                    "event_id": "d-1",
                    "customer_id": "c-1042",
                    "time": "2026-03-20T10:00:00Z",
                    "source": "desk",
                    "alert_id": "0b6f4e0e-3a4b-5c52-9f0e-0d5f6f3c1f11",
                    "status": "contacted",
                    "outcome": "confirmed",
                    "action": "call",
                    "actor_role": "retention lead",
                },
                {
                    "type": "disposition",
                    "event_id": "d-2",
                    "customer_id": "c-1042",
                    "time": "2026-03-21T10:00:00Z",
                    "source": "desk",
                    "alert_id": "0b6f4e0e-3a4b-5c52-9f0e-0d5f6f3c1f11",
                    "status": "acknowledged",
                    "snooze_until": "2026-04-01T00:00:00Z",
                },
            ]
        }
    )

    type: Literal["disposition"]
    """The type of the event."""
    alert_id: Identifier
    """The alert."""
    status: Literal["acknowledged", "contacted", "closed"]
    """How far the work on it has come."""
    outcome: (
        Literal["confirmed", "benign", "already_left", "wrong_customer", "duplicate", "returned", "no_answer"]
        | None
    ) = None
    """What turned out."""
    action: str | None = None
    """What was done."""
    snooze_until: EventTime | None = None
    """Nothing more is raised in this episode before that time."""
    actor_role: str | None = None
    """The role of whoever acted, never a name."""
