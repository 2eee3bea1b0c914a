"""JSON on a topic: what it holds, or why it can't be read."""

from typing import Any, Final

from schemas.dead_letter import Reason
from streams.ingest.formats.unreadable import UnreadableError
from streams.mapping import exact_json

_FRAMED: Final = (
    'begins with a schema registry\'s five bytes: set format = "json-schema", "avro" or "protobuf"'
)


def from_json(raw: bytes) -> Any:
    """Return what JSON holds. Raises UnreadableError."""
    try:
        return exact_json.decode(raw)
    except exact_json.NOT_JSON:
        detail = _FRAMED if len(raw) > 5 and raw[0] == 0 else "no JSON"
        raise UnreadableError(Reason.NOT_JSON, detail) from None
