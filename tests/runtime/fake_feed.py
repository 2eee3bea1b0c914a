"""The consumer of one worker, in virtual time, and what it shares with others.

It fetches as aiokafka does: one request at a time for each input, whose answer is kept until somebody wants
it, and thrown away when its input was sought or assigned since. Of an input from which nothing came for a
while it is told where the consumer stands.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from typing_extensions import override

from schemas.alert import Alert
from schemas.dead_letter import Reason
from streams.core.partition.partition import Outcome
from streams.core.watermark import Input
from streams.runtime.partition.processor import Identity
from streams.runtime.partition.work_loop import PartitionOptions
from streams.runtime.ports import Clock, Feed, Fetched, HighWatermark, LogError
from streams.runtime.seek_numbers import SeekNumbers
from streams.runtime.telemetry.metrics import Cause, Metrics
from streams.runtime.telemetry.partition_gauges import PartitionStatus
from tests.runtime.fake_log import Broker

HEARTBEAT_SECONDS: Final = 2.0
SILENT_TURNS: Final = 25

InputPartition = tuple[int, Input]
"""A partition number and one of its inputs."""


class Counts(Metrics):
    """What supervisors told, with nothing behind it."""

    @override
    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.latencies: list[float] = []
        self.shown: dict[int, PartitionStatus] = {}

    @override
    def took(self, source: Input, outcome: Outcome, seconds: float) -> None:
        self.counts["taken"] += 1
        self.counts[f"late {source}"] += outcome.late

    @override
    def refused(self, source: Input, reason: Reason) -> None:
        self.counts["refused"] += 1

    @override
    def unknown_fields(self, source: Input, names: Collection[str]) -> None:
        self.counts["unknown fields"] += len(names)

    @override
    def committed(self, partition: int, seconds: float, alerts: list[Alert], now_ms: int) -> None:  # type: ignore[override]
        self.counts["committed"] += 1

    @override
    def latency(self, seconds: float) -> None:
        assert seconds >= 0
        self.latencies.append(seconds)

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
    def state(self, partition: int, seen: PartitionStatus) -> None:
        self.shown[partition] = seen

    @override
    def forget(self, partition: int) -> None:
        self.shown.pop(partition, None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all workers share: partitions by number, dice, and how they are to work."""

    brokers: Mapping[int, Broker]
    rng: Random
    options: PartitionOptions
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

    def __init__(
        self, around: Surroundings, wants: Callable[[int, Input], bool], offer: Callable[[int, Fetched], None]
    ) -> None:
        self._around, self._wants, self._offer = around, wants, offer
        self._positions: dict[InputPartition, int] = {}
        self._seeks = SeekNumbers[InputPartition]()
        self._asked: dict[InputPartition, object] = {}
        self._fetched: dict[InputPartition, Fetched] = {}
        self._high_watermarks: dict[InputPartition, HighWatermark] = {}
        self._last_batch: dict[InputPartition, float] = {}
        self.member = True
        """Whether heartbeats are confirmed."""
        self.redrives: dict[int, int] = {}
        """Up to which offset dead letters of a partition went back."""
        self.down = False
        """Whether the broker can't be reached."""

    # As supervisors see it

    @override
    async def seek(self, partition: int, positions: Mapping[Input, int]) -> None:
        number = self._seeks.begin((partition, source) for source in positions)
        await asyncio.sleep(0)
        for source, position in positions.items():
            key = partition, source
            if key in self._positions:
                self._go(key, position)
                self._seeks.made(key, number)

    @override
    def is_stale(self, partition: int, batch: Fetched) -> bool:
        return self._seeks.is_stale((partition, batch.source), batch.seek)

    @override
    def high_watermark(self, partition: int, source: Input) -> HighWatermark:
        return self._high_watermarks.get((partition, source), HighWatermark())

    @override
    async def ask_ends(self, partition: int) -> None:
        if self.down:
            raise LogError("the leader is away")
        broker, asked_ms = self._around.brokers[partition], self._around.clock.steady_ms()
        for source in Input:
            end = broker.history.tapes[source].end_of(broker.published[source])
            self._high_watermarks[partition, source] = HighWatermark(end, asked_ms)

    @override
    async def committed(self, partition: int) -> Mapping[Input, int | None]:
        await asyncio.sleep(self._around.rng.random() * self._around.request_seconds)
        if self.down or self._around.rng.random() < self._around.brokers[partition].trouble:
            raise LogError("the coordinator is away")
        committed = self._around.brokers[partition].positions
        return {source: committed.get(source) for source in Input}

    @override
    async def redriven_until(self, partition: int) -> int:
        if self.down:
            raise LogError("the coordinator is away")
        return self.redrives.get(partition, 0)

    @override
    async def membership_confirmed(self) -> None:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        while not self.member:  # noqa: ASYNC110 - time is simulated
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

    def _go(self, key: InputPartition, position: int) -> None:
        self._positions[key] = position
        self._asked.pop(key, None)
        self._fetched.pop(key, None)

    # Work

    async def run(self) -> None:
        """Fetch, and hand out what is wanted."""
        while True:
            await asyncio.sleep(self._around.turn_seconds * (0.5 + self._around.rng.random()))
            for key in self._positions:
                if key not in self._asked and key not in self._fetched and not self.down:
                    self._ask(key)
            for key in list(self._fetched):
                if self._wants(*key):
                    self._hand_out(key, self._fetched.pop(key))
            for key, position in self._positions.items():
                if self._is_silent(key) and self._wants(*key):
                    self._hand_out(key, Fetched(key[1], position, (), position))

    def _ask(self, key: InputPartition) -> None:
        request = self._asked[key] = object()
        asked_ms = self._around.clock.steady_ms()
        seconds = self._around.rng.random() * self._around.request_seconds
        asyncio.get_running_loop().call_later(seconds, self._answered, key, request, asked_ms)

    def _answered(self, key: InputPartition, request: object, asked_ms: int) -> None:
        if self._asked.get(key) is not request:
            return
        del self._asked[key]
        if self.down:
            return
        number, source = key
        broker, around = self._around.brokers[number], self._around
        tape, published = broker.history.tapes[source], broker.published[source]
        batch = tape.batch(source, self._positions[key], published, around.most, around.rng)
        self._high_watermarks[key] = HighWatermark(tape.end_of(published), asked_ms)
        if batch is not None:
            self._fetched[key] = replace(batch, asked_ms=asked_ms)

    def _is_silent(self, key: InputPartition) -> bool:
        since = self._last_batch.setdefault(key, asyncio.get_running_loop().time())
        seconds = SILENT_TURNS * self._around.turn_seconds
        return asyncio.get_running_loop().time() - since >= seconds

    def _hand_out(self, key: InputPartition, batch: Fetched) -> None:
        self._positions[key] = batch.after
        self._last_batch[key] = asyncio.get_running_loop().time()
        around = self._around
        if around.rng.random() < around.dropping[0]:
            around.faults["a batch was dropped on its way"] += batch.before != batch.after
            return
        seek = self._seeks.stamp(key)
        deliver = asyncio.get_running_loop().call_later
        deliver(around.turn_seconds / 3, self._offer, key[0], replace(batch, seek=seek))
