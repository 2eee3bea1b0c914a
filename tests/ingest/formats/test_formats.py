"""Bytes to records: every digit kept, both modes of CloudEvents alike, a clear word for whatever is wrong."""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, timestamp_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from schemas.dead_letter import Reason
from streams.ingest.formats.decoder import Decoder
from streams.ingest.formats.json_like import json_like
from streams.ingest.formats.registry import RegistryAwayError, connect
from streams.ingest.formats.unreadable import NoRecord, UnreadableError
from streams.mapping.config import Source
from streams.settings import Settings, SettingsError, load_settings
from tests.ingest import feeds
from tests.ingest.registry import FakeRegistry, serving


def source(format_: str = "json", envelope: str = "plain") -> Source:
    told: dict[str, Any] = {"name": "s", "format": format_, "envelope": envelope, "event": []}
    return Source.model_construct(**told)


def read(
    raw: bytes | None,
    headers: Mapping[str, bytes] | None = None,
    *,
    format_: str = "json",
    envelope: str = "plain",
    registry: FakeRegistry | None = None,
) -> dict[str, Any] | NoRecord:
    connected = None if registry is None else connect(settings(registry))
    return Decoder(source(format_, envelope), connected).decode(raw, headers or {})


def settings(registry: FakeRegistry, **more: Any) -> Settings:
    return load_settings(schema_registry_url=registry.url, **more)


def refusal(raw: bytes, headers: Mapping[str, bytes] | None = None, **how: Any) -> tuple[Reason, str]:
    with pytest.raises(UnreadableError) as caught:
        read(raw, headers, **how)
    return caught.value.reason, caught.value.detail


# JSON


def test_json_keeps_every_digit() -> None:
    assert read(b'{"a": 12.10, "b": 0.1000000000000000055, "n": 7, "big": 123456789012345678901}') == {
        "a": Decimal("12.10"),
        "b": Decimal("0.1000000000000000055"),
        "n": 7,
        "big": 123456789012345678901,
    }


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"\0\0\0\0\x07{}", "begins with a schema registry's five bytes"),
    ],
)
def test_what_is_no_json(raw: bytes, detail: str) -> None:
    reason, told = refusal(raw)
    assert reason is Reason.NOT_JSON
    assert told.startswith(detail)


def test_what_is_no_object_and_what_is_nothing() -> None:
    assert refusal(b"[1]") == (Reason.SCHEMA, "not an object")
    assert read(None) == read(b"null") == NoRecord("tombstone")


# Debezium


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(("op", "row"), [("c", "new"), ("u", "new"), ("r", "new"), ("d", "old")])
def test_debezium_with_the_wrapper_of_connect_and_without(op: str, row: str, *, wrapped: bool) -> None:
    change = {"op": op, "before": {"v": "old"}, "after": {"v": "new"}, "ts_ms": 5, "source": {"table": "t"}}
    found = read(
        json.dumps({"schema": {}, "payload": change} if wrapped else change).encode(), envelope="debezium"
    )
    assert found == change | {"row": {"v": row}}


def test_what_debezium_sends_beside_changes() -> None:
    assert read(None, envelope="debezium") == NoRecord("tombstone")
    assert read(b'{"schema": null, "payload": null}', envelope="debezium") == NoRecord("tombstone")
    assert read(b'{"op": "t", "ts_ms": 1}', envelope="debezium") == NoRecord("truncate")
    assert refusal(b'{"id": 1}', envelope="debezium")[1].startswith("op: missing")
    assert refusal(b'{"payload": 1}', envelope="debezium")[1] == "payload: not an object"


# CloudEvents

EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order", "time": "2026-03-01T12:00:00Z"}


def test_both_modes_of_cloud_events_give_the_same() -> None:
    data = {"id": 7, "total": "1.50"}
    wanted = EVENT | {"datacontenttype": "application/json", "data": data}
    structured = json.dumps(wanted).encode()
    binary = {f"ce_{name}": text.encode() for name, text in EVENT.items()} | {
        "content-type": b"application/json",
        "other": b"x",
    }
    assert read(structured, envelope="cloudevents") == wanted
    kind = {"content-type": b"application/cloudevents+json; charset=UTF-8"}
    assert read(structured, kind, envelope="cloudevents") == wanted
    assert read(json.dumps(data).encode(), binary, envelope="cloudevents") == wanted
    encoded = EVENT | {"data_base64": b64encode(json.dumps(data).encode()).decode()}
    assert read(json.dumps(encoded).encode(), envelope="cloudevents") == EVENT | {"data": data}


def test_what_is_no_cloud_event() -> None:
    assert refusal(b'{"id": 1}', envelope="cloudevents")[1].startswith("specversion: ")
    for kind in (b"application/cloudevents-batch+json", b"application/cloudevents+avro"):
        assert "single events in JSON" in refusal(b"[]", {"content-type": kind}, envelope="cloudevents")[1]
    assert refusal(b'{"specversion": "1.0", "data_base64": "!"}', envelope="cloudevents")[1].startswith(
        "data_"
    )
    assert refusal(b'{"specversion": "1.0", "data_base64": 7}', envelope="cloudevents")[1].startswith("data_")


# A registry


def test_avro_comes_as_json_would_have_it() -> None:
    cent, second = Decimal("0.01"), timedelta(seconds=1)
    moment = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    row: dict[str, Any] = {
        "id": "o",
        "customer": None,
        "created_at": moment,
        "updated_at": moment + second,
        "total": cent,
    }
    row |= {"cancelled": False, "test": True}
    with serving(FakeRegistry()) as registry:
        known = registry.add(json.dumps(feeds.SCHEMA))
        for _ in range(2):
            assert read(feeds.framed(known, row), format_="avro", registry=registry) == row | {
                "created_at": "2026-03-01T10:00:00Z",
                "updated_at": "2026-03-01T10:00:01Z",
                "total": "0.01",
            }
        truncated = feeds.framed(known, row)[:-3]
        assert refusal(truncated, format_="avro", registry=registry)[1].startswith("the bytes are not")


def test_avro_that_refers_to_another_schema() -> None:
    inner = {"type": "record", "name": "In", "fields": [{"name": "n", "type": "int"}]}
    outer = {"type": "record", "name": "Out", "fields": [{"name": "i", "type": "In"}]}
    with serving(FakeRegistry()) as registry:
        registry.add(json.dumps(inner), subject="in", version=3)
        refers = [{"name": "In", "subject": "in", "version": 3}]
        known = registry.add(json.dumps(outer), references=refers)
        raw = b"\0" + known.to_bytes(4, "big") + b"\x0e"
        assert read(raw, format_="avro", registry=registry) == {"i": {"n": 7}}


def test_json_with_a_registry() -> None:
    with serving(FakeRegistry()) as registry:
        known = registry.add("{}", kind="JSON")
        raw = known.to_bytes(5, "big") + b'{"a": 1.50}'
        assert read(raw, format_="json-schema", registry=registry) == {"a": Decimal("1.50")}
        avro = registry.add('"string"')
        assert (
            "of the kind AVRO"
            in refusal(avro.to_bytes(5, "big"), format_="json-schema", registry=registry)[1]
        )


def test_protobuf_of_any_message_of_a_schema_with_what_it_imports() -> None:
    money = descriptor_pb2.FileDescriptorProto(name="money.proto", package="m", syntax="proto3")
    amount = money.message_type.add(name="Amount")
    amount.field.add(name="units", number=1, type=3, label=1)
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
    file.dependency.extend(["google/protobuf/timestamp.proto", "money.proto"])
    file.message_type.add(name="First")
    order = file.message_type.add(name="Order").nested_type.add(name="Line")
    order.field.add(name="id", number=1, type=9, label=1)
    order.field.add(name="at", number=2, type=11, label=1, type_name=".google.protobuf.Timestamp")
    order.field.add(name="total", number=3, type=11, label=1, type_name=".m.Amount")
    order.field.add(name="rate", number=4, type=1, label=1)
    order.field.add(name="count", number=5, type=5, label=1)
    pool = DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(money)
    pool.Add(file)
    line = GetMessageClass(pool.FindMessageTypeByName("shop.Order.Line"))
    message = line(id="o", rate=0.1, total={"units": 12})
    message.at.FromJsonString("2026-03-01T12:00:00Z")
    with serving(FakeRegistry()) as registry:
        text = b64encode(money.SerializeToString()).decode()
        registry.add("", kind="PROTOBUF", subject="money", version=1, serialized=text)
        refers = [{"name": "money.proto", "subject": "money", "version": 1}]
        text = b64encode(file.SerializeToString()).decode()
        known = registry.add("", kind="PROTOBUF", references=refers, serialized=text)
        raw = known.to_bytes(5, "big") + b"\x04\x02\x00" + message.SerializeToString()
        assert read(raw, format_="protobuf", registry=registry) == {
            "id": "o",
            "at": "2026-03-01T12:00:00Z",
            "total": {"units": "12"},
            "rate": Decimal("0.1"),
            "count": 0,
        }
        beyond = known.to_bytes(5, "big") + b"\x02\x0e"
        assert refusal(beyond, format_="protobuf", registry=registry)[1].startswith("the bytes are not")


def test_a_schema_id_in_a_header() -> None:
    with serving(FakeRegistry()) as registry:
        known = registry.add("{}", kind="JSON")
        headers = {"__value_schema_id": known.to_bytes(5, "big")}
        assert read(b'{"a": 1}', headers, format_="json-schema", registry=registry) == {"a": 1}


def test_an_unknown_schema_is_refused_and_a_registry_that_is_away_is_waited_for() -> None:
    with serving(FakeRegistry()) as registry:
        known = registry.add("{}", kind="JSON")
        decoder = Decoder(source("json-schema"), connect(settings(registry)))
        assert "does not know" in refusal(b"\0\0\0\0\x63{}", format_="json-schema", registry=registry)[1]
        assert "five bytes" in refusal(b'{"a": 1}', format_="json-schema", registry=registry)[1]
        registry.away = True
        with pytest.raises(RegistryAwayError, match="answers 503"):
            decoder.decode(known.to_bytes(5, "big") + b"{}", {})
        registry.away = False
        assert decoder.decode(known.to_bytes(5, "big") + b"{}", {}) == {}
        asked = registry.requests
        assert decoder.decode(known.to_bytes(5, "big") + b"{}", {}) == {}
        assert registry.requests == asked
    with pytest.raises(RegistryAwayError, match="does not answer"):
        Decoder(source("avro"), connect(settings(registry))).decode(b"\0\0\0\0\x01x", {})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("AVRO", '{"type": "record", "name": "A", "fields": [{"name": "x", "type": "Gone"}]}'),
        ("PROTOBUF", 'syntax = "proto3"; message A {}'),
    ],
)
def test_a_schema_that_can_not_be_read_refuses_its_records_and_stops_nothing(kind: str, text: str) -> None:
    with serving(FakeRegistry()) as registry:
        known = registry.add(text, kind)
        told = refusal(known.to_bytes(5, "big") + b"\0x", format_=kind.lower(), registry=registry)[1]
        assert told.startswith("its schema can't be read (")


@pytest.mark.parametrize("raw", [b"\0\xff\0\0\0{}", b"\1" + bytes(16) + b"{}"])
def test_bytes_that_name_no_schema_by_chance_are_not_asked_for(raw: bytes) -> None:
    with serving(FakeRegistry()) as registry:
        assert "five bytes" in refusal(raw, format_="json-schema", registry=registry)[1]
        assert registry.requests == 0


def test_the_registry_asks_who_it_is(tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("pass:word\n")
    login = {"schema_registry_user": "me", "schema_registry_password_file": tmp_path / "secret"}
    with serving(FakeRegistry(login="me:pass:word")) as registry:
        raw = registry.add("{}", kind="JSON").to_bytes(5, "big") + b"{}"
        known = Decoder(source("json-schema"), connect(settings(registry, **login)))
        assert known.decode(raw, {}) == {}
        with pytest.raises(RegistryAwayError, match="answers 401"):
            read(raw, format_="json-schema", registry=registry)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"schema_registry_url": "http://registry.example.com"}, "off loopback it has to be https"),
        ({"schema_registry_url": "registry:8081"}, "write a URL"),
        ({"schema_registry_url": "https://me:secret@registry.example.com"}, "the user goes into"),
        ({"schema_registry_user": "me"}, "need each other"),
    ],
)
def test_settings_of_a_registry_that_are_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        load_settings(**given)
    assert "secret" not in str(caught.value)


def test_values_that_json_does_not_have() -> None:
    assert json_like(
        {
            "list": [date(2026, 3, 1), datetime(2026, 3, 1, 12, 0, 0, 5000)],  # noqa: DTZ001 - it has no zone
            "utc": datetime(2026, 3, 1, tzinfo=UTC),
            "float": 0.1,
            "nan": float("nan"),
            "bytes": b"\0\1",
            "wide": Decimal("1E+3"),
        }
    ) == {
        "list": ["2026-03-01", "2026-03-01T12:00:00.005000"],
        "utc": "2026-03-01T00:00:00Z",
        "float": Decimal("0.1"),
        "nan": None,
        "bytes": "AAE=",
        "wide": "1000",
    }
