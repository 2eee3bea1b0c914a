"""The worker's handlers, called in any order, while logs fail, workers end and warm state is dropped.

A group nearly always revokes all that it assigned before it assigns again. Here it also leaves that out, does
it twice, names other partitions, or calls while the worker ends. None of that may end a worker, and nothing
may be lost or doubled.

RETENTION_REBALANCE_SIMULATIONS sets how many seeds are run, RETENTION_SIMULATIONS_FROM the first one.
"""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from typing_extensions import override

from streams.core.watermark import Input
from streams.runtime.faust.transport import InputPartition
from streams.runtime.partition.processor import PartitionProcessor
from streams.runtime.partition.states import TRANSITIONS, Event, State
from streams.runtime.partition.supervisor import PartitionSupervisor
from streams.runtime.ports import PartitionLog
from streams.runtime.startup.preflight import StartupContext
from streams.runtime.worker import worker as module
from streams.runtime.worker.worker import Worker
from streams.settings import Settings
from tests.runtime.fake_feed import Counts, FakeFeed, Surroundings
from tests.runtime.fake_log import Broker, FakeLog
from tests.runtime.group import ObservedSupervisor, transition_name
from tests.runtime.history import RULES, History, histories
from tests.runtime.simulation.test_supervisor_simulation import MOST_SECONDS, broker, publish
from tests.runtime.surroundings import surroundings
from tests.runtime.truth import assert_true
from tests.runtime.virtual_time import run

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("RETENTION_REBALANCE_SIMULATIONS", "24"))
FIRST = int(os.environ.get("RETENTION_SIMULATIONS_FROM", "0"))
PARTITIONS = 2
FAULTY_SECONDS = 40.0
WARM_SECONDS = 3.0
BUGS = 0.003
"""The probability of a bug at each wait for the log: it ends the worker, and nothing else may."""
ENOUGH = 24
"""With as many seeds each fault must happen."""
FAULTS = (
    "a bug ended a worker",
    "a worker was stopped",
    "a worker was stopped in a rebalance",
    "assigned to a worker that has ended",
    "assigned without having revoked",
    "revoked twice at once",
    "revoked what it had not assigned",
    "assigned after it was tidied",
    "a log was closed slowly",
    "a zombie was fenced",
    "came back warm",
    "opened again: stale",
    *(transition_name(state, Event.REVOKED) for state in State if (state, Event.REVOKED) in TRANSITIONS),
    *(transition_name(state, Event.CLOSED) for state in (State.PAUSING, State.PAUSED)),
)


class SlowLog(FakeLog):
    """A log that takes its time to close, now and then longer than a pause may take."""

    def __init__(self, broker: Broker, faults: Counter[str]) -> None:
        super().__init__(broker)
        self._rng, self._faults = broker.rng, faults

    @override
    async def close(self) -> None:
        seconds = self._rng.choice((0.0, 0.01, 0.01, 0.5, 6.0))
        self._faults["a log was closed slowly"] += seconds > 0.1
        await asyncio.sleep(seconds)


class FakeApp:
    """What the worker sees of Faust."""

    def __init__(self, *_: object) -> None:
        self.consumer = SimpleNamespace(thread=None)

    async def stop(self) -> None:
        """Take a while."""
        await asyncio.sleep(0.1)


class RebalancedWorker(Worker):
    """The worker over fakes of log and consumer; `begin` and `end` do what `run` does around them."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(Settings(clock="event"), StartupContext(RULES, PARTITIONS, {}, []))
        self._around = around
        self._fake_feed = FakeFeed(around, self._wants_of, self._receive)
        self._feed: Any = self._fake_feed
        self._counts = Counts(around.faults)
        self.given: set[int] = set()
        self._met: set[int] = set()
        tasks = self._fake_feed.run(), self._tidy()
        self._tasks = [asyncio.create_task(one) for one in tasks]
        for task in self._tasks:
            task.add_done_callback(self._fail_with)

    @property
    def failure(self) -> BaseException | None:
        """What ended it."""
        return self._failed.result() if self._failed.done() else None

    async def revoked(self, numbers: Iterable[int]) -> None:
        """Take partitions away, as Faust calls it."""
        await self._on_revoked(None, _tps(numbers))

    async def assigned(self, numbers: Iterable[int]) -> None:
        """Give partitions, as Faust calls it once the consumer has them."""
        self.given = {*numbers}
        self._fake_feed.assign(sorted(self.given))
        await self._on_assigned(None, _tps(self.given))

    async def end(self) -> None:
        """End as `run` does."""
        await self._stop_all()
        for task in self._tasks:
            task.cancel()
        assert {one.state for one in self._supervisors.values()} <= {State.CLOSED}

    @override
    def _new_supervisor(self, number: int) -> PartitionSupervisor:
        around = self._around

        def make_processor(log: PartitionLog) -> PartitionProcessor:
            return PartitionProcessor(around.make_identity(number), log, around.clock.now_ms)

        supervisor = ObservedSupervisor(
            number,
            make_log=lambda: SlowLog(around.brokers[number], around.faults),
            make_processor=make_processor,
            feed=self._feed,
            options=around.options,
            clock=around.clock,
            metrics=self._counts,
            faults=around.faults,
        )
        supervisor.failure.add_done_callback(lambda failure: self._fail(failure.result()))
        around.faults["assigned after it was tidied"] += number in self._met
        self._met.add(number)
        return supervisor

    def _wants_of(self, number: int, source: Input) -> bool:
        return self._wants(InputPartition(source, number))


def _tps(numbers: Iterable[int]) -> list[TP]:
    prefix = Settings().topic_prefix
    return [TP(prefix + source.value, number) for number in numbers for source in Input]


class Disorder:
    """A group that does what it likes; its calls of a worker come one after another, as those of Faust do."""

    def __init__(self, around: Surroundings, workers: int) -> None:
        self._around, self._rng, self._faults = around, around.rng, around.faults
        self.workers = [RebalancedWorker(around) for _ in range(workers)]

    async def disturb(self, place: int, until: float) -> None:
        """Call one worker, and replace it when it has ended, until a time of the event loop."""
        now, rng = asyncio.get_running_loop().time, self._rng
        while now() < until:
            for _ in range(rng.choice((0, 0, 1, 3, 10))):
                await asyncio.sleep(0)
            await asyncio.sleep(rng.choice((0.0, 0.02, 0.1, 0.5, 3.0)) * rng.random())
            worker = self.workers[place]
            if worker.failure is not None:
                assert isinstance(worker.failure, ZeroDivisionError), worker.failure
                self._faults["a bug ended a worker"] += 1
                await self._replace(place)
            else:
                await self._call(place)

    def _some(self) -> set[int]:
        return {number for number in range(PARTITIONS) if self._rng.random() < 0.7}

    async def _call(self, place: int) -> None:
        worker, rng = self.workers[place], self._rng
        match rng.randrange(10):
            case 0:
                self._faults["a worker was stopped"] += 1
                await self._replace(place)
            case 1:
                self._faults["a worker was stopped in a rebalance"] += 1
                rebalance = asyncio.create_task(self._rebalance(worker))
                for _ in range(rng.randrange(4)):
                    await asyncio.sleep(0)
                await asyncio.gather(rebalance, self._replace(place))
            case 2:
                self._faults["assigned without having revoked"] += bool(worker.given)
                await worker.assigned(self._some())
            case 3:
                self._faults["revoked twice at once"] += 1
                await asyncio.gather(worker.revoked(worker.given), worker.revoked(worker.given))
            case 4:
                self._faults["revoked what it had not assigned"] += 1
                await worker.revoked(self._some() - worker.given)
            case 5:
                await worker.revoked(worker.given)
            case _:
                await self._rebalance(worker)

    async def _rebalance(self, worker: RebalancedWorker) -> None:
        await worker.revoked(worker.given)
        if self._rng.random() < 0.3:
            await asyncio.sleep(self._rng.random() * 2 * WARM_SECONDS)
        await worker.assigned(self._some())

    async def _replace(self, place: int) -> None:
        worker = self.workers[place]
        if worker.failure is None:
            worker.stop()
        await worker.end()
        self._faults["assigned to a worker that has ended"] += 1
        await worker.assigned(self._some())
        self.workers[place] = RebalancedWorker(self._around)

    async def settle(self) -> None:
        """Give each partition to one worker."""
        await asyncio.gather(*(worker.revoked(worker.given) for worker in self.workers))
        for place in range(len(self.workers)):
            if self.workers[place].failure is not None:
                await self._replace(place)
        owner = [self._rng.randrange(len(self.workers)) for _ in range(PARTITIONS)]
        for place, worker in enumerate(self.workers):
            await worker.assigned({number for number, one in enumerate(owner) if one == place})

    async def end(self) -> None:
        """End all; none has failed since all was settled."""
        assert [worker.failure for worker in self.workers] == [None] * len(self.workers)
        for worker in self.workers:
            worker.stop()
            await worker.end()


async def simulate(chosen: list[History], seed: int) -> tuple[list[Broker], Counter[str]]:
    """Let the group do what it likes, and then work in peace until everything is committed."""
    rng, faults, peace = Random(seed), Counter[str](), asyncio.Event()
    brokers = {number: broker(one, rng, faults) for number, one in enumerate(chosen)}
    for one in brokers.values():
        one.pause = _with_bugs(one, rng, peace)
    around = surroundings(brokers, rng, faults)
    group = Disorder(around, workers=rng.choice((1, 2)))
    publishing = [asyncio.create_task(publish(one, rng)) for one in brokers.values()]
    until = asyncio.get_running_loop().time() + FAULTY_SECONDS
    await asyncio.gather(*(group.disturb(place, until) for place in range(len(group.workers))))
    peace.set()
    for one in brokers.values():
        one.trouble = 0.0
    await group.settle()
    async with asyncio.timeout(MOST_SECONDS):
        await asyncio.gather(*publishing)
        while not all(one.read for one in brokers.values()):  # noqa: ASYNC110 - time is simulated
            await asyncio.sleep(0.1)
    await group.end()
    return list(brokers.values()), faults


def _with_bugs(made: Broker, rng: Random, peace: asyncio.Event) -> Callable[[str], Awaitable[None]]:
    pause = made.pause

    async def buggy(name: str) -> None:
        if not peace.is_set() and rng.random() < BUGS:
            raise ZeroDivisionError
        await pause(name)

    return buggy


def test_nothing_is_lost_or_doubled_and_no_worker_ends_whatever_the_group_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RetentionApp", FakeApp)
    monkeypatch.setattr(module, "WARM_SECONDS", WARM_SECONDS)
    monkeypatch.setattr(module, "_TIDY_SECONDS", 0.5)
    for name in ("freeze", "unfreeze", "collect"):  # of a large heap, hundreds of times
        monkeypatch.setattr(gc, name, lambda: None)
    worlds, faults = histories(tmp_path), Counter[str]()
    for seed in range(FIRST, FIRST + SEEDS):
        chosen = [worlds[(seed + 5 * number) % len(worlds)] for number in range(PARTITIONS)]
        print(f"seed {seed}, {', '.join(one.name for one in chosen)}")
        brokers, happened = run(simulate(chosen, seed))
        for one in brokers:
            assert_true(one)
        faults += happened
    print(*(f"{count:9,} {fault}" for fault, count in faults.most_common()), sep="\n")
    possible = {transition_name(state, event) for state in State for event in Event}
    assert possible & faults.keys() <= {transition_name(*one) for one in TRANSITIONS}
    if SEEDS >= ENOUGH:
        assert [fault for fault in FAULTS if not faults[fault]] == []
