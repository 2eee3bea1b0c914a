"""What the commands around Kafka share: settings, and a client that ends the command when Kafka is away."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka.admin import KafkaAdminClient

from streams.console import Exit, failed
from streams.runtime.kafka.admin import KafkaRefusedError, KafkaUnavailableError, admin_client
from streams.settings import Settings, SettingsError, load_settings


def settings_or_exit(**given: object) -> Settings:
    """Return the settings of the environment; ends the command with 78 if they can't be used.

    What is given on the command line goes before, unless it is None.
    """
    try:
        return load_settings(**given)
    except SettingsError as error:
        raise failed(str(error), Exit.CONFIG) from error


@contextmanager
def kafka_or_exit() -> Iterator[None]:
    """End the command if Kafka is away or refuses, or settings turn out to be unusable."""
    try:
        yield
    except KafkaUnavailableError as error:
        raise failed(str(error), Exit.UNAVAILABLE) from error
    except KafkaRefusedError as error:
        raise failed(str(error), Exit.NO_PERMISSION) from error
    except SettingsError as error:
        raise failed(str(error), Exit.CONFIG) from error


@contextmanager
def admin_or_exit(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Give an administration client; ends the command if Kafka is away, refuses, or TLS lacks files."""
    with kafka_or_exit(), admin_client(settings) as admin:
        yield admin
