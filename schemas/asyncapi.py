"""The AsyncAPI 3.0 document: channels, messages, keys and headers of every topic."""

from collections.abc import Mapping
from typing import Final

from pydantic.json_schema import JsonSchemaValue

from schemas.cloud_events import CloudEventsHeaders
from schemas.common import InputModel, Model
from schemas.dead_letter import DeadLetterHeaders
from schemas.json_schema import json_schema, schema_file
from schemas.topics import CUSTOMERS, DEAD_LETTERS, DEFAULT_PREFIX, INPUTS, MOVES, OUTPUTS, STATE, Topic

_DIALECT: Final = "application/schema+json;version=draft-2020-12"
_BYTES: Final = "application/octet-stream"
_NO_KEY: Final = {"type": "null"}
_CUSTOMER_KEY: Final = {"type": "string", "description": "The customer_id, in UTF-8."}
_INPUT_KEY: Final = {
    "type": "string",
    "description": "The customer_id, in UTF-8. The producers of all inputs must place it by the same "
    "partitioner: murmur2, as Java, kafka-python and aiokafka do (of librdkafka partitioner=murmur2_random), "
    "or the one that RETENTION_PARTITIONER names: crc32 (librdkafka's default), fnv1a, or unchecked for any "
    "other.",
}
_REFUSED_KEY: Final = {"description": "The key of the refused record, unchanged."}
_STATE_KEY: Final = {"description": "A kind and what it is about, in a format of the worker's own."}


def asyncapi() -> JsonSchemaValue:
    """Return the document; payloads refer to the JSON Schema files beside it."""
    topics = (*INPUTS, *OUTPUTS)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "retention-signals",
            "version": "1.0.0",
            "description": "Purchases and contacts in, alerts about customers who fall silent out.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {topic.name: _operation(topic) for topic in topics},
        "components": {
            "messages": _messages(topics),
            "schemas": {
                "cloud_events_headers": json_schema(CloudEventsHeaders),
                "dead_letter_headers": json_schema(DeadLetterHeaders),
            },
        },
    }


def _channel(topic: Topic) -> JsonSchemaValue:
    settings = {key: [value] if key == "cleanup.policy" else value for key, value in topic.settings.items()}
    return {
        "address": DEFAULT_PREFIX + topic.name,
        "description": topic.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic)},
        "bindings": {
            "kafka": {
                "topic": DEFAULT_PREFIX + topic.name,
                "replicas": 3,
                "topicConfiguration": settings,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(topic: Topic) -> JsonSchemaValue:
    return {
        "action": "receive" if topic in INPUTS else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
    }


def _names(topic: Topic) -> list[str]:
    """Return the names of a topic's messages: types of events, and what is not an event."""
    others = {
        CUSTOMERS.name: ["erasure"],
        DEAD_LETTERS.name: ["dead_letter"],
        STATE.name: ["state"],
        MOVES.name: ["move"],
    }
    return [*topic.models, *others.get(topic.name, [])]


def _messages(topics: tuple[Topic, ...]) -> JsonSchemaValue:
    models = {name: model for topic in topics for name, model in topic.models.items()}
    return {name: _event(name, model) for name, model in models.items()} | {
        "erasure": _message(
            "A null value: everything about the customer goes.", _INPUT_KEY, {"type": "null"}
        ),
        "dead_letter": _message("The refused bytes, unchanged.", _REFUSED_KEY, {})
        | {"contentType": _BYTES, "headers": {"$ref": "#/components/schemas/dead_letter_headers"}},
        "move": _message("The history of a merged customer.", _CUSTOMER_KEY, {}) | {"contentType": _BYTES},
        "state": _message("A part of the worker's state.", _STATE_KEY, {}) | {"contentType": _BYTES},
    }


def _event(name: str, model: type[Model]) -> JsonSchemaValue:
    customer_key = _INPUT_KEY if issubclass(model, InputModel) else _CUSTOMER_KEY
    key = customer_key if "customer_id" in model.model_fields else _NO_KEY
    schema = {"$ref": f"./{schema_file(name)}"}
    message = _message(
        (model.__doc__ or "").partition("\n")[0], key, {"schemaFormat": _DIALECT, "schema": schema}
    )
    return message | {"headers": {"$ref": "#/components/schemas/cloud_events_headers"}}


def _message(summary: str, key: Mapping[str, str], payload: JsonSchemaValue) -> JsonSchemaValue:
    return {
        "summary": summary,
        "payload": payload,
        "bindings": {"kafka": {"key": dict(key), "bindingVersion": "0.5.0"}},
    }
