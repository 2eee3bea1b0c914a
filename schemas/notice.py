"""The notice: something that the company changed."""

from typing import Literal

from pydantic import ConfigDict

from schemas.common import CustomerEvent, Identifier


class Notice(CustomerEvent):
    """Something that the company changed for the customer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "notice",
                    "event_id": "n-1",
                    "customer_id": "c-1042",
                    "time": "2026-03-01T09:00:00Z",
                    "source": "billing",
                    "contact_id": "price-2026",
                    "change": "price",
                    "notified": False,
                }
            ]
        }
    )

    type: Literal["notice"]
    """The type of the event."""
    contact_id: Identifier
    """The notice's id among the customer's contacts."""
    change: Literal["price", "ownership", "discontinuation", "policy", "outage"]
    """What was changed."""
    notified: bool | None = False
    """Whether the customer was told beforehand."""
