"""Formats whose schemas are in a registry: JSON Schema, Avro, Protobuf."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from streams.ingest.formats.json_like import json_like
from streams.ingest.formats.json_text import from_json
from streams.ingest.formats.registry import Registry, Schemas, StoredSchema, unframed
from streams.ingest.formats.unreadable import no_schema_fits

Read: TypeAlias = Callable[[bytes, Mapping[str, bytes]], Any]
"""Return what a value with its headers holds. Raises UnreadableError, RegistryAwayError."""


def json_schema_reader(registry: Registry) -> Read:
    """Return a reader of JSON with a registry's framing.

    The schema has to be known; whether the value keeps to it, its producer has checked, and what matters of
    it the mapping checks.
    """
    schemas = Schemas(registry, "JSON", lambda stored: stored)

    def read(raw: bytes, headers: Mapping[str, bytes]) -> Any:
        framed = unframed(raw, headers, "JSON")
        _ = schemas[framed.schema]
        return from_json(framed.payload.read())

    return read


def avro_reader(registry: Registry) -> Read:
    """Return a reader of Avro."""
    from fastavro import parse_schema, schemaless_reader  # noqa: PLC0415 - of the extra

    def make(stored: StoredSchema) -> Any:
        named: dict[str, Any] = {}
        return _parsed(stored, named)

    def _parsed(stored: StoredSchema, named: dict[str, Any]) -> Any:
        for _, reference in stored.references:
            _parsed(reference, named)
        return parse_schema(json.loads(stored.text), named_schemas=named)

    schemas = Schemas(registry, "AVRO", make)

    def read(raw: bytes, headers: Mapping[str, bytes]) -> Any:
        framed = unframed(raw, headers, "AVRO")
        schema = schemas[framed.schema]
        try:
            return json_like(schemaless_reader(framed.payload, schema, None))
        except Exception:  # noqa: BLE001 - EOFError, struct.error, IndexError, ...: whatever the bytes are
            raise no_schema_fits("the bytes are not what their schema says") from None

    return read


def protobuf_reader(registry: Registry) -> Read:
    """Return a reader of Protobuf, of any message of a schema, as the JSON mapping of Protobuf has it."""
    from confluent_kafka.schema_registry.common.protobuf import (  # noqa: PLC0415 - it takes seconds
        _init_pool as add_well_known,
    )
    from google.protobuf.descriptor_pb2 import FileDescriptorProto  # noqa: PLC0415
    from google.protobuf.descriptor_pool import DescriptorPool  # noqa: PLC0415
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415
    from google.protobuf.message_factory import GetMessageClass  # noqa: PLC0415

    def make(stored: StoredSchema) -> tuple[Any, dict[tuple[int, ...], Any]]:
        pool = DescriptorPool()
        add_well_known(pool)
        _add(pool, "main", stored, set())
        return pool.FindFileByName("main"), {}

    def _add(pool: Any, name: str, stored: StoredSchema, added: set[str]) -> None:
        for needed, reference in stored.references:
            if needed not in added and not needed.startswith(("google/", "confluent/")):
                added.add(needed)
                _add(pool, needed, reference, added)
        file = FileDescriptorProto.FromString(b64decode(stored.text))
        file.name = name
        pool.Add(file)

    def _class(file: Any, indexes: tuple[int, ...]) -> Any:
        descriptor, *inner = [list(file.message_types_by_name.values())[indexes[0]], *indexes[1:]]
        for index in inner:
            descriptor = descriptor.nested_types[index]
        return GetMessageClass(descriptor)

    schemas = Schemas(registry, "PROTOBUF", make, "serialized")

    def read(raw: bytes, headers: Mapping[str, bytes]) -> Any:
        framed = unframed(raw, headers, "PROTOBUF")
        file, classes = schemas[framed.schema]
        try:
            if framed.indexes not in classes:
                classes[framed.indexes] = _class(file, framed.indexes)
            message = classes[framed.indexes].FromString(framed.payload.read())
            found = MessageToDict(
                message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
        except Exception:  # noqa: BLE001 - DecodeError, IndexError, ...: whatever the bytes are
            raise no_schema_fits("the bytes are not what their schema says") from None
        return json_like(found)

    return read
