"""Bytes per customer at rest: a year of event time, 60 purchase hours each, through four partitions.

All that a worker keeps is counted: packed records, keys, timers, the ids of the last days, the population's
sample, the feed guard. The growth of the process is set beside a sum over the parts, which leaves out what
the allocator holds in reserve. Then the ids alone, at a rate of purchases that a year of 200,000 customers
does not have.
"""

import gc
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from bench.shared.alone import alone
from bench.shared.command_line import parser
from bench.shared.histories import PURCHASE_HOURS, SEED, SLOT_MS, START_MS
from bench.shared.machine import machine
from schemas.events import Transaction
from schemas.partitioner import partition_of
from streams.core.customer.event_ids import EventIds
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT
from streams.core.watermark import FACTS, Clock, Input

PARTITIONS = 4
BATCH = 10_000
ID_BATCH = 2_000
_STATM = Path("/proc/self/statm")
_CODE = (BuiltinFunctionType, FunctionType, MethodType, ModuleType, type)


def main(arguments: list[str] | None = None) -> None:
    """Measure in a fresh process, print."""
    options = parser(__doc__)
    options.add_argument("--customers", type=int, default=200_000)
    options.add_argument("--id-rate", type=int, default=100, help="purchases a second, for the ids alone")
    options.add_argument("--id-days", type=int, default=16, help="of event time, for the ids alone")
    asked = options.parse_args(arguments)
    customers: int = asked.customers
    print(machine())
    print(f"{customers:,} customers, {PURCHASE_HOURS} purchase hours in a year, {PARTITIONS} partitions")
    growth, parts = alone(measure, customers)
    print(f"growth of the process: {growth / customers:,.0f} bytes a customer")
    print(f"sum over the parts: {sum(parts.values()) / customers:,.0f} bytes a customer")
    for part, size in sorted(parts.items(), key=lambda one: -one[1]):
        print(f"  {part:<12} {size / customers:>8,.1f}")
    ids = alone(measure_ids, asked.id_rate, asked.id_days)
    rate = f"{asked.id_rate:,} purchases a second for {asked.id_days} days"
    print(f"{rate}: {ids.kept:,} ids kept, {ids.summary()}")


@dataclass(frozen=True)
class Ids:
    """What ids came to: bytes that the process grew by, how many are kept, the longest tidying."""

    growth: int
    kept: int
    in_8_days: int
    longest_seconds: float

    def summary(self) -> str:
        """Return the figures in one line."""
        return (
            f"growth of the process {self.growth / self.kept:.1f} bytes each, {self.growth:,} in all, "
            f"{self.growth / self.in_8_days:.1f} for each purchase of 8 days; "
            f"longest pause {self.longest_seconds * 1e3:.1f} ms"
        )


def measure(customers: int) -> tuple[int, dict[str, int]]:
    """Return the bytes that the process grew by, and those of each part of the partitions."""
    gc.collect()
    before = resident()
    partitions = [Partition(DEFAULT) for _ in range(PARTITIONS)]
    for events in year(customers):
        commit(partitions, events)
    assert sum(partition.customers for partition in partitions) == customers
    gc.collect()
    return resident() - before, parts_of(partitions)


def measure_ids(rate: int, days: int) -> Ids:
    """Return what the ids of one input take, at a steady rate of new ones a second."""
    gc.collect()
    before, longest = resident(), 0.0
    ids, clock, rng = EventIds(lambda *_: False), Clock(DEFAULT.lateness_ms), np.random.default_rng(SEED)
    for start in range(0, rate * days * 86_400, ID_BATCH):
        keys = rng.integers(0, 1 << 64, ID_BATCH, np.uint64).tolist()
        for at, key in enumerate(keys, start):
            ids.remember(key, START_MS + at * 1_000 // rate)
        clock.accept(START_MS + (start + ID_BATCH) * 1_000 // rate)
        begun = process_time()
        ids.tidy(clock)
        longest = max(longest, process_time() - begun)
    in_8_days = rate * min(days, 8) * 86_400
    return Ids(resident() - before, len(ids.table) + len(ids.recent), in_8_days, longest)


def year(customers: int) -> Iterator[list[tuple[int, int]]]:
    """Yield batches of (time, customer): each buys once in every slot of the year."""
    rng = np.random.default_rng(SEED)
    for start in range(START_MS, START_MS + PURCHASE_HOURS * SLOT_MS, SLOT_MS):
        times = start + rng.integers(0, SLOT_MS, customers)
        order = np.argsort(times)
        for at in range(0, customers, BATCH):
            batch = order[at : at + BATCH]
            yield list(zip(times[batch].tolist(), batch.tolist(), strict=True))


def commit(
    partitions: list[Partition], events: list[tuple[int, int]]
) -> list[list[tuple[bytes, bytes | None]]]:
    """Do with a batch what a worker does: apply it, decide, drain what changed, and return that."""
    drained = []
    routed: defaultdict[int, list[Any]] = defaultdict(list)
    for time, customer in events:
        # A text of its own for each event, as a decoder makes it.
        customer_id = f"c{customer:07}"
        event = Transaction(
            customer_id, "shop", f"{time}-{customer}", time, "purchase", 100 + time % 9_900, None
        )
        routed[partition_of(customer_id, PARTITIONS)].append(event)
    for number, partition in enumerate(partitions):
        partition.apply(Input.TRANSACTIONS, routed[number])
        partition.advance(dict.fromkeys(FACTS, events[-1][0]))
        drained.append(partition.drain_dirty())
    return drained


def resident() -> int:
    """Return the bytes of this process that are in memory; on Linux alone."""
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def parts_of(partitions: list[Partition]) -> dict[str, int]:
    """Return the bytes of each attribute of all partitions; what two share is the first one's."""
    seen: set[int] = set()
    sizes: Counter[str] = Counter()
    for partition in partitions:
        for name, part in vars(partition).items():
            sizes[name.strip("_")] += _size(part, seen)
    return dict(sizes)


def _size(root: object, seen: set[int]) -> int:
    size, waiting = 0, [root]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, _CODE):
            seen.add(id(one))
            size += sys.getsizeof(one)
            waiting += _inside(one)
    return size


def _inside(one: object) -> Iterator[object]:
    if isinstance(one, Mapping):
        for pair in one.items():
            yield from pair
    elif isinstance(one, list | tuple | set | frozenset):
        yield from one
    else:
        yield from getattr(one, "__dict__", {}).values()
        for name in (*getattr(one, "__slots__", ()), *getattr(one, "__struct_fields__", ())):
            yield getattr(one, name, None)


if __name__ == "__main__":
    main()
