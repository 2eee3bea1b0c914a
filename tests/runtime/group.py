"""A group of workers in virtual time: what Kafka and Faust do around the supervisors, and what fails."""

import asyncio
from collections import Counter
from typing import Any

from typing_extensions import override

from streams.core.watermark import Input
from streams.runtime.partition.processor import PartitionProcessor
from streams.runtime.partition.states import Event, State
from streams.runtime.partition.supervisor import PartitionSupervisor
from streams.runtime.ports import Fetched, PartitionLog
from tests.runtime.fake_feed import Counts, FakeFeed, Surroundings
from tests.runtime.fake_log import FakeLog


class ObservedSupervisor(PartitionSupervisor):
    """Counts the transitions that it makes."""

    def __init__(self, number: int, *, faults: Counter[str], **parts: Any) -> None:
        super().__init__(number, **parts)
        self._faults = faults

    @override
    def _transition(self, event: Event) -> None:
        before = self.state
        self._faults[transition_name(before, event)] += 1
        super()._transition(event)
        self._faults["came back warm"] += event is Event.UNCHANGED


def transition_name(state: State, event: Event) -> str:
    """Return what a transition is counted as."""
    return f"{state.value}, {event.value}"


class FakeWorker:
    """One process: its supervisors, and what `streams.runtime.worker.worker` does with them."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.supervisors: dict[int, PartitionSupervisor] = {}
        self.feed = FakeFeed(around, self._wants, self._offer)
        self.metrics = Counts(around.faults)
        self.mine: set[int] = set()
        self._fetching = asyncio.create_task(self.feed.run())

    async def revoked(self) -> None:
        """Let go of all partitions, warm."""
        numbers, self.mine = self.mine, set()
        await asyncio.gather(*(self.supervisors[number].revoke() for number in numbers))

    def assigned(self, numbers: set[int]) -> None:
        """Take up partitions."""
        self.mine = numbers
        self.feed.assign(sorted(numbers))
        for number in sorted(numbers):
            if number not in self.supervisors:
                self.supervisors[number] = self._new_supervisor(number)
            self.supervisors[number].assign()

    async def killed(self) -> None:
        """End at once, with nothing said to anybody."""
        self._fetching.cancel()
        await asyncio.gather(*(supervisor.close() for supervisor in self.supervisors.values()))

    def fail_if_failed(self) -> None:
        """Raise what would have ended the process."""
        for supervisor in self.supervisors.values():
            if supervisor.failure.done():
                raise supervisor.failure.result()

    def _new_supervisor(self, number: int) -> PartitionSupervisor:
        around = self._around

        def make_processor(log: PartitionLog) -> PartitionProcessor:
            return PartitionProcessor(
                around.make_identity(number), log, around.clock.now_ms, live=around.options.live
            )

        return ObservedSupervisor(
            number,
            make_log=lambda: FakeLog(around.brokers[number]),
            make_processor=make_processor,
            feed=self.feed,
            options=around.options,
            clock=around.clock,
            metrics=self.metrics,
            faults=around.faults,
        )

    def _wants(self, number: int, source: Input) -> bool:
        supervisor = self.supervisors.get(number)
        return supervisor is not None and supervisor.wants(source)

    def _offer(self, number: int, batch: Fetched) -> None:
        supervisor = self.supervisors.get(number)
        if supervisor is not None:
            supervisor.offer(batch)


class Group:
    """The workers, and who has which partitions. Faults happen until they are told to end."""

    def __init__(self, around: Surroundings, workers: int) -> None:
        self._around, self._rng = around, around.rng
        self.members = [FakeWorker(around) for _ in range(workers)]
        self.deaf: list[FakeWorker] = []
        """Out of the group, and not told so yet."""

    async def rebalance(self) -> None:
        """Revoke everything, and spread it over the members anew."""
        await asyncio.gather(*(worker.revoked() for worker in self.members))
        shares: dict[FakeWorker, set[int]] = {worker: set() for worker in self.members}
        for number in self._around.brokers:
            shares[self._rng.choice(self.members)].add(number)
        for worker, numbers in shares.items():
            worker.assigned(numbers)

    async def disturb(self, until: float) -> None:
        """Let things go wrong until a time of the event loop; then all are members, and told so."""
        now, faults = asyncio.get_running_loop().time, self._around.faults
        while now() < until:
            await asyncio.sleep(self._rng.choice((0.1, 1.0, 6.0)) * self._rng.random())
            self._around.dropping[0] = self._rng.choice((0.0, 0.0, 0.1))
            match self._rng.randrange(5):
                case 0:
                    faults["a worker was killed"] += 1
                    await self._kill(self._rng.choice(self.members))
                case 1 if len(self.members) > 1:
                    faults["two processors at once"] += 1
                    await self._deafen(self._rng.choice(self.members))
                case 2 if self.deaf:
                    await self._tell()
                case _:
                    faults["a rebalance"] += 1
                    await self.rebalance()
        self._around.dropping[0] = 0.0
        while self.deaf:
            await self._tell()

    async def _kill(self, worker: FakeWorker) -> None:
        await worker.killed()
        self.members[self.members.index(worker)] = FakeWorker(self._around)
        await self.rebalance()

    async def _deafen(self, worker: FakeWorker) -> None:
        self.members.remove(worker)
        self.deaf.append(worker)
        worker.feed.member = False
        await self.rebalance()

    async def _tell(self) -> None:
        worker = self.deaf.pop(0)
        await worker.revoked()
        worker.feed.member = True
        self.members.append(worker)
        await self.rebalance()

    def fail_if_failed(self) -> None:
        """Raise what would have ended a worker."""
        for worker in (*self.members, *self.deaf):
            worker.fail_if_failed()

    async def end(self) -> None:
        """Let go of everything."""
        for worker in (*self.members, *self.deaf):
            await worker.killed()
