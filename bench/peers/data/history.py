"""The history that all programs read: drawn once from a seed, as arrays and as the records of the topics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.times import format_ms

Integers = NDArray[np.int64]

DAY_MS: Final = 24 * 3_600_000
START_MS: Final = 1_704_067_200_000  # 2024-01-01
PURCHASES_PER_CONTACT: Final = 100
TRANSACTIONS: Final = "transactions"
CONTACTS: Final = "contacts"
RESOLUTIONS: Final = ("resolved", "unresolved", "unknown")
_REASONS: Final = ("delivery", "quality", "billing")
_LARGEST_CENTS: Final = 20_000
_AT_A_TIME: Final = 100_000
_TALK_MS: Final = 240_000


class Record(NamedTuple):
    """A record of a topic; a tick has no key, and goes to every partition."""

    key: str | None
    value: bytes
    time: int
    """Event time, ms since 1970."""


@dataclass(frozen=True)
class Shape:
    """How large a history is, and what it is drawn from."""

    purchases: int
    customers: int = 100_000
    contacts: bool = True
    """Whether there is one contact for a hundred purchases, or none at all."""
    days: int = 400
    seed: int = 1

    @property
    def end_ms(self) -> int:
        """The time of the last tick of each partition, later than any event."""
        return START_MS + self.days * DAY_MS

    @property
    def ticks(self) -> int:
        """How many ticks each partition of each topic has, one a day."""
        return self.days


@dataclass(frozen=True)
class History:
    """Purchases and contacts, each by time: milliseconds, numbers of customers, cents, resolutions.

    Purchases have even milliseconds and contacts odd ones: so none of a customer have the same time, and no
    purchase lies exactly 14 days after a contact.
    """

    shape: Shape
    purchase_times: Integers
    purchase_customers: Integers
    cents: Integers
    contact_times: Integers
    contact_customers: Integers
    resolutions: Integers
    """Indices of `RESOLUTIONS`."""


def draw(shape: Shape) -> History:
    """Return the history of a shape: times and customers are drawn evenly."""
    random = np.random.default_rng(shape.seed)
    contacts = shape.purchases // PURCHASES_PER_CONTACT if shape.contacts else 0
    length = shape.days * DAY_MS
    return History(
        shape,
        START_MS + 2 * np.sort(random.integers(length // 2, size=shape.purchases)),
        random.integers(shape.customers, size=shape.purchases),
        random.integers(1, _LARGEST_CENTS, size=shape.purchases),
        START_MS + 1 + 2 * np.sort(random.integers(length // 2, size=contacts)),
        random.integers(shape.customers, size=contacts),
        random.integers(len(RESOLUTIONS), size=contacts),
    )


def customer_id(number: int) -> str:
    """Return the id of a customer."""
    return f"s{number:07}"


def transactions(history: History) -> Iterator[Record]:
    """Yield the records of the topic of purchases, ticks among them."""
    return _with_ticks(history.shape, _purchases(history))


def contacts(history: History) -> Iterator[Record]:
    """Yield the records of the topic of contacts, ticks among them."""
    return _with_ticks(history.shape, _contacts(history))


def _purchases(history: History) -> Iterator[Record]:
    text = _Times()
    for first in range(0, history.shape.purchases, _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        columns = (history.purchase_times, history.purchase_customers, history.cents)
        for number, (time, customer, cents) in enumerate(
            zip(*(column[part].tolist() for column in columns), strict=True), first
        ):
            key = f"s{customer:07}"
            value = (
                f'{{"type":"transaction","event_id":"p-{number}","customer_id":"{key}","time":"{text(time)}",'
                f'"source":"synthetic-shop","kind":"purchase","amount":"{cents // 100}.{cents % 100:02}",'
                f'"currency":"USD","order_id":"{number}"}}'
            )
            yield Record(key, value.encode(), time)


def _contacts(history: History) -> Iterator[Record]:
    columns = (history.contact_times, history.contact_customers, history.resolutions)
    for number, (time, customer, resolution) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        name = f"k-{number}"
        value = {
            "type": "contact",
            "event_id": name,
            "customer_id": customer_id(customer),
            "time": format_ms(time),
            "source": "synthetic-contacts",
            "contact_id": name,
            "version": 1,
            "channel": "chat",
            "direction": "inbound",
            "started_at": format_ms(time - _TALK_MS),
            "ended_at": format_ms(time),
            "reason": _REASONS[number % len(_REASONS)],
            "resolution": RESOLUTIONS[resolution],
        }
        yield Record(customer_id(customer), msgspec.json.encode(value), time)


def _with_ticks(shape: Shape, events: Iterator[Record]) -> Iterator[Record]:
    """Yield events by time, with a tick at the end of each day."""
    due = START_MS + DAY_MS
    for event in events:
        while event.time >= due:
            yield _tick(due)
            due += DAY_MS
        yield event
    for time in range(due, shape.end_ms + 1, DAY_MS):
        yield _tick(time)


def _tick(time: int) -> Record:
    value = {"type": "tick", "time": format_ms(time), "source": "publish"}
    return Record(None, msgspec.json.encode(value), time)


class _Times:
    """Writes times as `format_ms` does, the date of a day once: ten million of them are to be written."""

    def __init__(self) -> None:
        self._day, self._date = -1, ""

    def __call__(self, time: int) -> str:
        day, rest = divmod(time, DAY_MS)
        if day != self._day:
            self._day, self._date = day, format_ms(day * DAY_MS)[:11]
        seconds, ms = divmod(rest, 1000)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        return f"{self._date}{hour:02}:{minute:02}:{second:02}.{ms:03}Z"
