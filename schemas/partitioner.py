"""Which partition a customer belongs to, on every topic: by one of the partitioners that producers have.

Any will do, as long as the producers of all inputs have the same. `UNCHECKED` is for one that we don't know:
nobody is then told to be in the wrong partition, and what we place ourselves goes by Kafka's own.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias
from zlib import crc32

from aiokafka.partitioner import murmur2

Partitioner: TypeAlias = Literal["murmur2", "crc32", "fnv1a", "unchecked"]

DEFAULT: Final[Partitioner] = "murmur2"
UNCHECKED: Final[Partitioner] = "unchecked"

_FNV_OFFSET: Final = 0x811C9DC5
_FNV_PRIME: Final = 0x01000193
_32_BITS: Final = 0xFFFFFFFF


def _murmur2(key: bytes) -> int:
    """Return what Java, kafka-python, aiokafka and `murmur2_random` of librdkafka take the remainder of."""
    return int(murmur2(key) & 0x7FFFFFFF)


def _fnv1a(key: bytes) -> int:
    """Return FNV-1a in 32 bits; taken as signed and without the sign, as librdkafka and Sarama do."""
    found = _FNV_OFFSET
    for byte in key:
        found = (found ^ byte) * _FNV_PRIME & _32_BITS
    return min(found, _32_BITS + 1 - found)


HASHES: Final[Mapping[Partitioner, Callable[[bytes], int]]] = {
    "murmur2": _murmur2,
    "crc32": crc32,
    "fnv1a": _fnv1a,
}
"""The partitioners that we know."""
_CHOSEN: Final = {**HASHES, UNCHECKED: _murmur2}


def partition_of_key(key: bytes, partitions: int, partitioner: Partitioner = DEFAULT) -> int:
    """Return the partition that a partitioner gives a record key."""
    return _CHOSEN[partitioner](key) % partitions


def partition_of(customer_id: str, partitions: int, partitioner: Partitioner = DEFAULT) -> int:
    """Return the partition that a partitioner gives a customer, whose key is the id in UTF-8.

    What has no UTF-8, a lone surrogate, is replaced: no event has such an id, but a person may ask for one.
    """
    return partition_of_key(customer_id.encode(errors="replace"), partitions, partitioner)


class Routes(dict[str, int]):
    """The partition of every customer met, each worked out once."""

    def __init__(self, partitions: int, partitioner: Partitioner = DEFAULT) -> None:
        super().__init__()
        self._partitions, self._partitioner = partitions, partitioner

    def __missing__(self, customer_id: str) -> int:
        self[customer_id] = partition_of(customer_id, self._partitions, self._partitioner)
        return self[customer_id]
