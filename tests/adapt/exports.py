"""Synthetic exports in the shape of four systems, made after their public schemas.

`shop` and `desk` tell one story twice: some 40 customers who order every week of a year, and three of whom
more is known. LEAVER has a bad contact in week 40 and orders no more. STAYER has the same contact and goes on
ordering. QUIET stops ordering in the same week without any contact.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

LEAVER: Final = "7001"
STAYER: Final = "7002"
QUIET: Final = "7003"
CUSTOMERS: Final = (LEAVER, STAYER, QUIET, *(str(7100 + number) for number in range(37)))
BAD_WEEK: Final = 40
WEEKS: Final = 52
START: Final = datetime(2024, 1, 1, 9, tzinfo=UTC)
BAD_CALL: Final = START + timedelta(weeks=BAD_WEEK, days=6)

Json: TypeAlias = dict[str, Any]


def at(days: float = 0, **more: float) -> datetime:
    """Return a time so long after the start."""
    return START + timedelta(days=days, **more)


def purchases() -> Iterator[tuple[str, datetime, int]]:
    """Yield who bought, when, and for how many cents."""
    for number, customer in enumerate(CUSTOMERS):
        for week in range(WEEKS):
            if customer in {LEAVER, QUIET} and week > BAD_WEEK:
                break
            usual = 20_000 if customer in {LEAVER, STAYER, QUIET} else 2_000 + 50 * number
            yield customer, at(7 * week + number % 3, minutes=number), usual + 100 * (week * 7 % 5)


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def zulu(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def shopify_order(number: int, customer: str | None, time: datetime, cents: int, **changed: Any) -> Json:
    """Return an order as the REST API has it."""
    written = (time - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S-05:00")
    order: Json = {
        "id": 5_000_000_000 + number,
        "name": f"#{1000 + number}",
        "created_at": written,
        "processed_at": written,
        "updated_at": written,
        "cancelled_at": None,
        "test": False,
        "currency": "USD",
        "presentment_currency": "USD",
        "total_price": money(cents),
        "financial_status": "paid",
        "source_name": "web",
        "tags": "",
        "payment_gateway_names": ["shopify_payments"],
        "customer": None if customer is None else {"id": int(customer), "email": "somebody@example.com"},
        "line_items": [{"id": number, "price": money(cents), "quantity": 1, "gift_card": False}],
        "refunds": [],
    }
    return order | changed


def shopify_refund(
    number: int, time: datetime, paid_back: list[Json], lines: list[Json] | None = None
) -> Json:
    """Return a refund of an order."""
    return {
        "id": 900_000 + number,
        "created_at": zulu(time),
        "transactions": paid_back,
        "refund_line_items": lines or [],
    }


def paid_back(cents: int, gateway: str = "shopify_payments", **changed: Any) -> Json:
    """Return a transaction of a refund."""
    transaction = {"kind": "refund", "status": "success", "gateway": gateway, "currency": "USD"}
    return transaction | {"amount": money(cents)} | changed


def connect_leg(contact: str, customer: str | None, time: datetime, **changed: Any) -> Json:
    """Return a contact record; its customer is in an attribute."""
    leg: Json = {
        "ContactId": contact,
        "InitialContactId": None,
        "PreviousContactId": None,
        "NextContactId": None,
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "InitiationTimestamp": zulu(time),
        "ConnectedToSystemTimestamp": zulu(time),
        "DisconnectTimestamp": zulu(time + timedelta(minutes=10)),
        "LastUpdateTimestamp": zulu(time + timedelta(minutes=11)),
        "DisconnectReason": "CUSTOMER_DISCONNECT",
        "TransferCompletedTimestamp": None,
        "CustomerEndpoint": {"Type": "TELEPHONE_NUMBER", "Address": "+12125550100"},
        "SystemEndpoint": {"Type": "TELEPHONE_NUMBER", "Address": "+18005550199"},
        "Queue": {"Name": "orders", "Duration": 40},
        "Agent": {"Username": "agent-1", "CustomerHoldDuration": 0, "NumberOfHolds": 0},
        "Attributes": {} if customer is None else {"customer_id": customer},
    }
    return leg | changed


def bad_calls() -> Iterator[Json]:
    """Yield the call that goes wrong, of two customers: transferred, refused a supervisor, unresolved."""
    for customer in (LEAVER, STAYER):
        first, second = f"call-{customer}-1", f"call-{customer}-2"
        attributes = {
            "customer_id": customer,
            "escalation_requested": "true",
            "escalation_granted": "false",
        }
        yield connect_leg(
            first,
            customer,
            BAD_CALL,
            NextContactId=second,
            TransferCompletedTimestamp=zulu(BAD_CALL),
            Agent={"Username": "agent-1", "CustomerHoldDuration": 90, "NumberOfHolds": 1},
        )
        yield connect_leg(
            second,
            customer,
            BAD_CALL + timedelta(minutes=10),
            InitialContactId=first,
            PreviousContactId=first,
            InitiationMethod="TRANSFER",
            Attributes=attributes,
            Queue={"Name": "complaints", "Duration": 300},
        )


def good_calls() -> Iterator[Json]:
    """Yield a short call of every fifth customer, to the point."""
    for number, customer in enumerate(CUSTOMERS[3::5]):
        yield connect_leg(f"call-{customer}", customer, at(30 * number + 5))


def segment_call(number: int, customer: str | None, time: datetime, event: str, **properties: Any) -> Json:
    """Return a track call."""
    return {
        "type": "track",
        "event": event,
        "messageId": f"message-{number}",
        "userId": customer,
        "anonymousId": f"anonymous-{number}",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "properties": properties,
    }


def segment_order(number: int, customer: str | None, time: datetime, cents: int, **changed: Any) -> Json:
    """Return a completed order; an amount is a number, as JavaScript has it."""
    properties = {"order_id": f"o-{number}", "currency": "USD", "total": cents / 100, "products": []}
    return segment_call(number, customer, time, "Order Completed", **(properties | changed))


def zendesk_ticket(number: int, customer: str | None, time: datetime, **changed: Any) -> Json:
    """Return a ticket with its metric set."""
    ticket: Json = {
        "id": number,
        "created_at": zulu(time),
        "updated_at": zulu(time + timedelta(hours=30)),
        "status": "solved",
        "type": "question",
        "is_public": True,
        "via": {"channel": "email", "source": {"from": {}, "to": {}, "rel": None}},
        "requester_id": 380_000 + number,
        "requester": {"external_id": customer},
        "problem_id": None,
        "tags": [],
        "satisfaction_rating": {"score": "unoffered"},
        "metric_set": {
            "solved_at": zulu(time + timedelta(hours=24)),
            "reply_time_in_minutes": {"calendar": 95, "business": 30},
        },
    }
    return ticket | changed


def tickets() -> Iterator[Json]:
    """Yield the bad ticket of two customers, and short ones of others."""
    for number, customer in enumerate((LEAVER, STAYER)):
        yield zendesk_ticket(
            100 + number,
            customer,
            BAD_CALL,
            status="open",
            satisfaction_rating={"score": "bad"},
            tags=["complaint", "escalation_requested"],
            via={"channel": "voice"},
            metric_set={"solved_at": None, "reply_time_in_minutes": {"calendar": 4000, "business": None}},
        )
    for number, customer in enumerate(CUSTOMERS[3::5]):
        yield zendesk_ticket(200 + number, customer, at(30 * number + 5))


def shopify_and_connect(shop: Path, desk: Path) -> None:
    """Write a year of orders, a page a file, and of calls, a record a line."""
    orders = [shopify_order(number, *one) for number, one in enumerate(purchases())]
    for page, first in enumerate(range(0, len(orders), 250)):
        text = json.dumps({"orders": orders[first : first + 250]})
        (shop / f"orders-{page:02}.json").write_text(text, encoding="utf-8")
    write_lines(desk / "contacts.json", [*good_calls(), *bad_calls()])


def segment_and_zendesk(shop: Path, desk: Path) -> None:
    """Write a year of track calls, one a line, and a page of tickets."""
    write_lines(shop / "calls.json", [segment_order(n, *one) for n, one in enumerate(purchases())])
    (desk / "tickets.json").write_text(json.dumps({"tickets": list(tickets())}), encoding="utf-8")


def write_lines(path: Path, records: list[Json], dumps: Callable[[Json], str] = json.dumps) -> Path:
    """Write a record a line."""
    path.write_text("".join(f"{dumps(one)}\n" for one in records), encoding="utf-8")
    return path
