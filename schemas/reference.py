"""The slow and plain decoder: pydantic alone. It words every refusal, and the hot decoder is held to it."""

from pydantic import ValidationError
from pydantic_core import from_json

from schemas.common import MAX_BYTES, Model
from schemas.convert import CONVERT
from schemas.dead_letter import Reason
from schemas.events import Event, Refusal
from schemas.events import Transaction as TransactionEvent
from schemas.money import MAX_CENTS, to_cents
from schemas.times import parse_ms
from schemas.topics import Topic
from schemas.transaction import Transaction


def decode(raw: bytes, topic: Topic, reporting_currency: str) -> Event | Refusal:
    """Return the event that `raw` on `topic` stands for, or why it is refused; never raises."""
    if len(raw) > MAX_BYTES:
        return Refusal(Reason.TOO_LARGE, f"more than {MAX_BYTES} bytes")
    try:
        document = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        return Refusal(Reason.NOT_JSON, str(error))
    model = _model(document, topic)
    if isinstance(model, Refusal):
        return model
    try:
        message = model.model_validate_json(raw)
    except ValidationError as error:
        return Refusal(Reason.SCHEMA, _first(error))
    if isinstance(message, Transaction):
        return _transaction(message, reporting_currency)
    return CONVERT[model](message, parse_ms)


def _model(document: object, topic: Topic) -> type[Model] | Refusal:
    if not isinstance(document, dict):
        return Refusal(Reason.SCHEMA, "not an object")
    kind = document.get("type")
    if not isinstance(kind, str):
        return Refusal(Reason.SCHEMA, "type: required, a string")
    if kind not in topic.models:
        return Refusal(Reason.UNKNOWN_TYPE, f"type: not one of {', '.join(topic.models)}")
    model = topic.models[kind]
    # Looked at before the values: thousands of unknown fields would make as many errors.
    if not document.keys() <= model.model_fields.keys():
        return Refusal(Reason.SCHEMA, "unknown field")
    return model


def _first(error: ValidationError) -> str:
    """Return path and rule of the first error, without values and keys of maps."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    rule = first["msg"].removeprefix("Value error, ")
    steps = [str(step) if isinstance(step, int) else "*" for step in first["loc"][1:]]
    path = ".".join([*map(str, first["loc"][:1]), *steps])
    return f"{path}: {rule}" if path else rule


def _transaction(message: Transaction, reporting_currency: str) -> TransactionEvent | Refusal:
    cents = 0
    if message.amount is not None:
        # In the reporting currency there is nothing to convert, whatever the rate says.
        rate = "1" if message.currency == reporting_currency else message.exchange_rate
        if rate is None:
            return Refusal(Reason.CURRENCY, "exchange_rate: required, currency is not the reporting currency")
        cents = to_cents(message.amount, rate)
        if cents > MAX_CENTS:
            return Refusal(Reason.CURRENCY, "amount: more than 10^12 after conversion")
    return TransactionEvent(
        customer_id=message.customer_id,
        source=message.source,
        event_id=message.event_id,
        time=parse_ms(message.time),
        kind=message.kind,
        cents=cents,
        original_time=None if message.original_time is None else parse_ms(message.original_time),
    )
