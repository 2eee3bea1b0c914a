"""kafka-python's administration client, connected or refused in seconds."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from typing_extensions import override

from streams.addresses import split_address
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.kafka.errors import WRONG_LOGIN, diverted_log, from_kafka_python, unavailable
from streams.settings import Settings

CONNECT_SECONDS: Final = 10.0


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Give an administration client.

    Raises SettingsError for unusable TLS files; KafkaUnavailableError and KafkaRefusedError, also inside.
    """
    with connected(kafka_python_options(settings), CONNECT_SECONDS) as client:
        yield client


@contextmanager
def connected(options: Mapping[str, Any], seconds: float) -> Iterator[KafkaAdminClient]:
    """Do as `admin_client`, with options for kafka-python and the time that connecting may take."""
    brokers = options["bootstrap_servers"]
    _check_listening(brokers, options.get("ssl_context"), seconds)
    connect_log = _ConnectLog()
    with diverted_log("kafka", connect_log):
        try:
            client = _Admin(
                connect_log,
                **options,
                client_id="retention-signals",
                bootstrap_timeout_ms=round(seconds * 1000),
            )
            try:
                yield client
            finally:
                client.close()
        except KafkaError as error:
            logs_in = "sasl_mechanism" in options
            raise from_kafka_python(error, brokers, connect_log.error, logs_in=logs_in) from error


class _ConnectLog(logging.Handler):
    """Keeps why connecting failed, which kafka-python logs but leaves out of its time-out."""

    error: object = None
    give_up: Callable[[], None] = staticmethod(lambda: None)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith("Bootstrap connection to ") and isinstance(record.args, tuple):
            self.error = record.args[1]
            # It would go on trying until its time is up, and get the account locked.
            if isinstance(self.error, WRONG_LOGIN):
                self.give_up()


class _Admin(KafkaAdminClient):  # type: ignore[misc] # kafka-python has no types
    """Closes what kafka-python leaves open when it can't connect: a thread and sockets."""

    _closed = False

    def __init__(self, connect_log: _ConnectLog, **options: Any) -> None:
        connect_log.give_up = lambda: self._manager.close()  # noqa: PLW0108 - there is no manager yet
        try:
            super().__init__(**options)
        except KafkaError:
            self.close()
            raise


def _check_listening(brokers: Sequence[str], tls: ssl.SSLContext | None, seconds: float) -> None:
    """Return if one of the brokers listens, and with TLS proves itself; else raise KafkaUnavailableError.

    kafka-python would try again until its time is up, and leak a socket each time.
    """
    reason = ""
    for address in brokers:
        host, port = split_address(address)
        try:
            with socket.create_connection((host, port), timeout=seconds) as plain:
                if tls is not None:
                    tls.wrap_socket(plain, server_hostname=host).close()
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return
    raise unavailable(brokers, reason)
