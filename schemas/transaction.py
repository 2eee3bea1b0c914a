"""The transaction: money that moved, or a subscription that ended."""

from typing import Literal, Self

from pydantic import ConfigDict, model_validator
from pydantic.config import JsonDict

from schemas.common import Currency, CustomerEvent, EventTime, Money, Rate
from schemas.times import parse_ms

CANCELLED = "subscription_cancelled"
TAKEN_BACK = frozenset({"refund", "chargeback"})

_EXAMPLES: JsonDict = {
    "examples": [
        {
            "type": "transaction",
            "event_id": "t-1",
            "customer_id": "c-1042",
            "time": "2026-03-02T14:23:11.482Z",
            "source": "pos",
            "kind": "purchase",
            "amount": "37.45",
            "currency": "USD",
            "order_id": "o-5",
            "channel": "store",
            "category": "grocery",
        },
        {
            "type": "transaction",
            "event_id": "t-2",
            "customer_id": "c-1042",
            "time": "2026-03-05T09:00:00+01:00",
            "source": "shop",
            "kind": "refund",
            "amount": "12.00",
            "currency": "EUR",
            "exchange_rate": "1.0843",
            "original_time": "2026-03-02T14:23:11.482Z",
            "attributes": {"till": "4"},
        },
        {
            "type": "transaction",
            "event_id": "t-3",
            "customer_id": "c-1042",
            "time": "2026-03-09T18:30:00Z",
            "source": "billing",
            "kind": "subscription_cancelled",
        },
    ]
}
_GIVEN: JsonDict = {"type": "string"}
_AMOUNT_RULE: JsonDict = {
    "if": {"properties": {"kind": {"const": CANCELLED}}},
    "then": {"properties": {"amount": {"type": "null"}}},
    "else": {"required": ["amount", "currency"], "properties": {"amount": _GIVEN, "currency": _GIVEN}},
}


class Transaction(CustomerEvent):
    """Money that moved between a customer and the company, or a subscription that ended."""

    model_config = ConfigDict(json_schema_extra=_EXAMPLES | _AMOUNT_RULE)

    type: Literal["transaction"]
    """The type of the event."""
    kind: Literal["purchase", "refund", "chargeback", "fee", "subscription_charge", "subscription_cancelled"]
    """What happened; only purchases, refunds and chargebacks are volitional."""
    amount: Money | None = None
    """How much, always above 0; absent for `subscription_cancelled`, else required."""
    currency: Currency | None = None
    """The currency of the amount; required with it."""
    exchange_rate: Rate | None = None
    """Units of the reporting currency for one unit of `currency`, above 0; required when the two differ."""
    order_id: str | None = None
    """The order."""
    original_time: EventTime | None = None
    """When the refunded purchase happened: of a refund or chargeback never after `time`."""
    channel: str | None = None
    """Where it happened."""
    category: str | None = None
    """What was bought."""

    @model_validator(mode="after")
    def _amount_unless_cancelled(self) -> Self:
        if self.kind == CANCELLED:
            if self.amount is not None:
                raise ValueError("amount: must be absent for subscription_cancelled")
        elif self.amount is None:
            raise ValueError("amount: missing; only subscription_cancelled goes without")
        elif self.currency is None:
            raise ValueError("currency: missing; only subscription_cancelled goes without")
        return self

    @model_validator(mode="after")
    def _bought_before(self) -> Self:
        if (
            self.original_time is not None
            and self.kind in TAKEN_BACK
            and parse_ms(self.original_time) > parse_ms(self.time)
        ):
            raise ValueError("original_time: after time")
        return self
