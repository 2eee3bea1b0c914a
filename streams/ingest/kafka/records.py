"""What librdkafka's consumer gives, as records of ours."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError

from streams.ingest.flow.record import Place, Record
from streams.ingest.kafka.errors import as_ours


@dataclass(slots=True)
class Fetched:
    """Records by partition, in order, and the offsets at which a partition was at its end after them."""

    records: dict[Place, list[Record]] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)


_PASSING = frozenset(
    (
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - librdkafka's own codes are named so
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 - the group gives its partitions anew
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    )
)


def sorted_out(messages: Iterable[Any]) -> Fetched:
    """Return messages by partition.

    Raises KafkaRefusedError or KafkaUnavailableError for an error that does not pass by itself.
    """
    found = Fetched()
    for message in messages:
        error = message.error()
        if error is None:
            place = Place(message.topic(), message.partition())
            found.records.setdefault(place, []).append(record_of(message))
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            found.ends[Place(message.topic(), message.partition())] = message.offset()
        elif error.code() not in _PASSING and not error.retriable():
            raise as_ours(error)
    return found


def record_of(message: Any) -> Record:
    """Return a message as a record; without its headers if the name of one is no UTF-8."""
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError):  # so the client tells of such a name; it must not stop all
        headers = None
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        tuple(headers) if headers else (),
    )
