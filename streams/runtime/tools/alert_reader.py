"""The alerts as a CRM reads them: kafka-python, and only what was committed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.alert import Alert
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.settings import Settings

_POLL_MS: Final = 500
_IDLE_SECONDS: Final = 30.0
"""A read of what Kafka holds has failed when nothing comes for so long."""


class InvalidAlert(NamedTuple):
    """A record on the topic that is no alert, and why; never its value."""

    topic: str
    partition: int
    offset: int
    why: str


class AlertReader:
    """Reads all partitions of a topic of alerts, without a group, so that other readers miss nothing.

    Raises kafka-python's errors.
    """

    def __init__(self, consumer: Any, topic: str, partitions: int, *, new: bool) -> None:
        self._consumer = consumer
        self._partitions = [TopicPartition(topic, one) for one in range(partitions)]
        consumer.assign(self._partitions)
        self._ends: dict[TopicPartition, int] = consumer.end_offsets(self._partitions)
        if new:
            for partition, end in self._ends.items():
                consumer.seek(partition, end)

    def existing(self) -> Iterator[Alert | InvalidAlert]:
        """Yield what was committed before the reader began. Raises KafkaUnavailableError."""
        progressed = time.monotonic()
        while any(self._consumer.position(one) < end for one, end in self._ends.items()):
            records = self._consumer.poll(timeout_ms=_POLL_MS)
            if records:
                progressed = time.monotonic()
            elif time.monotonic() - progressed > _IDLE_SECONDS:
                raise KafkaUnavailableError("Kafka does not give the alerts that it holds")
            for partition, found in records.items():
                yield from (_alert(one) for one in found if one.offset < self._ends[partition])

    def following(self) -> Iterator[list[Alert | InvalidAlert]]:
        """Yield what is read, a poll at a time, without end."""
        while True:
            records = self._consumer.poll(timeout_ms=_POLL_MS)
            if records:
                yield [_alert(one) for found in records.values() for one in found]


@contextmanager
def alert_reader(settings: Settings, topic: str, partitions: int, *, new: bool) -> Iterator[AlertReader]:
    """Give a reader from the beginning, or of new alerts: what comes from now on."""
    consumer = KafkaConsumer(
        **kafka_python_options(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        yield AlertReader(consumer, topic, partitions, new=new)
    finally:
        consumer.close()


def _alert(record: Any) -> Alert | InvalidAlert:
    try:
        return Alert.model_validate_json(record.value or b"")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return InvalidAlert(record.topic, record.partition, record.offset, why_invalid(first))


def why_invalid(fault: ErrorDetails) -> str:
    """Return the field and the rule of a fault of pydantic's; never the value."""
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {fault['type']}" if where else fault["type"]
