"""JSON, with every digit kept: a number with a fraction becomes a Decimal."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from schemas.dead_letter import Reason
from streams.ingest.formats.unreadable import UnreadableError

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_FRAMED: Final = (
    'begins with a schema registry\'s five bytes: set format = "json-schema", "avro" or "protobuf"'
)


def from_json(raw: bytes) -> Any:
    """Return what JSON holds. Raises UnreadableError."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError):
        detail = _FRAMED if len(raw) > 5 and raw[0] == 0 else "no JSON"
        raise UnreadableError(Reason.NOT_JSON, detail) from None
