"""A source's messages to records: its format, then its envelope."""

from collections.abc import Mapping
from typing import Any, Final

from streams.ingest.formats.envelopes import cloud_event, debezium
from streams.ingest.formats.json_text import from_json
from streams.ingest.formats.registered import Read, avro_reader, json_schema_reader, protobuf_reader
from streams.ingest.formats.registry import Registry
from streams.ingest.formats.unreadable import TOMBSTONE, NoRecord, no_schema_fits
from streams.mapping.config import Source

REGISTERED: Final = {"json-schema": json_schema_reader, "avro": avro_reader, "protobuf": protobuf_reader}
"""Formats that need a registry."""


class Decoder:
    """Decodes the messages of one source."""

    def __init__(self, source: Source, registry: Registry | None) -> None:
        self._envelope = source.envelope
        self._read: Read = _read_json
        if source.format in REGISTERED:
            if registry is None:
                raise ValueError(f"{source.format} needs a registry")
            self._read = REGISTERED[source.format](registry)

    def decode(self, raw: bytes | None, headers: Mapping[str, bytes]) -> dict[str, Any] | NoRecord:
        """Return the record that a mapping sees. Raises UnreadableError, RegistryAwayError."""
        if raw is None:
            return TOMBSTONE
        if self._envelope == "cloudevents":
            return cloud_event(raw, headers, self._read)
        value = self._read(raw, headers)
        if value is None:
            return TOMBSTONE
        if not isinstance(value, dict):
            raise no_schema_fits("not an object")
        return debezium(value) if self._envelope == "debezium" else value


def _read_json(raw: bytes, _headers: Mapping[str, bytes]) -> Any:
    return from_json(raw)
