"""What librdkafka's client gives, and what it can't give."""

import socket
import struct
import time
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from kafka.record.default_records import DefaultRecordBatchBuilder
from typing_extensions import override

from streams.ingest.flow.record import Place, Record
from streams.ingest.kafka.records import sorted_out


class NoUtf8(str):
    """A name that is written as other bytes."""

    __slots__ = ()

    @override
    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"\xff\xfe"


def _produce_request(topic: bytes, batch: bytes) -> bytes:
    """Return a request, version 7, to write a batch to partition 0: no client writes such a header."""

    def text(raw: bytes) -> bytes:
        return struct.pack(">h", len(raw)) + raw

    head = struct.pack(">hhi", 0, 7, 1) + text(b"test")
    body = struct.pack(">hhii", -1, -1, 5_000, 1) + text(topic)
    request = head + body + struct.pack(">iii", 1, 0, len(batch)) + batch
    return struct.pack(">i", len(request)) + request


@pytest.mark.slow
def test_a_header_whose_name_is_no_utf8_does_not_stop_the_reading() -> None:
    # On librdkafka's broker in memory, which lives as long as this client does.
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "x", "log_level": 0})
    producer.produce("t", b"first", partition=0, headers=[("a", b"1")])
    assert producer.flush(30) == 0
    (broker,) = producer.list_topics(timeout=30).brokers.values()
    builder: Any = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
    builder.append(0, 1_700_000_000_000, b"k", b"second", [(NoUtf8("name"), b"2")])
    with socket.create_connection((broker.host, broker.port), 30) as wire:
        wire.sendall(_produce_request(b"t", bytes(builder.build())))
        assert wire.recv(4)
    consumer = Consumer(
        {"bootstrap.servers": f"{broker.host}:{broker.port}", "group.id": "g", "log_level": 0}
    )
    consumer.assign([TopicPartition("t", 0, 0)])
    found: list[Record] = []
    deadline = time.monotonic() + 30
    while len(found) < 2 and time.monotonic() < deadline:
        found += sorted_out(consumer.consume(2, 0.5)).records.get(Place("t", 0), [])
    consumer.close()
    assert [(one.value, one.headers) for one in found] == [(b"first", (("a", b"1"),)), (b"second", ())]
