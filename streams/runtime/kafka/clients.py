"""Clients of Kafka: how they log in, how producers and consumers are set up, and how they are closed."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import abc as aiokafka_abc
from kafka.net.sasl import oauth as kafka_python_oauth
from typing_extensions import override

from streams.settings import Settings, SettingsError

FETCH_BYTES: Final = 8 << 20
"""The most of a partition in one answer, for readers that want all a topic holds."""
CLOSE_SECONDS: Final = 2.0
"""How long a client may take to close; with the broker away it would wait for ever."""
_REQUEST_BYTES: Final = 8 << 20
_DELIVERY_MS: Final = 60_000
"""A broker that restarts on a busy machine has come back by then."""


class KafkaPythonTokenFile(kafka_python_oauth.AbstractTokenProvider):  # type: ignore[misc] # it has no types
    """Bearer token from a file, for kafka-python."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def token(self) -> str:
        return read_token(self._path)


class AiokafkaTokenFile(aiokafka_abc.AbstractTokenProvider):  # type: ignore[misc] # it has no types
    """Bearer token from a file, for aiokafka."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    async def token(self) -> str:
        return read_token(self._path)


def kafka_python_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of any client of kafka-python. Raises SettingsError for unusable TLS files."""
    return _options(settings, KafkaPythonTokenFile)


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments of any client of aiokafka. Raises SettingsError for unusable TLS files."""
    return _options(settings, AiokafkaTokenFile)


def make_consumer(settings: Settings, **options: Any) -> AIOKafkaConsumer:
    """Return a consumer that reads committed records from the beginning, and commits nothing itself.

    It is not started yet. Raises SettingsError.
    """
    usual = {
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
    }
    return AIOKafkaConsumer(**aiokafka_options(settings) | usual | options)


def make_producer(settings: Settings, *, batch_bytes: int) -> AIOKafkaProducer:
    """Return a producer that writes each record once, in order; not started yet. Raises SettingsError."""
    return AIOKafkaProducer(
        **aiokafka_options(settings),
        acks="all",
        enable_idempotence=True,
        max_batch_size=batch_bytes,
        request_timeout_ms=_DELIVERY_MS,
    )


def make_transactional_producer(
    settings: Settings, transactional_id: str, *, seconds: float, batch_bytes: int
) -> AIOKafkaProducer:
    """Return a producer for transactions of `seconds` at most; not started yet. Raises SettingsError."""
    return AIOKafkaProducer(
        **aiokafka_options(settings),
        transactional_id=transactional_id,
        transaction_timeout_ms=round(seconds * 1000),
        # A broker that has just ended the last owner's transaction says "not yet" to the next one.
        retry_backoff_ms=20,
        max_batch_size=batch_bytes,
        max_request_size=_REQUEST_BYTES,
    )


async def close_producer(producer: AIOKafkaProducer, seconds: float = CLOSE_SECONDS) -> None:
    """Stop a producer, by force if it takes longer; what has not arrived may be lost."""
    if not await _stopped(producer, seconds):
        sender = producer._sender.sender_task  # noqa: SLF001 - nothing else ends it
        if sender is not None:
            sender.cancel()
        await producer.client.close()


async def close_consumer(consumer: AIOKafkaConsumer, seconds: float = CLOSE_SECONDS) -> None:
    """Stop a consumer, by force if it takes longer."""
    if not await _stopped(consumer, seconds):
        await consumer._client.close()  # noqa: SLF001 - else its connections stay


async def _stopped(client: AIOKafkaConsumer | AIOKafkaProducer, seconds: float) -> bool:
    """Return whether a client stopped in time.

    With the broker away it hangs, fails, or raises the CancelledError of its own task: hence a task apart.
    """
    stopping = asyncio.create_task(client.stop())
    try:
        await asyncio.wait([stopping], timeout=seconds)
        return stopping.done() and not stopping.cancelled() and stopping.exception() is None
    finally:
        stopping.cancel()


def _options(settings: Settings, token_file: Callable[[Path], Any]) -> dict[str, Any]:
    """Return where Kafka is and how to log in. Both libraries name it alike, but for the token's provider."""
    try:
        tls = _tls_context(settings)
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
        return options | {"sasl_oauth_token_provider": token_file(settings.kafka_token_file)}
    secret = {"sasl_plain_username": settings.kafka_username, "sasl_plain_password": settings.kafka_secret()}
    return options | secret


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context that the settings ask for. Raises OSError (ssl.SSLError too)."""
    if settings.kafka_security_protocol not in {"SSL", "SASL_SSL"}:
        return None
    context = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if settings.kafka_certificate_file is not None:
        context.load_cert_chain(settings.kafka_certificate_file, settings.kafka_key_file)
    return context


def read_token(path: Path) -> str:
    """Return the token in a file: read at each log-in, because tokens are renewed."""
    return path.read_text(encoding="utf-8").strip()
