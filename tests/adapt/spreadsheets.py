"""Generated data as two spreadsheets, as shops and contact centres export them; and what survives in them.

`python -m tests.adapt.spreadsheets DATA OUT` writes `orders.csv` and `calls.csv`. The contacts are synthetic.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("America/New_York")
"""In which both are written, without saying so."""
STATUS: Final = {"purchase": "Completed", "refund": "Refunded", "chargeback": "Chargeback"}
OUTCOMES: Final = {"resolved": "Solved", "unresolved": "Not solved", "unknown": "Other"}
CHANNELS: Final = {"voice": "Phone", "chat": "Live chat", "email": "E-mail", "message": "WhatsApp"}
ENDERS: Final = {"customer": "Customer", "agent": "Agent", "system": "System", "network": "Line lost"}
ORDERS: Final = ("Order No", "Customer No", "Order Date", "Total", "Status")
CALLS: Final = (
    *("Call ID", "Customer No", "Channel", "Started", "Ended", "Queue (s)", "Transfers", "Outcome"),
    *("Ended by", "Asked for manager", "Survey"),
)
Event = dict[str, Any]


def write_spreadsheets(data: Path, out: Path) -> None:
    """Write generated data as `orders.csv` and `calls.csv`, with cancelled, test and guest orders besides."""
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "orders.csv", ",", ORDERS, _orders(_events(data, "transactions")))
    _write(out / "calls.csv", ";", CALLS, map(_call, _contacts(data)))


def write_survivors(data: Path, out: Path) -> None:
    """Write as event files what of generated data survives in the spreadsheets."""
    out.mkdir(parents=True, exist_ok=True)
    purchases = [event for event in _events(data, "transactions") if event["kind"] in STATUS]
    _write_events(out / "transactions.jsonl", map(_survivor, purchases))
    _write_events(out / "contacts.jsonl", map(_surviving_contact, _contacts(data)))


def _events(data: Path, name: str) -> list[Event]:
    """Return the events of a file, each once."""
    lines = (data / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in dict.fromkeys(lines)]


def _contacts(data: Path) -> list[Event]:
    """Return the contacts that ended, as they were in the end."""
    newest: dict[str, Event] = {}
    for event in _events(data, "contacts"):
        before = newest.get(event.get("contact_id", ""), {"version": 0})
        if event["type"] == "contact" and event["version"] > before["version"]:
            newest[event["contact_id"]] = event
    return [event for event in newest.values() if event.get("ended_at") and event["channel"] in CHANNELS]


def _orders(events: list[Event]) -> Iterator[tuple[object, ...]]:
    for at, event in enumerate(events):
        if event["kind"] in STATUS:
            sign = "" if event["kind"] == "purchase" else "-"
            total = f"{sign}${float(event['amount']):,.2f}"
            yield event["order_id"], event["customer_id"], _local(event), total, STATUS[event["kind"]]
        if at % 100 == 0:
            yield f"c-{at}", event["customer_id"], _local(event), "$20.00", "Cancelled"
            yield f"t-{at}", event["customer_id"], _local(event), "$1.00", "Test"
            yield f"g-{at}", "guest", _local(event), "$30.00", "Completed"


def _local(event: Event) -> str:
    return f"{_at(event['time']):%m/%d/%Y %H:%M}"


def _call(event: Event) -> tuple[object, ...]:
    requested = event.get("escalation_requested")
    return (
        event["contact_id"],
        event["customer_id"],
        CHANNELS[event["channel"]],
        f"{_at(event['started_at']):%Y-%m-%d %H:%M:%S}" if event.get("started_at") else "",
        f"{_at(event['ended_at']):%Y-%m-%d %H:%M:%S}",
        event.get("queue_seconds", ""),
        event.get("transfers_cold", ""),
        OUTCOMES.get(event.get("resolution", ""), ""),
        ENDERS.get(event.get("ended_by", ""), ""),
        "" if requested is None else "Yes" if requested else "No",
        event.get("csat", ""),
    )


def _at(time: str) -> datetime:
    return datetime.fromisoformat(time).astimezone(ZONE)


def _utc(local: datetime) -> str:
    """Return a time as UTC, after its offset was lost: of the hour that comes twice, the first."""
    return f"{local.replace(fold=0).astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def _survivor(event: Event) -> Event:
    prefix = "" if event["kind"] == "purchase" else "refund-"
    return {
        **{name: event[name] for name in ("type", "customer_id", "kind", "amount", "currency")},
        "event_id": f"{prefix}{event['order_id']}",
        "source": "orders",
        "time": _utc(_at(event["time"]).replace(second=0, microsecond=0)),
    }


def _surviving_contact(event: Event) -> Event:
    names = (
        *("type", "customer_id", "contact_id", "channel", "queue_seconds", "transfers_cold", "resolution"),
        *("ended_by", "escalation_requested", "csat"),
    )
    ended = _utc(_at(event["ended_at"]).replace(microsecond=0))
    started = (
        {"started_at": _utc(_at(event["started_at"]).replace(microsecond=0))} if "started_at" in event else {}
    )
    return {
        **{name: event[name] for name in names if event.get(name) is not None},
        **started,
        "event_id": f"{event['contact_id']}/1",
        "version": 1,
        "source": "calls",
        "time": ended,
        "ended_at": ended,
    }


def _write(path: Path, separator: str, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator).writerows([header, *rows])


def _write_events(path: Path, events: Iterable[Event]) -> None:
    ordered = sorted(events, key=lambda event: str(event["time"]))
    path.write_text("".join(f"{json.dumps(event)}\n" for event in ordered), encoding="utf-8")


if __name__ == "__main__":
    write_spreadsheets(Path(sys.argv[1]), Path(sys.argv[2]))
