"""What a mapping makes of a record: events, on their way and finished, and what becomes no event, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from msgspec.json import Decoder, Encoder

from schemas.dead_letter import Reason
from streams.core.watermark import Input

NO_CUSTOMER: Final = "no customer"
"""Why a record is skipped that does not tell whose it is: nobody is guessed."""
NO_RULE: Final = "no event rule matches"
"""Why a record is skipped that is of no kind that the mapping knows."""
EMPTY: Final = "no record in it"
"""Why a record is skipped that could hold others, and holds none."""
MERGED: Final = "merged already"
"""Why a merge is skipped that the table of merged ids has."""
UNCHANGED: Final = "unchanged"
"""Why a record is skipped that tells of a thing what is known."""
OUTDATED: Final = "outdated"
"""Why a record is skipped that is older than what is known of its thing."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event on its way: mapped, checked by its model, and still to be compared with what is remembered.

    It is what crosses Kafka where that memory is kept by another process.
    """

    rule: str
    """The source and the name of the event rule, `orders/purchase`."""
    key: str
    """What it belongs to: the thing that is followed, or the customer."""
    time: int
    """When it became known, ms: drafts go in this order."""
    fields: dict[str, Any]
    """The event, as JSON has it."""
    part: str | None = None
    """Which part of a thing made of parts, as a leg of a call."""
    void: bool = False
    """Whether the thing was called off."""

    @property
    def state_key(self) -> str:
        """Return what its memory is kept under."""
        return f"{self.rule}\n{self.key}"

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        row = (self.rule, self.key, self.time, self.fields, self.part, self.void)
        return _ENCODER.encode(row)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Return what `to_bytes` wrote."""
        return cls(*_DECODER.decode(raw))


@dataclass(frozen=True, slots=True)
class Mapped:
    """A finished event of ours."""

    rule: str
    source: Input
    """The input it goes to."""
    customer_id: str
    """The key of its record."""
    time: int
    """Its own time, ms."""
    value: bytes
    """The event as JSON: one line."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record, or a part of one, that is no event, as its mapping says."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A record, or a part of one, that can't be mapped."""

    rule: str
    reason: Reason
    detail: str
    """The field path and the rule, never the value."""


Memory: TypeAlias = list[Any] | None
"""What is remembered of a thing that changes, as JSON has it; None while nothing is known."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What a source knows of a record beside its value."""

    key: str | None = None
    time: int | None = None
    """When the record was appended, ms."""
    headers: Mapping[str, str] | None = None
    topic: str = ""
    partition: int = 0
    offset: int = 0


_ENCODER: Final = Encoder()
_DECODER: Final = Decoder(tuple[str, str, int, dict[str, Any], str | None, bool])
