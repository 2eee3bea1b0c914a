"""A made-up dataset: a crowd of ordinary customers, and the few of high value that a case is about.

Events are dicts as a sender writes them, without `customer_id` and `event_id`, which `World` fills in. A
moment is ms since 1970; `at("09-01 12:00")` is one of 2026.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

Event = dict[str, Any]
_IDS: Final = {"event_id", "corrects"}
Placed = tuple[int, bytes]
"""A line, and when it came."""

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


def at(text: str) -> int:
    """Return the moment of `month-day hour:minute` in 2026; without a time of day, noon."""
    text = text if " " in text else f"{text} 12:00"
    return round(datetime.strptime(f"2026-{text} +0000", "%Y-%m-%d %H:%M %z").timestamp() * 1000)


FIRST: Final = at("01-01 09:00")
ANCHOR: Final = at("09-01 12:00")
"""When the bad contact ends."""
END: Final = at("10-31 09:00")


def stamp(moment: float) -> str:
    """Write a moment as JavaScript does."""
    return (
        datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def transaction(kind: str, when: int, amount: str | None = None, /, **fields: object) -> Event:
    """Return a transaction in USD, of the shop if nothing else is said."""
    money = {} if amount is None else {"amount": amount, "currency": "USD"}
    return {"type": "transaction", "time": stamp(when), "source": "shop", "kind": kind, **money, **fields}


def purchase(when: int, amount: str = "210.00", /, **fields: object) -> Event:
    """Return a purchase."""
    return transaction("purchase", when, amount, **fields)


def refund(when: int, amount: str, original: int | None = None, /, **fields: object) -> Event:
    """Return a refund, undated if no original moment is given."""
    dated = {} if original is None else {"original_time": stamp(original)}
    return transaction("refund", when, amount, **dated, **fields)


def charge(when: int, amount: str = "900.00", /, **fields: object) -> Event:
    """Return a charge of a subscription."""
    return transaction("subscription_charge", when, amount, **{"source": "billing", **fields})


def cancelled(when: int, /, **fields: object) -> Event:
    """Return the end of a subscription."""
    return transaction("subscription_cancelled", when, **{"source": "billing", **fields})


def changed(when: int, amount: str, before: str | None = None, /) -> Event:
    """Return another price of a subscription."""
    previous = {} if before is None else {"previous_amount": before}
    return transaction("subscription_changed", when, amount, source="billing", **previous)


def merged(when: int, into: str, /, **fields: object) -> Event:
    """Return that an id is merged into another one."""
    return {"type": "customer_merged", "time": stamp(when), "source": "crm", "merged_into": into, **fields}


def contact(when: int = ANCHOR, name: str = "k1", /, **fields: object) -> Event:
    """Return a call that ended at a moment; nothing went wrong in it yet."""
    return {
        "type": "contact",
        "time": stamp(when),
        "source": "phone",
        "contact_id": name,
        "version": 1,
        "channel": "voice",
        "ended_at": stamp(when),
        **fields,
    }


BAD: Final[Event] = {"resolution": "unresolved", "escalation_requested": True, "transfers_cold": 1}
"""What goes wrong in the contact of each case, if nothing else is said: 2.075 nats."""


def bad_contact(when: int = ANCHOR, name: str = "k1", /, **fields: object) -> Event:
    """Return the bad contact."""
    return contact(when, name, **{**BAD, **fields})


def shopping(
    until: int = ANCHOR, *, since: int = FIRST, every: float = 3.5, amount: str = "210.00", **fields: object
) -> list[Event]:
    """Return purchases in [since, until), every so many days; by default 60 USD a day."""
    return [purchase(when, amount, **fields) for when in range(since, until, round(every * DAY))]


def charges(every: float = 30, amount: str = "900.00", since: int = FIRST, until: int = END) -> list[Event]:
    """Return a charge every so many days; by default 30 USD a day."""
    return [charge(when, amount) for when in range(since, until, round(every * DAY))]


def subscriber(*others: Event, **paid: Any) -> list[Event]:
    """Return who pays by subscription and buys nothing, with a bad contact and what else happens."""
    return [*charges(**paid), bad_contact(), *others]


def stops(**fields: Any) -> list[Event]:
    """Return who buys until the bad contact, and then no more."""
    return [*shopping(**fields), bad_contact()]


def stays(**fields: Any) -> list[Event]:
    """Return who goes on buying after the bad contact."""
    return [*shopping(END, **fields), bad_contact()]


@dataclass
class World:
    """What a directory holds. `crowd` customers buy some 4 USD a day from `since` on, until the end."""

    crowd: int = 200
    since: int = FIRST
    transactions: list[Placed] = field(default_factory=list)
    contacts: list[Placed] = field(default_factory=list)
    customers: list[Placed] = field(default_factory=list)

    def add(self, who: str, events: Iterable[Event]) -> None:
        """Add a customer's events, with ids of their own; `arrives` is when a line comes late."""
        for number, event in enumerate(events):
            whole = {"event_id": number, "customer_id": who, **event}
            whole |= {name: f"{who}/{whole[name]}" for name in _IDS & set(whole) if whole[name] is not None}
            arrives = whole.pop("arrives", None) or _moment(event["time"])
            self._of(event["type"]).append((arrives, json.dumps(whole).encode()))

    def _of(self, kind: str) -> list[Placed]:
        if kind == "profile":
            return self.customers
        return self.transactions if kind in {"transaction", "customer_merged"} else self.contacts

    def lines(self) -> list[bytes]:
        """Return the lines of the transactions, in order of arrival."""
        return _arrived([*crowd_lines(self.crowd, self.since), *self.transactions])

    def write(self, directory: Path) -> Path:
        """Write the directory."""
        directory.mkdir(parents=True, exist_ok=True)
        files = {"transactions": self.lines(), "contacts": _arrived(self.contacts)}
        if self.customers:
            files["customers"] = _arrived(self.customers)
        for name, lines in files.items():
            (directory / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        return directory


def _moment(text: object) -> int:
    """Return when an event whose time can't be read would have come: at the bad contact."""
    try:
        return round(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return ANCHOR


def _arrived(lines: Iterable[Placed]) -> list[bytes]:
    return [line for _, line in sorted(lines, key=lambda one: one[0])]


@cache
def crowd_lines(count: int, since: int = FIRST) -> tuple[Placed, ...]:
    """Return the purchases of the crowd, the same in every run."""
    return tuple(line for number in range(count) for line in _ordinary(number, since))


def _ordinary(number: int, since: int) -> Iterator[Placed]:
    random = Random(number)
    moment = since + random.random() * 7 * DAY
    while moment < END:
        amount = random.randint(1500, 4500) / 100
        event = purchase(int(moment), f"{amount:.2f}")
        named = {"event_id": f"crowd-{number}/{int(moment)}", "customer_id": f"crowd-{number}", **event}
        yield int(moment), json.dumps(named).encode()
        moment += random.uniform(3, 11) * DAY
