"""Events on their way to the topics; what the topics hold; where what was committed is not the truth."""

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, TypeVar

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.alert import Alert
from schemas.partitioner import partition_of
from schemas.times import format_ms, parse_ms
from streams.core.ruleset import DEFAULT, Ruleset
from streams.core.time import hour_of
from streams.core.watermark import FACTS, Input
from streams.ingest.kafka.options import client_options
from streams.settings import Settings
from tests.kafka.held import alerts
from tests.kafka.truth import restored
from tests.lab.recomputed.test_against_recomputation import of_core, of_plain
from tests.recompute.recompute import recompute
from tests.recompute.rules import VERSION_4

_FLUSH_SECONDS: Final = 120.0
_T = TypeVar("_T", bound=Hashable)


class Differs(NamedTuple):
    """How often something was missing, was there again, or was there and should not be."""

    lost: int = 0
    doubled: int = 0
    phantom: int = 0

    def plus(self, other: Self) -> "Differs":
        """Return both together."""
        return Differs(*map(sum, zip(self, other, strict=True)))


def differs(found: Iterable[_T], wanted: Iterable[_T]) -> Differs:
    """Return how what was found differs from what was wanted; what is there once too often is doubled."""
    have, want = Counter(found), Counter(wanted)
    over = have - want
    doubled = sum(count for one, count in over.items() if one in want)
    return Differs((want - have).total(), doubled, over.total() - doubled)


class Sender:
    """Writes events, each to the partition of its customer; what the client cannot take now is waited for."""

    def __init__(self, settings: Settings, message_seconds: float = 300.0) -> None:
        """Write under settings; what the broker does not take for so many seconds is given up."""
        self.settings = settings
        self.sent = 0
        self.failed = 0
        options = {"linger.ms": 5, "queue.buffering.max.messages": 500_000, "enable.idempotence": True}
        options |= {"message.timeout.ms": round(message_seconds * 1000), "message.max.bytes": 2_000_000}
        self._producer = Producer(client_options(settings) | options)

    def send(self, source: Input, value: bytes, customer_id: str) -> None:
        """Write an event of a customer."""
        home = partition_of(customer_id, self.settings.partitions, self.settings.partitioner)
        self.put(source, home, customer_id.encode(), value)

    def ticks(self, time_ms: int) -> None:
        """Write a tick of both facts for every partition."""
        value = json.dumps({"type": "tick", "time": format_ms(time_ms), "source": "pulse"}).encode()
        for source in FACTS:
            for number in range(self.settings.partitions):
                self.put(source, number, None, value)

    def put(self, source: Input, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Write a record, whatever it is."""
        topic = self.settings.topic_prefix + source.value
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._note)
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                self.sent += 1
                return

    @property
    def waiting(self) -> int:
        """How many records the broker has not yet acknowledged."""
        return len(self._producer)

    def poll(self) -> None:
        """Let it see to what has arrived."""
        self._producer.poll(0)

    def flush(self, seconds: float = _FLUSH_SECONDS) -> None:
        """Wait until the broker has all; fails if it does not take it."""
        assert self._producer.flush(seconds) == 0, "the broker does not take what is sent"
        assert self.failed == 0, f"the broker did not take {self.failed} records"

    def _note(self, error: object, _: object) -> None:
        self.failed += error is not None


@contextmanager
def _reading(settings: Settings) -> Any:
    consumer = Consumer(
        client_options(settings)
        | {"group.id": "chaos-reader", "isolation.level": "read_committed", "enable.auto.commit": False}
        | {"auto.offset.reset": "earliest", "enable.partition.eof": False}
    )
    try:
        yield consumer
    finally:
        consumer.close()


def records_of(settings: Settings, name: str, number: int) -> list[tuple[bytes | None, bytes | None]]:
    """Return key and value of the committed records of a partition of a topic."""
    found: list[tuple[bytes | None, bytes | None]] = []
    with _reading(settings) as consumer:
        place = TopicPartition(settings.topic_prefix + name, number, 0)
        end = consumer.get_watermark_offsets(place)[1]
        consumer.assign([place])
        while end:
            records = consumer.consume(10_000, 0.2)
            found += ((record.key(), record.value()) for record in records)
            if not records and consumer.position([place])[0].offset >= end:
                break
    return found


def values(settings: Settings, source: Input) -> list[bytes]:
    """Return what an input holds: the values of its events, partition by partition, and each tick once."""
    found: list[bytes] = []
    ticks: dict[bytes, None] = {}
    for number in range(settings.partitions):
        for key, value in records_of(settings, source.value, number):
            assert value is not None
            if key is None:
                ticks[value] = None
            else:
                found.append(value)
    return [*found, *ticks]


def write_inputs(settings: Settings, folder: Path) -> dict[Input, list[dict[str, Any]]]:
    """Write what the facts hold as files in order of time, and return the events."""
    folder.mkdir()
    read: dict[Input, list[dict[str, Any]]] = {}
    for source in FACTS:
        lines = [(msgspec.json.decode(value), value) for value in values(settings, source)]
        lines.sort(key=lambda one: one[0]["time"])  # all are written alike; ticks come last of their time
        (folder / f"{source.value}.jsonl").write_bytes(b"".join(value + b"\n" for _, value in lines))
        read[source] = [event for event, _ in lines if event.get("type") != "tick"]
    return read


def alerts_differ(settings: Settings, folder: Path, until: str) -> tuple[int, Differs]:
    """Return how many alert records a plain recomputation has, and how those committed by then differ."""
    wanted = [of_plain(one) for one in recompute(folder, partitions=settings.partitions, ruleset=VERSION_4)]
    committed = [one for one in alerts(settings) if one.time <= until]
    return len(wanted), differs(map(of_core, committed), wanted).plus(twice(committed))


def twice(many: Iterable[Alert]) -> Differs:
    """Return how many alert records have an id that another one has."""
    ids = Counter(one.event_id for one in many)
    return Differs(doubled=ids.total() - len(ids))


def state_differs(
    settings: Settings, events: Mapping[Input, Iterable[Mapping[str, Any]]], rules: Ruleset = DEFAULT
) -> Differs:
    """Return how the purchases by customer and hour, and the contacts, differ from what was sent.

    All are purchases in the reporting currency, and none is sent twice.
    """
    spent: Counter[tuple[str, int]] = Counter()
    for one in events[Input.TRANSACTIONS]:
        whole, _, cents = one["amount"].partition(".")
        spent[one["customer_id"], hour_of(parse_ms(one["time"]))] += int(whole) * 100 + int(cents)
    contacts = {(one["customer_id"], one["contact_id"]) for one in events[Input.CONTACTS]}
    kept: Counter[tuple[str, int]] = Counter()
    known: list[tuple[str, str]] = []
    for number in range(settings.partitions):
        partition, names = restored(settings, number, rules)
        for name in names:
            seen = partition.lookup(name)
            assert seen is not None
            for hour, cents in seen.panes:
                kept[name, hour] += cents
            known += ((name, each.contact_id) for each, _ in seen.contacts)
    lost = sum(kept[place] < cents for place, cents in spent.items())
    doubled = sum(kept[place] > cents for place, cents in spent.items())
    phantom = len(kept.keys() - spent.keys())
    return Differs(lost, doubled, phantom).plus(differs(known, contacts))
