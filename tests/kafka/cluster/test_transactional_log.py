"""The log of a partition on a real Kafka, where things go wrong half-way."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas.dead_letter import Reason
from streams.core.watermark import Input
from streams.runtime.kafka import fetch
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.clients import aiokafka_options
from streams.runtime.kafka.topics import create, plan
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.local_kafka.broker import FragileBroker
from streams.runtime.ports import DeadLetter, FencedError, LogError, RawRecord, Transaction
from streams.settings import Settings
from tests.kafka.conftest import settings_for

pytestmark = pytest.mark.kafka

LETTER = DeadLetter(Input.CONTACTS, RawRecord(0, 0, None, b"?"), Reason.SCHEMA, "no JSON")
LARGE = [(f"c{at}".encode(), os.urandom(100_000)) for at in range(60)]


@pytest.mark.parametrize("state", [LARGE[:1], LARGE])
@pytest.mark.parametrize("dead_letters", [[], [LETTER]])
def test_who_is_fenced_is_told_so_whatever_is_written(
    topics: Settings, state: list[tuple[bytes, bytes]], dead_letters: list[DeadLetter]
) -> None:
    """Also when it is found out half-way, while a topic is looked up that was not written to before."""

    async def go() -> None:
        old, new = TransactionalLog(topics, 0), TransactionalLog(topics, 0)
        try:
            await old.fence()
            await old.commit(Transaction(state=LARGE[:1]))
            await new.fence()
            with pytest.raises(FencedError):
                await old.commit(Transaction(state, dead_letters=dead_letters, positions={Input.CONTACTS: 0}))
        finally:
            await old.close()
            await new.close()

    asyncio.run(go())


@asynccontextmanager
async def half_written(settings: Settings) -> AsyncIterator[Any]:
    """Give a producer that has begun to write to the state topic."""
    producer = AIOKafkaProducer(
        **aiokafka_options(settings), transactional_id=f"{settings.application_id}-other"
    )
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(f"{settings.topic_prefix}state", b"?", b"?", partition=0)
    yield producer
    await producer.stop()


def test_state_behind_the_open_transaction_of_another_is_not_missed(topics: Settings) -> None:
    async def go() -> None:
        log = TransactionalLog(topics, 0)
        await log.fence()
        async with half_written(topics) as producer:
            await log.commit(Transaction(state=[(b"k", b"v")]))
            restoring = asyncio.create_task(restored(log))
            await asyncio.sleep(1)
            assert not restoring.done()
            await producer.abort_transaction()
        assert await restoring == [(b"k", b"v")]
        await log.close()

    asyncio.run(go())


async def restored(log: TransactionalLog) -> list[tuple[bytes, bytes | None]]:
    return [entry async for records in log.restore() for entry in records]


def test_a_restore_that_the_broker_cuts_short_is_an_error_of_the_log(
    own_broker: FragileBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a CancelledError, which a task of aiokafka raises in whoever stops it."""
    monkeypatch.setattr(fetch, "IDLE_SECONDS", 3.0)
    settings = settings_for(own_broker)
    with admin_client(settings) as admin:
        create(admin, plan(settings))

    async def go() -> None:
        log = TransactionalLog(settings, 0)
        await log.fence()
        for _ in range(10):
            await log.commit(Transaction(state=LARGE))
        reading = log.restore()
        await anext(reading)
        own_broker.kill()
        with pytest.raises(LogError):
            async for _ in reading:
                pass
        await log.close()

    asyncio.run(go())
