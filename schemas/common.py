"""What the models share: the strict bases, the types of the wire, the fields of every event of a customer."""

from typing import Annotated, TypeAlias

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from schemas.money import (
    CENTS_PATTERN,
    CURRENCY_PATTERN,
    DECIMAL_PATTERN,
    RATE_PATTERN,
    ZERO_PATTERN,
    check_amount,
    check_currency,
    check_rate,
)
from schemas.times import TIME_PATTERN, UTC_PATTERN, check_time

MAX_BYTES = 64 * 1024
MAX_INT = 2**63 - 1

_POSITIVE_RATE = {"type": "string", "pattern": RATE_PATTERN, "not": {"pattern": ZERO_PATTERN}}

Identifier: TypeAlias = Annotated[str, MinLen(1), MaxLen(128)]
"""An id: 1 to 128 characters of any kind."""

EventTime: TypeAlias = Annotated[
    str,
    AfterValidator(check_time),
    # Without "format": "date-time", which is RFC 3339 to the letter.
    WithJsonSchema({"type": "string", "pattern": TIME_PATTERN}),
]
"""A time with an offset, as RFC 3339 and its common writers have it (docs/forms.md), from the year 2000 on.

Up to 9 places of a second; read as ms, floored.
"""

UtcTime: TypeAlias = Annotated[
    str,
    Field(pattern=UTC_PATTERN),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": UTC_PATTERN}),
]
"""RFC 3339 in UTC with milliseconds and Z, as `format_ms` writes it."""

Money: TypeAlias = Annotated[
    str, AfterValidator(check_amount), WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN})
]
"""An amount from 0 up as decimal text."""

Rate: TypeAlias = Annotated[str, AfterValidator(check_rate), WithJsonSchema(_POSITIVE_RATE)]
"""A rate above 0 as decimal text. That a small amount comes to 0.00 by it is no fault of the rate."""

Currency: TypeAlias = Annotated[
    str, AfterValidator(check_currency), WithJsonSchema({"type": "string", "pattern": CURRENCY_PATTERN})
]
"""An ISO 4217 code."""

Cents: TypeAlias = Annotated[str, Field(pattern=CENTS_PATTERN)]
"""Money that the product states: decimal text with 2 places, as `format_cents` writes it."""

Count: TypeAlias = Annotated[int, Ge(0), Le(MAX_INT)]
"""How often, in 63 bits."""

Duration: TypeAlias = Annotated[float, Ge(0)]
"""How long, in the unit of the field's name."""


Attributes: TypeAlias = Annotated[dict[str, str], Field(fail_fast=True)]
"""A flat map of strings."""


class Model(BaseModel):
    """The strict base: nothing is coerced, unknown fields are refused, null is the same as absent."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class InputModel(Model):
    """The base of what comes from outside: known fields are as strict, unknown ones are left out.

    A feed may grow a field before we know it; `schemas.unknown_fields` tells which.
    """

    model_config = ConfigDict(extra="ignore")


class Headers(BaseModel):
    """Kafka headers that have a meaning; a record may carry others."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class CustomerEvent(InputModel):
    """What every event of a customer carries."""

    event_id: Identifier
    """Unique for its source and kind; a second event with the same id is dropped as a duplicate."""
    customer_id: Identifier
    """The resolved identity: merging loyalty numbers happens upstream."""
    time: EventTime
    """When it happened."""
    source: Identifier
    """The system that the event comes from."""
    attributes: Attributes | None = None
    """Anything else, as a flat map of strings: kept, never interpreted."""
