"""What the commands around Kafka share: settings, an administration client, what is asked of the topics."""

import traceback
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Final

import typer
from kafka.admin import KafkaAdminClient

from schemas.topics import Topic
from streams.console import Exit, exit_code, failed, or_exit
from streams.crm_settings import CrmSettings, load_crm_settings
from streams.desk_settings import DeskSettings, load_desk_settings
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.errors import KafkaRefusedError, KafkaUnavailableError
from streams.runtime.kafka.topics import ActualTopic, differences, plan, read, refusal
from streams.settings import Settings, SettingsError, load_settings

StrictFields = Annotated[
    bool,
    typer.Option(
        "--strict-fields",
        help="Refuse records with a field that the contract does not have, instead of leaving it out.",
    ),
]

BehindProxy = Annotated[
    bool,
    typer.Option(
        "--behind-proxy",
        help="TLS ends before this server, at a proxy or a mesh: else it has to have TLS itself to listen "
        "anywhere but on loopback.",
    ),
]

KAFKA_EXITS: Final[dict[type[Exception], Exit]] = {
    KafkaUnavailableError: Exit.UNAVAILABLE,
    KafkaRefusedError: Exit.NO_PERMISSION,
    SettingsError: Exit.CONFIG,
}


def settings_or_exit(**given: object) -> Settings:
    """Return the settings of the environment; ends the command with 78 if they can't be used.

    What is given on the command line goes before, unless it is None.
    """
    with kafka_or_exit():
        return load_settings(**given)


def crm_settings_or_exit(**given: object) -> CrmSettings:
    """Return the settings of the bridge, as `settings_or_exit` does."""
    with kafka_or_exit():
        return load_crm_settings(**given)


def desk_settings_or_exit(**given: object) -> DeskSettings:
    """Return the settings of the desk, as `settings_or_exit` does."""
    with kafka_or_exit():
        return load_desk_settings(**given)


def kafka_or_exit() -> AbstractContextManager[None]:
    """End the command if Kafka is away or refuses, or settings turn out to be unusable."""
    return or_exit(KAFKA_EXITS)


def ended(error: Exception, codes: Mapping[type[Exception], Exit], what: str) -> typer.Exit:
    """Return what ends a command that goes on and on: by the code of the error's kind, with its message.

    Of an error that nobody expected only kind and place are told, and `what` ended: its message may hold
    anything, also what must not be logged.
    """
    if isinstance(error, tuple(codes)):
        return failed(str(error), exit_code(error, codes))
    where = "".join(traceback.format_tb(error.__traceback__))
    return failed(f"{type(error).__name__} in {what}\n{where}", Exit.SOFTWARE)


@contextmanager
def admin_or_exit(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Give an administration client; ends the command if Kafka is away, refuses, or TLS lacks files."""
    with kafka_or_exit(), admin_client(settings) as admin:
        yield admin


def partitions_or_exit(settings: Settings, topics: Collection[Topic]) -> int:
    """Return how many partitions the topics have; ends the command if they don't fit together."""
    return next(iter(topics_or_exit(settings, topics).values())).partitions


def topics_or_exit(settings: Settings, topics: Collection[Topic]) -> Mapping[str, ActualTopic]:
    """Return the topics as they are, by name; ends the command if they don't fit together."""
    planned = [one for one in plan(settings) if one.topic in topics]
    with admin_or_exit(settings) as admin:
        actual = read(admin, planned)
    found = differences(planned, actual)
    refused = refusal(found)
    if refused:
        raise failed(refused, Exit.CONFIG)
    if len({one.partitions for one in actual.values()}) > 1:
        raise failed("\n".join(map(str, found)), Exit.CONFIG)
    return actual


def topic_or_exit(admin: KafkaAdminClient, settings: Settings, topic: Topic, advice: str) -> ActualTopic:
    """Return a topic as it is; ends the command, with advice, if it is missing."""
    planned = [one for one in plan(settings) if one.topic is topic]
    name = planned[0].name
    actual = read(admin, planned).get(name)
    if actual is None:
        raise failed(f"{name}: missing; {advice}", Exit.CONFIG)
    return actual
