"""What goes wrong with Kafka: two errors for people, and the clients' errors turned into them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InvalidProducerEpoch,
    KafkaError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from kafka import errors as kafka_python

from streams.runtime.ports import FencedError, LogError
from streams.settings import Settings

WRONG_LOGIN: Final = (
    kafka_python.SaslAuthenticationFailedError,
    kafka_python.UnsupportedSaslMechanismError,
)
"""What kafka-python reports when the broker does not know the user, or not the mechanism."""
_NOT_AUTHORIZED: Final = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""What aiokafka raises when the broker knows us, but a right is missing."""
_FENCED: Final = (ProducerFenced, InvalidProducerEpoch)


class KafkaUnavailableError(Exception):
    """Kafka does not answer; the message says which and why."""


class KafkaRefusedError(Exception):
    """Kafka answers but won't let us: wrong password, or a right that is missing."""


def unavailable(brokers: Sequence[str], reason: object) -> KafkaUnavailableError:
    """Return the error for brokers that do not answer."""
    return KafkaUnavailableError(f"Kafka at {','.join(brokers)} does not answer: {reason}")


def from_kafka_python(
    error: kafka_python.KafkaError, brokers: Sequence[str], connect_error: object, *, logs_in: bool
) -> KafkaRefusedError | KafkaUnavailableError:
    """Return an error of kafka-python as ours.

    `connect_error` is why connecting failed, if it did. A broker refuses a log-in and hangs up in one go;
    kafka-python may see only the hanging up.
    """
    where = ",".join(brokers)
    if isinstance(error, kafka_python.AuthorizationError):
        return KafkaRefusedError(f"Kafka at {where} refuses: {type(error).__name__}, a right is missing")
    if isinstance(connect_error, WRONG_LOGIN) or (logs_in and "disconnected" in str(connect_error)):
        return KafkaRefusedError(f"Kafka at {where} refuses user, password or mechanism")
    return unavailable(brokers, connect_error or error)


def from_aiokafka(error: KafkaError) -> KafkaRefusedError | KafkaUnavailableError:
    """Return an error of aiokafka as ours."""
    if isinstance(error, _NOT_AUTHORIZED):
        return KafkaRefusedError(f"Kafka refuses: {error}")
    return KafkaUnavailableError(f"Kafka does not do it: {error}")


@contextmanager
def publish_errors(settings: Settings, arrived: Callable[[], int]) -> Iterator[None]:
    """Raise what aiokafka raises while records are published as KafkaUnavailableError or KafkaRefusedError.

    `arrived` returns how many records Kafka has by then.
    """
    where = ",".join(settings.bootstrap_servers)
    with muted_aiokafka():
        try:
            yield
        except _NOT_AUTHORIZED as error:
            raise KafkaRefusedError(f"Kafka at {where} refuses: the right to write is missing") from error
        except (KafkaError, TimeoutError) as error:
            why = "no answer in time" if isinstance(error, TimeoutError | KafkaTimeoutError) else error
            raise KafkaUnavailableError(
                f"Kafka at {where} does not take it: {why}; {arrived():,} records arrived before"
            ) from error


@contextmanager
def transaction_errors(settings: Settings) -> Iterator[None]:
    """Raise what aiokafka raises around transactions as KafkaUnavailableError or KafkaRefusedError."""
    where = ",".join(settings.bootstrap_servers)
    with muted_aiokafka():
        try:
            yield
        except _NOT_AUTHORIZED as error:
            raise KafkaRefusedError(f"Kafka at {where} refuses: {type(error).__name__}") from error
        except _FENCED as error:
            raise KafkaUnavailableError(
                "the same command was started elsewhere since, and took over"
            ) from error
        except (KafkaError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            raise KafkaUnavailableError(f"Kafka at {where} does not do it: {reason}") from error


@contextmanager
def log_errors() -> Iterator[None]:
    """Raise what aiokafka raises as FencedError or LogError; a right that is missing as KafkaRefusedError."""
    try:
        yield
    except (*_FENCED, OutOfOrderSequenceNumber) as error:
        raise FencedError(type(error).__name__) from error
    except _NOT_AUTHORIZED as error:
        raise from_aiokafka(error) from error
    except TimeoutError as error:
        raise LogError("Kafka did not answer in time") from error
    except (KafkaError, ProducerClosed, OSError) as error:
        raise LogError(f"{type(error).__name__}") from error


def muted_aiokafka() -> AbstractContextManager[None]:
    """Keep aiokafka's log from showing."""
    return diverted_log("aiokafka", logging.NullHandler())


@contextmanager
def diverted_log(library: str, handler: logging.Handler) -> Iterator[None]:
    """Give a library's log to a handler alone: what went wrong comes as an exception."""
    logger = logging.getLogger(library)
    propagate = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
