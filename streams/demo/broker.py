"""The Kafka of the demo, with names there that nothing else uses."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from streams.console import ERRORS
from streams.demo.signals import undisturbed
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.kafka.topics import create, plan, read
from streams.runtime.local_kafka.broker import LocalKafka, answers
from streams.runtime.local_kafka.distribution import KAFKA_VERSION
from streams.settings import Settings, variable

KAFKA_FOLDER: Final = Path(".kafka")
"""Where `kafka up` keeps its broker, and all brokers their program."""

_OURS: Final = (
    "bootstrap_servers",
    "kafka_security_protocol",
    "application_id",
    "topic_prefix",
    "replication_factor",
    "clock",
    "web_host",
    "web_port",
    "web_certificate_file",
    "web_key_file",
    "token",
    "token_file",
)


@dataclass(frozen=True, slots=True)
class DemoKafka:
    """A Kafka: settings with names of the demo's own, whose it is in words, and whether it goes with us."""

    settings: Settings
    whose: str
    own: bool


@contextmanager
def some_kafka(user: Settings, folder: Path, *, keep: bool) -> Iterator[DemoKafka]:
    """Give the user's Kafka, else that of `kafka up`, else one of its own in `folder`, ended unless kept.

    Raises LocalKafkaError or OSError if there is none and none can be started.
    """
    if "bootstrap_servers" in user.model_fields_set and _is_reachable(user):
        yield DemoKafka(_with_own_names(user.bootstrap_servers, user), "yours", own=False)
        return
    running = LocalKafka(KAFKA_FOLDER).running()
    if running is not None and answers(running.bootstrap):
        yield DemoKafka(_with_own_names((running.bootstrap,)), "that of `kafka up`", own=False)
        return
    kafka = LocalKafka(folder, jars=KAFKA_FOLDER)
    try:
        with ERRORS.status(f"starting Apache Kafka {KAFKA_VERSION}, the first time it is fetched ..."):
            broker = kafka.up(0)
        yield DemoKafka(_with_own_names((broker.bootstrap,)), f"its own, on {broker.engine}", own=True)
    finally:
        if not keep:
            with undisturbed():
                kafka.down(erase=True, kill=True)


@contextmanager
def topics_of(kafka: DemoKafka, *, keep: bool) -> Iterator[None]:
    """Make all topics; delete them at the end, and the group, unless they are kept or their Kafka goes."""
    planned = plan(kafka.settings)
    try:
        with admin_client(kafka.settings) as admin:
            create(admin, planned)
        yield
    finally:
        if not (keep or kafka.own):
            with undisturbed(), admin_client(kafka.settings) as admin:
                admin.delete_topics(list(read(admin, planned)))
                group = kafka.settings.application_id
                if group in {one["group_id"] for one in admin.list_groups()}:
                    admin.delete_groups([group])


def environment(settings: Settings, web_port: int) -> dict[str, str]:
    """Return the environment of a process with these settings, and a web server on that port."""
    values = {name: getattr(settings, name) for name in _OURS} | {"web_port": web_port}
    spelled = {
        variable(name): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
        if value is not None
    }
    replaced = {variable(name) for name in _OURS}
    return {name: value for name, value in os.environ.items() if name.upper() not in replaced} | spelled


def _is_reachable(user: Settings) -> bool:
    try:
        with admin_client(user) as admin:
            return bool(admin.describe_cluster()["brokers"])
    except KafkaUnavailableError as error:
        ERRORS.print(f"{error}; going on without it", highlight=False, markup=False, soft_wrap=True)
        return False


def _with_own_names(brokers: tuple[str, ...], user: Settings | None = None) -> Settings:
    """Return the settings of the environment, but for what a demo must have to itself."""
    name = f"demo-{uuid4().hex[:8]}"
    return Settings(
        bootstrap_servers=brokers,
        kafka_security_protocol="PLAINTEXT" if user is None else user.kafka_security_protocol,
        application_id=name,
        topic_prefix=f"{name}.",
        replication_factor=1,
        clock="event",
        web_host="127.0.0.1",
        web_certificate_file=None,
        web_key_file=None,
        token=None,
        token_file=None,
    )
