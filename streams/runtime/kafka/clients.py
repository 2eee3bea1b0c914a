"""Where Kafka is and how to log in, as aiokafka's clients take it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from typing_extensions import override

from streams.runtime.kafka.admin import KafkaRefusedError, KafkaUnavailableError, client_options
from streams.settings import Settings

NO_RIGHT: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""What aiokafka raises where the broker knows us, and does not let us."""


class TokenFile(AbstractTokenProvider):  # type: ignore[misc] # aiokafka has no types
    """Bearer token from a file, read anew at each log-in because tokens are renewed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    async def token(self) -> str:
        return self._path.read_text(encoding="utf-8").strip()


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of any client of aiokafka. Raises SettingsError if the TLS files can't be used."""
    return client_options(settings, TokenFile)


def ending(error: KafkaError) -> KafkaRefusedError | KafkaUnavailableError:
    """Return an error of aiokafka's as one that ends a command, in words."""
    if isinstance(error, NO_RIGHT):
        return KafkaRefusedError(f"Kafka refuses: {error}")
    return KafkaUnavailableError(f"Kafka does not do it: {error}")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep aiokafka's log from showing: what went wrong comes as an exception."""
    logger = logging.getLogger("aiokafka")
    handler, propagate = logging.NullHandler(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
