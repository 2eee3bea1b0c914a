"""One worker over inputs that are written as time goes on, in simulated time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Final

from typing_extensions import override

from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.watermark import Input
from streams.runtime.partition.processor import Identity
from streams.runtime.partition.supervisor import PartitionSupervisor
from streams.runtime.partition.work_loop import PartitionOptions
from streams.runtime.ports import Clock, Fetched, RawRecord
from tests.runtime.fake_feed import Surroundings
from tests.runtime.fake_log import Broker
from tests.runtime.group import FakeWorker
from tests.runtime.history import NOW, History, Tape
from tests.runtime.lines import key_of

STALE_MS: Final = 36 * 3_600_000

Arrivals = Sequence[tuple[float, bytes]]
"""Lines, each with the time of the event loop (seconds) when it is appended."""


def true_ms() -> int:
    """Return the time that it really is."""
    return NOW + round(asyncio.get_running_loop().time() * 1000)


class RightClock(Clock):
    """A wall clock that is right."""

    @override
    def update(self) -> bool:
        return True

    @override
    def now_ms(self) -> int:
        return true_ms()

    @override
    def steady_ms(self) -> int:
        return true_ms() - NOW

    @override
    def utc_ms(self, steady_ms: int) -> int:
        return NOW + steady_ms

    @override
    def appended(self, at_ms: int, *, after_steady_ms: int, before_steady_ms: int) -> None:
        assert NOW + after_steady_ms <= at_ms <= NOW + before_steady_ms


class Scene:
    """A worker that has one partition, and what is written to its inputs."""

    def __init__(
        self,
        arrivals: Mapping[Input, Arrivals],
        rules: Ruleset,
        clock: Clock,
        *,
        live: bool,
        turn_seconds: float,
        seed: int,
        quiet_contacts_ms: int | None = None,
        most: int = 500,
    ) -> None:
        rng = Random(seed)
        self._arrivals = {source: arrivals.get(source, ()) for source in Input}
        tapes = {source: _tape(lines) for source, lines in self._arrivals.items()}
        self.broker = Broker(History("written", tapes, erases=False), rng, self._pause, 0.0)
        self.slow: dict[str, float] = {}
        """How long (seconds) the log takes for its steps."""
        self.around = Surroundings(
            brokers={0: self.broker},
            rng=rng,
            options=PartitionOptions(
                lambda: 0.25,
                live=live,
                quiet_ms={
                    source: most
                    for source, most in ((Input.TRANSACTIONS, STALE_MS), (Input.CONTACTS, quiet_contacts_ms))
                    if most is not None
                },
                lateness_ms=rules.lateness_ms,
            ),
            clock=clock,
            make_identity=lambda _: Identity("test", rules, "USD", 0, 1),
            turn_seconds=turn_seconds,
            request_seconds=2.5 * turn_seconds,
            most=most,
        )
        self.worker = FakeWorker(self.around)

    async def _pause(self, name: str) -> None:
        await asyncio.sleep(self.slow.get(name, 0.0))

    async def write(self) -> None:
        """Append each line at its time."""
        await asyncio.gather(*map(self._write, Input))

    async def _write(self, source: Input) -> None:
        now = asyncio.get_running_loop().time
        for seconds, _ in self._arrivals[source]:
            if seconds > now():
                await asyncio.sleep(seconds - now())
            self.broker.published[source] += 1

    @property
    def supervisor(self) -> PartitionSupervisor:
        """The supervisor of the partition."""
        return self.worker.supervisors[0]

    @property
    def partition(self) -> Partition:
        """The partition as it stands in the processor."""
        processor = self.supervisor.processor
        assert processor is not None
        return processor.partition

    @property
    def inbox(self) -> Sequence[Fetched]:
        """The batches that wait in the supervisor."""
        work = self.supervisor._work
        return () if work is None else tuple(work.inbox)

    async def until_read(self, most_seconds: float) -> None:
        """Wait until all that is written is committed; raises TimeoutError."""
        async with asyncio.timeout(most_seconds):
            while not self.broker.read:  # noqa: ASYNC110 - time is simulated
                await asyncio.sleep(0.1)


@asynccontextmanager
async def scene(
    arrivals: Mapping[Input, Arrivals],
    *,
    rules: Ruleset | None = None,
    clock: Clock | None = None,
    live: bool = False,
    turn_seconds: float = 0.02,
    seed: int = 1,
    quiet_contacts_ms: int | None = None,
    most: int = 500,
) -> AsyncIterator[Scene]:
    """Start a worker, and writing; what comes at 0 s is there before it. A fetch has `most` records."""
    made = Scene(
        arrivals,
        rules or Ruleset(),
        clock or RightClock(),
        live=live,
        turn_seconds=turn_seconds,
        seed=seed,
        quiet_contacts_ms=quiet_contacts_ms,
        most=most,
    )
    writing = asyncio.create_task(made.write())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    made.worker.assigned({0})
    try:
        yield made
        made.worker.fail_if_failed()
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        await made.worker.killed()


def _tape(lines: Arrivals) -> Tape:
    records = [
        RawRecord(at, NOW + max(0, round(seconds * 1000)), key_of(line), line)
        for at, (seconds, line) in enumerate(lines)
    ]
    return Tape(records, (), len(records))
