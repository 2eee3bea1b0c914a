"""A case as its newest message tells it, and how its fields are read: whatever they hold, nothing breaks."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

_ENDED: Final = ("resolved", "no_longer_open")
_MOST_DIGITS: Final = 15
_MOST_ID: Final = 256
_MAX_REVISION: Final = 2**63 - 1


class MessageError(Exception):
    """A body that is no case; the message says why, and nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A body that was delivered; fields that nobody knows are kept."""

    alert_id: str
    kind: str
    revision: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What the desk last told the bridge, and the bridge accepted."""

    status: str
    outcome: str | None
    snooze_until: str | None


@dataclass(frozen=True)
class Case:
    """A case."""

    alert_id: str
    fields: Mapping[str, Any]
    """All of the newest message."""
    first_ms: int
    changed_ms: int
    messages: int
    synthetic: bool
    """Whether a message said so, or the sandbox was told that all are."""
    told: Told | None

    @property
    def is_open(self) -> bool:
        """Return whether there is something left to do."""
        return self.fields.get("state") not in _ENDED and self.fields.get("kind") != "close"

    @property
    def is_late(self) -> bool:
        """Return whether it is open, and its deadline was over when its figures were made."""
        as_of, deadline = self.time("as_of"), self.time("deadline")
        return self.is_open and as_of is not None and deadline is not None and as_of >= deadline

    @property
    def at_risk(self) -> Decimal | None:
        """Return the value at risk."""
        return self.amount("value_at_risk")

    @property
    def currency(self) -> str:
        """Return the currency if it is a code of three letters."""
        code = self.text("currency")
        return code if len(code) == 3 and code.isascii() and code.isalpha() else ""

    @property
    def chance(self) -> Decimal | None:
        """Return the stated probability of leaving."""
        chance = self.amount("probability")
        return chance if chance is not None and 0 <= chance <= 1 else None

    @property
    def internal_only(self) -> bool:
        """Return whether nobody may call the customer."""
        return self.fields.get("internal_only") is True

    @property
    def what_happened(self) -> list[str]:
        """Return what happened, a line each."""
        lines = self.fields.get("what_happened")
        found = [one for one in lines if isinstance(one, str)] if isinstance(lines, list) else []
        return found or [one for one in (self.text("what_happened"), self.text("summary")) if one][:1]

    def text(self, name: str) -> str:
        """Return a field as text; nothing if it is not there, or is a structure."""
        value = self.fields.get(name)
        return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""

    def amount(self, name: str) -> Decimal | None:
        """Return a field as a number; None if it is none, or is beyond all reason."""
        try:
            number = Decimal(self.text(name))
        except InvalidOperation:
            return None
        return number if number.is_finite() and number.adjusted() < _MOST_DIGITS else None

    def time(self, name: str) -> datetime | None:
        """Return a field as a time; None if it is none with an offset."""
        try:
            found = datetime.fromisoformat(self.text(name))
            return None if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def as_json(self) -> dict[str, Any]:
        """Return all that came, and beside it under `sandbox` what the sandbox knows."""
        told = self.told
        return {
            **self.fields,
            "sandbox": {
                "open": self.is_open,
                "synthetic": self.synthetic,
                "messages": self.messages,
                "told": None
                if told is None
                else {"status": told.status, "outcome": told.outcome, "snooze_until": told.snooze_until},
            },
        }


def ranked(cases: Iterable[Case]) -> list[Case]:
    """Return the open ones first, of them last those past their deadline; each by value at risk, if any."""

    def rank(one: Case) -> tuple[bool, bool, Decimal, str]:
        at_risk = Decimal("-Infinity") if one.at_risk is None else one.at_risk
        return not one.is_open, one.is_late, -at_risk, one.alert_id

    return sorted(cases, key=rank)


def read(body: bytes) -> Message:
    """Return the message of a body; raise MessageError. Only `alert_id` has to be there."""
    fields = parse(body)
    alert_id, revision, kind = fields.get("alert_id"), fields.get("revision"), fields.get("kind")
    if not isinstance(alert_id, str) or not 0 < len(alert_id) <= _MOST_ID or not _is_whole(alert_id):
        raise MessageError(f"alert_id has to be text of 1 to {_MOST_ID} characters")
    return Message(
        alert_id=alert_id,
        kind=kind if isinstance(kind, str) and _is_whole(kind) else "",
        revision=revision if type(revision) is int and 0 <= revision <= _MAX_REVISION else None,
        body=body,
    )


def parse(body: bytes) -> dict[str, Any]:
    """Return the object of a body; raise MessageError."""
    try:
        fields = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MessageError("the body is no JSON") from None
    if not isinstance(fields, dict):
        raise MessageError("the body is no JSON object")
    return fields


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _is_whole(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair: no database keeps that."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
