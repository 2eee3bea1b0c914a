"""The merge: two ids turned out to be one customer."""

from typing import Literal, Self

from pydantic import ConfigDict, model_validator

from schemas.common import CustomerEvent, Identifier


class Merge(CustomerEvent):
    """An id that ends: what is known of the customer, and what still comes, is another id's from then on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "customer_merged",
                    "event_id": "m-1",
                    "customer_id": "c-1042",
                    "time": "2026-03-01T09:00:00Z",
                    "source": "crm",
                    "merged_into": "c-77",
                }
            ]
        }
    )

    type: Literal["customer_merged"]
    """The type of the event; its `customer_id`, and the record's key, are the id that ends."""
    merged_into: Identifier
    """The id that goes on."""

    @model_validator(mode="after")
    def _into_another(self) -> Self:
        check_into(self)
        return self


def check_into(message: Merge) -> None:
    """Raise ValueError if an id is merged into itself; the message may also be the derived msgspec struct."""
    if message.merged_into == message.customer_id:
        raise ValueError("merged_into: the same as customer_id")
