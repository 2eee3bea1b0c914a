"""What Kafka holds, as a reader of committed records sees it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from schemas.alert import Alert
from streams.core.watermark import Input
from streams.runtime.kafka.clients import kafka_python_options
from streams.settings import Settings
from tests.kafka.commands import until


@contextmanager
def reader(settings: Settings, isolation: str = "read_committed", group: str | None = None) -> Iterator[Any]:
    """Give a consumer that begins at the earliest and commits nothing."""
    options = {"isolation_level": isolation, "auto_offset_reset": "earliest", "enable_auto_commit": False}
    consumer = KafkaConsumer(**kafka_python_options(settings), group_id=group, **options)
    with closing(consumer):
        yield consumer


def places(settings: Settings, *names: str) -> list[TopicPartition]:
    """Return all partitions of topics."""
    return [
        TopicPartition(settings.topic_prefix + name, number)
        for name in names
        for number in range(settings.partitions)
    ]


def held(settings: Settings, name: str, patience: float = 60) -> list[list[Any]]:
    """Return the committed records of each partition of a topic, once no transaction is open on it."""
    wanted = places(settings, name)
    found: dict[TopicPartition, list[Any]] = {place: [] for place in wanted}
    with reader(settings) as consumer, reader(settings, "read_uncommitted") as uncommitted:
        until(lambda: consumer.end_offsets(wanted) == uncommitted.end_offsets(wanted), patience)
        ends = consumer.end_offsets(wanted)
        consumer.assign(wanted)
        while any(consumer.position(place) < ends[place] for place in wanted):
            for place, records in consumer.poll(timeout_ms=200).items():
                found[place] += records
    return list(found.values())


def alerts(settings: Settings, name: str = "alerts") -> list[Alert]:
    """Return the committed alerts, partition by partition in their order."""
    return [Alert.model_validate_json(record.value) for records in held(settings, name) for record in records]


def state(settings: Settings, number: int) -> dict[bytes, bytes]:
    """Return the newest state of a partition by key, in the order in which it was written."""
    newest: dict[bytes, bytes] = {}
    for record in held(settings, "state")[number]:
        newest.pop(record.key, None)  # so that they stand in the order in which they were written
        if record.value is not None:
            newest[record.key] = record.value
    return newest


def lag(settings: Settings) -> int:
    """Return how many offsets the group is behind the ends of all inputs."""
    wanted = places(settings, *Input)
    with reader(settings) as consumer:
        ends: dict[TopicPartition, int] = consumer.end_offsets(wanted)
    return sum(ends.values()) - progress(settings)


def progress(settings: Settings) -> int:
    """Return the sum of the positions that the group has committed."""
    # A reader of committed records would wait for the end of each transaction that is open.
    with reader(settings, "read_uncommitted", settings.application_id) as consumer:
        return sum(consumer.committed(place) or 0 for place in places(settings, *Input))
