"""A worker's changelog as it stands after a year: so many customers, 60 purchase hours each.

A few customers of each partition live through the year, in the worker's own processor of that partition. Then
their records, and what the journal has of them, are written once more for every other customer of the
partition, with all that is the partition's. That makes millions of customers in a minute, and it is as if the
changelog had just been compacted.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Final

import msgspec
import numpy as np
from typing_extensions import override

from bench.shared.histories import PURCHASE_HOURS, SEED, SLOT_MS, START_MS
from bench.shared.load import customer_name, purchase
from schemas.partitioner import partition_of
from schemas.times import format_ms
from streams.core.customer.customer_codec import ENTRY
from streams.core.customer.journal.expansion import expand
from streams.core.customer.journal.journal import LENGTHS, PART_BYTES
from streams.core.customer.state import customer_key, journal_key, keep_newest
from streams.core.watermark import FACTS, Input
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.partition.processor import Identity, PartitionProcessor
from streams.runtime.ports import Fetched, RawRecord, Transaction
from streams.runtime.startup.preflight import preflight
from streams.settings import Settings

DONORS: Final = 500
"""Customers of a partition who live through the year: of more than enough to tell who is of high value."""
_BATCH: Final = 10_000
Records = dict[bytes, bytes]


def write_state(settings: Settings, customers: int) -> None:
    """Write the state of so many customers, named as `load.customer_name` does, to fresh topics."""
    asyncio.run(_write(settings, by_partition(customers, settings.partitions)))


def by_partition(customers: int, partitions: int) -> list[list[str]]:
    """Return the names of the customers of each partition."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for number in range(customers):
        name = customer_name(number)
        found[partition_of(name, partitions)].append(name)
    return [found[number] for number in range(partitions)]


def cloned(records: Records, names: list[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the whole record of every customer, then the journal, and then what is the partition's."""
    found = expand(records)
    assert all(len(key) == 1 for key in found.others), "a kind of record that this can't write for others"
    lives = [(records[customer_key(one)], bytes(record)) for one, record in found.records.items()]
    yield from ((customer_key(one), whole) for one, (whole, _) in zip(names, cycle(lives), strict=False))
    journaled = _journaled(names, [record[len(whole) :] for whole, record in lives])
    for number, entries in enumerate(journaled):
        yield journal_key(number, 0), entries
    yield from found.others.items()


def _journaled(names: list[str], tails: list[bytes]) -> Iterator[bytes]:
    """Yield the journal of customers in turns, in records: to each comes one of the tails."""
    entries = bytearray()
    for at in range(0, max(map(len, tails)), ENTRY.size):
        for customer_id, tail in zip(names, cycle(tails), strict=False):
            if at < len(tail):
                name = customer_id.encode()
                entries += LENGTHS[len(name)] + name + tail[at : at + ENTRY.size]
            if len(entries) > PART_BYTES // 2:
                yield bytes(entries)
                entries.clear()
    if entries:
        yield bytes(entries)


async def _write(settings: Settings, names: list[list[str]]) -> None:
    for number, (identity, mine) in enumerate(zip(identities(settings), names, strict=True)):
        log = _Capturing(settings, number)
        try:
            await a_year(PartitionProcessor(identity, log, wall_clock_ms), mine[:DONORS])
            waiting = cloned(log.records, mine)
            while batch := list(islice(waiting, _BATCH)):
                await TransactionalLog.commit(log, Transaction(batch, positions=log.positions))
        finally:
            await log.close()


def identities(settings: Settings) -> list[Identity]:
    """Return what the state of each partition of a worker has to agree with."""
    ground = preflight(settings)
    return [
        Identity(
            application=settings.application_id,
            rules=ground.rules,
            currency=settings.reporting_currency,
            partition=number,
            partitions=settings.partitions,
            topics=ground.topic_ids,
        )
        for number in range(settings.partitions)
    ]


def wall_clock_ms() -> int:
    """Return the time."""
    return time.time_ns() // 1_000_000


class _Capturing(TransactionalLog):
    """The log of a partition that keeps what is committed, and writes nothing."""

    def __init__(self, settings: Settings, partition: int) -> None:
        super().__init__(settings, partition)
        self.records: Records = {}
        self.positions: dict[Input, int] = {}

    @override
    async def commit(self, transaction: Transaction) -> None:
        keep_newest(self.records, transaction.state)
        self.positions = dict(transaction.positions)


async def a_year(processor: PartitionProcessor, names: list[str]) -> None:
    """Let each customer buy once in every slot of a year. Positions stay: there is no feed."""
    await processor.open()
    for slot in range(PURCHASE_HOURS):
        for batch in _slot(slot, names):
            processor.take(batch)
        await processor.commit()  # with more at once all would be written whole, and leave no journal


def _slot(slot: int, names: list[str]) -> Iterator[Fetched]:
    """Yield batches in which each customer buys once, and time passes."""
    rng = np.random.default_rng([SEED, slot])
    times = START_MS + slot * SLOT_MS + rng.integers(0, SLOT_MS, len(names))
    order = np.argsort(times)
    for at in range(0, len(names), _BATCH):
        chosen = order[at : at + _BATCH]
        pairs = zip(times[chosen].tolist(), chosen.tolist(), strict=True)
        yield Fetched(Input.TRANSACTIONS, 0, [_record(names[who], time_ms) for time_ms, who in pairs], 0)
        tick = {"type": "tick", "time": format_ms(int(times[chosen[-1]])), "source": "bench"}
        for source in FACTS:
            yield Fetched(source, 0, [RawRecord(0, 0, None, msgspec.json.encode(tick))], 0)


def _record(customer_id: str, time_ms: int) -> RawRecord:
    value = purchase(f"{time_ms}-{customer_id}", customer_id, time_ms)
    return RawRecord(0, time_ms, customer_id.encode(), value)
