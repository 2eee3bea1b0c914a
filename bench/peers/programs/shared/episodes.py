"""The job `full` for one customer, for the programs in Python, and the order in which its events count.

Only the standard library is imported here: some programs run in an environment without ours.
"""

import heapq
from collections.abc import Iterator, MutableMapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from zlib import crc32

WAIT_MS: Final = 14 * 24 * 3_600_000
PURCHASE: Final = 0
CONTACT: Final = 1
ALARM: Final = 2
"""Kinds of events; of two at the same time, the lower one counts first."""

State = list[int]
"""Of a customer: cents in all, purchases, when the open episode began (ms), 0 if none is open."""


class Event(NamedTuple):
    """What happens to a customer; an alarm is due 14 days after a contact."""

    time: int
    kind: int
    customer_id: str
    cents: int = 0


class Alert(NamedTuple):
    """Whose alert, the time of the contact (ms), cents spent by then."""

    customer_id: str
    time: int
    cents: int

    @property
    def checksum(self) -> int:
        """What it adds to the checksum."""
        return crc32(f"{self.customer_id} {self.time} {self.cents}".encode())


def new_state() -> State:
    """Return the state of a customer of whom nothing is known."""
    return [0, 0, 0]


def cents_of(amount: str) -> int:
    """Return the cents of an amount with two decimals."""
    return int(amount.replace(".", ""))


def time_of(text: str) -> int:
    """Return the ms since 1970 of a time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def event_of(value: dict[str, Any]) -> Event | None:
    """Return the event of a record; none if it is a tick, or a contact that opens nothing."""
    if value["type"] == "transaction":
        return Event(time_of(value["time"]), PURCHASE, value["customer_id"], cents_of(value["amount"]))
    if value["type"] == "contact" and value["resolution"] != "resolved":
        return Event(time_of(value["time"]), CONTACT, value["customer_id"])
    return None


def step(state: State, event: Event) -> Alert | None:
    """Let an event happen to a customer, which changes its state; return the alert that came before it."""
    cents, bought, began = state
    alert = None
    if began and event.time + (event.kind == ALARM) > began + WAIT_MS:
        alert = Alert(event.customer_id, began, cents)
        began = 0
    if event.kind == PURCHASE:
        state[:] = cents + event.cents, bought + 1, 0
    elif event.kind == CONTACT and bought and not began:
        state[:] = cents, bought, event.time
    else:
        state[2] = began
    return alert


class Order:
    """Brings the events of two topics, each by time, into one order, and adds the alarms.

    An event comes out once both topics have shown a later time. Those that wait are in `kept` as well, under
    names that begin with `name`, from where they are taken up again.
    """

    def __init__(self, kept: MutableMapping[str, Any], name: str = "") -> None:
        self._clocks = [0, 0]
        self._kept, self._name = kept, name
        self._waiting = [Event(*kept[key]) for key in list(kept) if key.startswith(name)]
        heapq.heapify(self._waiting)

    def take(self, topic: int, time: int, event: Event | None) -> Iterator[Event]:
        """Take in a record of a topic (0 or 1), with its event if it has one; yield what now counts."""
        self._clocks[topic] = time
        now = min(self._clocks)
        while self._waiting and self._waiting[0].time < now:
            first = heapq.heappop(self._waiting)
            del self._kept[self._key(first)]
            yield first
        if event is None:
            return
        if event.kind == PURCHASE and event.time < self._clocks[1 - topic]:
            yield event
        else:
            self._wait(event)
        if event.kind == CONTACT:
            self._wait(Event(event.time + WAIT_MS, ALARM, event.customer_id))

    def _wait(self, event: Event) -> None:
        heapq.heappush(self._waiting, event)
        self._kept[self._key(event)] = list(event)

    def _key(self, event: Event) -> str:
        return f"{self._name}{event.time}/{event.kind}/{event.customer_id}"
