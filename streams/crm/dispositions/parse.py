"""What the CRM says became of an alert, to the event that the worker reads.

The reader is as tolerant as that of the topics (docs/forms.md): known fields are strict, unknown ones are
left out, and named in the answer. So a CRM may send more than we know, and a misspelt field is noticed. Who
the customer is, the ledger says and never the CRM; type, id and source are ours too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from pydantic_core import from_json, to_json

from schemas import events
from schemas.disposition import Disposition
from schemas.hot import Decoder
from schemas.line_faults import BOM
from schemas.times import format_ms, parse_ms
from schemas.unknown_fields import NAMES_SHOWN, shown

MOST_BYTES: Final = 4096
AHEAD_MS: Final = 5 * 60_000
"""So far ahead of ours the CRM's clock may be."""
SOURCE: Final = "crm"
FIELDS: Final = ("alert_id", "status", "outcome", "action", "snooze_until", "actor_role", "time")
"""What the CRM may say."""
_OURS: Final = ("type", "event_id", "customer_id", "source", "attributes")
_NOBODY: Final = "-"
_READ: Final = Decoder().dispositions


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not taken: in words without values, and as an HTTP status."""

    reason: str
    status: HTTPStatus


@dataclass(frozen=True, slots=True, repr=False)
class Parsed:
    """A disposition, and the names of the fields that were left out, as they may be shown."""

    disposition: Disposition
    ignored: tuple[str, ...]


def parse(
    body: bytes, webhook_id: str, customer_of: Callable[[str], str | None], now_ms: int
) -> Parsed | Refusal:
    """Return the disposition of a body, or why it is refused.

    `customer_of` returns the customer of an alert_id, None if no such alert is known. A disposition without a
    time is of `now_ms`.
    """
    document = _document(body)
    if isinstance(document, Refusal):
        return document
    said = {name: value for name, value in document.items() if name not in _OURS}
    said["time"] = format_ms(now_ms) if said.get("time") is None else said["time"]
    ours = {"type": "disposition", "event_id": webhook_id, "source": SOURCE}
    # As the worker would read it, which also words what is wrong.
    event = _READ(to_json(said | ours | {"customer_id": _NOBODY}))
    if isinstance(event, events.Refusal):
        return Refusal(event.detail, HTTPStatus.UNPROCESSABLE_ENTITY)
    if event.time > now_ms + AHEAD_MS:
        minutes = AHEAD_MS // 60_000
        return Refusal(f"time: more than {minutes} minutes ahead", HTTPStatus.UNPROCESSABLE_ENTITY)
    customer_id = customer_of(event.alert_id)
    if customer_id is None:
        return Refusal("alert_id: no such alert is known here", HTTPStatus.NOT_FOUND)
    known = {name: said[name] for name in FIELDS if said.get(name) is not None}
    disposition = Disposition.model_validate(known | ours | {"customer_id": customer_id})
    ignored = sorted({shown(name) for name in document.keys() - set(FIELDS)})[:NAMES_SHOWN]
    return Parsed(disposition, tuple(ignored))


def _document(body: bytes) -> dict[str, Any] | Refusal:
    if len(body) > MOST_BYTES:
        return Refusal(f"more than {MOST_BYTES} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        document = from_json(body.removeprefix(BOM), allow_inf_nan=False)
    except ValueError:
        return Refusal("the body is not JSON", HTTPStatus.BAD_REQUEST)
    if not isinstance(document, dict):
        return Refusal("the body has to be a JSON object", HTTPStatus.BAD_REQUEST)
    return document


def snooze_until_ms(disposition: Disposition) -> int | None:
    """Return until when nothing more is to be raised, ms UTC."""
    return None if disposition.snooze_until is None else parse_ms(disposition.snooze_until)
