"""The topics as the bridge reads them: committed records only, from where the ledger ends."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pydantic import ValidationError

from schemas.alert import Alert
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.settings import Settings

_POLL_MS: Final = 250
_MOST_RECORDS: Final = 500
"""So a batch is in the ledger within some 100 ms, and deliveries go on beside it."""
_ENDS_SECONDS: Final = 10.0


class RecreatedError(Exception):
    """A topic ends before the place where the ledger ends; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class ReadAlert:
    """An alert from the topic."""

    place: Place
    alert: Alert


@dataclass(frozen=True, slots=True)
class ReadProfile:
    """What the bridge needs of a profile; `erased` for a null value."""

    place: Place
    customer_id: str
    account_id: str | None
    do_not_contact: bool | None
    erased: bool


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is neither, and why; never its value."""

    place: Place
    why: str


Read = ReadAlert | ReadProfile | Unreadable


class TopicReader:
    """Reads all partitions of the alerts and of the customers, without a group: the ledger has the place.

    One call at a time. Raises kafka-python's errors.
    """

    def __init__(self, settings: Settings, alerts: str, customers: str, partitions: int) -> None:
        self._alerts = alerts
        self._partitions = [
            TopicPartition(topic, one) for topic in (alerts, customers) for one in range(partitions)
        ]
        self._consumer = KafkaConsumer(
            **kafka_python_options(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=_MOST_RECORDS,
        )
        self._ends: dict[TopicPartition, int] = {}
        self._first_ends: dict[TopicPartition, int] = {}
        self._ends_at = 0.0

    def open(self, positions: Mapping[tuple[str, int], int]) -> Self:
        """Go to where the ledger ends, by topic and partition; raises RecreatedError."""
        self._consumer.assign(self._partitions)
        beginnings = self._consumer.beginning_offsets(self._partitions)
        self._look_for_ends()
        self._first_ends = dict(self._ends)
        for partition in self._partitions:
            at = positions.get((partition.topic, partition.partition), 0)
            if at > self._ends[partition]:
                raise RecreatedError(
                    f"{partition.topic} [{partition.partition}] ends at {self._ends[partition]}, the ledger is "
                    f"at {at}: the topic was made anew. Begin with a new ledger file, and keep the old"
                )
            self._consumer.seek(partition, max(at, beginnings[partition]))
        return self

    @property
    def caught_up(self) -> bool:
        """Return whether all was read that was there when it opened."""
        return all(self._consumer.position(one) >= end for one, end in self._first_ends.items())

    def poll(self) -> list[Read]:
        """Return what comes next, in the order of each partition; nothing after a quarter of a second."""
        found: Mapping[TopicPartition, Sequence[Any]] = self._consumer.poll(timeout_ms=_POLL_MS)
        return [self._read(record) for records in found.values() for record in records]

    def lag(self) -> int:
        """Return how many records of the alerts are not read yet, as of some seconds ago.

        Raises KafkaUnavailableError.
        """
        if time.monotonic() - self._ends_at > _ENDS_SECONDS:
            try:
                self._look_for_ends()
            except KafkaError as error:
                raise KafkaUnavailableError(f"Kafka does not answer: {type(error).__name__}") from None
        return sum(
            max(0, end - self._consumer.position(one))
            for one, end in self._ends.items()
            if one.topic == self._alerts
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def _look_for_ends(self) -> None:
        self._ends = self._consumer.end_offsets(self._partitions)
        self._ends_at = time.monotonic()

    def _read(self, record: Any) -> Read:
        place = Place(record.topic, record.partition, record.offset)
        return (_alert if record.topic == self._alerts else _profile)(place, record)


def _alert(place: Place, record: Any) -> Read:
    try:
        return ReadAlert(place, Alert.model_validate_json(record.value or b""))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Unreadable(place, f"{where}: {first['type']}" if where else str(first["type"]))


def _profile(place: Place, record: Any) -> Read:
    try:
        customer_id = (record.key or b"").decode()
        if not customer_id:
            return Unreadable(place, "no key")
        if record.value is None:
            return ReadProfile(place, customer_id, None, None, erased=True)
        found = json.loads(record.value)
    except ValueError as error:
        return Unreadable(place, type(error).__name__)
    if not isinstance(found, dict):
        return Unreadable(place, "no JSON object")
    account, do_not_contact = found.get("account_id"), found.get("do_not_contact")
    return ReadProfile(
        place,
        customer_id,
        account if isinstance(account, str) and account else None,
        do_not_contact if isinstance(do_not_contact, bool) else None,
        erased=False,
    )
