"""What a partition leaves behind that was opened again is let go, though the heap is kept out of the GC."""

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from streams.core.watermark import Input
from streams.runtime.partition import supervisor
from streams.runtime.worker import worker as module
from tests.runtime.fake_log import Broker, FakeLog
from tests.runtime.history import histories
from tests.runtime.simulation import test_worker_rebalances as fakes
from tests.runtime.surroundings import surroundings
from tests.runtime.virtual_time import run

OPENED_AGAIN = 5
MADE: list[weakref.ref[FakeLog]] = []


class CyclicLog(FakeLog):
    """A log that only the GC frees, as it does Kafka's clients: they and their tasks know each other."""

    def __init__(self, broker: Broker, _: Counter[str]) -> None:
        super().__init__(broker)
        self.itself = self
        MADE.append(weakref.ref(self))


@pytest.fixture(autouse=True)
def heap() -> Iterator[None]:
    """Collect as seldom as a worker does, and leave the heap of all tests as it was."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


async def opened_again(path: Path) -> int:
    """Let a worker work while its logs fail again and again; return how many are left of all that it had."""
    rng = Random(1)

    async def pause(_name: str) -> None:
        await asyncio.sleep(0.01)

    worlds = histories(path)
    brokers = {number: Broker(worlds[number], rng, pause, 0.0) for number in range(fakes.PARTITIONS)}
    around = surroundings(brokers, rng, Counter())
    worker = fakes.RebalancedWorker(around)
    await worker.assigned(range(fakes.PARTITIONS))
    for _ in range(OPENED_AGAIN):
        await asyncio.sleep(10)  # they are ready, and were seen to be
        for one in brokers.values():
            one.trouble = 1.0
            one.published[Input.TRANSACTIONS] += 20  # so there is something to commit, which fails
        await asyncio.sleep(2)
        for one in brokers.values():
            one.trouble = 0.0
    await asyncio.sleep(30)
    left = sum(one() is not None for one in MADE)
    worker.stop()
    await worker.end()
    return left


def test_a_partition_that_was_opened_again_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did: of each opening the clients stayed, with what they had read, so each outage took memory."""
    monkeypatch.setattr(module, "RetentionApp", fakes.FakeApp)
    monkeypatch.setattr(fakes, "SlowLog", CyclicLog)
    # pytest keeps what was logged: the failure, with its traceback and all that was at work then.
    monkeypatch.setattr(supervisor.log, "disabled", True)
    MADE.clear()
    left = run(opened_again(tmp_path))
    assert len(MADE) > (OPENED_AGAIN + 1) * fakes.PARTITIONS
    assert left == fakes.PARTITIONS
