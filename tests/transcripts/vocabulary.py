"""What the words of a transcript mean: times, macros and events, as the lines of a directory.

Times are `d150 10:30:00.001`: day 150 after Thursday 2024-01-04T00:00Z, so a day divisible by 7 starts with a
population refresh. Spans are a number and one of s, m, h, d.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

_DAY_0 = datetime(2024, 1, 4, tzinfo=UTC)
_TIME = re.compile(r"d(-?\d+) (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_NAMESPACE = UUID("731beb54-e8c9-5a95-9036-e6143143d599")
_SHORT = {
    "customer": "customer_id",
    "rate": "exchange_rate",
    "original": "original_time",
    "ended": "ended_at",
    "event": "event_id",
    "snooze": "snooze_until",
}
_TIMES = {"time", "ended_at", "original_time", "snooze_until"}


def moment(text: str) -> datetime:
    """Read a time of a transcript."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not a time: {text}")
    days, hours, minutes, seconds, ms = (int(part or 0) for part in match.groups())
    return _DAY_0 + timedelta(days, seconds, hours=hours, minutes=minutes, milliseconds=ms)


def span(text: str) -> timedelta:
    """Read a span such as `7d`."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def stamp(time: datetime) -> str:
    """Spell a time as on the wire."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Arrival:
    """One line of a file and when it arrives."""

    at: datetime
    event: dict[str, Any]


def transactions(scenario: dict[str, Any]) -> Iterator[Arrival]:
    """Yield the transactions: the population, the regular purchases, those written out, then the ticks."""
    yield from _population(scenario.get("population") or [])
    for regular in scenario.get("regular", []):
        yield from _regular(**regular)
    for written in scenario.get("transactions", []):
        yield _arrival(written, type="transaction", source="pos", kind="purchase")
    for ticks in scenario.get("ticks", []):
        yield from _ticks(**ticks)
    if "until" in scenario:
        yield _arrival({"tick": scenario["until"]})


def _population(groups: list[dict[str, Any]]) -> Iterator[Arrival]:
    """Yield the purchases of `count` customers p0000, p0001, ... a group: one `at` a time, or regular ones.

    The amounts grow by `step` from one customer of a group to the next.
    """
    number = 0
    for group in groups:
        for place in range(group["count"]):
            amount = Decimal(group["amount"]) + place * Decimal(group.get("step", "0"))
            rhythm = {
                "from": group["at"],
                "every": group.get("every", "1d"),
                "until": group.get("until", "d99999 00:00"),
            }
            made = _regular(customer=f"p{number:04}", amount=str(amount), **rhythm)
            yield from made if "every" in group else islice(made, 1)
            number += 1


def _regular(
    *,
    customer: str | list[str],
    every: str,
    amount: str,
    until: str,
    delay: str = "0s",
    source: str = "pos",
    **start: str,
) -> Iterator[Arrival]:
    """Yield purchases from `from` on, up to but without `until`, each arriving `delay` after its time."""
    for name in [customer] if isinstance(customer, str) else customer:
        time = moment(start["from"])
        while time < moment(until):
            event = {"type": "transaction", "source": source, "kind": "purchase", "customer_id": name}
            event |= {"time": stamp(time), "amount": amount, "currency": "USD"}
            yield Arrival(time + span(delay), event)
            time += span(every)


def _ticks(*, every: str, until: str, **start: str) -> Iterator[Arrival]:
    """Yield ticks of the purchase feed from `from` on, up to but without `until`."""
    time = moment(start["from"])
    while time < moment(until):
        yield Arrival(time, {"type": "tick", "source": "pulse", "time": stamp(time)})
        time += span(every)


def contacts(scenario: dict[str, Any]) -> Iterator[Arrival]:
    """Yield the contacts and notices."""
    for written in scenario.get("contacts", []):
        kind = "notice" if "notice" in written else "contact"
        yield _arrival(written, type=kind, source="crm")


def customers(scenario: dict[str, Any]) -> Iterator[Arrival]:
    """Yield the profiles."""
    for written in scenario.get("customers", []):
        yield _arrival(written, type="profile", source="crm")


def dispositions(scenario: dict[str, Any]) -> Iterator[Arrival]:
    """Yield the dispositions; `contact`, or `z` under the silent rule, gives the alert's id."""
    for written in scenario.get("dispositions", []):
        rest = {key: value for key, value in written.items() if key not in {"contact", "z"}}
        customer = rest.get("customer", "a")
        alert_id = (
            silent_alert_id(customer, written["z"])
            if "z" in written
            else _contact_alert_id(customer, written["contact"])
        )
        yield _arrival(rest, type="disposition", source="desk", alert_id=alert_id)


def _contact_alert_id(customer: str, contact_id: str) -> str:
    return str(uuid5(_NAMESPACE, json.dumps([customer, "crm", contact_id], separators=(",", ":"))))


def silent_alert_id(customer: str, day: str) -> str:
    """Return the id of the silent alert of a customer under watch since 00:00 of a day such as `d147`."""
    hour = int(moment(f"{day} 00:00").timestamp()) // 3600
    return str(uuid5(_NAMESPACE, f"{customer}/silent/{hour}"))


def _arrival(written: dict[str, Any], **fixed: Any) -> Arrival:
    """Turn what is written into an event, filling in what does not matter."""
    if "tick" in written:
        time = moment(written["tick"])
        return Arrival(time, {"type": "tick", "source": "pulse", "time": stamp(time)})
    event = fixed | {"customer_id": "a"}
    for word, value in written.items():
        key = _SHORT.get(word, word)
        event[key] = stamp(moment(value)) if key in _TIMES else value
    arrives = event.pop("arrives", written["time"])
    if fixed["type"] == "transaction" and "amount" in event:
        event.setdefault("currency", "USD")
    if fixed["type"] == "contact":
        event = {"version": 1, "channel": "voice", **event}
    if fixed["type"] == "notice":
        event["change"] = event.pop("notice")
    if "id" in event:
        event["contact_id"] = event.pop("id")
    return Arrival(moment(arrives), event)


def write(scenario: dict[str, Any], directory: Path) -> None:
    """Write a scenario as a directory; lines that arrive together keep the order of the transcript."""
    for source in (transactions, contacts, customers, dispositions):
        arrivals = sorted(source(scenario), key=lambda arrival: arrival.at)
        lines = []
        for number, arrival in enumerate(arrivals):
            event = arrival.event
            if event["type"] != "tick":
                event = {"event_id": f"e{number:05}", **event}
            lines.append(json.dumps(event) + "\n")
        if lines or source in (transactions, contacts):
            (directory / f"{source.__name__}.jsonl").write_text("".join(lines), encoding="utf-8")
