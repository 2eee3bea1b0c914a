"""The dead letter: the refused bytes unchanged, with headers that say where they came from and why."""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from pydantic import Field

from schemas.common import Headers


class Reason(StrEnum):
    """Why a record was refused: the closed set of values of the `dl_reason` header."""

    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    SCHEMA = "schema"
    UNKNOWN_TYPE = "unknown_type"
    KEY_MISMATCH = "key_mismatch"
    WRONG_PARTITION = "wrong_partition"
    CURRENCY = "currency"
    FUTURE = "future"
    TOO_LATE = "too_late"
    INTERNAL = "internal"


_Digits: TypeAlias = Annotated[str, Field(pattern=r"^[0-9]+$")]


class DeadLetterHeaders(Headers):
    """The headers of a dead letter, each as text in UTF-8."""

    dl_topic: str
    """The topic of the refused record."""
    dl_partition: _Digits
    """Its partition."""
    dl_offset: _Digits
    """Its offset."""
    dl_timestamp: _Digits
    """Its append time, ms UTC."""
    dl_reason: Reason
    """Why it was refused."""
    dl_detail: str
    """The field path and the rule, never the value."""
    dl_version: str
    """The version of the program that refused it."""


HEADER_NAMES: Final = tuple(DeadLetterHeaders.model_fields)
