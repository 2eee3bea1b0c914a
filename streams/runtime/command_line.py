"""What the commands around Kafka share: settings, exit codes, one line for each error."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer
from kafka.admin import KafkaAdminClient
from rich.console import Console
from rich.markup import escape

from streams.runtime.admin import KafkaRefusedError, KafkaUnavailableError, admin_client
from streams.settings import Settings, SettingsError, load_settings

ERRORS = Console(stderr=True)


class Exit(IntEnum):
    """Exit codes, as sysexits.h numbers them."""

    UNAVAILABLE = 69
    NO_PERMISSION = 77
    CONFIG = 78


def failed(message: str, code: Exit) -> typer.Exit:
    """Print an error, a line for each of the message's, and return what ends the command."""
    for line in message.splitlines():
        ERRORS.print(f"[red]error:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    return typer.Exit(code)


def settings_or_exit() -> Settings:
    """Return the settings of the environment; ends the command with 78 if they can't be used."""
    try:
        return load_settings()
    except SettingsError as error:
        raise failed(str(error), Exit.CONFIG) from error


@contextmanager
def admin_or_exit(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Give an administration client; ends the command if Kafka is away, refuses, or TLS lacks files."""
    try:
        with admin_client(settings) as admin:
            yield admin
    except KafkaUnavailableError as error:
        raise failed(str(error), Exit.UNAVAILABLE) from error
    except KafkaRefusedError as error:
        raise failed(str(error), Exit.NO_PERMISSION) from error
    except SettingsError as error:
        raise failed(str(error), Exit.CONFIG) from error
