"""Damaged exports: every record is an event, skipped or refused; none is lost, none stops the rest."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.adapt.exports import (
    Json,
    at,
    connect_leg,
    paid_back,
    segment_order,
    shopify_order,
    shopify_refund,
    zendesk_ticket,
)
from tests.adapt.runs import Run, adapter, run

HIDDEN: Final = "vv4711vv"
"""Stands in every damaged value; no detail may show it."""
NESTED: Final[Any] = {"a": [{"b": [[HIDDEN]]}, None, 17, {"c": {"d": HIDDEN}}]}


def _shop() -> Json:
    return shopify_order(2, "7", at(1), 1_000, refunds=[shopify_refund(1, at(2), [paid_back(500)])])


GOOD: Final[dict[str, Callable[[], Json]]] = {
    "shopify": _shop,
    "segment": lambda: segment_order(2, "7", at(1), 1_000),
    "amazon-connect": lambda: connect_leg("k-2", "7", at(1)),
    "zendesk": lambda: zendesk_ticket(2, "7", at(1)),
}
"""A record of each system, whole."""
PLACES: Final[dict[str, dict[str, str]]] = {
    "shopify": {"id": "id", "customer": "customer.id", "time": "processed_at", "amount": "total_price"},
    "segment": {
        "id": "properties.order_id",
        "customer": "userId",
        "time": "timestamp",
        "amount": "properties.total",
    },
    "amazon-connect": {
        "id": "ContactId",
        "customer": "Attributes.customer_id",
        "time": "DisconnectTimestamp",
        "amount": "Queue.Duration",
    },
    "zendesk": {
        "id": "id",
        "customer": "requester.external_id",
        "time": "updated_at",
        "amount": "metric_set.reply_time_in_minutes.calendar",
    },
}
"""Where each system has what is damaged."""


def with_(record: Json, place: str, value: Any) -> Json:
    """Return a record with another value in a place."""
    first, _, rest = place.partition(".")
    return record | {first: with_(record.get(first) or {}, rest, value) if rest else value}


def without(record: Json, place: str) -> Json:
    first, _, rest = place.partition(".")
    if rest:
        return record | {first: without(record[first], rest)}
    return {name: value for name, value in record.items() if name != first}


def line(record: Json) -> bytes:
    return json.dumps(record).encode()


def broken(system: str) -> dict[str, bytes]:
    """Return twenty and some damaged records of a system, as bytes of one line each."""
    good, places = GOOD[system](), PLACES[system]
    values: dict[str, tuple[str, Any]] = {
        "the id is an object": ("id", NESTED),
        "the id is null": ("id", None),
        "the id is too long": ("id", HIDDEN * 40),
        "the id is a huge number": ("id", 10**60),
        "the id is half of a character": ("id", "\ud800"),
        "the customer is a list": ("customer", [HIDDEN]),
        "the customer is null": ("customer", None),
        "the customer is too long": ("customer", HIDDEN * 40),
        "the time is empty": ("time", ""),
        "the time is of another form": ("time", "01/31/2024 10:00 AM"),
        "the time has no offset": ("time", "2024-01-31T10:00:00"),
        "the time is a number": ("time", 1706695200),
        "the time is before its day": ("time", "1899-12-30T00:00:00Z"),
        "the time is no day": ("time", "2024-02-31T00:00:00Z"),
        "the amount is negative": ("amount", -17.5),
        "the amount is huge": ("amount", 10**40),
        "the amount is a word": ("amount", HIDDEN),
        "the amount is nested": ("amount", NESTED),
        "the amount is a flag": ("amount", True),
    }
    records = {name: line(with_(good, places[what], value)) for name, (what, value) in values.items()}
    records |= {f"no {what}": line(without(good, place)) for what, place in places.items()}
    records |= {
        "the amount is NaN": line(with_(good, places["amount"], float("nan"))),
        "the amount has an exponent of a million": line(with_(good, places["amount"], "X")).replace(
            b'"X"', b"1e1000000"
        ),
        "the amount has an exponent beyond all": line(with_(good, places["amount"], "X")).replace(
            b'"X"', b"1e99999999999999999999999"
        ),
        "the amount has 9000 digits": line(with_(good, places["amount"], "X")).replace(b'"X"', b"9" * 9000),
        "cut off": line(good)[:-20],
        "an array": b"[1, 2]",
        "a string": b'"vv4711vv"',
        "not JSON": b"vv4711vv, and more",
        "not UTF-8": line(good).replace(b"7", "ü".encode("latin-1")),
        "nested without end": b'{"a":' * 5000 + b"1" + b"}" * 5000,
        "empty": b"{}",
        "all null": line(dict.fromkeys(good)),
        "all lists": line({name: [HIDDEN] for name in good}),
        "all objects": line(dict.fromkeys(good, NESTED)),
        "all words": line(dict.fromkeys(good, HIDDEN)),
    }
    return records


OF_A_SYSTEM: Final[dict[str, dict[str, Json]]] = {
    "shopify": {
        "another currency": {"currency": "EUR"},
        "no currency": {"currency": HIDDEN},
        "refunds are an object": {"refunds": NESTED},
        "refunds are numbers": {"refunds": [4711, None]},
        "a refund of nothing known": {"refunds": [{}]},
        "a refund before its order": {"refunds": [shopify_refund(1, at(-9), [paid_back(1)])]},
        "lines of a refund without a price": {"refunds": [shopify_refund(1, at(2), [], [{"quantity": 2}])]},
        "transactions are words": {"transactions": HIDDEN},
        "tags are numbers": {"tags": 4711},
        "customer is a word": {"customer": HIDDEN},
    },
    "segment": {
        "an unknown type": {"type": HIDDEN},
        "an unknown event": {"event": HIDDEN},
        "no properties": {"properties": None},
        "another currency": {"properties": {"order_id": "1", "currency": "EUR", "total": 5}},
        "products without a price": {"properties": {"order_id": "1", "products": [{"sku": HIDDEN}]}},
        "products are words": {"properties": {"order_id": "1", "products": HIDDEN}},
        "an alias of nobody": {"type": "alias", "previousId": None},
        "an alias of itself": {"type": "alias", "previousId": "7"},
    },
    "amazon-connect": {
        "an unknown channel": {"Channel": HIDDEN},
        "an unknown reason": {"DisconnectReason": HIDDEN},
        "csat beyond its scale": {"Attributes": {"customer_id": "7", "csat": "17"}},
        "csat is a word": {"Attributes": {"customer_id": "7", "csat": HIDDEN}},
        "a flag is a word": {"Attributes": {"customer_id": "7", "complaint": HIDDEN}},
        "it ended before it began": {"InitiationTimestamp": "2025-01-01T00:00:00Z"},
        "attributes are a list": {"Attributes": [HIDDEN]},
        "the agent is a word": {"Agent": HIDDEN},
    },
    "zendesk": {
        "an unknown channel": {"via": {"channel": HIDDEN}},
        "an unknown score": {"satisfaction_rating": {"score": HIDDEN}},
        "an unknown status": {"status": HIDDEN},
        "tags are an object": {"tags": NESTED},
        "tags are a number": {"tags": 4711},
        "it is solved after the last change": {"metric_set": {"solved_at": "2025-01-01T00:00:00Z"}},
        "via is a word": {"via": HIDDEN},
        "tickets are words": {"tickets": HIDDEN},
    },
}


def samples(system: str) -> dict[str, bytes]:
    own = {name: line(GOOD[system]() | changed) for name, changed in OF_A_SYSTEM[system].items()}
    return broken(system) | own


CASES: Final = [(system, name) for system in GOOD for name in samples(system)]


def damaged(system: str, folder: Path, raw: bytes) -> Run:
    """Adapt a file with a damaged record between two whole ones."""
    before, after = (
        line(with_(GOOD[system](), PLACES[system]["id"], number) | {"refunds": []}) for number in (1, 9)
    )
    path = folder / "records.json"
    path.write_bytes(before + b"\n" + raw + b"\n" + after + b"\n")
    return run(adapter(system), [path])


@pytest.mark.parametrize(("system", "name"), CASES)
def test_a_damaged_record_is_accounted_for(tmp_path: Path, system: str, name: str) -> None:
    raw = samples(system)[name]
    found = damaged(system, tmp_path, raw)
    records = found.adapted.files["records.json"]
    assert records >= 3
    assert found.outcomes >= records
    ids = json.dumps([[one.get("order_id"), one.get("contact_id")] for one in found.events])
    assert len(found.events) >= 2, (ids, found.adapted)
    for letter in found.letters:
        assert HIDDEN not in letter["detail"]
        assert "4711" not in letter["detail"]
        assert letter["line"] == 2
        whole = letter["record"].encode() if "record" in letter else base64.b64decode(letter["record_base64"])
        assert whole in raw
    if not found.adapted.skipped:
        assert found.letters or len(found.events) > 2  # not silently


@pytest.mark.parametrize("system", GOOD)
def test_there_are_twenty_damaged_samples_and_some_of_each_are_refused(tmp_path: Path, system: str) -> None:
    assert len(samples(system)) >= 20
    path = tmp_path / "records.json"
    path.write_bytes(b"\n".join(samples(system).values()))
    found = run(adapter(system), [path])
    assert len(found.letters) >= 10
    assert found.outcomes >= len(samples(system))


@pytest.mark.parametrize("system", GOOD)
def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, system: str) -> None:
    whole = [with_(GOOD[system](), PLACES[system]["id"], number) | {"refunds": []} for number in range(1, 6)]
    for name, text in {
        "lines": "\n".join(map(json.dumps, whole)),
        "array": json.dumps(whole),
        "pretty": json.dumps(whole, indent=2),
        "without a line end": "".join(map(json.dumps, whole)),
    }.items():
        path = tmp_path / f"{name}.json"
        path.write_text(text[: -len(text) // 10], encoding="utf-8")
        found = run(adapter(system), [path])
        assert len(found.events) == 4, name
        (letter,) = found.letters
        assert (letter["detail"], letter["reason"]) == ("not JSON", "not_json")
        assert letter["record"] in text
