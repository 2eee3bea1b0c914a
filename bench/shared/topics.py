"""What the benchmarks of the worker need of Kafka: a broker of their own, topics filled and emptied."""

import asyncio
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast
from uuid import uuid4

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from bench.shared.processes import cpu_seconds
from schemas.topics import OUTPUTS, STATE
from streams.core.watermark import Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, ends_of, plan, read
from streams.runtime.local_kafka.broker import LocalKafka, local_kafka
from streams.runtime.local_kafka.java import Java
from streams.runtime.tools.publish import Publisher, prescan_for
from streams.settings import ENV_PREFIX, Settings

PARTITIONS: Final = 4
_JARS: Final = Path(__file__).parents[2] / ".kafka"
_GONE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Broker:
    """A broker of our own; the process is not known where it runs in a container."""

    bootstrap: str
    process: int | None

    def cpu(self) -> float:
        """Return its CPU seconds so far, NaN if they are not known."""
        return math.nan if self.process is None else cpu_seconds(self.process)


@contextmanager
def broker() -> Iterator[str]:
    """Give the address of a broker of our own; settings of whoever runs this count for nothing."""
    with watched_broker() as own:
        yield own.bootstrap


@contextmanager
def watched_broker() -> Iterator[Broker]:
    """Give a broker of our own with its process; settings of whoever runs this count for nothing."""
    theirs = {name: value for name, value in os.environ.items() if name.upper().startswith(ENV_PREFIX)}
    for name in theirs:
        del os.environ[name]
    try:
        with TemporaryDirectory() as folder, local_kafka(Path(folder), jars=_JARS) as own:
            found = LocalKafka(Path(folder)).running()
            process = None if found is None or found.engine != Java.name else int(found.identity)
            yield Broker(own.bootstrap, process)
    finally:
        os.environ.update(theirs)


def fresh_settings(bootstrap: str, **changes: Any) -> Settings:
    """Return settings with names that nothing has used, and make all topics."""
    name = _new_name()
    usual = {"partitions": PARTITIONS, "replication_factor": 1, "web_port": 0}
    settings = Settings(
        bootstrap_servers=(bootstrap,), topic_prefix=f"{name}.", application_id=name, **usual | changes
    )
    with admin_client(settings) as admin:
        create(admin, plan(settings))
    return settings


def publish(settings: Settings, directory: Path) -> int:
    """Publish a directory as the command does, and return how many records Kafka has of it."""
    publisher = Publisher(settings, settings.partitions)
    asyncio.run(publisher.publish_directory(prescan_for(settings, directory, settings.partitions)))
    return publisher.published.arrived


def emptied(settings: Settings) -> Settings:
    """Delete and create the output topics, and return settings of an application that has read nothing."""
    outputs = [one for one in plan(settings) if one.topic in OUTPUTS]
    with admin_client(settings) as admin:
        admin.delete_topics([one.name for one in outputs])
        deadline = time.monotonic() + _GONE_SECONDS
        while read(admin, outputs):
            assert time.monotonic() < deadline, "the topics do not go"
            time.sleep(0.1)
        create(admin, outputs)
    return settings.model_copy(update={"application_id": _new_name()})


def ends(settings: Settings) -> dict[TopicPartition, int]:
    """Return where the partitions of the inputs end, of those that hold anything."""
    topics = [settings.topic_prefix + source.value for source in Input]
    tps = [TopicPartition(topic, number) for topic in topics for number in range(settings.partitions)]
    with admin_client(settings) as admin:
        return {tp: end for tp, end in ends_of(admin, tps).items() if end > 0}


def state_ends(settings: Settings) -> int:
    """Return how many records the changelog has taken, markers of transactions among them."""
    tps = [TopicPartition(settings.topic_prefix + STATE.name, n) for n in range(settings.partitions)]
    with admin_client(settings) as admin:
        return sum(ends_of(admin, tps).values())


def committed(admin: KafkaAdminClient, settings: Settings) -> Mapping[TopicPartition, int]:
    """Return the positions that the application has committed."""
    group = settings.application_id
    found = cast("Mapping[TopicPartition, Any]", admin.list_group_offsets({group: None})[group])
    return {tp: at.offset for tp, at in found.items()}


def _new_name() -> str:
    return f"b{uuid4().hex[:8]}"
