"""Settings as librdkafka's options."""

import logging
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from streams.runtime.kafka.clients import read_token
from streams.settings import Settings

_LOG: Final = logging.getLogger("librdkafka")
_TOKEN_SECONDS: Final = 60.0
"""How long a token from a file counts; the file is read again before."""
_FETCH_BYTES: Final = 1 << 20
_PREFETCHED_KB: Final = 2_048
TRANSACTION_SECONDS: Final = 15.0
SESSION_SECONDS: Final = 10.0


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the options of any client."""
    options: dict[str, Any] = {
        "bootstrap.servers": ",".join(settings.bootstrap_servers),
        "client.id": "retention-signals",
        "security.protocol": settings.kafka_security_protocol,
        "logger": _LOG,
        "log_level": 4,
    }
    files = {
        "ssl.ca.location": settings.kafka_ca_file,
        "ssl.certificate.location": settings.kafka_certificate_file,
        "ssl.key.location": settings.kafka_key_file,
    }
    if settings.kafka_security_protocol in {"SSL", "SASL_SSL"}:
        options |= {name: str(path) for name, path in files.items() if path is not None}
    if not settings.kafka_security_protocol.startswith("SASL_"):
        return options
    options["sasl.mechanism"] = settings.kafka_sasl_mechanism
    if settings.kafka_sasl_mechanism == "OAUTHBEARER" and settings.kafka_token_file is not None:
        return options | {"oauth_cb": partial(_token, settings.kafka_token_file)}
    return options | {"sasl.username": settings.kafka_username, "sasl.password": settings.kafka_secret()}


def reader_options(settings: Settings, group: str) -> dict[str, Any]:
    """Return the options of a consumer of committed records that commits nothing itself."""
    return client_options(settings) | {
        "group.id": group,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 100,  # as late comes the news that a partition is at its end
        "fetch.message.max.bytes": _FETCH_BYTES,
        "queued.max.messages.kbytes": _PREFETCHED_KB,
        "queued.min.messages": 5_000,
        "fetch.queue.backoff.ms": 100,  # not a second, when all that was queued has been taken
    }


def member_options(settings: Settings, group: str) -> dict[str, Any]:
    """Return the options of a consumer that shares topics with the others of its group."""
    return reader_options(settings, group) | {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": round(SESSION_SECONDS * 1000),
        "heartbeat.interval.ms": 3_000,
    }


def producer_options(settings: Settings, transactional_id: str) -> dict[str, Any]:
    """Return the options of a transactional producer."""
    return client_options(settings) | {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": round(TRANSACTION_SECONDS * 1000),
        "message.max.bytes": 8 << 20,  # as our topics take them
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 64 << 10,
        "linger.ms": 2,
    }


def _token(path: Path, _configured: str) -> tuple[str, float]:
    """Return the token in a file, and until when it counts, seconds since 1970."""
    return read_token(path), time.time() + _TOKEN_SECONDS
