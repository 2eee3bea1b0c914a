"""A broker for all processes of a run, from the code of `kafka up`, and topics of its own for each test."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.broker import FragileBroker, LocalKafka, choose_engine, local_kafka
from streams.runtime.local_kafka.distribution import LocalKafkaError
from streams.settings import Settings

JARS: Final = Path(__file__).parents[2] / ".kafka"


@pytest.fixture(scope="session")
def jars() -> Path:
    """Give the folder that keeps Apache Kafka; skip, in CI fail, where none can run."""
    try:
        choose_engine(JARS)
    except LocalKafkaError as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(f"no Kafka for the tests: {error}", pytrace=False)
        pytest.skip(f"NOT TESTED, no Kafka: {error}")
    return JARS


@pytest.fixture(scope="session")
def broker(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FragileBroker]:
    """Give the broker that all tests share, in all processes of pytest-xdist: don't hurt it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with shared_kafka(folder / "kafka-of-all", jars) as shared:
        yield shared


@contextmanager
def shared_kafka(folder: Path, jars: Path) -> Iterator[FragileBroker]:
    """Run the broker of a folder; who comes while it runs takes part, and the last to leave ends it."""
    folder.mkdir(exist_ok=True)
    kafka = LocalKafka(folder, jars=jars)
    with (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield FragileBroker(kafka)
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # others use it
            else:
                kafka.down(erase=True, kill=True)


@pytest.fixture
def own_broker(jars: Path, tmp_path: Path) -> Iterator[FragileBroker]:
    """Give a broker for one test, to be killed and restarted."""
    with local_kafka(tmp_path / "kafka", jars=jars) as own:
        yield own


@pytest.fixture
def settings(broker: FragileBroker) -> Settings:
    """Give settings for the shared broker, with names of the test's own; no topics yet."""
    return settings_for(broker)


@pytest.fixture
def topics(settings: Settings) -> Settings:
    """Give the same settings, with all topics made."""
    with admin_client(settings) as admin:
        create(admin, plan(settings))
    return settings


@pytest.fixture
def event_clock(topics: Settings) -> Settings:
    """Give the same settings for a worker whose time is moved by records and ticks alone."""
    return topics.model_copy(update={"clock": "event"})


def settings_for(broker: FragileBroker) -> Settings:
    """Return settings for a broker, with names that no other test has."""
    name = f"t{uuid4().hex[:12]}"
    return Settings(
        bootstrap_servers=(broker.bootstrap,),
        topic_prefix=f"{name}.",
        application_id=name,
        replication_factor=1,
    )
