"""Kafka transactions for commands: all of it or nothing, one command at a time, errors in words."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from streams.runtime.kafka.admin import KafkaRefusedError, KafkaUnavailableError
from streams.runtime.kafka.client_options import NO_RIGHT, aiokafka_options, quiet
from streams.runtime.kafka.outbox import BATCH_BYTES
from streams.settings import Settings

_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 2.0
"""How long a transaction that failed, or a producer, may take to end; with the broker away it never does."""
_FENCED: Final = (ProducerFenced, InvalidProducerEpoch)


@contextmanager
def in_words(settings: Settings) -> Iterator[None]:
    """Raise what aiokafka raises as KafkaUnavailableError or KafkaRefusedError."""
    where = ",".join(settings.bootstrap_servers)
    with quiet():
        try:
            yield
        except NO_RIGHT as error:
            raise KafkaRefusedError(f"Kafka at {where} refuses: {type(error).__name__}") from error
        except _FENCED as error:
            raise KafkaUnavailableError(
                "the same command was started elsewhere since, and took over"
            ) from error
        except (KafkaError, TimeoutError) as error:
            reason = str(error) or "no answer in time"
            raise KafkaUnavailableError(f"Kafka at {where} does not do it: {reason}") from error


@asynccontextmanager
async def transactional(settings: Settings, name: str, seconds: float) -> AsyncIterator[Any]:
    """Give a producer for transactions of so many seconds at most; whoever had the name is shut out.

    What that one left unfinished is undone before anything else. Raises aiokafka's errors, TimeoutError.
    """
    producer = AIOKafkaProducer(
        **aiokafka_options(settings),
        transactional_id=name,
        transaction_timeout_ms=round(seconds * 1000),
        # A broker that has just ended a transaction says "not yet" to the next one.
        retry_backoff_ms=20,
        max_batch_size=BATCH_BYTES,
        max_request_size=8 << 20,
    )
    try:
        async with asyncio.timeout(_START_SECONDS):
            await producer.start()
        yield producer
    finally:
        try:
            await asyncio.wait_for(producer.stop(), _END_SECONDS)
        except (KafkaError, TimeoutError):
            await producer.client.close()


@asynccontextmanager
async def transaction(producer: Any, seconds: float) -> AsyncIterator[None]:
    """Do what is inside in one transaction, and in time; undo it if anything fails."""
    try:
        async with asyncio.timeout(seconds):
            await producer.begin_transaction()
            yield
            await producer.commit_transaction()
    except BaseException:
        # aiokafka asserts that it is in a state to abort; if it is not, the broker does it in time.
        with suppress(KafkaError, TimeoutError, AssertionError):
            await asyncio.wait_for(producer.abort_transaction(), _END_SECONDS)
        raise
