"""Arrival order of the files: who is where, which records count, and when each is known."""

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.recompute.events import (
    Cancellation,
    Charge,
    Correction,
    Event,
    Fee,
    Merge,
    PlanChange,
    Purchase,
    SignOfLife,
    Tick,
)
from tests.recompute.lines import TYPES, Refused, parse, sign_of_life
from tests.recompute.rules import Rules, hour_of


def murmur2(key: bytes) -> int:
    """Kafka's hash of a record key, unsigned 32 bits (org.apache.kafka.common.utils.Utils)."""
    mask, multiplier, whole = 0xFFFFFFFF, 0x5BD1E995, len(key) // 4 * 4
    value = 0x9747B28C ^ len(key)
    for start in range(0, whole, 4):
        word = int.from_bytes(key[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        value = value * multiplier & mask ^ word
    if whole < len(key):
        value = (value ^ int.from_bytes(key[whole:], "little")) * multiplier & mask
    value = (value ^ value >> 13) * multiplier & mask
    return value ^ value >> 15


@cache
def partition_of(customer_id: str, partitions: int) -> int:
    """Partition that Kafka's default partitioner gives a customer."""
    return (murmur2(customer_id.encode()) & 0x7FFFFFFF) % partitions


@dataclass(frozen=True)
class Fact:
    """An event and the instant after which it is known."""

    instant_ms: int
    event: Event


_MEANT_NOTHING = Fee | Charge | Correction | PlanChange
"""What decides nothing before ruleset 4."""


@dataclass
class Customer:
    """On-time purchases as (pane, cents), and everything else as the agenda, unsorted."""

    on_time: list[tuple[int, int]] = field(default_factory=list)
    agenda: list[Fact] = field(default_factory=list)
    has_transactions: bool = False


class Sale(NamedTuple):
    """A purchase as guard and clock count it."""

    pane: int
    instant_ms: int
    late: bool
    source: str
    delay_ms: int = 0


@dataclass
class Partition:
    """All customers of one partition, and all of its purchases."""

    customers: dict[str, Customer] = field(default_factory=dict)
    sales: list[Sale] = field(default_factory=list)

    def add(self, instant_ms: int, late: bool, event: Event, rules: Rules) -> None:
        """File an accepted event under its customer."""
        customer = self.customers.setdefault(event.customer_id, Customer())
        customer.has_transactions = True
        if isinstance(event, Purchase):
            delay_ms = instant_ms - event.time_ms
            self.sales.append(Sale(hour_of(event.time_ms), instant_ms, late, event.source, delay_ms))
        if isinstance(event, Purchase) and not late and (event.cents or not rules.as_meant):
            customer.on_time.append((hour_of(event.time_ms), event.cents))
        elif not isinstance(event, Fee if rules.as_meant else _MEANT_NOTHING):
            customer.agenda.append(Fact(instant_ms + _waits_ms(event, rules), event))

    def add_sign(self, instant_ms: int, sign: SignOfLife) -> None:
        """File a refused purchase under its customer, if that is one; transactions are read first."""
        customer = self.customers.get(sign.customer_id)
        if customer and customer.has_transactions:
            customer.agenda.append(Fact(instant_ms, sign))


def _waits_ms(event: Event, rules: Rules) -> int:
    """How much later than at its instant an event is folded."""
    return rules.plan_change_ms if rules.as_meant and isinstance(event, Cancellation) else 0


@dataclass
class Arrival:
    """What the files amount to; `end_ms` is where both clocks end, None when nothing was accepted."""

    partitions: list[Partition]
    end_ms: int | None = None
    counts: Counter[str] = field(default_factory=Counter)


class _Input:
    """One partition of one topic: its clock and the ids it remembers."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._clock_ms: int | None = None
        self._ids: dict[tuple[str, str, str], int] = {}

    def tick(self, time_ms: int) -> None:
        self._clock_ms = time_ms if self._clock_ms is None else max(self._clock_ms, time_ms)

    def accept(self, event: Event) -> tuple[int, bool]:
        """Give the event's instant and whether it is late; raises Refused."""
        late = self._clock_ms is not None and event.time_ms <= self._clock_ms
        instant_ms = event.time_ms if self._clock_ms is None else max(event.time_ms, self._clock_ms)
        name = (event.source, event.kind, event.event_id)
        if name in self._ids and instant_ms - self._ids[name] <= self._rules.remember_id_ms:
            raise Refused("duplicate")
        if instant_ms - event.time_ms > self._rules.too_late_ms:
            raise Refused("too_late")
        self._ids[name] = instant_ms
        self.tick(event.time_ms - self._rules.lateness_ms)
        return instant_ms, late

    def place(self, sign: SignOfLife, now_ms: int) -> tuple[int, SignOfLife] | None:
        """Give the instant of a refused purchase; one of the future is put at the clock, None without one."""
        if sign.time_ms > now_ms + self._rules.future_ms:
            return None if self._clock_ms is None else (self._clock_ms, replace(sign, time_ms=self._clock_ms))
        return sign.time_ms if self._clock_ms is None else max(sign.time_ms, self._clock_ms), sign


def read(directory: Path, rules: Rules, partitions: int, now_ms: int, currency: str) -> Arrival:
    """Read all four files, each in its order; their interleaving cannot matter."""
    arrival = Arrival([Partition() for _ in range(partitions)])
    for topic in TYPES:
        inputs = [_Input(rules) for _ in range(partitions)]
        for line in _lines(directory, topic):
            try:
                _take(parse(line, topic, rules, now_ms, currency), topic, inputs, arrival, rules)
            except Refused as refused:
                arrival.counts[str(refused)] += 1
                if rules.as_meant and topic == "transactions" and str(refused) != "duplicate":
                    _take_sign(sign_of_life(line, rules), inputs, arrival, now_ms)
    _add_heirs(arrival)
    return arrival


def _add_heirs(arrival: Arrival) -> None:
    """Make sure that every id that another is merged into is there, even one never seen before."""
    partitions = arrival.partitions
    agendas = [each.agenda for part in partitions for each in part.customers.values()]
    for event in [fact.event for agenda in agendas for fact in agenda]:
        if isinstance(event, Merge):
            home = partitions[partition_of(event.merged_into, len(partitions))]
            home.customers.setdefault(event.merged_into, Customer())


def _take_sign(sign: SignOfLife | None, inputs: list[_Input], arrival: Arrival, now_ms: int) -> None:
    if sign is None:
        return
    index = partition_of(sign.customer_id, len(inputs))
    placed = inputs[index].place(sign, now_ms)
    if placed:
        arrival.partitions[index].add_sign(*placed)


def _take(record: Event | Tick, topic: str, inputs: list[_Input], arrival: Arrival, rules: Rules) -> None:
    if isinstance(record, Tick):
        for each in inputs:
            each.tick(record.time_ms)
    else:
        index = partition_of(record.customer_id, len(inputs))
        instant_ms, late = inputs[index].accept(record)
        arrival.partitions[index].add(instant_ms, late, record, rules)
        arrival.counts[f"late {topic}"] += late
    arrival.counts[topic] += 1
    end_ms = record.time_ms + 1
    arrival.end_ms = end_ms if arrival.end_ms is None else max(arrival.end_ms, end_ms)


def _lines(directory: Path, topic: str) -> Iterator[bytes]:
    plain, packed = directory / f"{topic}.jsonl", directory / f"{topic}.jsonl.gz"
    if plain.exists():
        with plain.open("rb") as file:
            yield from (line.removesuffix(b"\n") for line in file)
    elif packed.exists():
        with gzip.open(packed) as file:
            yield from (line.removesuffix(b"\n") for line in file)
