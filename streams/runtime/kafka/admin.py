"""kafka-python's administration client, and its errors in words for people."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kafka import errors
from kafka.admin import KafkaAdminClient
from kafka.net.sasl.oauth import AbstractTokenProvider
from typing_extensions import override

from streams.addresses import split_address
from streams.settings import Settings, SettingsError

CONNECT_SECONDS: Final = 10.0
_WRONG_LOGIN: Final = (errors.SaslAuthenticationFailedError, errors.UnsupportedSaslMechanismError)


class KafkaUnavailableError(Exception):
    """Kafka does not answer; the message says which and why."""


class KafkaRefusedError(Exception):
    """Kafka answers but won't let us: wrong password, or a right that is missing."""


class TokenFile(AbstractTokenProvider):  # type: ignore[misc] # kafka-python has no types
    """Bearer token from a file, read anew at each log-in because tokens are renewed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def token(self) -> str:
        return self._path.read_text(encoding="utf-8").strip()


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS context that the settings ask for, for any client. Raises OSError (ssl.SSLError too)."""
    if settings.kafka_security_protocol not in {"SSL", "SASL_SSL"}:
        return None
    context = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if settings.kafka_certificate_file is not None:
        context.load_cert_chain(settings.kafka_certificate_file, settings.kafka_key_file)
    return context


def client_options(settings: Settings, token_file: Callable[[Path], Any] = TokenFile) -> dict[str, Any]:
    """Return where Kafka is and how to log in, as the arguments of any client of kafka-python.

    They are those of aiokafka's clients too, but for what gives the token in a file. Raises SettingsError if
    the TLS files can't be used.
    """
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
        return options | {"sasl_oauth_token_provider": token_file(settings.kafka_token_file)}
    secret = {"sasl_plain_username": settings.kafka_username, "sasl_plain_password": settings.kafka_secret()}
    return options | secret


@contextmanager
def admin_client(settings: Settings) -> Iterator[KafkaAdminClient]:
    """Give an administration client.

    Raises SettingsError if the TLS files are none; KafkaUnavailableError and KafkaRefusedError, also inside.
    """
    with connected(client_options(settings), CONNECT_SECONDS) as client:
        yield client


@contextmanager
def connected(options: Mapping[str, Any], seconds: float) -> Iterator[KafkaAdminClient]:
    """Do as `admin_client`, with options for kafka-python and the time that connecting may take."""
    where = ",".join(options["bootstrap_servers"])
    _knock(options["bootstrap_servers"], options.get("ssl_context"), seconds)
    with _listening() as heard, _in_words(where, heard, logs_in="sasl_mechanism" in options):
        client = _Admin(
            heard, **options, client_id="retention-signals", bootstrap_timeout_ms=round(seconds * 1000)
        )
        try:
            yield client
        finally:
            client.close()


class _Heard(logging.Handler):
    """Keeps why connecting failed, which kafka-python logs but leaves out of its time-out."""

    error: object = None
    give_up: Callable[[], None] = staticmethod(lambda: None)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith("Bootstrap connection to ") and isinstance(record.args, tuple):
            self.error = record.args[1]
            # It would go on trying until its time is up, and get the account locked.
            if isinstance(self.error, _WRONG_LOGIN):
                self.give_up()


class _Admin(KafkaAdminClient):  # type: ignore[misc] # kafka-python has no types
    """Closes what kafka-python leaves open when it can't connect: a thread and sockets."""

    _closed = False

    def __init__(self, heard: _Heard, **options: Any) -> None:
        heard.give_up = lambda: self._manager.close()  # noqa: PLW0108 - there is no manager yet
        try:
            super().__init__(**options)
        except errors.KafkaError:
            self.close()
            raise


def _knock(addresses: Sequence[str], tls: ssl.SSLContext | None, seconds: float) -> None:
    """Return if one of the addresses listens, and with TLS proves itself; else KafkaUnavailableError.

    kafka-python would try again until its time is up, and leak a socket each time.
    """
    reason = ""
    for address in addresses:
        host, port = split_address(address)
        try:
            with socket.create_connection((host, port), timeout=seconds) as plain:
                if tls is not None:
                    tls.wrap_socket(plain, server_hostname=host).close()
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return
    raise KafkaUnavailableError(f"Kafka at {','.join(addresses)} does not answer: {reason}")


@contextmanager
def _in_words(where: str, heard: _Heard, *, logs_in: bool) -> Iterator[None]:
    """Raise kafka-python's errors as ours.

    A broker refuses a log-in and hangs up in one go; kafka-python may see but the hanging up.
    """
    try:
        yield
    except errors.AuthorizationError as error:
        raise KafkaRefusedError(
            f"Kafka at {where} refuses: {type(error).__name__}, a right is missing"
        ) from error
    except errors.KafkaError as error:
        if isinstance(heard.error, _WRONG_LOGIN) or (logs_in and "disconnected" in str(heard.error)):
            raise KafkaRefusedError(f"Kafka at {where} refuses user, password or mechanism") from error
        raise KafkaUnavailableError(f"Kafka at {where} does not answer: {heard.error or error}") from error


@contextmanager
def _listening() -> Iterator[_Heard]:
    """Take kafka-python's log instead of showing it: what went wrong comes as an exception."""
    logger = logging.getLogger("kafka")
    heard, propagate = _Heard(), logger.propagate
    logger.addHandler(heard)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.propagate = propagate
