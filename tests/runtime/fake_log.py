"""A log in memory with Kafka's transactions: fencing, aborts, and failures wherever they can happen."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from random import Random

from typing_extensions import override

from schemas.alert import Alert
from streams.core.watermark import Input
from streams.runtime.ports import Bounds, FencedError, LogError, PartitionLog, StateRecord, Transaction
from tests.core.drive import CompactedLog
from tests.runtime.history import History

BEFORE_FENCING = "before fencing"
AFTER_FENCING = "after fencing"
RESTORING = "while restoring"
BOUNDS = "while the bounds were asked for"
IN_TRANSACTION = "in a transaction"
COMMITTED = "after a commit, before its answer"
POINTS = (BEFORE_FENCING, AFTER_FENCING, RESTORING, BOUNDS, IN_TRANSACTION, COMMITTED)
"""Where a processor waits for the log: there the log fails, and processes are killed."""


class Broker:
    """One partition: what its inputs hold, what was committed to its outputs, and who may write.

    `pause` is awaited at each point, with its name, and may end the caller. With probability `trouble` the
    log fails there.
    """

    def __init__(
        self, history: History, rng: Random, pause: Callable[[str], Awaitable[None]], trouble: float
    ) -> None:
        self.history, self.rng, self.pause, self.trouble = history, rng, pause, trouble
        self.published = dict.fromkeys(Input, 0)
        """How many records of each input there are."""
        self.on_fenced: Callable[[], None] = lambda: None
        """Called when a processor has just fenced all others."""
        self.epoch = 0
        self.committed: list[Transaction] = []
        self.faults: Counter[str] = Counter()

    async def point(self, name: str) -> None:
        """Be somewhere where things fail."""
        await self.pause(name)
        if self.rng.random() < self.trouble:
            self.faults[f"failed {name}"] += 1
            raise LogError(name)

    @property
    def positions(self) -> Mapping[Input, int]:
        """Return what the group has committed."""
        return self.committed[-1].positions if self.committed else {}

    @property
    def read(self) -> bool:
        """Return whether all that is published is in the state."""
        bounds = self.history.bounds(self.published)
        return all(self.positions.get(source, one.start) == one.end for source, one in bounds.items())

    @property
    def alerts(self) -> list[Alert]:
        """Return all alerts in the order they were written."""
        return [alert for transaction in self.committed for alert in transaction.alerts]

    @property
    def dead_letters(self) -> Counter[tuple[Input, int, str]]:
        """Count the dead letters by input, offset and reason."""
        return Counter(
            (dead_letter.source, dead_letter.record.offset, dead_letter.reason)
            for transaction in self.committed
            for dead_letter in transaction.dead_letters
        )


class FakeLog(PartitionLog):
    """One processor's handle on the broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._epoch = -1

    @override
    async def fence(self) -> None:
        broker = self._broker
        await broker.point(BEFORE_FENCING)
        broker.epoch += 1
        self._epoch = broker.epoch
        broker.on_fenced()
        await broker.point(AFTER_FENCING)

    @override
    async def bounds(self) -> Mapping[Input, Bounds]:
        await self._broker.point(BOUNDS)
        return self._broker.history.bounds(self._broker.published)

    @override
    async def dead_letters_end(self) -> int:
        await self._broker.point(BOUNDS)
        return sum(self._broker.dead_letters.values())

    @override
    async def restore(self) -> AsyncIterator[Sequence[StateRecord]]:
        records = self._compacted()
        fails_at = self._broker.rng.randrange(len(records) + 1)
        for at, entry in enumerate(records):
            if at == fails_at:
                await self._broker.point(RESTORING)
            yield [entry]

    def _compacted(self) -> list[tuple[bytes, bytes | None]]:
        """Return the state as a reader finds it: up to somewhere, what is superseded is gone."""
        log = CompactedLog(self._broker.rng)
        log.entries = [entry for transaction in self._broker.committed for entry in transaction.state]
        log.compact()
        return log.entries

    @override
    async def commit(self, transaction: Transaction) -> None:
        broker = self._broker
        self._check()
        try:
            await broker.point(IN_TRANSACTION)
        except BaseException:
            broker.faults["dead letters in flight at a crash"] += bool(transaction.dead_letters)
            raise
        self._check()
        broker.committed.append(transaction)
        await broker.point(COMMITTED)

    def _check(self) -> None:
        if self._epoch != self._broker.epoch:
            self._broker.faults["a zombie was fenced"] += 1
            raise FencedError

    @override
    async def close(self) -> None:
        pass
