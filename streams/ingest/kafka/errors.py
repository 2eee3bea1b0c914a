"""librdkafka's errors as ours."""

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from streams.runtime.kafka.errors import KafkaRefusedError, KafkaUnavailableError

_REFUSED: Final = frozenset(
    (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's own codes are named so
        KafkaError.SASL_AUTHENTICATION_FAILED,
    )
)


def error_of(error: KafkaException) -> KafkaError:
    """Return the error that an exception is about."""
    found: KafkaError = error.args[0]
    return found


def as_ours(error: KafkaError) -> KafkaRefusedError | KafkaUnavailableError:
    """Return an error as the commands know it."""
    if error.code() in _REFUSED:
        return KafkaRefusedError(f"Kafka refuses: {error.name()}")
    return KafkaUnavailableError(f"Kafka does not do it: {error.name()}")
