"""The slow and plain decoder: pydantic alone. It words every refusal, and the hot decoder is held to it.

Unknown fields are left out, whatever their values, if all of it is JSON; `strict_fields` refuses them.
"""

from collections.abc import Collection
from typing import Any, Final

from msgspec.structs import replace
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from schemas import faults
from schemas.common import MAX_BYTES, EventTime, Identifier, Model
from schemas.convert import CONVERT
from schemas.dead_letter import Reason
from schemas.events import Event, Refusal
from schemas.events import Transaction as TransactionEvent
from schemas.faults import kind_of, limit_fault, type_fault
from schemas.line_faults import BOM, HEAD_BYTES, json_fault, whole_fault
from schemas.money import MAX_CENTS, to_cents
from schemas.times import parse_ms
from schemas.topics import INPUTS, TRANSACTIONS, Topic
from schemas.transaction import CHANGED, Transaction, previous_price
from schemas.unknown_fields import unknown_fields

_STRICT: Final = ConfigDict(strict=True)
_IDENTIFIER: Final = TypeAdapter[str](Identifier, config=_STRICT)
_TIME: Final = TypeAdapter[str](EventTime, config=_STRICT)


def decode(
    raw: bytes, topic: Topic, reporting_currency: str, *, strict_fields: bool = False
) -> Event | Refusal:
    """Return the event that `raw` on `topic` stands for, or why it is refused; never raises."""
    if len(raw) > MAX_BYTES:
        return Refusal(Reason.TOO_LARGE, _too_large(raw))
    raw = raw.removeprefix(BOM)
    try:
        document = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        return Refusal(Reason.NOT_JSON, json_fault(raw, str(error)))
    unknown = unknown_fields(document, topic)
    read = (
        _refused(unknown, document, topic)
        if unknown and strict_fields
        else _read(raw, document, topic, reporting_currency, unknown)
    )
    return _with_buyer(read, document) if isinstance(read, Refusal) and topic is TRANSACTIONS else read


def _refused(unknown: Collection[str], document: Any, topic: Topic) -> Refusal:
    """Return the refusal of unknown fields; no value was looked at yet."""
    return Refusal(Reason.SCHEMA, faults.unknown_fields(unknown, topic.fields[document["type"]]))


def _read(
    raw: bytes, document: object, topic: Topic, reporting_currency: str, unknown: Collection[str]
) -> Event | Refusal:
    model = _model(document, topic)
    if isinstance(model, Refusal):
        return model
    try:
        message = model.model_validate_json(raw)
    except ValidationError as error:
        return Refusal(Reason.SCHEMA, _first(error, unknown))
    if isinstance(message, Transaction):
        return _transaction(message, reporting_currency)
    return CONVERT[model](message, parse_ms)


def _too_large(raw: bytes) -> str:
    form = whole_fault(raw[:HEAD_BYTES])
    return f"more than {MAX_BYTES} bytes{f': {form}' if form else ''}"


def _model(document: object, topic: Topic) -> type[Model] | Refusal:
    if isinstance(document, list):
        return Refusal(Reason.SCHEMA, "a JSON array: write one event a line, without brackets")
    if not isinstance(document, dict):
        return Refusal(Reason.SCHEMA, f"{kind_of(document)}, where an object belongs")
    kind = document.get("type")
    if not isinstance(kind, str):
        fault = f"{kind_of(kind)}, where text in quotes belongs" if "type" in document else "missing"
        return Refusal(Reason.SCHEMA, f"type: {fault}")
    model = topic.models.get(kind)
    if model is None:
        home = next((f"; it belongs into {one.name}" for one in INPUTS if kind in one.models), "")
        return Refusal(Reason.UNKNOWN_TYPE, f"type: not one of {', '.join(topic.models)}{home}")
    return model


def _with_buyer(refusal: Refusal, document: object) -> Refusal:
    """Return the refusal with who bought and when, if the document is a purchase that tells it."""
    match document:
        case {"type": "transaction", "kind": "purchase" as kind, "customer_id": customer_id, "time": time}:
            try:
                who, when = _IDENTIFIER.validate_python(customer_id), _TIME.validate_python(time)
            except ValidationError:
                return refusal
            return replace(refusal, customer_id=who, time=parse_ms(when), kind=kind)
        case _:
            return refusal


def _first(error: ValidationError, unknown: Collection[str]) -> str:
    """Return path and rule of the first error, without values and keys of maps.

    Of a missing field it is told which unknown one may be meant for it.
    """
    first = error.errors(include_url=False)[0]
    kind = first["type"]
    fault = type_fault(str(first["loc"][0]) if first["loc"] else "", kind, first["input"]) or limit_fault(
        kind, first.get("ctx", {})
    )
    rule = fault or first["msg"].removeprefix("Value error, ")
    steps = [str(step) if isinstance(step, int) else "*" for step in first["loc"][1:]]
    path = ".".join([*map(str, first["loc"][:1]), *steps])
    said = f"{path}: {rule}" if path else rule
    name, _, what = said.partition(": ")
    other = faults.misspelt(name, unknown) if what.startswith("missing") else None
    return f"{said}; {other} is an unknown field" if other else said


def _transaction(message: Transaction, reporting_currency: str) -> TransactionEvent | Refusal:
    # In the reporting currency there is nothing to convert, whatever the rate says.
    rate = "1" if message.currency == reporting_currency else message.exchange_rate
    if message.amount is not None and rate is None:
        return Refusal(
            Reason.CURRENCY, "exchange_rate: missing, with another currency than that of the reports"
        )
    cents, previous = (
        None if amount is None or rate is None else to_cents(amount, rate)
        for amount in (message.amount, message.previous_amount)
    )
    for name, converted in (("amount", cents), ("previous_amount", previous)):
        if converted is not None and converted > MAX_CENTS:
            return Refusal(Reason.CURRENCY, f"{name}: more than 10^12 after conversion")
    return TransactionEvent(
        customer_id=message.customer_id,
        source=message.source,
        event_id=message.event_id,
        time=parse_ms(message.time),
        kind=message.kind,
        cents=cents or 0,
        original_time=None if message.original_time is None else parse_ms(message.original_time),
        previous_cents=previous_price(previous) if message.kind == CHANGED else previous,
    )
