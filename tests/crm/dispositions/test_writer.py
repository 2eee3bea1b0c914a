"""What is said when there is no Kafka; how it is with one, tests/kafka shows."""

import asyncio
import logging
import socket

import pytest

from schemas.disposition import Disposition
from streams.crm.dispositions import writer
from streams.crm.dispositions.writer import DispositionWriter
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.settings import Settings


def disposition(customer_id: str) -> Disposition:
    return Disposition(
        type="disposition",
        event_id="d-1",
        customer_id=customer_id,
        time="2026-05-28T12:00:00.000Z",
        source="crm",
        alert_id="a-1",
        status="closed",
    )


def test_without_kafka_it_says_so_and_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "STEP_SECONDS", 0.3)
    caplog.set_level(logging.DEBUG)

    async def write(settings: Settings) -> None:
        dispositions = DispositionWriter(settings)
        try:
            await dispositions.write(disposition("c-secret-1042"))
        finally:
            await dispositions.close()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        settings = Settings(bootstrap_servers=(f"127.0.0.1:{taken.getsockname()[1]}",))
        with pytest.raises(KafkaUnavailableError) as error:
            asyncio.run(write(settings))
    assert "c-secret" not in str(error.value)
    assert "c-secret" not in caplog.text
