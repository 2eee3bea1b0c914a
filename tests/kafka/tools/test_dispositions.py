"""Dispositions of the CRM on a real topic."""

import asyncio
import logging

import pytest
from kafka import KafkaConsumer, TopicPartition

from schemas.disposition import Disposition
from schemas.events import Disposition as DispositionEvent
from schemas.hot import Decoder
from schemas.partitioner import partition_of
from streams.crm.dispositions import writer
from streams.crm.dispositions.writer import DispositionWriter
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.settings import Settings

pytestmark = pytest.mark.kafka

CUSTOMERS = [f"c-secret-{number}" for number in range(20)]


def disposition(customer_id: str) -> Disposition:
    return Disposition(
        type="disposition",
        event_id=f"d-{customer_id}",
        customer_id=customer_id,
        time="2026-05-28T12:00:00.000Z",
        source="crm",
        alert_id="a-1",
        status="closed",
    )


async def write(settings: Settings) -> None:
    dispositions = DispositionWriter(settings)
    try:
        for customer_id in CUSTOMERS:
            await dispositions.write(disposition(customer_id))
    finally:
        await dispositions.close()


def test_each_is_in_its_customers_partition_when_writing_returns(
    topics: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = topics.model_copy(update={"partitioner": "crc32"})
    asyncio.run(write(settings))
    topic = settings.topic_prefix + "dispositions"
    consumer = KafkaConsumer(**kafka_python_options(settings), auto_offset_reset="earliest")
    try:
        parts = [TopicPartition(topic, number) for number in range(settings.partitions)]
        ends = consumer.end_offsets(parts)
        consumer.assign(parts)
        read = []
        while any(consumer.position(part) < ends[part] for part in parts):
            read += [one for found in consumer.poll(timeout_ms=200).values() for one in found]
    finally:
        consumer.close()
    assert sorted(one.key.decode() for one in read) == sorted(CUSTOMERS)
    for one in read:
        customer_id = one.key.decode()
        assert one.partition == partition_of(customer_id, settings.partitions, "crc32")
        event = Decoder(strict_fields=True).dispositions(one.value)
        assert isinstance(event, DispositionEvent)
        assert (event.customer_id, event.event_id, event.source) == (customer_id, f"d-{customer_id}", "crm")
    assert "c-secret" not in caplog.text


def test_without_the_topic_it_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "STEP_SECONDS", 0.5)
    with pytest.raises(KafkaUnavailableError, match="dispositions"):
        asyncio.run(write(settings))
