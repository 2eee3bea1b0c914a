"""A log in memory with Kafka's transactions: fencing, aborts, and failures wherever they can happen."""

from collections import Counter
from collections.abc import AsyncIterator
from random import Random

from typing_extensions import override

from streams.runtime.log import FencedError, LogError, PartitionLog, Transaction


class Broker:
    """What one partition's outputs hold, committed only; and who may write."""

    def __init__(self, rng: Random, trouble: float) -> None:
        self.rng = rng
        self.trouble = trouble
        self.epoch = 0
        self.committed: list[Transaction] = []
        self.faults: Counter[str] = Counter()

    def fails(self, where: str) -> bool:
        """Roll the dice at a fault point."""
        if self.rng.random() >= self.trouble:
            return False
        self.faults[where] += 1
        return True


class FakeLog(PartitionLog):
    """One owner's handle on the broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._epoch = -1

    @override
    async def fence(self) -> None:
        if self._broker.fails("crash before fencing"):
            raise LogError
        self._broker.epoch += 1
        self._epoch = self._broker.epoch
        if self._broker.fails("crash after fencing"):
            raise LogError

    @override
    async def restore(self) -> AsyncIterator[tuple[bytes, bytes | None]]:
        for transaction in list(self._broker.committed):
            if self._broker.fails("crash while restoring"):
                raise LogError
            for key, value in transaction.state:
                yield key, value

    @override
    async def commit(self, transaction: Transaction) -> None:
        broker = self._broker
        if self._epoch != broker.epoch:
            broker.faults["a zombie was fenced"] += 1
            raise FencedError
        if broker.fails("aborted before it was written"):
            raise LogError
        broker.committed.append(transaction)
        if broker.fails("committed, but the answer was lost"):
            raise LogError

    @override
    async def close(self) -> None:
        pass
