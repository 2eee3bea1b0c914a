"""The topics that all programs read, and those that one of them writes: made, filled, read back, removed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined] # its own docs do so

from bench.peers.data import history
from bench.peers.data.history import CONTACTS, TRANSACTIONS, History, Record
from bench.peers.data.truth import Alert
from bench.shared.topics import PARTITIONS
from schemas.partitioner import Routes
from schemas.topics import INPUTS
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.settings import Settings

_FOREVER: Final = {"retention.ms": "-1", "message.timestamp.type": "CreateTime"}
"""Records have the times of their events, which are years ago: Kafka would remove them by and by."""
_SECONDS: Final = 60.0
_QUEUED: Final = 500_000


@dataclass(frozen=True)
class Published:
    """Topics that are filled: their prefix, and how many records each has, ticks included."""

    prefix: str
    transactions: int
    contacts: int


class _AlertValue(msgspec.Struct):
    customer_id: str
    time: int
    cents: int


def settings_for(bootstrap: str, prefix: str, application: str) -> Settings:
    """Return the settings with which our worker reads the topics of a prefix, on the event clock."""
    return Settings(
        bootstrap_servers=(bootstrap,),
        topic_prefix=prefix,
        application_id=application,
        replication_factor=1,
        partitions=PARTITIONS,
        web_port=0,
        clock="event",
    )


def publish(bootstrap: str, prefix: str, drawn: History) -> Published:
    """Make the topics of a prefix, those of our worker's outputs among them, and fill the inputs."""
    settings = settings_for(bootstrap, prefix, prefix)
    inputs = {topic.name for topic in INPUTS}
    planned = [
        msgspec.structs.replace(one, settings={**one.settings, **_FOREVER})
        if one.topic.name in inputs
        else one
        for one in plan(settings)
    ]
    with admin_client(settings) as admin:
        create(admin, planned)
    producer = Producer(
        {
            **_client(bootstrap),
            "enable.idempotence": True,
            "linger.ms": 50,
            "batch.size": 512 * 1024,
            "queue.buffering.max.messages": _QUEUED,
        }
    )
    routes = Routes(PARTITIONS)
    return Published(
        prefix,
        _fill(producer, prefix + TRANSACTIONS, history.transactions(drawn), routes),
        _fill(producer, prefix + CONTACTS, history.contacts(drawn), routes),
    )


def _fill(producer: Producer, topic: str, records: Iterable[Record], routes: Routes) -> int:
    """Send records to a topic, ticks to each of its partitions; return how many the topic then has."""
    sent = 0
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            failures.append(error)

    for record in records:
        to = range(PARTITIONS) if record.key is None else (routes[record.key],)
        for partition in to:
            while len(producer) >= _QUEUED:
                producer.poll(0.1)
            producer.produce(
                topic,
                record.value,
                record.key,
                partition=partition,
                timestamp=record.time,
                on_delivery=delivered,
            )
            sent += 1
        producer.poll(0)
    left = producer.flush(_SECONDS)
    if failures or left:
        raise RuntimeError(f"{topic} is not filled: {left} records left, {failures[:1]}")
    return sent


def make_alerts_topic(bootstrap: str, name: str) -> None:
    """Make the topic to which a program writes its alerts."""
    new = NewTopic(_alerts_topic(name), PARTITIONS, 1, config=_FOREVER)
    admin = _admin(bootstrap)  # while it waits, it must be kept
    for made in admin.create_topics([new]).values():
        made.result(_SECONDS)


def written_alerts(bootstrap: str, name: str) -> list[Alert]:
    """Return the alerts that a program wrote and committed, as often as they stand there."""
    consumer = Consumer(
        {
            **_client(bootstrap),
            "group.id": f"{name}.reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        return list(_read(consumer, _alerts_topic(name)))
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str) -> Iterator[Alert]:
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    open_partitions = set(range(PARTITIONS))
    while open_partitions:
        message = consumer.poll(_SECONDS)
        if message is None:
            raise RuntimeError(f"{topic} can't be read")
        error = message.error()
        if error is None:
            found = msgspec.json.decode(cast("bytes", message.value()), type=_AlertValue)
            yield Alert(found.customer_id, found.time, found.cents)
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - named so by the library
            open_partitions.discard(cast("int", message.partition()))
        else:
            raise KafkaException(error)


def remove_topics(bootstrap: str, name: str) -> None:
    """Remove all topics that a program made or wrote: those whose names contain its own."""
    admin = _admin(bootstrap)
    theirs = [topic for topic in admin.list_topics(timeout=_SECONDS).topics if name in topic]
    for gone in admin.delete_topics(theirs).values() if theirs else ():
        gone.result(_SECONDS)


def _alerts_topic(name: str) -> str:
    return f"{name}.alerts"


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient(_client(bootstrap))


def _client(bootstrap: str) -> dict[str, Any]:
    """Return what all clients are told: also to be silent, as what fails is raised."""
    return {"bootstrap.servers": bootstrap, "log_level": 2}
