"""What is said when there is no Kafka; how it is with one, tests/kafka shows."""

import asyncio
import logging
import socket
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

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


class _Producer:
    """One that sends into the void, and whose close finds what is not there yet, as kafka-python's does."""

    made = 0

    def __init__(self, **_: object) -> None:
        _Producer.made += 1

    def partitions_for(self, _topic: str) -> set[int]:
        return {0}

    def send(self, *_: object, **__: object) -> "_Producer":
        return self

    def get(self, timeout: float) -> Any:
        raise KafkaTimeoutError(f"c-secret-1042 after {timeout}")

    def close(self, timeout: float) -> None:
        raise KafkaTimeoutError(f"Timeout waiting for future: {timeout}")


def test_a_producer_that_cannot_be_closed_hides_no_fault_and_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "KafkaProducer", _Producer)
    monkeypatch.setattr(_Producer, "made", 0)

    async def live() -> None:
        dispositions = DispositionWriter(Settings())
        for _ in range(2):
            with pytest.raises(KafkaUnavailableError, match=r"^Kafka does not take .*: KafkaTimeoutError$"):
                await dispositions.write(disposition("c-secret-1042"))
        dispositions._connected()
        await dispositions.close()

    asyncio.run(live())
    assert _Producer.made == 3
