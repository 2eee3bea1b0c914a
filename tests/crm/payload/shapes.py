"""What four public APIs take, as JSON Schema, written from their documentation.

Salesforce: REST API "Upsert records using sObject Rows by External ID" (the external id must not be in the
body), field reference of Case (lengths of Subject, Description), the standard values of Priority and Status.
Zendesk: Ticketing API "Tickets" and "Ticket comments", "Idempotency". Slack: "Sending messages using incoming
webhooks", Block Kit "header" and "section" blocks, "text object", "formatting text" (three entities).

Their lengths are taken in units of UTF-16, the strictest count.
"""

import json
from typing import Any, Final

from jsonschema import Draft202012Validator

from streams.crm.payload.schema import case_schema

ID: Final = {"type": "string", "minLength": 1, "maxLength": 255}


def _table(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


SALESFORCE: Final = _table(
    ["Subject", "Description", "Priority"],
    Subject=_text(255),
    Description=_text(32_000),
    Priority={"enum": ["High", "Medium", "Low"]},
    Status={"enum": ["New", "Working", "Escalated", "Closed"]},
    Origin={"enum": ["Phone", "Email", "Web"]},
)

_COMMENT: Final = _table(["body", "public"], body=_text(64 * 1024), public={"const": False})
_PRIORITY: Final = {"enum": ["urgent", "high", "normal", "low"]}
_STATUS: Final = {"enum": ["new", "open", "pending", "hold", "solved"]}

ZENDESK_CREATE: Final = _table(
    ["ticket"],
    ticket=_table(
        ["external_id", "subject", "comment", "priority", "tags"],
        external_id=ID,
        subject=_text(150),
        comment=_COMMENT,
        priority=_PRIORITY,
        status=_STATUS,
        tags={"type": "array", "items": {"type": "string", "pattern": "^[a-z_]+$"}, "uniqueItems": True},
    ),
)
ZENDESK_UPDATE: Final = _table(
    ["ticket"],
    ticket=_table(
        ["comment", "priority"], subject=_text(150), comment=_COMMENT, priority=_PRIORITY, status=_STATUS
    ),
)

_ESCAPED: Final = {"pattern": "^(?:[^&<>]|&amp;|&lt;|&gt;)*$"}
_HEADER: Final = _table(
    ["type", "text"],
    type={"const": "header"},
    text=_table(
        ["type", "text"], type={"const": "plain_text"}, text=_text(150) | _ESCAPED, emoji={"type": "boolean"}
    ),
)
_SECTION: Final = _table(
    ["type", "text"],
    type={"const": "section"},
    text=_table(
        ["type", "text"], type={"const": "mrkdwn"}, text=_text(3000) | _ESCAPED, verbatim={"const": True}
    ),
)
SLACK: Final = _table(
    ["text", "blocks"],
    text=_text(3000) | _ESCAPED,
    blocks={"type": "array", "maxItems": 50, "items": {"oneOf": [_HEADER, _SECTION]}},
)


GENERIC: Final[dict[str, Any]] = json.loads(case_schema())

_SHAPES: Final = {
    "generic": GENERIC,
    "salesforce": SALESFORCE,
    "slack": SLACK,
    "zendesk": ZENDESK_CREATE,
    "zendesk, found": ZENDESK_UPDATE,
}
_VALIDATORS: Final = {name: Draft202012Validator(shape) for name, shape in _SHAPES.items()}
for _shape in _SHAPES.values():
    Draft202012Validator.check_schema(_shape)


def check(name: str, body: object) -> None:
    """Check what goes to a CRM against its shape; raise jsonschema's ValidationError."""
    _VALIDATORS[name].validate(_in_units(body))


def _in_units(value: object) -> object:
    """Return the value with two characters for each that UTF-16 needs two for, so that lengths are its."""
    if isinstance(value, str):
        return "".join(char if ord(char) <= 0xFFFF else "##" for char in value)
    if isinstance(value, dict):
        return {key: _in_units(one) for key, one in value.items()}
    return [_in_units(one) for one in value] if isinstance(value, list) else value
