"""What an adapter must be able to say, each by name, on the system where it occurs."""

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest

from streams.lab.replay import replay_directory
from streams.mapping.config import in_zone, parse, with_tables
from tests.adapt.exports import (
    Json,
    at,
    connect_leg,
    paid_back,
    segment_call,
    segment_order,
    shopify_order,
    shopify_refund,
    zendesk_ticket,
    zulu,
)
from tests.adapt.runs import adapter, given, run, table

SHOPIFY, SEGMENT = adapter("shopify"), adapter("segment")
CONNECT, ZENDESK = adapter("amazon-connect"), adapter("zendesk")


def told(event: Json, *names: str) -> tuple[object, ...]:
    return tuple(event.get(name) for name in names)


def kinds(events: list[Json]) -> list[tuple[object, ...]]:
    return [told(event, "kind", "amount") for event in events]


def test_partial_refunds(tmp_path: Path) -> None:
    order = shopify_order(1, "7", at(), 10_000, refunds=[shopify_refund(1, at(3), [paid_back(2_550)])])
    again = order | {
        "updated_at": zulu(at(5)),
        "refunds": [*order["refunds"], shopify_refund(2, at(5), [paid_back(1_000), paid_back(500)])],
    }
    found = given(SHOPIFY, tmp_path, [order, again])
    assert kinds(found.events) == [("purchase", "100"), ("refund", "25.5"), ("refund", "15")]
    assert told(found.events[1], "event_id", "original_time") == ("refund-900001", found.events[0]["time"])
    assert found.skipped == {"unchanged": 2}  # the order, and the refund that it repeats


def test_a_refund_without_an_amount_of_which_the_order_lines_tell(tmp_path: Path) -> None:
    line = {"quantity": 2, "subtotal": 19.5, "total_tax": 1.56, "line_item": {"price": "9.75"}}
    bare = {"quantity": 3, "subtotal": None, "total_tax": None, "line_item": {"price": "1.10"}}
    refunds = [shopify_refund(1, at(3), [], [line, bare]), shopify_refund(2, at(4), [], [])]
    found = given(SHOPIFY, tmp_path, [shopify_order(1, "7", at(), 10_000, refunds=refunds)])
    assert kinds(found.events) == [("purchase", "100"), ("refund", "24.36")]
    assert found.skipped == {"refund of nothing": 1}


def test_a_refund_without_an_amount_of_segment(tmp_path: Path) -> None:
    products = [{"price": 3.5, "quantity": 2}, {"price": 1.25}]
    calls = [
        segment_order(1, "7", at(), 2_000),
        segment_call(2, "7", at(1), "Order Refunded", order_id="o-1", products=products),
        segment_order(3, "7", at(2), 500),
        segment_call(4, "7", at(3), "Order Refunded", order_id="o-3"),
        segment_call(5, "7", at(3), "Order Refunded", order_id="o-9"),
    ]
    found = given(SEGMENT, tmp_path, calls)
    assert kinds(found.events) == [
        ("purchase", "20"),
        ("refund", "8.25"),
        ("purchase", "5"),
        ("correction", "0"),  # all of it came back
    ]
    assert found.skipped == {"called off": 1}


def test_buying_a_gift_card_is_spend_and_paying_with_one_is_not(tmp_path: Path) -> None:
    sale = {"gateway": "gift_card", "kind": "sale", "status": "success", "amount": "30.00"}
    failed = sale | {"status": "failure"}
    orders = [
        shopify_order(1, "7", at(0), 5_000, line_items=[{"price": "50.00", "gift_card": True}]),
        shopify_order(2, "7", at(1), 5_000, payment_gateway_names=["gift_card"]),
        shopify_order(
            3, "7", at(2), 8_000, payment_gateway_names=["gift_card", "visa"], transactions=[sale, failed]
        ),
        shopify_order(4, "7", at(3), 8_000, payment_gateway_names=["gift_card", "visa"]),
        shopify_order(
            5, "7", at(4), 8_000, refunds=[shopify_refund(1, at(5), [paid_back(8_000, "gift_card")])]
        ),
    ]
    found = given(SHOPIFY, tmp_path, orders)
    assert kinds(found.events) == [*zip(["purchase"] * 4, ["50", "0", "50", "80"], strict=True)]
    assert found.skipped == {"refund onto a gift card, or one that failed": 1}
    assert [letter["detail"][:15] for letter in found.letters] == ["amount: missing"]  # a part, but which?


def test_several_currencies_with_a_table_of_rates_by_day(tmp_path: Path) -> None:
    rates = table(tmp_path, "rates.csv", "day,currency,rate\n2024-01-01,EUR,1.10\n2024-01-05,EUR,1.20\n")
    orders = [
        shopify_order(1, "7", at(0), 1_000, currency="EUR", presentment_currency="EUR"),
        shopify_order(2, "7", at(6), 1_000, currency="EUR", presentment_currency="EUR"),
        shopify_order(3, "7", at(6), 1_000),
        shopify_order(4, "7", at(6), 1_000, currency="GBP"),
    ]
    refund = shopify_refund(1, at(7), [paid_back(500, currency="EUR")])
    found = given(
        with_tables(SHOPIFY, {}, rates=rates), tmp_path, [orders[0] | {"refunds": [refund]}, *orders[1:]]
    )
    assert [told(one, "currency", "exchange_rate") for one in found.events] == [
        ("EUR", "1.1"),
        ("EUR", "1.2"),
        ("USD", None),
        ("EUR", "1.1"),  # the refund, at the rate of its purchase
    ]
    assert {letter["reason"] for letter in found.letters} == {"currency"}


def test_subscription_renewals_are_charges_and_their_refunds_are_nothing(tmp_path: Path) -> None:
    orders = [
        shopify_order(1, "7", at(0), 900),
        shopify_order(2, "7", at(30), 900, source_name="subscription_contract"),
        shopify_order(3, "7", at(60), 900, tags="box, Subscription Recurring Order"),
        shopify_order(4, "7", at(90), 0, source_name="subscription_contract"),
        shopify_order(5, "7", at(120), 900, source_name="subscription_contract", cancelled_at=zulu(at(120))),
    ]
    orders[1]["refunds"] = [shopify_refund(1, at(31), [paid_back(900)])]
    found = given(SHOPIFY, tmp_path, orders)
    assert kinds(found.events) == [("purchase", "9"), *[("subscription_charge", "9")] * 2]
    assert found.skipped == {"refund of a renewal": 1, "nothing charged": 1, "called off": 1}


def test_subscription_renewals_of_segment(tmp_path: Path) -> None:
    calls = [
        segment_order(1, "7", at(), 900),
        segment_order(2, "7", at(30), 900, subscription="renewal"),
        segment_call(3, "7", at(31), "Order Refunded", order_id="o-2", total=9, subscription="renewal"),
    ]
    found = given(SEGMENT, tmp_path, calls)
    assert kinds(found.events) == [("purchase", "9"), ("subscription_charge", "9")]
    assert found.skipped == {"refund of a renewal": 1}


@pytest.mark.parametrize("system", ["shopify", "segment"])
def test_order_edits_and_upsells_under_the_same_id_are_corrections(tmp_path: Path, system: str) -> None:
    if system == "shopify":
        first = shopify_order(1, "7", at(), 1_000)
        records = [first, first | {"total_price": "25.00", "updated_at": zulu(at(0, minutes=5))}]
        found = given(SHOPIFY, tmp_path, [*records, records[0]])
    else:
        upsell = segment_call(2, "7", at(0, minutes=5), "Order Updated", order_id="o-1", total=25)
        found = given(SEGMENT, tmp_path, [segment_order(1, "7", at(), 1_000), upsell])
    bought, edited = found.events
    assert told(edited, "kind", "previous_amount", "amount") == ("correction", "10", "25")
    assert told(edited, "corrects", "original_time") == told(bought, "event_id", "time")
    assert edited["event_id"] != bought["event_id"]


def test_cancelled_and_test_orders(tmp_path: Path) -> None:
    paid = shopify_order(1, "7", at(), 1_000)
    voided = shopify_order(2, "7", at(1), 1_000)
    line = {"quantity": 1, "subtotal": "10.00", "total_tax": "0.00", "line_item": {}}
    records = [
        paid,
        paid
        | {
            "cancelled_at": zulu(at(2)),
            "updated_at": zulu(at(2)),
            "refunds": [shopify_refund(1, at(2), [paid_back(1_000)])],
        },
        voided,
        voided
        | {
            "cancelled_at": zulu(at(2)),
            "updated_at": zulu(at(2)),
            "financial_status": "voided",
            "refunds": [shopify_refund(2, at(2), [], [line])],
        },
        shopify_order(3, "7", at(3), 1_000, cancelled_at=zulu(at(3))),
        shopify_order(4, "7", at(4), 1_000, test=True),
    ]
    found = given(SHOPIFY, tmp_path, records)
    assert kinds(found.events) == [
        ("purchase", "10"),
        ("purchase", "10"),
        *[("refund", "10"), ("correction", "0")],
    ]
    assert found.skipped == {"unchanged": 1, "nothing was paid": 1, "called off": 1, "test order": 1}


def test_cancelled_and_test_orders_of_segment(tmp_path: Path) -> None:
    calls = [
        segment_order(1, "7", at(), 1_000),
        segment_call(2, "7", at(1), "Order Cancelled", order_id="o-1", total=10),
        segment_order(3, "7", at(2), 1_000, test=True),
    ]
    found = given(SEGMENT, tmp_path, calls)
    assert kinds(found.events) == [("purchase", "10"), ("correction", "0")]
    assert found.skipped == {"test order": 1}


def test_guest_check_outs_and_contacts_without_a_customer_are_counted_never_guessed(tmp_path: Path) -> None:
    assert given(SHOPIFY, tmp_path, [shopify_order(1, None, at(), 1_000)]).skipped == {"no customer": 1}
    assert given(SEGMENT, tmp_path, [segment_order(1, None, at(), 1_000)]).skipped == {"no customer": 1}
    assert given(CONNECT, tmp_path, [connect_leg("k", None, at())]).skipped == {"no customer": 1}
    assert given(ZENDESK, tmp_path, [zendesk_ticket(1, None, at())]).skipped == {"no customer": 1}


def test_a_customer_is_found_by_a_phone_number(tmp_path: Path) -> None:
    phones = table(
        tmp_path, "phones.csv", "phone,customer_id\n(212) 555-0100,7\n212-555-0101,8\n+12125550101,9\n"
    )
    config = with_tables(CONNECT, {"phones": phones})
    endpoints = [{"Type": "TELEPHONE_NUMBER", "Address": f"+1212555010{last}"} for last in "012"]
    legs = [connect_leg(f"k-{n}", None, at(n), CustomerEndpoint=one) for n, one in enumerate(endpoints)]
    found = given(
        config,
        tmp_path,
        [*legs, connect_leg("k-3", "6", at(5)), connect_leg("k-4", None, at(6), CustomerEndpoint=None)],
    )
    assert [event["customer_id"] for event in found.events] == ["7", "6"]
    assert found.skipped == {"no customer": 3}


def test_a_customer_is_found_by_the_requester(tmp_path: Path) -> None:
    requesters = table(tmp_path, "requesters.csv", "requester_id,customer_id\n380001,7\n")
    config = with_tables(ZENDESK, {"requesters": requesters})
    found = given(config, tmp_path, [zendesk_ticket(1, None, at()), zendesk_ticket(2, None, at())])
    assert [event["customer_id"] for event in found.events] == ["7"]


@pytest.mark.parametrize(
    ("changed", "stage", "by"),
    [
        ({"Agent": None}, "queue", "customer"),
        ({"Agent": None, "Queue": None}, "ivr", "customer"),
        ({"Agent": None, "Queue": None, "DisconnectReason": "CONTACT_FLOW_DISCONNECT"}, "ivr", "system"),
        ({"Agent": None, "DisconnectReason": "TELECOM_PROBLEM"}, "queue", "network"),
        ({"Agent": None, "DisconnectReason": "SOMETHING_NEW"}, "queue", None),
        ({}, "agent", "customer"),
    ],
)
def test_calls_that_never_reached_an_agent(tmp_path: Path, changed: Json, stage: str, by: str | None) -> None:
    (event,) = given(CONNECT, tmp_path, [connect_leg("k", "7", at(), **changed)]).events
    assert told(event, "ended_stage", "ended_by", "answered") == (stage, by, None)


def test_call_backs_and_transfers_are_one_contact_with_versions(tmp_path: Path) -> None:
    more: Json = {"InitialContactId": "k-1"}
    legs = [
        connect_leg("k-1", "7", at(), Agent=None, NextContactId="k-2"),
        connect_leg(
            "k-2",
            "7",
            at(0, hours=2),
            InitiationMethod="CALLBACK",
            TransferCompletedTimestamp=zulu(at(0, hours=2)),
            **more,
        ),
        connect_leg(
            "k-3",
            "7",
            at(0, hours=2.2),
            InitiationMethod="TRANSFER",
            Attributes={"customer_id": "7", "csat": "2"},
            **more,
        ),
        connect_leg("k-9", "7", at(0, hours=2.3), InitiationMethod="MONITOR", **more),
    ]
    survey = legs[2] | {"LastUpdateTimestamp": zulu(at(2)), "Attributes": {"customer_id": "7", "csat": "1"}}
    found = given(CONNECT, tmp_path, [*legs, survey, legs[0]])
    assert [told(event, "contact_id", "version", "ended_stage", "csat") for event in found.events] == [
        ("k-1", 1, "queue", None),
        ("k-1", 2, "transfer", None),
        ("k-1", 3, "agent", 2),
        ("k-1", 4, "agent", 1),
    ]
    last = found.events[-1]
    assert told(last, "direction", "answered", "transfers_cold", "queue_seconds") == ("inbound", True, 1, 120)
    assert last["started_at"] == found.events[0]["started_at"]
    assert found.skipped == {"a supervisor who listened": 1, "unchanged": 1}


@pytest.mark.parametrize(
    ("changed", "answered"),
    [
        ({}, True),
        ({"ConnectedToSystemTimestamp": None}, False),
        ({"AnsweringMachineDetectionStatus": "VOICEMAIL_BEEP"}, False),
    ],
)
def test_calls_out_say_whether_they_were_answered(tmp_path: Path, changed: Json, answered: bool) -> None:
    leg = connect_leg("k", "7", at(), InitiationMethod="OUTBOUND", **changed)
    (event,) = given(CONNECT, tmp_path, [leg]).events
    assert told(event, "direction", "answered") == ("outbound", answered)


def test_a_chat_begins_by_api_and_is_the_customers(tmp_path: Path) -> None:
    leg = connect_leg("k", "7", at(), Channel="CHAT", InitiationMethod="API", CustomerEndpoint=None)
    (event,) = given(CONNECT, tmp_path, [leg, connect_leg("t", "7", at(), Channel="TASK")]).events
    assert told(event, "channel", "direction", "answered") == ("chat", "inbound", None)


def test_event_ids_that_are_unique_only_within_a_type(tmp_path: Path) -> None:
    order = shopify_order(1, "7", at(), 1_000, id=900_001)
    found = given(SHOPIFY, tmp_path, [order | {"refunds": [shopify_refund(1, at(1), [paid_back(100)])]}])
    assert [event["event_id"] for event in found.events] == ["order-900001", "refund-900001"]


CSV = """
[source.calls]
format = "csv"
separator = ";"
[[source.calls.event]]
name = "call"
to = "contact"
[source.calls.event.fields]
contact_id = "call"
customer_id = "customer"
started_at = { from = "started", time = "%d.%m.%Y %H:%M" }
ended_at = { from = "ended", time = "%d.%m.%Y %H:%M" }
channel = { value = "voice" }
"""


def test_dst_and_zone_less_local_times_with_a_stated_zone(tmp_path: Path) -> None:
    config = parse(CSV, folder=tmp_path, name="calls.toml")
    path = table(
        tmp_path,
        "calls.csv",
        "call;customer;started;ended\n"
        "1;7;31.03.2024 01:50;31.03.2024 03:10\n"  # ten minutes and ten more, over the hour that is left out
        "2;7;27.10.2024 01:50;27.10.2024 02:10\n"  # the first of the two
        "3;7;15.07.2024 12:00;15.07.2024 12:10\n",
    )
    found = run(in_zone(config, "Europe/Berlin"), [path])
    assert [told(one, "contact_id", "started_at", "ended_at") for one in found.events] == [
        ("1", "2024-03-31T00:50:00.000Z", "2024-03-31T01:10:00.000Z"),
        ("3", "2024-07-15T10:00:00.000Z", "2024-07-15T10:10:00.000Z"),
        ("2", "2024-10-26T23:50:00.000Z", "2024-10-27T00:10:00.000Z"),
    ]
    assert [letter["detail"] for letter in run(config, [path]).letters] == [
        "started_at: no offset from UTC: give the source a zone, such as Europe/Berlin"
    ] * 3


def test_customers_that_were_merged_later_have_one_history(tmp_path: Path) -> None:
    merged = table(tmp_path, "merged.csv", "customer_id,merged_into\n7,8\n8,9\n")
    orders = [shopify_order(n, customer, at(n), 1_000) for n, customer in enumerate("789")]
    found = given(with_tables(SHOPIFY, {}, merged=merged), tmp_path, orders)
    assert [event["customer_id"] for event in found.events] == ["9", "9", "9"]


def test_segment_tells_itself_of_merged_customers(tmp_path: Path) -> None:
    alias = {
        "type": "alias",
        "messageId": "a-1",
        "previousId": "7",
        "userId": "8",
        "timestamp": "2024-01-20T00:00:00.000Z",
    }
    found = given(SEGMENT, tmp_path, [segment_order(1, "7", at(), 1_000), alias, {"type": "identify"}])
    assert told(found.events[1], "type", "customer_id", "merged_into") == ("customer_merged", "7", "8")
    assert found.skipped == {"no event rule matches": 1}
    (tmp_path / "transactions.jsonl").write_text(
        "\n".join(map(json.dumps, found.events)) + "\n", encoding="utf-8"
    )
    tick = {"type": "tick", "time": zulu(at(30)), "source": "segment"}
    for name in ("transactions.jsonl", "contacts.jsonl"):
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(tick) + "\n")
    replayed = replay_directory(tmp_path, partitions=1, now_ms=1_800_000_000_000)
    view = replayed.lookup("8")
    assert view is not None
    assert sum(view.panes.cents) == 1_000


def test_each_state_of_a_ticket_is_a_version_of_one_contact(tmp_path: Path) -> None:
    opened = zendesk_ticket(1, "7", at(), status="open", updated_at=zulu(at()), metric_set={})
    solved = zendesk_ticket(1, "7", at(), updated_at=zulu(at(1)))
    closed = solved | {"status": "closed", "updated_at": zulu(at(5))}
    rated = closed | {"satisfaction_rating": {"score": "bad"}, "updated_at": zulu(at(6))}
    found = given(
        ZENDESK,
        tmp_path,
        [{"tickets": [opened, solved]}, closed, rated, zendesk_ticket(2, "7", at(), status="deleted")],
    )
    assert [told(one, "event_id", "resolution", "ended_at", "csat") for one in found.events] == [
        ("ticket-1/1", "unknown", None, None),
        ("ticket-1/2", "resolved", "2024-01-02T09:00:00.000Z", None),
        ("ticket-1/3", "resolved", "2024-01-02T09:00:00.000Z", 1),
    ]
    assert found.events[-1]["first_reply_seconds"] == 95 * 60
    assert found.skipped == {"unchanged": 1, "deleted ticket": 1}


def test_amounts_that_javascript_added_up_are_rounded(tmp_path: Path) -> None:
    call = segment_order(1, "7", at(), 0, total=0.1 + 0.2)
    assert kinds(given(SEGMENT, tmp_path, [call]).events) == [("purchase", "0.3")]


def test_an_order_that_was_imported_counts_when_it_was_processed(tmp_path: Path) -> None:
    order = shopify_order(1, "7", at(100), 1_000, processed_at=zulu(at(-100)), updated_at=zulu(at(100)))
    (event,) = given(SHOPIFY, tmp_path, [order]).events
    assert event["time"] == zulu(at(-100)).replace("Z", ".000Z")
    assert at(-100) - at(100) == timedelta(days=-200)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_an_export_means_nothing(tmp_path: Path, seed: int) -> None:
    order = shopify_order(1, "7", at(), 1_000)
    edited = order | {"total_price": "15.00", "updated_at": zulu(at(1))}
    refunded = edited | {
        "updated_at": zulu(at(2)),
        "refunds": [shopify_refund(1, at(2), [paid_back(500)]), shopify_refund(2, at(2), [paid_back(1)])],
    }
    others = [shopify_order(number, str(number), at(number, minutes=1), 500) for number in range(2, 9)]
    records = [order, edited, refunded, *others]
    expected = given(SHOPIFY, tmp_path, records)
    shuffled = random.Random(seed).sample(records, len(records))
    found = given(SHOPIFY, tmp_path, shuffled)
    assert found.events == expected.events
    assert found.skipped == expected.skipped
