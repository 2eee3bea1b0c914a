"""The topics as the bridge reads them: committed records only, from where the ledger ends."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from schemas.alert import Alert
from schemas.disposition import Disposition
from schemas.events import Refusal
from schemas.hot import Decoder
from schemas.line_faults import BOM
from streams.crm.ledger.rows import AlertRead, ProfileRead
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.tools.alert_reader import why_invalid
from streams.settings import Settings

log = logging.getLogger(__name__)

_POLL_MS: Final = 250
_MOST_RECORDS: Final = 500
"""So a batch is in the ledger within some 100 ms, and deliveries go on beside it."""
_ENDS_SECONDS: Final = 10.0
_ANSWER_MS: Final = 3000
"""So the process is known to be alive while Kafka is away."""
_READ: Final = Decoder().customers
"""What the worker refuses, the bridge does not know either: both know the same of a customer."""
_READ_DISPOSITION: Final = Decoder().dispositions
_UNKNOWN: Final = "extra_forbidden"


class RecreatedError(Exception):
    """A topic ends before the place where the ledger ends; the message says which, and what to do."""


class Unreadable(NamedTuple):
    """A record that is no alert, or no profile, and why; never its value."""

    topic: str
    partition: int
    offset: int
    why: str


class Batch(NamedTuple):
    """What a poll brought, in the order of each partition."""

    alerts: list[AlertRead]
    profiles: list[ProfileRead]
    unreadable: list[Unreadable]
    dispositions: list[Disposition]
    """Empty for a reader that was not told where they are."""


class TopicReader:
    """Reads all partitions of the alerts and of the customers, without a group: the ledger has the place.

    Of the dispositions too, for who is told where they are. One call at a time. Raises kafka-python's errors.
    """

    def __init__(
        self,
        settings: Settings,
        alerts: str,
        customers: str,
        partitions: int,
        *,
        dispositions: str | None = None,
    ) -> None:
        self._alerts, self._dispositions = alerts, dispositions
        self._partitions = [
            TopicPartition(topic, one)
            for topic in (alerts, customers, dispositions)
            if topic is not None
            for one in range(partitions)
        ]
        self._consumer = KafkaConsumer(
            **kafka_python_options(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            # What is gone, or made anew, ends the bridge, and the next start says so: it is not jumped over.
            auto_offset_reset="none",
            max_poll_records=_MOST_RECORDS,
        )
        self._ends: dict[TopicPartition, int] = {}
        self._first_ends: dict[TopicPartition, int] = {}
        self.answered_at = 0.0
        """When Kafka last told where the topics end, of a monotonic clock (s)."""

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
                    f"{partition.topic} [{partition.partition}] ends at {self._ends[partition]}, the ledger "
                    f"is at {at}: the topic was made anew. Begin with a new ledger file, and keep the old"
                )
            if 0 < at < beginnings[partition]:
                log.warning(
                    "%s [%d]: the records from %d to %d were deleted before they were read; "
                    "cases that ended in them stay open until something else is said of them",
                    *(partition.topic, partition.partition, at, beginnings[partition] - 1),
                )
            self._consumer.seek(partition, max(at, beginnings[partition]))
        return self

    @property
    def caught_up(self) -> bool:
        """Return whether all was read that was there when it opened."""
        try:
            return all(self._position(one) >= end for one, end in self._first_ends.items())
        except KafkaError:
            return False

    def poll(self) -> Batch:
        """Return what comes next; nothing after a quarter of a second."""
        found: Mapping[TopicPartition, Sequence[Any]] = self._consumer.poll(timeout_ms=_POLL_MS)
        batch = Batch([], [], [], [])
        for partition, records in found.items():
            for record in records:
                if partition.topic == self._alerts:
                    _add_alert(batch, record)
                elif partition.topic == self._dispositions:
                    _add_disposition(batch, record)
                else:
                    _add_profile(batch, record)
        return batch

    def lag(self) -> int:
        """Return how many records of the alerts are not read yet, as of the last fetch.

        Raises KafkaUnavailableError.
        """
        try:
            if time.monotonic() - self.answered_at > _ENDS_SECONDS:
                self._look_for_ends(_ANSWER_MS)
            return sum(
                max(0, max(end, self._consumer.highwater(one) or 0) - self._position(one))
                for one, end in self._ends.items()
                if one.topic == self._alerts
            )
        except KafkaError as error:
            raise KafkaUnavailableError(f"Kafka does not answer: {type(error).__name__}") from None

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def _position(self, partition: TopicPartition) -> int:
        at: int = self._consumer.position(partition, timeout_ms=_ANSWER_MS)
        return at

    def _look_for_ends(self, timeout_ms: int | None = None) -> None:
        self._ends = self._consumer.end_offsets(self._partitions, timeout_ms=timeout_ms)
        self.answered_at = time.monotonic()


def _add_alert(batch: Batch, record: Any) -> None:
    alert = None
    try:
        alert = _alert(record.value or b"")
    except ValidationError as error:
        # Not what is unknown: its name may hold anything.
        known = (one for one in _faults(error) if one["type"] != _UNKNOWN)
        why = next(map(why_invalid, known), _UNKNOWN)
        batch.unreadable.append(Unreadable(record.topic, record.partition, record.offset, why))
    batch.alerts.append(
        AlertRead(record.topic, record.partition, record.offset, alert, appended_ms=record.timestamp)
    )


def _alert(value: bytes) -> Alert:
    """Return an alert, without fields that a newer worker has added: else all its alerts would be lost.

    Raises ValidationError.
    """
    try:
        return Alert.model_validate_json(value)
    except ValidationError as error:
        faults = _faults(error)
        if any(one["type"] != _UNKNOWN for one in faults):
            raise
    document = from_json(value)
    for one in faults:
        *path, name = one["loc"]
        within = document
        for step in path:
            within = within[step]
        del within[name]
    return Alert.model_validate_json(to_json(document))


def _faults(error: ValidationError) -> list[Any]:
    return error.errors(include_input=False, include_url=False, include_context=False)


def _add_profile(batch: Batch, record: Any) -> None:
    profile = ProfileRead(record.topic, record.partition, record.offset, None, appended_ms=record.timestamp)
    try:
        profile = _profile(profile, record)
    except ValueError as error:
        why = str(error) if type(error) is ValueError else type(error).__name__
        batch.unreadable.append(Unreadable(record.topic, record.partition, record.offset, why))
    batch.profiles.append(profile)


def _add_disposition(batch: Batch, record: Any) -> None:
    value = record.value or b""
    event = _READ_DISPOSITION(value)
    if isinstance(event, Refusal):
        batch.unreadable.append(Unreadable(record.topic, record.partition, record.offset, event.detail))
        return
    # The event leaves out what no rule asks for.
    found = from_json(value.removeprefix(BOM))
    known = {name: found[name] for name in Disposition.model_fields if found.get(name) is not None}
    batch.dispositions.append(Disposition.model_validate(known))


def _profile(place: ProfileRead, record: Any) -> ProfileRead:
    """Return what is needed of a profile. Raises ValueError: the worker has made it a dead letter."""
    customer_id = (record.key or b"").decode()
    if not customer_id:
        raise ValueError("no key")
    if record.value is None:
        return replace(place, customer_id=customer_id, erased=True)
    event = _READ(record.value)
    if isinstance(event, Refusal):
        raise ValueError(event.detail)  # noqa: TRY004 - it is the record that is wrong
    if event.customer_id != customer_id:
        raise ValueError("key: not the customer_id")
    # The event leaves the account out, for no rule asks for it.
    found = from_json(record.value.removeprefix(BOM))
    return replace(
        place,
        customer_id=customer_id,
        account_id=found.get("account_id") or None,
        do_not_contact=found.get("do_not_contact"),
        time_ms=event.time,
    )
