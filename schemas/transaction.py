"""The transaction: money that moved, an order or a price that changed, a subscription that ended."""

from typing import Final, Literal, Self

from pydantic import ConfigDict, model_validator
from pydantic.config import JsonDict

from schemas.common import Currency, CustomerEvent, EventTime, Identifier, Money, Rate
from schemas.money import ZERO_PATTERN, is_zero
from schemas.times import parse_ms

PURCHASE: Final = "purchase"
CORRECTION: Final = "correction"
CHANGED: Final = "subscription_changed"
CANCELLED: Final = "subscription_cancelled"
OF_A_PURCHASE: Final = frozenset({"refund", "chargeback", CORRECTION})
"""Kinds with an `original_time` that means something."""
_MAY_BE_ZERO: Final = (PURCHASE, CORRECTION, CHANGED)
_CHANGES: Final = (CORRECTION, CHANGED)

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
        {
            "type": "transaction",
            "event_id": "t-4",
            "customer_id": "c-1042",
            "time": "2026-03-09T18:00:00Z",
            "source": "billing",
            "kind": "subscription_changed",
            "amount": "9.00",
            "previous_amount": "29.00",
            "currency": "USD",
        },
        {
            "type": "transaction",
            "event_id": "t-5",
            "customer_id": "c-1042",
            "time": "2026-03-03T10:00:00Z",
            "source": "pos",
            "kind": "correction",
            "amount": "25.45",
            "previous_amount": "37.45",
            "currency": "USD",
            "original_time": "2026-03-02T14:23:11.482Z",
            "corrects": "t-1",
        },
    ]
}
_ABSENT: JsonDict = {"type": "null"}
_GIVEN: JsonDict = {"type": "string"}
_POSITIVE: JsonDict = {"if": _GIVEN, "then": {"not": {"pattern": ZERO_PATTERN}}}


def _of(*kinds: str) -> JsonDict:
    return {"properties": {"kind": {"enum": list(kinds)}}}


def _given(*names: str) -> JsonDict:
    return {"required": list(names), "properties": dict.fromkeys(names, _GIVEN)}


_RULES: JsonDict = {
    "allOf": [
        {
            "if": _of(CANCELLED),
            "then": {"properties": {"amount": _ABSENT}},
            "else": _given("amount", "currency"),
        },
        {"if": _of(*_MAY_BE_ZERO), "else": {"properties": {"amount": _POSITIVE}}},
        {"if": _of(*_CHANGES), "else": {"properties": {"previous_amount": _ABSENT}}},
        {"if": _of(CHANGED), "then": {"properties": {"previous_amount": _POSITIVE}}},
        {
            "if": _of(CORRECTION),
            "then": _given("previous_amount", "original_time"),
            "else": {"properties": {"corrects": _ABSENT}},
        },
    ]
}


class Transaction(CustomerEvent):
    """Money that moved, an order or a price that changed, or a subscription that ended.

    `previous_amount` and `corrects` are refused with kinds that have none.
    """

    model_config = ConfigDict(json_schema_extra=_EXAMPLES | _RULES)

    type: Literal["transaction"]
    """The type of the event."""
    kind: Literal[
        "purchase",
        "refund",
        "chargeback",
        "fee",
        "subscription_charge",
        "subscription_cancelled",
        "subscription_changed",
        "correction",
    ]
    """What happened; only purchases, what corrects them, refunds and chargebacks are volitional.

    `correction`: a purchase was edited, as an order that was changed, added to or called off.
    `subscription_changed`: its price per period did.
    """
    amount: Money | None = None
    """How much: absent for `subscription_cancelled`, else required.

    It is above 0, but may be 0 of a purchase (an order paid by gift card, a free sample), of a correction
    (what the purchase comes to now) and of `subscription_changed` (the new price per period).
    """
    currency: Currency | None = None
    """The currency of the amount; required with it."""
    exchange_rate: Rate | None = None
    """Units of the reporting currency for one unit of `currency`, above 0; required when the two differ."""
    order_id: str | None = None
    """The order."""
    original_time: EventTime | None = None
    """When the purchase happened: of a refund, chargeback or correction never after `time`.

    Required of a correction.
    """
    channel: str | None = None
    """Where it happened."""
    category: str | None = None
    """What was bought."""
    previous_amount: Money | None = None
    """What it was before, in the same currency.

    Of a correction: what the purchase came to, required. Of `subscription_changed`: the old price per period,
    above 0, if it is known.
    """
    corrects: Identifier | None = None
    """The `event_id` of the purchase that a correction is of."""

    @model_validator(mode="after")
    def _as_its_kind(self) -> Self:
        check_kind(self)
        return self

    @model_validator(mode="after")
    def _bought_before(self) -> Self:
        if (
            self.original_time is not None
            and self.kind in OF_A_PURCHASE
            and parse_ms(self.original_time) > parse_ms(self.time)
        ):
            raise ValueError("original_time: after time")
        return self


def check_kind(message: Transaction) -> None:
    """Raise ValueError unless the fields, each sound by itself, are those of the kind.

    The message may also be the msgspec struct derived from the model.
    """
    kind, amount = message.kind, message.amount
    if kind == CANCELLED:
        if amount is not None:
            raise ValueError("amount: must be absent for subscription_cancelled")
    elif amount is None:
        raise ValueError("amount: missing; only subscription_cancelled goes without")
    elif message.currency is None:
        raise ValueError("currency: missing; only subscription_cancelled goes without")
    elif kind not in _MAY_BE_ZERO and is_zero(amount):
        raise ValueError("amount: 0; only a purchase, a correction or a new price may be 0")
    _check_change(message)


def previous_price(cents: int | None) -> int | None:
    """Return what a changed price was before, in hundredths: None also if it came to nothing by rounding."""
    return cents or None


def _check_change(message: Transaction) -> None:
    kind, previous = message.kind, message.previous_amount
    if kind not in _CHANGES and previous is not None:
        raise ValueError("previous_amount: must be absent; only correction and subscription_changed have it")
    if kind != CORRECTION and message.corrects is not None:
        raise ValueError("corrects: must be absent; only correction has it")
    if kind == CORRECTION and previous is None:
        raise ValueError("previous_amount: missing; a correction says what the purchase came to before")
    if kind == CORRECTION and message.original_time is None:
        raise ValueError("original_time: missing; a correction says when the purchase happened")
    if kind == CHANGED and previous is not None and is_zero(previous):
        raise ValueError("previous_amount: 0; where there was no price it is left out")
