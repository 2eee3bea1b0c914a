"""What a worker must not start on: one clear line, the exit code, and nothing written."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import TopicPartition

from schemas.topics import OUTPUTS
from streams.runtime.admin import admin_client
from streams.runtime.kafka_engine import free_port
from streams.settings import Settings
from tests.kafka.deployment import Deployment, WorkerProcess
from tests.kafka.feeds import contact, purchase, raw, send, ticks
from tests.kafka.held import places, progress, reader
from tests.kafka.test_security import LockedJava, java, running
from tests.kafka.test_topics import alter, delete, recreate
from tests.worlds.worlds import FIRST

__all__ = ["java"]
pytestmark = pytest.mark.kafka

HOUR = 3_600_000


def written(settings: Settings) -> dict[Any, int]:
    """Return the ends of all outputs that exist."""
    with admin_client(settings) as admin:
        there = set(admin.list_topics())
    wanted = [
        one for one in places(settings, *(topic.name for topic in OUTPUTS)) if one.topic in there
    ]
    with reader(settings, "read_uncommitted") as consumer:
        return dict(consumer.end_offsets(wanted))


def refused(settings: Settings, folder: Path, *arguments: str, **changes: object) -> tuple[int, list[str]]:
    """Return how a worker ends that must not start, and its last lines: the errors."""
    one = WorkerProcess(settings, folder / "refused.log", *arguments, **changes)
    try:
        code = one.wait(60)
    finally:
        one.kill()
    assert "Traceback" not in one.log
    return code, [line.removeprefix("error: ") for line in one.log.splitlines() if line.startswith("error: ")]


@pytest.fixture
def used(topics: Settings, tmp_path: Path) -> Settings:
    """Give settings under which a worker has already written state."""
    settings = topics.model_copy(update={"clock": "event"})
    with Deployment(settings, tmp_path) as deployment:
        deployment.start()
        deployment.when_ready()
        facts = [purchase(f"c-{at}", FIRST + at * HOUR) for at in range(20)]
        facts += [contact("c-1", FIRST + 30 * HOUR)]
        send(settings, [raw(settings, "contacts" if b"contact_id" in one else "transactions", one) for one in facts])
        send(settings, ticks(settings, FIRST + 31 * HOUR))
        deployment.when_drained()
    assert progress(settings) > 0
    return settings
