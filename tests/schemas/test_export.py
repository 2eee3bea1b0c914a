"""The exported documents: no drift, valid, and of one mind with the models."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from schemas.alert import Alert
from schemas.dead_letter import HEADER_NAMES, DeadLetterHeaders, Reason
from schemas.events import Refusal
from schemas.export import EXPORTED, export
from schemas.topics import INPUTS, OUTPUTS
from tests.schemas.lines import FULL, PURCHASE, SOUND, TIME, TOPIC, Message, read, spell
from tests.schemas.messages import messages
from tests.schemas.test_alert import alert

KINDS: Final = [*FULL, "alert"]


def schema(kind: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EXPORTED / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return document


VALIDATORS: Final = {kind: Draft202012Validator(schema(kind)) for kind in KINDS}
ASYNCAPI: Final[dict[str, Any]] = json.loads((EXPORTED / "asyncapi.json").read_text(encoding="utf-8"))


def test_the_documents_checked_in_are_those_of_the_models(tmp_path: Path) -> None:
    """When this fails, export again: `export(EXPORTED)` of schemas.export."""
    written = export(tmp_path / "new")
    assert [path.name for path in written] == sorted(path.name for path in EXPORTED.iterdir())
    for path in written:
        assert path.read_bytes() == (EXPORTED / path.name).read_bytes(), path.name
        assert path.read_bytes().endswith(b"}\n")
    assert export(tmp_path / "new") == written


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one_of_2020_12(kind: str) -> None:
    document = schema(kind)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(document)
    described = [*document["properties"].values(), *document.get("$defs", {}).values()]
    assert all("description" in part or "$ref" in part for part in described)


@pytest.mark.parametrize("kind", FULL)
def test_the_examples_of_a_schema_are_sound(kind: str) -> None:
    for example in schema(kind)["examples"]:
        VALIDATORS[kind].validate(example)
        assert not isinstance(read(spell(example), TOPIC[kind]), Refusal)


@pytest.mark.parametrize("kind", FULL)
def test_what_pydantic_accepts_the_schema_accepts(kind: str) -> None:
    @settings(max_examples=200, derandomize=True, database=None, deadline=None)
    @given(messages(kind))
    def accepted(message: Message) -> None:
        if not isinstance(read(spell(message), TOPIC[kind]), Refusal):
            VALIDATORS[kind].validate(message)

    accepted()
    for message in SOUND[kind]:
        VALIDATORS[kind].validate(message)


WRONG: Final[dict[str, list[Message]]] = {
    "transaction": [
        *({"amount": value} for value in (None, 5, "-1", "1e3", "1.2345678")),
        *(
            {"kind": kind, "amount": "0.00"}
            for kind in ("refund", "chargeback", "fee", "subscription_charge")
        ),
        *({"currency": value} for value in (None, "usd", "USDX")),
        *({"time": value} for value in (None, "2024-03-05", "1999-12-31T23:59:59Z", "2024-13-01T00:00Z")),
        *({"kind": value} for value in (None, "gift", "subscription_cancelled")),
        *({"attributes": {"a": value}} for value in (1, None, ["b"])),
        *({"exchange_rate": value} for value in ("-1", 1.5, "0.0", "1.1234567890123")),
        {"previous_amount": "1"},
        {"corrects": "t-1"},
        {"kind": "subscription_changed", "corrects": "t-1"},
        {"kind": "subscription_changed", "amount": None},
        *({"kind": "subscription_changed", "previous_amount": value} for value in ("0.00", "-1", 5)),
        *(
            {"kind": "correction", "previous_amount": amount, "original_time": time}
            for amount, time in (*((one, TIME) for one in (None, "-1", 5)), ("1", None), ("1", "2024-03-05"))
        ),
        *(
            {"kind": "correction", "previous_amount": "1", "original_time": TIME, name: value}
            for name, value in (("corrects", ""), ("corrects", 5), ("amount", None))
        ),
        {"type": "customer_merged"},
    ],
    "contact": [
        *({"version": value} for value in (0, 1.5, "1", None)),
        *({"csat": value} for value in (0, 6)),
        *({"queue_seconds": value} for value in (-1, "1")),
        *({"phrases": value} for value in ("policy", ["other"])),
        {"channel": "fax"},
        {"complaint": 1},
        *({"answered": value} for value in ("no", 0)),
        *({"parent_contact_id": value} for value in ("", 5)),
    ],
    "notice": [{"change": "name"}, {"notified": "yes"}, {"contact_id": "x" * 129}],
    "customer_merged": [
        *({"merged_into": value} for value in (None, "", 5, "x" * 129)),
        {"customer_id": None},
    ],
    "tick": [{"time": None}, {"source": ""}],
    "profile": [{"customer_id": ""}, {"do_not_contact": 0}, {"tier": 1}],
    "disposition": [{"status": "open"}, {"outcome": "won"}, {"snooze_until": "soon"}, {"alert_id": None}],
}


@pytest.mark.parametrize("kind", FULL)
def test_what_is_plainly_wrong_both_refuse(kind: str) -> None:
    for change in WRONG[kind]:
        message = {**(PURCHASE if kind == "transaction" else FULL[kind]), **change}
        assert not VALIDATORS[kind].is_valid(message), change
        assert isinstance(read(spell(message), TOPIC[kind]), Refusal)


@pytest.mark.parametrize("kind", FULL)
def test_an_unknown_field_of_an_input_is_no_fault_in_the_schema_either(kind: str) -> None:
    assert schema(kind)["additionalProperties"] is True
    message = {**FULL[kind], "surprise": {"a": [None]}}
    assert VALIDATORS[kind].is_valid(message)
    assert not isinstance(read(spell(message), TOPIC[kind]), Refusal)


def test_an_alert_is_what_its_schema_says() -> None:
    written = json.loads(alert().model_dump_json())
    VALIDATORS["alert"].validate(written)
    assert set(schema("alert")["required"]) == set(written) == set(Alert.model_fields)
    wrong: list[Message] = [
        {"surprise": 1},
        {"level": "high"},
        {"time": "2024-03-05T14:23:11Z"},
        {"spend_since": "1"},
    ]
    for change in wrong:
        assert not VALIDATORS["alert"].is_valid({**written, **change})


def test_asyncapi_has_every_topic_with_its_messages() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    channels = {
        channel["address"]: (list(channel["messages"]), channel["bindings"]["kafka"]["topicConfiguration"])
        for channel in ASYNCAPI["channels"].values()
    }
    day = 86_400_000
    assert channels == {
        "retention.transactions": (
            ["transaction", "customer_merged", "tick"],
            {"cleanup.policy": ["delete"], "retention.ms": 400 * day},
        ),
        "retention.contacts": (
            ["contact", "notice", "tick"],
            {"cleanup.policy": ["delete"], "retention.ms": 400 * day},
        ),
        "retention.customers": (
            ["profile", "erasure"],
            {"cleanup.policy": ["compact"], "delete.retention.ms": 35 * day},
        ),
        "retention.dispositions": (
            ["disposition"],
            {"cleanup.policy": ["delete"], "retention.ms": 365 * day},
        ),
        "retention.alerts": (["alert"], {"cleanup.policy": ["delete"], "retention.ms": 365 * day}),
        "retention.alerts.holdout": (["alert"], {"cleanup.policy": ["delete"], "retention.ms": 365 * day}),
        "retention.dead-letters": (
            ["dead_letter"],
            {"cleanup.policy": ["delete"], "retention.ms": 30 * day, "max.message.bytes": 4 * 1024 * 1024},
        ),
        "retention.state": (
            ["state"],
            {
                "cleanup.policy": ["compact"],
                "segment.bytes": 67_108_864,
                "segment.ms": 600_000,
                "min.cleanable.dirty.ratio": 0.1,
                "max.message.bytes": 8 * 1024 * 1024,
            },
        ),
        "retention.moves": (
            ["move"],
            {"cleanup.policy": ["delete"], "retention.ms": 400 * day, "max.message.bytes": 8 * 1024 * 1024},
        ),
    }
    actions = [operation["action"] for operation in ASYNCAPI["operations"].values()]
    assert actions == ["receive"] * len(INPUTS) + ["send"] * len(OUTPUTS)


def test_asyncapi_has_keys_headers_and_payloads() -> None:
    messages = ASYNCAPI["components"]["messages"]
    keys = {name: message["bindings"]["kafka"]["key"].get("type") for name, message in messages.items()}
    assert keys == dict.fromkeys([*FULL, "alert", "erasure", "move"], "string") | {
        "tick": "null",
        "dead_letter": None,
        "state": None,
    }
    for kind in KINDS:
        payload = messages[kind]["payload"]["schema"]["$ref"]
        assert (EXPORTED / payload).is_file()
        assert messages[kind]["headers"]["$ref"] == "#/components/schemas/cloud_events_headers"
    assert messages["erasure"]["payload"] == {"type": "null"}
    headers = ASYNCAPI["components"]["schemas"]
    assert set(headers["cloud_events_headers"]["properties"]) == {
        *("ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_specversion")
    }
    assert "required" not in headers["cloud_events_headers"]
    for name in ("cloud_events_headers", "dead_letter_headers"):
        Draft202012Validator.check_schema(headers[name])


def test_asyncapi_refers_to_what_exists() -> None:
    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            return (
                [part["$ref"]]
                if "$ref" in part
                else [ref for value in part.values() for ref in references(value)]
            )
        return []

    inside = [ref for ref in references(ASYNCAPI) if ref.startswith("#/") and "$defs" not in ref]
    assert len(inside) > 20
    for ref in inside:
        target: Any = ASYNCAPI
        for step in ref.removeprefix("#/").split("/"):
            target = target[step]


def test_dead_letters_have_the_headers_and_reasons_of_the_contract() -> None:
    names = "dl_topic, dl_partition, dl_offset, dl_timestamp, dl_reason, dl_detail, dl_version"
    assert ", ".join(HEADER_NAMES) == names
    assert ", ".join(Reason) == (
        "not_json, too_large, schema, unknown_type, key_mismatch, wrong_partition, "
        "currency, future, too_late, internal"
    )
    headers = dict.fromkeys(HEADER_NAMES, "7") | {"dl_reason": "future", "traceparent": "00"}
    assert DeadLetterHeaders.model_validate(headers).dl_reason is Reason.FUTURE
