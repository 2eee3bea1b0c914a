"""Exactly-once, simulated: the owner that runs in production over a log in memory that fails wherever it can.

RETENTION_SIMULATIONS sets how many seeds are run.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path
from random import Random

from schemas.alert import Alert
from schemas.events import Refusal
from schemas.hot import Decoder
from streams.core.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.watermark import FACTS, NEVER, Input
from streams.runtime.log import FencedError, Fetched, LogError, RawRecord, Transaction
from streams.runtime.owner import Identity, Owner
from tests.runtime.fake_log import Broker, FakeLog
from tests.worlds.worlds import write_world

SEEDS = int(os.environ.get("RETENTION_SIMULATIONS", "300"))
NOW = 1_800_000_000_000
RULES = Ruleset(high_value_quantile=0.2, population_minimum=5, opening_frustration=0.3)
IDENTITY = Identity("test", RULES, "USD", partition=0, partitions=1)
FAULTS = (
    "crash before fencing",
    "crash after fencing",
    "crash while restoring",
    "aborted before it was written",
    "committed, but the answer was lost",
    "a zombie was fenced",
    "killed between batches",
    "a stale batch was offered",
)

Log = dict[Input, list[RawRecord]]


def world(directory: Path, seed: int) -> Log:
    write_world(directory, seed, customers=12, days=130)
    log: Log = {}
    for one in Input:
        path = directory / f"{one.value}.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        log[one] = [RawRecord(at * 2, NOW, key_of(one, line), line) for at, line in enumerate(lines)]
    return log


def key_of(source: Input, line: bytes) -> bytes | None:
    event = getattr(Decoder(), source.value)(line)
    return None if not hasattr(event, "customer_id") else event.customer_id.encode()


def plain(log: Log) -> list[Alert]:
    """Give the alerts of the undisturbed fold."""
    partition, decoder = Partition(RULES), Decoder()
    for source in reversed(Input):
        events: list[Record] = []
        for raw in log[source]:
            event = getattr(decoder, source.value)(raw.value)
            if not isinstance(event, Refusal):
                events.append(event)
        partition.apply(source, events, NOW)
    return partition.advance(dict.fromkeys(FACTS, partition.newest + 1)) if partition.newest != NEVER else []


def batch_of(log: Log, source: Input, position: int, rng: Random) -> Fetched | None:
    """Give the next batch of an input from a position; offsets are even, so every other one is a gap."""
    rest = [raw for raw in log[source] if raw.offset >= position]
    if not rest:
        return None
    chosen = rest[: rng.randint(1, 60)]
    return Fetched(source, position, chosen, chosen[-1].offset + rng.choice((1, 2)))


class Run:
    """One seed: owners come and go until everything is committed."""

    def __init__(self, log: Log, seed: int) -> None:
        self.rng = Random(seed)
        self.broker = Broker(self.rng, trouble=0.03)
        self.log = log
        self.zombies: list[Owner] = []

    async def owner(self) -> Owner:
        """Open the partition, however often it takes."""
        while True:
            owner = Owner(IDENTITY, FakeLog(self.broker), lambda: NOW)
            try:
                await owner.open()
            except LogError:
                continue
            return owner

    async def drive(self) -> None:
        """Let owners come and go until one has read everything."""
        done = False
        while not done:
            owner = await self.owner()
            try:
                done = await self.work(owner)
            except LogError:
                self.zombies.append(owner)
            await self.wake_zombies()

    async def work(self, owner: Owner) -> bool:
        """Take batches until the logs are read; False when killed on the way."""
        sources = list(Input)
        while sources:
            if self.broker.fails("killed between batches"):
                self.zombies.append(owner)
                return False
            source = self.rng.choice(sources)
            batch = batch_of(self.log, source, owner.positions.get(source, 0), self.rng)
            if batch is None:
                sources.remove(source)
                continue
            self.offer_stale(owner, batch)
            assert owner.take(batch)
            if owner.urgent or self.rng.random() < 0.3:
                await owner.commit()
        end = owner.partition.newest + 1
        owner.move(dict.fromkeys(FACTS, end))
        await owner.commit()
        return True

    def offer_stale(self, owner: Owner, batch: Fetched) -> None:
        """Offer a batch that does not start where the owner is."""
        if batch.source in owner.positions and self.rng.random() < 0.1:
            self.broker.faults["a stale batch was offered"] += 1
            assert not owner.take(Fetched(batch.source, batch.before - 1, batch.records, batch.after))

    async def wake_zombies(self) -> None:
        """Let owners of the past try to write what they still hold."""
        while self.zombies:
            zombie = self.zombies.pop()
            self.broker.epoch += 1
            try:
                zombie.move(dict.fromkeys(FACTS, zombie.partition.newest + 1))
                await zombie.commit()
            except FencedError:
                continue


def written(transactions: list[Transaction]) -> list[Alert]:
    return [alert for transaction in transactions for alert in transaction.alerts]


def in_order(alerts: list[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda alert: (alert.time, alert.customer_id, alert.event_id))


def test_every_alert_is_written_once_whatever_fails(tmp_path: Path) -> None:
    """Crashes, aborts, lost answers, zombies and stale batches leave the alerts of the undisturbed fold."""
    worlds = [world(tmp_path / str(seed), seed) for seed in range(6)]
    wanted = [in_order(plain(log)) for log in worlds]
    assert sum(map(len, wanted)) > 5
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        run = Run(worlds[seed % len(worlds)], seed)
        asyncio.run(run.drive())
        found = in_order(written(run.broker.committed))
        without = [one.model_copy(update={"backfill": False}) for one in found]
        assert without == wanted[seed % len(worlds)], f"seed {seed}"
        refused = [letter for one in run.broker.committed for letter in one.dead_letters]
        places = [(letter.source, letter.record.offset) for letter in refused]
        assert len(set(places)) == len(places), f"seed {seed}: a dead letter twice"
        faults += run.broker.faults
    print(faults)
    for fault in FAULTS:
        assert faults[fault] > 0, f"never happened: {fault}"
