"""Records as a whole: bytes that are no JSON, too large, of a wrong type, and what a refusal says."""

import json
from typing import Annotated, Literal

import pytest
from annotated_types import Predicate

from schemas import reference, wire
from schemas.common import MAX_BYTES, Model
from schemas.dead_letter import Reason
from schemas.events import Refusal, Tick, Transaction
from schemas.faults import NEGATIVE
from schemas.hot import Decoder
from schemas.topics import CONTACTS, CUSTOMERS, DISPOSITIONS, INPUTS, TRANSACTIONS, Topic
from schemas.transaction import Transaction as TransactionModel
from tests.schemas.lines import (
    CANARY,
    FULL,
    PRICE,
    PURCHASE,
    SOUND,
    TIME_MS,
    TOPIC,
    Message,
    hot_alone,
    public,
    read,
    read_message,
    spell,
)


def refusal(raw: bytes, topic: Topic = TRANSACTIONS) -> Refusal:
    refused = read(raw, topic)
    assert isinstance(refused, Refusal), refused
    assert public(topic)(raw) == refused
    return refused


SOUND_PURCHASE = spell(PURCHASE)
NOT_JSON = [
    b"",
    b" ",
    b"\x00",
    b"{",
    b"[" * 60_000,
    b"[" * 300 + b"]" * 300,
    b'{"type":"transaction","a":' + b"[" * 30_000,
    SOUND_PURCHASE[:-1],
    SOUND_PURCHASE[:-1] + b",}",
    SOUND_PURCHASE + b"x",
    SOUND_PURCHASE + b"\x00",
    SOUND_PURCHASE + SOUND_PURCHASE,
    SOUND_PURCHASE.decode().encode("utf-16"),
    SOUND_PURCHASE.replace(b'"', b"'"),
    SOUND_PURCHASE.replace(b'"37.45"', b"NaN"),
    SOUND_PURCHASE.replace(b'"37.45"', b"Infinity"),
    SOUND_PURCHASE.replace(b'"37.45"', b"-Infinity"),
    SOUND_PURCHASE.replace(b'"37.45"', b"nul"),
    SOUND_PURCHASE.replace(b'"37.45"', b"01"),
    SOUND_PURCHASE.replace(b'"37.45"', b"1."),
    SOUND_PURCHASE.replace(b'"37.45"', b"9" * 5_000),
    SOUND_PURCHASE.replace(b"37.45", b"\xff"),
    SOUND_PURCHASE.replace(b"37.45", b"\xc0\x80"),
    SOUND_PURCHASE.replace(b"37.45", b"\xed\xa0\x80"),
    SOUND_PURCHASE.replace(b"37.45", b"\\ud800"),
    SOUND_PURCHASE.replace(b"37.45", b"\\udc00x"),
    SOUND_PURCHASE.replace(b"37.45", b"\\x41"),
    SOUND_PURCHASE.replace(b"37.45", b"a\nb"),
    SOUND_PURCHASE.replace(b'"kind"', b'"\xff"'),
]


@pytest.mark.parametrize("at", range(len(NOT_JSON)))
def test_what_is_not_json_in_utf_8_is_refused_as_such(at: int) -> None:
    for topic in INPUTS:
        assert refusal(NOT_JSON[at], topic).reason is Reason.NOT_JSON


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"true",
        b"[{}]",
        b"{}",
        b'{"type":null}',
        b'{"type":5}',
        b'{"Type":""}',
    ],
)
def test_json_that_is_not_an_object_with_a_type_is_refused_by_the_schema(raw: bytes) -> None:
    for topic in INPUTS:
        assert refusal(raw, topic).reason is Reason.SCHEMA


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
def test_a_type_that_does_not_belong_on_the_topic_is_unknown(topic: Topic) -> None:
    for kind in (*FULL, "alert", "", "Transaction", "transaction ", "tick\u0000"):
        if kind in topic.models:
            assert not isinstance(read(spell(FULL[kind]), topic), Refusal)
        else:
            assert refusal(spell({**PURCHASE, "type": kind}), topic).reason is Reason.UNKNOWN_TYPE


@pytest.mark.parametrize("kind", ["transaction", "contact"])
def test_a_record_has_at_most_64_kib(kind: str) -> None:
    topic = TRANSACTIONS if kind == "transaction" else CONTACTS
    padding = MAX_BYTES - len(spell({**FULL[kind], "attributes": {"a": ""}}))
    for more, verdict in ((-1, True), (0, True), (1, False)):
        raw = spell({**FULL[kind], "attributes": {"a": "x" * (padding + more)}})
        assert len(raw) == MAX_BYTES + more
        event = read(raw, topic)
        assert isinstance(event, Refusal) is not verdict
    assert refusal(b"[" * (MAX_BYTES + 1), topic).reason is Reason.TOO_LARGE


def test_of_duplicate_keys_the_last_counts() -> None:
    twice = SOUND_PURCHASE[:-1] + b',"amount":"2","attributes":{"a":"b","a":"c"}}'
    event = read(twice, TRANSACTIONS)
    assert isinstance(event, Transaction)
    assert event.cents == 200


@pytest.mark.parametrize(
    "extra", [b'"amount":5', b'"type":"tick"', b'"kind":"gift"', b'"event_id":""', b'"time":"now"'], ids=repr
)
def test_where_the_hot_path_doubts_a_sound_message_pydantic_decides(extra: bytes) -> None:
    """The one such case: the first of two equal keys has a value that would be refused."""
    raw = b"{" + extra + b"," + SOUND_PURCHASE[1:]
    decoder = Decoder()
    event = decoder.transactions(raw)
    assert event == decoder.transactions(SOUND_PURCHASE)
    assert isinstance(event, Transaction)


def test_white_space_and_escapes_change_nothing() -> None:
    plain = read(SOUND_PURCHASE, TRANSACTIONS)
    loose = json.dumps(PURCHASE, indent="\t").replace("\n", "\r\n ").encode() + b" \n\r\t"
    assert read(loose, TRANSACTIONS) == plain
    escaped = SOUND_PURCHASE.replace(b"kind", b"k\\u0069nd").replace(b"purchase", b"purch\\u0061se")
    assert read(escaped, TRANSACTIONS) == plain


def test_astral_characters_and_nul_survive() -> None:
    event = read_message(PURCHASE, customer_id="\u0000 é \U0001f600")
    assert isinstance(event, Transaction)
    assert event.customer_id == "\u0000 é \U0001f600"
    raw = SOUND_PURCHASE.replace(f"c-{CANARY}".encode(), b"\\ud83d\\ude00")
    paired = read(raw, TRANSACTIONS)
    assert isinstance(paired, Transaction)
    assert paired.customer_id == "\U0001f600"


def test_a_tick_comes_on_either_feed() -> None:
    raw = spell(FULL["tick"])
    assert isinstance(read(raw, TRANSACTIONS), Tick)
    assert read(raw, TRANSACTIONS) == read(raw, CONTACTS)
    assert refusal(raw, CUSTOMERS).reason is Reason.UNKNOWN_TYPE
    assert refusal(raw, DISPOSITIONS).reason is Reason.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"customer_id": ""}, "customer_id: empty"),
        ({"time": CANARY}, "time: not an RFC 3339 time with an offset, such as 2026-03-01T12:00:00Z"),
        ({"time": "2023-02-29T00:00:00Z"}, "time: no such day in the calendar"),
        ({"amount": CANARY}, "amount: not a decimal, such as 12.50"),
        (
            {"kind": "refund", "amount": "0.00"},
            "amount: 0; only a purchase, a correction or a new price may be 0",
        ),
        ({"amount": "1.1234567"}, "amount: more than 6 places after the point"),
        ({"exchange_rate": "0.0"}, "exchange_rate: 0; a rate is above 0"),
        ({"exchange_rate": "1.1234567890123"}, "exchange_rate: more than 12 places after the point"),
        ({"exchange_rate": "3.9E-5"}, "exchange_rate: an exponent; write all digits"),
        ({"kind": "refund", "original_time": "2024-03-17T00:00:00Z"}, "original_time: after time"),
        ({"amount": None}, "amount: missing; only subscription_cancelled goes without"),
        ({"kind": "subscription_cancelled"}, "amount: must be absent for subscription_cancelled"),
        (
            {"previous_amount": "1"},
            "previous_amount: must be absent; only correction and subscription_changed have it",
        ),
        ({"corrects": CANARY}, "corrects: must be absent; only correction has it"),
        (
            {"kind": "subscription_changed", "previous_amount": "0"},
            "previous_amount: 0; where there was no price it is left out",
        ),
        (
            {"kind": "correction"},
            "previous_amount: missing; a correction says what the purchase came to before",
        ),
        (
            {"kind": "correction", "previous_amount": "1"},
            "original_time: missing; a correction says when the purchase happened",
        ),
        (
            {"kind": "correction", "previous_amount": "1", "original_time": "2024-03-17T00:00:00Z"},
            "original_time: after time",
        ),
        (
            {"previous_amount": 5},
            'previous_amount: a number, where text in quotes belongs, such as "12.50" (in Parquet a decimal)',
        ),
        ({"currency": CANARY}, "currency: not an ISO 4217 code, such as USD"),
        ({"currency": "EUR"}, "exchange_rate: missing, with another currency than that of the reports"),
        (
            {"amount": "999999999999.999", "currency": "EUR", "exchange_rate": "2"},
            "amount: more than 10^12 after conversion",
        ),
        (
            PRICE | {"previous_amount": "999999999999.999", "currency": "EUR", "exchange_rate": "2"},
            "previous_amount: more than 10^12 after conversion",
        ),
        (
            {"currency": None, "currencey": "USD"},
            "currency: missing; only subscription_cancelled goes without; currencey is an unknown field",
        ),
        ({"amount": "-5.00"}, f"amount: {NEGATIVE}"),
        (
            {"amount": -5},
            'amount: a number, where text in quotes belongs, such as "12.50" (in Parquet a decimal); and '
            + NEGATIVE,
        ),
        (
            {"exchange_rate": 1.5},
            'exchange_rate: a number, where text in quotes belongs, such as "1.0843" (in Parquet a decimal)',
        ),
        ({"amount": "9" * 60_000}, "amount: longer than any amount"),
        ({"time": "2024-03-05T14:23:11." + "1" * 60_000 + "Z"}, "time: longer than any time"),
        ({"attributes": {CANARY: 1}}, "attributes.*: a number, where text in quotes belongs"),
        ({"attributes": {CANARY: {CANARY: CANARY}}}, "attributes.*: an object, where text in quotes belongs"),
        ({"type": CANARY}, "type: not one of transaction, customer_merged, tick"),
        ({"type": 5}, "type: a number, where text in quotes belongs"),
    ],
)
def test_a_refusal_names_the_field_and_the_rule_and_never_a_value(
    changes: dict[str, object], detail: str
) -> None:
    assert refusal(spell({**PURCHASE, **changes})).detail == detail


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({CANARY: CANARY}, "unknown field"),
        ({"Jane Doe": 1}, "unknown field"),
        ({"kunde-42": 1}, "unknown field"),
        ({"currencey": "USD"}, "currencey: unknown field; currency is known"),
        ({"colour": 1, "size": 2}, "colour, size: unknown fields"),
        ({"colour": 1, "amount": -5}, "colour: unknown field"),
    ],
)
def test_unknown_fields_that_are_to_be_refused_are_named(changes: dict[str, object], detail: str) -> None:
    raw = spell({**PURCHASE, **changes})
    refused = Decoder(strict_fields=True).transactions(raw)
    assert isinstance(refused, Refusal)
    assert refused == reference.decode(raw, TRANSACTIONS, "USD", strict_fields=True)
    assert (refused.reason, refused.detail) == (Reason.SCHEMA, detail)
    assert refused.customer_id == PURCHASE["customer_id"]


def test_only_what_is_accepted_and_has_unknown_fields_is_noted() -> None:
    noted: list[tuple[str, bytes, set[str]]] = []
    decoder = Decoder(note=lambda topic, raw, names: noted.append((topic.name, raw, set(names))))
    for changes in ({}, {"a": 1, "b": 2}, {"a": 1, "amount": "x"}, {"attributes": {"c": "d"}}):
        decoder.transactions(spell({**PURCHASE, **changes}))
    late = b"\xef\xbb\xbf" + spell({**FULL["tick"], "a": 1})
    decoder.contacts(late)
    assert noted == [
        ("transactions", spell({**PURCHASE, "a": 1, "b": 2}), {"a", "b"}),
        ("contacts", late, {"a"}),
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(
            (kind, name)
            for kind in FULL
            for name in ("event_id", "customer_id", "source")
            if name in FULL[kind]
        ),
        *(("transaction", "order_id"), ("transaction", "corrects"), ("contact", "contact_id")),
        *(("contact", "case_id"), ("contact", "parent_contact_id")),
        *(("notice", "contact_id"), ("profile", "account_id"), ("disposition", "alert_id")),
    ],
)
@pytest.mark.parametrize("number", [7, 7.0])
def test_an_id_that_is_a_number_is_told_what_to_write(kind: str, name: str, number: float) -> None:
    """A number has lost the zeros that an id began with, and of a large one the last digits."""
    assert refusal(spell(FULL[kind] | {name: number}), TOPIC[kind]).detail == (
        f'{name}: a number, where text in quotes belongs, such as "0042" with all its zeros '
        "(in Parquet text or whole numbers)"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "EUR"},
        {"amount": "999999999999", "currency": "EUR", "exchange_rate": "2"},
        {"amount": CANARY},
        {"amount": None},
        {"event_id": ""},
        {"event_id": None},
        {"source": 5},
        {"attributes": {CANARY: {CANARY: CANARY}}},
        {"original_time": "yesterday"},
        {"corrects": "t-1"},
        {CANARY: [CANARY], "amount": CANARY},
    ],
)
def test_a_refused_purchase_tells_who_bought_and_when_whatever_is_wrong_with_it(
    changes: dict[str, object],
) -> None:
    refused = refusal(spell({**PURCHASE, **changes}))
    assert (refused.customer_id, refused.time, refused.kind) == (f"c-{CANARY}", TIME_MS, "purchase")


@pytest.mark.parametrize("verdict", [True, False])
def test_who_bought_and_when_are_valid_by_themselves(verdict: bool) -> None:
    sound: Message = PURCHASE | {"currency": "EUR"}
    customers: list[object] = ["x", "x" * 128] if verdict else ["", "x" * 129, 5, None, ["x"]]
    times: list[object] = (
        ["2000-01-01T00:00Z", "9999-12-31 23:59:59.999999999-2359"]
        if verdict
        else ["1999-12-31T23:59:59Z", "2023-02-29T00:00:00Z", CANARY, "", TIME_MS, None]
    )
    changes = [{"customer_id": one} for one in customers] + [{"time": one} for one in times]
    for change in changes:
        refused = refusal(spell(sound | change))
        assert (refused.customer_id is not None) is verdict, change
        assert (refused.time is not None) is verdict, change
        assert refused.kind == ("purchase" if verdict else None)


@pytest.mark.parametrize(
    "raw",
    [
        *(
            spell(PURCHASE | {"currency": "EUR", "kind": kind})
            for kind in ("refund", "fee", "Purchase", None)
        ),
        *(spell(PURCHASE | {"type": kind}) for kind in ("customer_merged", "contact", CANARY, None, 5)),
        *(spell(PURCHASE | {"amount": CANARY}) + end for end in (b"}", b",")),
        spell(PURCHASE | {"attributes": {"a": "x" * MAX_BYTES}}),
        b"[" + SOUND_PURCHASE + b"]",
    ],
)
def test_of_what_is_no_purchase_or_cannot_be_read_nobody_is_told(raw: bytes) -> None:
    refused = refusal(raw)
    assert (refused.customer_id, refused.time, refused.kind) == (None, None, None)


def test_nobody_buys_on_another_topic() -> None:
    for topic in (CONTACTS, CUSTOMERS, DISPOSITIONS):
        assert refusal(SOUND_PURCHASE, topic).customer_id is None


def test_a_refusal_does_not_show_who_bought() -> None:
    refused = refusal(spell(PURCHASE | {"currency": "EUR"}))
    assert CANARY in str(refused.customer_id)
    for shown in (repr(refused), str(refused), f"{refused}"):
        assert CANARY not in shown
        assert str(TIME_MS) not in shown
        assert "exchange_rate: missing" in shown


DAY, CLOCK = "2024-03-05", "14:23:11"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{DAY}T{CLOCK}", "no offset from UTC: add Z or +01:00 (to a Parquet column a time zone)"),
        (f"{DAY} 14:23", "no offset from UTC: add Z or +01:00 (to a Parquet column a time zone)"),
        (f"{DAY}T{CLOCK}.1234567890Z", "more than 9 places of a second"),
        (f"{DAY}T{CLOCK},123Z", "a comma before the places of a second; write a point"),
        (f"{DAY} {CLOCK} +0000", "a blank before the offset; leave it out"),
        (f"{DAY} {CLOCK} UTC", "a zone by its name; write Z or +01:00"),
        (f"{DAY}T{CLOCK}+01:00[Europe/Paris]", "a zone by its name; write Z or +01:00"),
        (f"{DAY} {CLOCK} +0000 UTC", "a zone by its name; write Z or +01:00"),
        (f" {DAY}T{CLOCK}Z", "blanks around the time"),
        (f"{DAY}T24:00Z", "hour 24; write 00:00:00 of the next day"),
        (f"{DAY}T23:59:60Z", "a leap second; write :59"),
        (f"{DAY}T{CLOCK}+60:00", "no such day or time of day"),
        ("1999-12-31t23:59:59z", "before the year 2000"),
    ],
)
def test_a_time_that_is_refused_is_told_what_to_write(text: str, fault: str) -> None:
    assert refusal(spell(PURCHASE | {"time": text})).detail == f"time: {fault}"


def test_an_item_of_a_list_is_named_by_its_place() -> None:
    refused = refusal(spell({**FULL["contact"], "phrases": ["policy", CANARY]}), CONTACTS)
    assert refused.detail.startswith("phrases.1: not one of system_wont_let_me")
    late = refusal(spell({**FULL["contact"], "ended_at": "2024-03-06T00:00:00Z"}), CONTACTS)
    assert late.detail == "ended_at: after time"


def test_an_id_is_not_merged_into_itself() -> None:
    merge = FULL["customer_merged"]
    refused = refusal(spell(merge | {"merged_into": merge["customer_id"]}), TRANSACTIONS)
    assert refused.detail == "merged_into: the same as customer_id"


def test_the_hot_path_knows_every_check_of_a_transaction() -> None:
    """It reads these six by hand; another checked field must be added to it."""
    checked = {name for name, _ in wire.checks(TransactionModel)}
    assert checked == {"time", "original_time", "amount", "previous_amount", "currency", "exchange_rate"}


def test_the_hot_path_doubts_no_sound_message() -> None:
    for kind, messages in SOUND.items():
        for message in messages:
            for topic in INPUTS:
                assert (hot_alone(topic)(spell(message)) is not None) is (kind in topic.models)


def test_a_rule_that_msgspec_does_not_know_stops_the_derivation() -> None:
    class Odd(Model):
        """A model with a rule of another kind."""

        type: Literal["odd"]
        """The type."""
        even: Annotated[int, Predicate(lambda number: number % 2 == 0)]
        """An even number."""

    with pytest.raises(TypeError, match="does not know: Predicate"):
        wire.structs([Odd])
