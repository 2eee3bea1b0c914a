"""What stands around a record: Debezium's envelope of a changed row, CloudEvents in both modes."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final

from streams.ingest.formats.json_text import from_json
from streams.ingest.formats.unreadable import TOMBSTONE, NoRecord, no_schema_fits

_NO_ROW: Final = {"t": NoRecord("truncate"), "m": NoRecord("message")}
"""Operations of Debezium that are about no row."""
_ATTRIBUTE: Final = "ce_"
_STRUCTURED: Final = "application/cloudevents"


def debezium(value: dict[str, Any]) -> dict[str, Any] | NoRecord:
    """Return a change as {op, before, after, row, ts_ms, source}; `row` is the row after it, or that deleted.

    With the wrapper of Connect's JSON converter, `schema` and `payload`, or without. Raises UnreadableError.
    """
    if "payload" in value and "op" not in value:
        value = value["payload"]
        if value is None:
            return TOMBSTONE
        if not isinstance(value, dict):
            raise no_schema_fits("payload: not an object")
    op = value.get("op")
    if not isinstance(op, str):
        raise no_schema_fits("op: missing, so this is no envelope of Debezium")
    if op in _NO_ROW:
        return _NO_ROW[op]
    before, after = value.get("before"), value.get("after")
    return {
        "op": op,
        "before": before,
        "after": after,
        "row": before if op == "d" else after,
        "ts_ms": value.get("ts_ms"),
        "source": value.get("source"),
    }


def cloud_event(
    raw: bytes, headers: Mapping[str, bytes], read: Callable[[bytes, Mapping[str, bytes]], Any]
) -> dict[str, Any]:
    """Return an event's attributes with its `data`, alike for the structured mode and the binary one.

    `read` reads data in the format of the source. Raises UnreadableError, and what it raises.
    """
    content_type = (headers.get("content-type") or b"").decode(errors="replace")
    if f"{_ATTRIBUTE}specversion" in headers:
        return _binary(raw, headers, content_type, read)
    if content_type.startswith(_STRUCTURED) and not content_type.startswith(f"{_STRUCTURED}+json"):
        raise no_schema_fits("content-type: of CloudEvents, only single events in JSON are read")
    event = from_json(raw) if content_type.startswith(_STRUCTURED) else read(raw, headers)
    if not isinstance(event, dict) or "specversion" not in event:
        raise no_schema_fits("specversion: neither a header ce_specversion nor a field, so no CloudEvent")
    return _structured(event)


def _binary(
    raw: bytes,
    headers: Mapping[str, bytes],
    content_type: str,
    read: Callable[[bytes, Mapping[str, bytes]], Any],
) -> dict[str, Any]:
    event: dict[str, Any] = {
        name.removeprefix(_ATTRIBUTE): value.decode(errors="replace")
        for name, value in headers.items()
        if name.startswith(_ATTRIBUTE) and value is not None
    }
    if content_type:
        event["datacontenttype"] = content_type
    return event | {"data": read(raw, headers)}


def _structured(event: dict[str, Any]) -> dict[str, Any]:
    encoded = event.get("data_base64")
    if encoded is None:
        return event | {"data": event.get("data")}
    try:
        data = from_json(b64decode(encoded, validate=True))
    except (ValueError, TypeError):
        raise no_schema_fits("data_base64: no base64") from None
    return {name: value for name, value in event.items() if name != "data_base64"} | {"data": data}
