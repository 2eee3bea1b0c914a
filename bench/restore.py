"""How long a worker that starts takes until it is ready: many customers, a year of purchases of each.

The state is written by the worker's own processor of each partition, commit by commit, without a feed. Then
worker processes are started, one after the other: each restores all partitions. Seconds are those from the
assignment of the partitions to the last that is open, and from the start of the process.
"""

import asyncio
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import msgspec
import numpy as np

from bench.shared.command_line import parser
from bench.shared.histories import PURCHASE_HOURS, SEED, SLOT_MS, START_MS
from bench.shared.machine import machine
from bench.shared.running import running
from bench.shared.topics import PARTITIONS, broker, fresh_settings
from schemas.partitioner import partition_of
from schemas.times import format_ms
from streams.core.watermark import FACTS, Input
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.partition.processor import Identity, PartitionProcessor
from streams.runtime.ports import Fetched, RawRecord
from streams.runtime.startup.preflight import preflight
from streams.settings import Settings

SLOTS_A_COMMIT = 5
BATCH = 10_000


@dataclass(frozen=True)
class Restored:
    """One start: seconds from the assignment and from the start of the process, and records read."""

    seconds: float
    wall: float
    records: int


def main(arguments: list[str] | None = None) -> None:
    """Write the state, restore it, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with broker() as bootstrap:
        settings = fresh_settings(bootstrap, clock="event")
        started = time.perf_counter()
        written = asyncio.run(_write(settings, asked.customers))
        print(
            f"{asked.customers:,} customers, {PURCHASE_HOURS} purchase hours in a year, {PARTITIONS} "
            f"partitions; {written:,} state records written in {time.perf_counter() - started:.0f} s"
        )
        print(f"{'round':>5} {'assigned -> ready':>18} {'start -> ready':>15} {'records':>10}")
        rounds = []
        for number in range(1, asked.rounds + 1):
            one = _restored(settings, asked.customers)
            rounds.append(one)
            print(f"{number:>5} {one.seconds:>16.2f} s {one.wall:>13.2f} s {one.records:>10,}", flush=True)
    seconds = [one.seconds for one in rounds]
    print(f"assigned -> ready: median {median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f} s")


def _parser() -> ArgumentParser:
    options = parser(__doc__)
    options.add_argument("--customers", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=5)
    return options


async def _write(settings: Settings, customers: int) -> int:
    """Write the state of all partitions, and return how many records that took."""
    ground, written = preflight(settings), 0
    for number in range(PARTITIONS):
        identity = Identity(
            application=settings.application_id,
            rules=ground.rules,
            currency=settings.reporting_currency,
            partition=number,
            partitions=PARTITIONS,
            topics=ground.topic_ids,
        )
        mine = [f"c{one:07}" for one in range(customers) if partition_of(f"c{one:07}", PARTITIONS) == number]
        log = TransactionalLog(settings, number)
        processor = PartitionProcessor(identity, log, lambda: time.time_ns() // 1_000_000)
        try:
            await processor.open()
            for slot in range(PURCHASE_HOURS):
                for batch in _slot(slot, mine):
                    processor.take(batch)
                if slot % SLOTS_A_COMMIT == SLOTS_A_COMMIT - 1:
                    written += processor.partition.dirty
                    await processor.commit()
        finally:
            await log.close()
    return written


def _slot(slot: int, customers: list[str]) -> Iterator[Fetched]:
    """Yield batches in which each customer buys once, and time passes; positions stay, there is no feed."""
    rng = np.random.default_rng([SEED, slot])
    times = START_MS + slot * SLOT_MS + rng.integers(0, SLOT_MS, len(customers))
    order = np.argsort(times)
    for at in range(0, len(customers), BATCH):
        chosen = order[at : at + BATCH]
        pairs = zip(times[chosen].tolist(), chosen.tolist(), strict=True)
        purchases = [_purchase(customers[who], time_ms) for time_ms, who in pairs]
        yield Fetched(Input.TRANSACTIONS, 0, purchases, 0)
        tick = {"type": "tick", "time": format_ms(int(times[chosen[-1]])), "source": "bench"}
        for source in FACTS:
            yield Fetched(source, 0, [RawRecord(0, 0, None, msgspec.json.encode(tick))], 0)


def _purchase(customer_id: str, time_ms: int) -> RawRecord:
    value = (
        f'{{"type":"transaction","event_id":"{time_ms}-{customer_id}","customer_id":"{customer_id}",'
        f'"time":"{format_ms(time_ms)}","source":"shop","kind":"purchase",'
        f'"amount":"{1 + time_ms % 99}.{time_ms % 90 + 10}","currency":"USD"}}'
    )
    return RawRecord(0, time_ms, customer_id.encode(), value.encode())


def _restored(settings: Settings, customers: int) -> Restored:
    """Start a worker, and wait until it has restored all partitions."""
    with running(settings) as worker:
        opened = worker.opened()
        known = sum(worker.metrics("retention_customers").values())
        while known < customers:  # shown once a second
            time.sleep(0.1)
            known = sum(worker.metrics("retention_customers").values())
        assert known == customers
        return Restored(
            seconds=max(seconds for _, seconds in opened),
            wall=max(at for at, _ in opened) - worker.started,
            records=round(sum(worker.metrics("retention_restore_records_total").values())),
        )


if __name__ == "__main__":
    main()
