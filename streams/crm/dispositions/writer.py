"""Dispositions to their topic: each is there before the CRM is told so."""

import asyncio
import logging
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas.disposition import Disposition
from schemas.partitioner import partition_of
from schemas.topics import DISPOSITIONS
from streams.runtime.kafka.clients import CLOSE_SECONDS, kafka_python_options
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.settings import Settings

STEP_SECONDS: Final = 5.0
"""For each step of a write: to connect, to learn of the topic, to be acknowledged. What takes longer, the CRM
sends again: it would hardly wait for an answer any more."""


class DispositionWriter:
    """Writes to the dispositions topic of the settings; connects when it is first needed, and after faults.

    A write that fails may yet arrive: the CRM sends the same again, and the worker drops the second.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic_prefix + DISPOSITIONS.name
        self._producer: Any = None
        self._lock = Lock()
        # kafka-python logs keys and values of what it sends, at DEBUG.
        logging.getLogger("kafka").setLevel(logging.WARNING)

    async def write(self, disposition: Disposition) -> None:
        """Write, and return once the broker has it. Raises KafkaUnavailableError, SettingsError."""
        await asyncio.to_thread(self._write, disposition)

    async def close(self) -> None:
        """Leave; what is under way ends first, or fails in a few seconds."""
        await asyncio.to_thread(self._close)

    def _write(self, disposition: Disposition) -> None:
        producer = None
        try:
            producer = self._connected()
            partitions = producer.partitions_for(self._topic)
            if not partitions:
                raise KafkaUnavailableError(f"there is no topic {self._topic}")
            customer_id = disposition.customer_id
            producer.send(
                self._topic,
                key=customer_id.encode(),
                value=disposition.model_dump_json(exclude_none=True).encode(),
                partition=partition_of(customer_id, len(partitions), self._settings.partitioner),
            ).get(timeout=STEP_SECONDS)
        except (KafkaError, OSError) as error:
            self._drop(producer)
            # Not `from`: the error may show the record.
            raise KafkaUnavailableError(f"Kafka does not take dispositions: {type(error).__name__}") from None

    def _connected(self) -> Any:
        with self._lock:
            if self._producer is None:
                ms = round(STEP_SECONDS * 1000)
                self._producer = KafkaProducer(
                    **kafka_python_options(self._settings),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    bootstrap_timeout_ms=ms,
                    max_block_ms=ms,
                    request_timeout_ms=ms,
                    delivery_timeout_ms=ms,
                    allow_auto_create_topics=False,
                )
            return self._producer

    def _drop(self, producer: Any) -> None:
        """Let a producer go: after a fault it may be of no more use, and a new one costs little."""
        with self._lock:
            if producer is None or producer is not self._producer:
                return
            self._producer = None
        _end(producer)

    def _close(self) -> None:
        with self._lock:
            producer, self._producer = self._producer, None
            if producer is not None:
                _end(producer)


def _end(producer: Any) -> None:
    """Close a producer. What it can't write any more is known by then, by its own error.

    It waits a moment for that to fail: closed before, kafka-python raises, and leaves its thread running.
    """
    with suppress(KafkaError):
        producer.close(timeout=CLOSE_SECONDS)
