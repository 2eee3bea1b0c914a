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

from streams.runtime.admin import KafkaRefusedError, KafkaUnavailableError, tls_context
from streams.settings import Settings, SettingsError

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
    try:
        tls = tls_context(settings)
    except OSError as error:
        raise SettingsError(f"the TLS files cannot be used: {error.strerror or error}") from error
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "security_protocol": settings.kafka_security_protocol,
        "ssl_context": tls,
    }
    if not settings.kafka_security_protocol.startswith("SASL_"):
        return options
    options["sasl_mechanism"] = settings.kafka_sasl_mechanism
    if settings.kafka_token_file is not None and settings.kafka_sasl_mechanism == "OAUTHBEARER":
        return options | {"sasl_oauth_token_provider": TokenFile(settings.kafka_token_file)}
    secret = {"sasl_plain_username": settings.kafka_username, "sasl_plain_password": settings.kafka_secret()}
    return options | secret


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
