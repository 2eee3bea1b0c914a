"""The profile: what is known of a customer beyond events."""

from typing import Literal

from pydantic import ConfigDict

from schemas.common import CustomerEvent


class Profile(CustomerEvent):
    """What is known of a customer; the latest replaces the one before."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "profile",
                    "event_id": "p-1",
                    "customer_id": "c-1042",
                    "time": "2026-01-01T00:00:00Z",
                    "source": "crm",
                    "tier": "gold",
                    "member_since": "2011-06-01",
                    "country": "US",
                    "account_id": "a-77",
                    "preferred_owner": "key accounts",
                    "do_not_contact": False,
                }
            ]
        }
    )

    type: Literal["profile"]
    """The type of the event."""
    tier: str | None = None
    """The loyalty tier."""
    member_since: str | None = None
    """When the customer joined, as the CRM writes it: kept by the CRM, never interpreted here."""
    country: str | None = None
    """Where the customer lives."""
    account_id: str | None = None
    """The account in the CRM."""
    preferred_owner: str | None = None
    """Who should take an alert about this customer."""
    do_not_contact: bool | None = None
    """Whether the customer must not be contacted."""
