"""Which partition a customer belongs to, on every topic: Kafka's default partitioner."""

from aiokafka.partitioner import murmur2


def partition_of(customer_id: str, partitions: int) -> int:
    """Return the partition that Kafka's default partitioner gives a record key, the id in UTF-8.

    What has no UTF-8, a lone surrogate, is replaced: no event has such an id, but a person may ask for one.
    """
    return int(murmur2(customer_id.encode(errors="replace")) & 0x7FFFFFFF) % partitions


class Routes(dict[str, int]):
    """The partition of every customer met, each worked out once."""

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self._partitions = partitions

    def __missing__(self, customer_id: str) -> int:
        self[customer_id] = partition_of(customer_id, self._partitions)
        return self[customer_id]
