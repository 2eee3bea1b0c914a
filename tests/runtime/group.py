"""A consumer group of workers, in virtual time: what Kafka and Faust do around the keepers, and what fails.

Each worker fetches as aiokafka does: one request at a time for each input, whose answer is kept until
somebody wants it, and thrown away when its input was sought or assigned since.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from typing_extensions import override

from schemas.alert import Alert
from schemas.dead_letter import Reason
from streams.core.partition import Outcome
from streams.core.watermark import Input
from streams.runtime.fetch import Answer
from streams.runtime.keeper import Clock, Feed, Keeper, Pace
from streams.runtime.log import Fetched, LogError, PartitionLog
from streams.runtime.metrics import Cause, Metrics, PartitionGauges
from streams.runtime.owner import SIDE_INPUTS, Identity, Owner
from tests.runtime.fake_log import Broker, FakeLog

HEARTBEAT_SECONDS: Final = 2.0

Place = tuple[int, Input]


class Counts(Metrics):
    """What keepers told, with nothing behind it."""

    @override
    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.shown: dict[int, PartitionGauges] = {}

    @override
    def took(self, source: Input, outcome: Outcome, seconds: float) -> None:
        self.counts["taken"] += 1

    @override
    def refused(self, source: Input, reason: Reason) -> None:
        self.counts["refused"] += 1

    @override
    def committed(self, partition: int, seconds: float, alerts: list[Alert], now_ms: int) -> None:  # type: ignore[override]
        self.counts["committed"] += 1

    @override
    def latency(self, seconds: float) -> None:
        assert seconds >= 0

    @override
    def stale(self, source: Input) -> None:
        self.counts["sought anew"] += 1

    @override
    def restored(self, seconds: float, records: int) -> None:
        self.counts["opened"] += 1

    @override
    def reopened(self, cause: Cause) -> None:
        self.counts[f"opened again: {cause}"] += 1

    @override
    def time_stopped(self, stopped: bool) -> None:
        self.counts["time stopped"] += stopped

    @override
    def state(self, partition: int, seen: PartitionGauges) -> None:
        self.shown[partition] = seen

    @override
    def forget(self, partition: int) -> None:
        self.shown.pop(partition, None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all workers share: partitions by number, dice, and how they are to work."""

    brokers: Mapping[int, Broker]
    rng: Random
    pace: Pace
    clock: Clock
    make_identity: Callable[[int], Identity]
    turn_seconds: float = 0.02
    """A worker looks for batches as often."""
    request_seconds: float = 0.05
    """A fetch takes up to as long."""
    most: int = 10
    """Records in a batch, at most."""
    faults: Counter[str] = field(default_factory=Counter)
    dropping: list[float] = field(default_factory=lambda: [0.0])
    """The probability that a batch is lost on its way, as Faust loses them in rebalances."""


class FakeFeed(Feed):
    """The consumer of one worker."""

    def __init__(self, around: Surroundings, wants: Callable[[int, Input], bool], offer: Callable[[int, Fetched], None]) -> None:
        self._around, self._wants, self._offer = around, wants, offer
        self._positions: dict[Place, int] = {}
        self._seeks: dict[Place, int] = {}
        self._asked: dict[Place, object] = {}
        self._fetched: dict[Place, Fetched] = {}
        self._answers: dict[Place, Answer] = {}
        self._number = 0
        self.member = True
        """Whether heartbeats are confirmed."""
        self.down = False
        """Whether the broker can't be reached."""

    # As keepers see it

    @override
    async def go_to(self, partition: int, positions: Mapping[Input, int]) -> int:
        self._number += 1
        number = self._number
        await asyncio.sleep(0)
        for source, position in positions.items():
            place = partition, source
            if place in self._positions:
                self._go(place, position)
                self._seeks[place] = number
        return number

    @override
    def answer(self, partition: int, source: Input) -> Answer:
        return self._answers.get((partition, source), Answer())

    @override
    async def committed(self, partition: int) -> Mapping[Input, int | None]:
        await asyncio.sleep(self._around.rng.random() * self._around.request_seconds)
        if self.down or self._around.rng.random() < self._around.brokers[partition].trouble:
            raise LogError("the coordinator is away")
        committed = self._around.brokers[partition].positions
        return {source: committed.get(source) for source in Input}

    @override
    async def confirmed(self) -> None:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        while not self.member:
            await asyncio.sleep(HEARTBEAT_SECONDS)

    # As the group sees it

    def assign(self, numbers: Iterable[int]) -> None:
        """Begin where the group has committed, whatever was fetched before."""
        committed = {number: self._around.brokers[number].positions for number in numbers}
        self._positions.clear()
        self._asked.clear()
        self._fetched.clear()
        for number, positions in committed.items():
            for source in Input:
                self._go((number, source), positions.get(source, 0))

    def _go(self, place: Place, position: int) -> None:
        self._positions[place] = position
        self._asked.pop(place, None)
        self._fetched.pop(place, None)

    # Work

    async def run(self) -> None:
        """Fetch, and hand out what is wanted."""
        while True:
            await asyncio.sleep(self._around.turn_seconds * (0.5 + self._around.rng.random()))
            for place in self._positions:
                if place not in self._asked and place not in self._fetched and not self.down:
                    self._ask(place)
            for place in list(self._fetched):
                if self._wants(*place):
                    self._hand_out(place)

    def _ask(self, place: Place) -> None:
        request = self._asked[place] = object()
        asked_ms = self._around.clock.now_ms()
        seconds = self._around.rng.random() * self._around.request_seconds
        asyncio.get_running_loop().call_later(seconds, self._answered, place, request, asked_ms)

    def _answered(self, place: Place, request: object, asked_ms: int) -> None:
        if self._asked.get(place) is not request:
            return
        del self._asked[place]
        if self.down:
            return
        number, source = place
        broker, around = self._around.brokers[number], self._around
        tape, published = broker.history.tapes[source], broker.published[source]
        batch = tape.batch(source, self._positions[place], published, around.most, around.rng)
        self._answers[place] = Answer(tape.end_of(published), asked_ms)
        if batch is not None:
            self._fetched[place] = replace(batch, asked_ms=asked_ms)

    def _hand_out(self, place: Place) -> None:
        batch = self._fetched.pop(place)
        self._positions[place] = batch.after
        around = self._around
        if around.rng.random() < around.dropping[0]:
            around.faults["a batch was dropped on its way"] += 1
            return
        seek = self._seeks.get(place, 0)
        deliver = asyncio.get_running_loop().call_later
        deliver(around.turn_seconds / 3, self._offer, place[0], replace(batch, seek=seek))


class FakeWorker:
    """One process: its keepers, and what `streams.runtime.worker` does with them."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.keepers: dict[int, Keeper] = {}
        self.feed = FakeFeed(around, self._wants, self._offer)
        self.metrics = Counts(around.faults)
        self.mine: set[int] = set()
        self._fetching = asyncio.create_task(self.feed.run())
        self._tasks: set[asyncio.Task[None]] = set()

    async def revoked(self) -> None:
        """Let go of all partitions, warm."""
        numbers, self.mine = self.mine, set()
        await asyncio.gather(*(self.keepers[number].pause() for number in numbers))

    def assigned(self, numbers: set[int]) -> None:
        """Take up partitions."""
        self.mine = numbers
        self.feed.assign(sorted(numbers))
        for number in sorted(numbers):
            keeper = self.keepers.get(number)
            if keeper is None:
                self.keepers[number] = self._new_keeper(number)
                self.keepers[number].start()
            else:
                task = asyncio.create_task(self._go_on(keeper))
                self._tasks.add(task)
                task.add_done_callback(self._resumed)

    async def killed(self) -> None:
        """End at once, with nothing said to anybody."""
        for task in (self._fetching, *self._tasks):
            task.cancel()
        await asyncio.gather(*(keeper.close() for keeper in self.keepers.values()))

    def fail_if_failed(self) -> None:
        """Raise what would have ended the process."""
        for keeper in self.keepers.values():
            if keeper.failure.done():
                raise keeper.failure.result()

    async def _go_on(self, keeper: Keeper) -> None:
        owner = keeper.owner
        await keeper.go_on()
        self._around.faults["came back warm"] += owner is not None and keeper.owner is owner

    def _resumed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()

    def _new_keeper(self, number: int) -> Keeper:
        around = self._around

        def make_owner(log: PartitionLog) -> Owner:
            return Owner(around.make_identity(number), log, around.clock.now_ms)

        return Keeper(
            number,
            make_log=lambda: FakeLog(around.brokers[number]),
            make_owner=make_owner,
            feed=self.feed,
            pace=around.pace,
            clock=around.clock,
            metrics=self.metrics,
        )

    def _wants(self, number: int, source: Input) -> bool:
        keeper = self.keepers.get(number)
        return keeper is not None and keeper.wants(source)

    def _offer(self, number: int, batch: Fetched) -> None:
        keeper = self.keepers.get(number)
        if keeper is not None:
            keeper.offer(batch)


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
                    faults["two owners at once"] += 1
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
