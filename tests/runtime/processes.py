"""Processes that own a partition in turn: stepped, frozen, revoked and killed wherever they wait."""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import replace
from random import Random
from typing import Any, Final

from msgspec import msgpack
from typing_extensions import override

from streams.core.watermark import FACTS, Input
from streams.runtime.partition.processor import (
    SIDE_INPUTS,
    Identity,
    PartitionProcessor,
    ProcessorState,
    RefusedError,
)
from streams.runtime.ports import FencedError, Fetched, LogError
from tests.runtime.fake_log import Broker, FakeLog
from tests.runtime.history import NOW, RULES, History

RULESETS: Final = (RULES, replace(RULES, version="renamed"))
BETWEEN: Final = "between batches"
TAKEN: Final = "between take and commit"
AWAY: Final = "while revoked"
MOST_PROCESSES: Final = 3
MOST_QUIET_STEPS: Final = 5_000
"""A run that has not come to its end by then hangs."""


class At(Awaitable[None]):
    """Hands control to the scheduler, and tells it where the process is."""

    def __init__(self, name: str) -> None:
        self._name = name

    @override
    def __await__(self) -> Generator[str, None, None]:
        yield self._name


class Process:
    """A process, and where it waits."""

    def __init__(self, live: Callable[["Process"], Coroutine[Any, Any, None]]) -> None:
        self._life = live(self)
        self.at = "before it began"
        self.over = False

    def step(self) -> None:
        """Go on to the next point."""
        try:
            self.at = self._life.send(None)
        except StopIteration:
            self.over = True

    def kill(self) -> None:
        """End it here."""
        self.over = True
        self._life.close()


class Simulation:
    """One seed: processes come and go for some steps; then the last one is left in peace.

    Many may run at once: all but the current one are zombies, or rest as the group told them to.
    """

    def __init__(self, history: History, seed: int, steps: int) -> None:
        self._history, self._rng, self._steps = history, Random(seed), steps
        self._step = 0
        self.broker = Broker(history, self._rng, At, self._rng.choice((0.0, 0.01, 0.05)))
        self.broker.on_fenced = self._publish_to_a_new_owner
        self.faults = self.broker.faults
        self._restless = self._rng.choice((0.01, 0.03, 0.08))
        self._most = self._rng.choice((5, 20, 60))
        self._stages = list(history.stages())
        self._left = False
        self._batches: dict[tuple[Input, int], int] = {}
        self._current = Process(self._live)
        self._processes = [self._current]
        self._done = False

    # Schedule

    def run(self) -> None:
        """Run to the end; fails if there is none."""
        while not self._done:
            self._step += 1
            assert self._step < self._steps + MOST_QUIET_STEPS, "it hangs"
            if self._quiet:
                self.broker.trouble = 0.0
            elif self._rng.random() < self._restless:
                self._disturb()
            self._publish()
            self._step_one()
        for one in self._processes:
            one.kill()

    @property
    def _quiet(self) -> bool:
        """Return whether the time of faults is over."""
        return self._step > self._steps

    def _step_one(self) -> None:
        self._processes = [one for one in self._processes if not one.over]
        if self._current.over:
            self._current = self._another()
        somebody = not self._quiet and self._rng.random() < 0.2
        (self._rng.choice(self._processes) if somebody else self._current).step()

    def _disturb(self) -> None:
        if self._rng.random() < 0.5:
            self._kill(self._rng.choice(self._processes))
        else:
            self._current = self._another()

    def _kill(self, process: Process) -> None:
        self.faults[f"killed {process.at}"] += not process.over
        process.kill()

    def _another(self) -> Process:
        others = [one for one in self._processes if one is not self._current and not one.over]
        if len(others) == MOST_PROCESSES or (others and self._rng.random() < 0.5):
            return self._rng.choice(others)
        self._processes.append(Process(self._live))
        return self._processes[-1]

    def _publish(self) -> None:
        """Publish the next stage, or leave it for the next processor to come upon while it opens."""
        if self._left or not self._stages or not self.broker.read:
            return
        if self._quiet or self._rng.random() < 0.7:
            self.broker.published.update(self._stages.pop(0))
        else:
            self._left = True
            self._kill(self._current)

    def _publish_to_a_new_owner(self) -> None:
        """Publish side inputs with the facts after them: nobody else can write, it must put them in order."""
        if self._left:
            self._left = False
            self.faults["side inputs came while opening"] += 1
            self.broker.published.update(self._stages.pop(0))
            if self._stages and FACTS[0] in self._stages[0]:
                self.broker.published.update(self._stages.pop(0))

    # Live

    async def _live(self, me: Process) -> None:
        while True:
            try:
                processor = await self._open()
                while True:
                    await self._turn(me, processor)
            except FencedError:
                if me is not self._current:
                    return
            except LogError:
                continue

    async def _open(self) -> PartitionProcessor:
        rules, adopt = self._rng.choice(RULESETS), self._rng.random() < 0.5
        while True:
            identity = Identity("test", rules, "USD", 0, 1, adopt_ruleset=adopt)
            processor = PartitionProcessor(identity, FakeLog(self.broker), lambda: NOW)
            try:
                await processor.open()
            except RefusedError as error:
                if "--adopt-ruleset" not in str(error):
                    raise
                self.faults["another ruleset was refused"] += 1
                adopt = True
            else:
                self.faults["another ruleset was adopted"] += self._ruleset not in {None, rules.hash}
                return processor

    @property
    def _ruleset(self) -> str | None:
        """Return the hash of the ruleset that the state was last written under."""
        if not self.broker.committed:
            return None
        _, packed = self.broker.committed[-1].state[-1]
        return msgpack.decode(packed or b"", type=ProcessorState).ruleset

    async def _turn(self, me: Process, processor: PartitionProcessor) -> None:
        await At(BETWEEN)
        if me is not self._current and self._rng.random() < 0.2:
            await self._rest(me, processor)
            return
        self._let_time_pass(processor)
        self._take(processor)
        await At(TAKEN)
        if processor.urgent or self._rng.random() < 0.3:
            await processor.commit()
        self._done = self._quiet and not self._stages and self.broker.read

    async def _rest(self, me: Process, processor: PartitionProcessor) -> None:
        """Leave the partition, and come back to it, warm if nobody wrote in between."""
        await processor.commit()
        while me is not self._current:
            await At(AWAY)
        committed = self.broker.positions
        if any(committed.get(source, at) != at for source, at in processor.positions.items()):
            self.faults["came back, and others had written"] += 1
            raise LogError
        self.faults["came back warm"] += 1

    # Read

    def _take(self, processor: PartitionProcessor) -> None:
        wanted = [source for source in Input if processor.wants(source)]
        if not processor.ready:
            assert not set(wanted) & set(FACTS)
            self.faults["facts waited for side inputs"] += 1
        batches = [batch for source in wanted if (batch := self._fetch(source, processor)) is not None]
        if not batches:
            return
        batch = self._rng.choice(batches)
        self._offer_stale(processor, batch)
        assert processor.take(batch)
        self._note(batch)
        if self._rng.random() < 0.1:
            self.faults["a batch was delivered twice"] += 1
            assert processor.take(batch) is None

    def _fetch(self, source: Input, processor: PartitionProcessor) -> Fetched | None:
        tape, published = self._history.tapes[source], self.broker.published[source]
        return tape.batch(source, processor.positions[source], published, self._most, self._rng)

    def _offer_stale(self, processor: PartitionProcessor, batch: Fetched) -> None:
        if self._rng.random() < 0.1:
            away = self._rng.choice((-1, 1))
            self.faults["an older batch was offered" if away < 0 else "a newer batch was offered"] += 1
            assert processor.take(replace(batch, before=batch.before + away)) is None

    def _note(self, batch: Fetched) -> None:
        earlier = self._batches.setdefault((batch.source, batch.before), batch.after)
        self.faults["batches were split anew"] += earlier != batch.after
        self.faults["a position moved without a record"] += not batch.records
        self.faults["a customer was erased"] += any(record.value is None for record in batch.records)

    def _let_time_pass(self, processor: PartitionProcessor) -> None:
        """Let time pass on an input, short of what is still to come."""
        if self._history.erases or self._rng.random() < 0.7:
            return
        source = self._rng.choice(FACTS)
        earliest = min(self._next_time(one, processor) for one in (source, *SIDE_INPUTS))
        until = min(earliest - self._rng.choice((1, 9_999)), self._history.truth.newest)
        if until > processor.partition.clock(source):
            self.faults["time passed between batches"] += 1
            processor.advance({source: until})

    def _next_time(self, source: Input, processor: PartitionProcessor) -> int:
        read = bisect_left(self._history.tapes[source].offsets, processor.positions[source])
        return self._history.earliest[source][read]
