"""Kafka transactions for commands: all of it or nothing, one command at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka.errors import KafkaError

from streams.runtime.kafka.clients import CLOSE_SECONDS, close_producer, make_transactional_producer
from streams.runtime.kafka.outbox import BATCH_BYTES
from streams.settings import Settings

_START_SECONDS: Final = 60.0


@asynccontextmanager
async def transactional(settings: Settings, name: str, seconds: float) -> AsyncIterator[Any]:
    """Give a producer for transactions of so many seconds at most; whoever had the name is shut out.

    What that one left unfinished is undone before anything else. Raises aiokafka's errors, TimeoutError.
    """
    producer = make_transactional_producer(settings, name, seconds=seconds, batch_bytes=BATCH_BYTES)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await producer.start()
        yield producer
    finally:
        await close_producer(producer)


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
            await asyncio.wait_for(producer.abort_transaction(), CLOSE_SECONDS)
        raise
