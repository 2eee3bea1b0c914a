"""Our partitioners against the clients that have them: librdkafka itself, on its broker in memory."""

from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer

from schemas.partitioner import Partitioner, Routes, partition_of, partition_of_key

KEYS = [
    b"a",
    b"c-1042",
    b"\xff\xfe",
    b"x" * 128,
    "größe".encode(),
    *(f"c-{at}".encode() for at in range(300)),
]


def placed_by_librdkafka(partitioner: str) -> tuple[dict[bytes, int], int]:
    """Return where each key went, and of how many partitions."""
    options = {"test.mock.num.brokers": 1, "partitioner": partitioner, "log_level": 0}
    producer = Producer(options)
    found: dict[bytes, int] = {}

    def arrived(error: Any, message: Any) -> None:
        assert error is None, error
        found[message.key()] = message.partition()

    for key in KEYS:
        producer.produce("transactions", b"", key, on_delivery=arrived)
    assert producer.flush(60) == 0
    return found, len(producer.list_topics("transactions", 60).topics["transactions"].partitions)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("consistent_random", "crc32"),
        ("consistent", "crc32"),
        ("fnv1a_random", "fnv1a"),
        ("fnv1a", "fnv1a"),
        ("murmur2_random", "murmur2"),
        ("murmur2", "murmur2"),
    ],
)
def test_librdkafka_places_a_key_as_we_do(theirs: str, ours: Partitioner) -> None:
    found, partitions = placed_by_librdkafka(theirs)
    assert found.keys() == set(KEYS)
    assert partitions > 2
    assert found == {key: partition_of_key(key, partitions, ours) for key in KEYS}


def test_aiokafka_places_a_key_by_murmur2() -> None:
    theirs = DefaultPartitioner()
    assert [theirs(key, range(7), range(7)) for key in KEYS] == [partition_of_key(key, 7) for key in KEYS]


@pytest.mark.parametrize(
    ("key", "hashed"), [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968), (b"c", 0xE60C2C52)]
)
def test_fnv1a_is_the_published_one_taken_as_signed_and_without_the_sign(key: bytes, hashed: int) -> None:
    signed = hashed - (1 << 32) if hashed >> 31 else hashed
    assert partition_of_key(key, 1 << 32, "fnv1a") == abs(signed)


def test_routes_are_of_their_partitioner_and_unchecked_ones_go_by_murmur2() -> None:
    names = [f"c-{at}" for at in range(50)]
    for partitioner in ("murmur2", "crc32", "fnv1a"):
        routes = Routes(5, partitioner)
        assert [routes[one] for one in names] == [partition_of(one, 5, partitioner) for one in names]
    assert [partition_of(one, 5, "unchecked") for one in names] == [partition_of(one, 5) for one in names]
    assert partition_of("\ud800", 5, "crc32") == partition_of("?", 5, "crc32")
