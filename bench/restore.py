"""How long a worker that starts takes until it is ready: many customers, a year of purchases of each.

The state is written by the worker's own processor of each partition, commit by commit, without a feed. Then
worker processes are started, one after the other: each restores all partitions. Seconds are those from the
assignment of the partitions to the last that is open, and from the start of the process.
"""

import asyncio
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from statistics import median

from typing_extensions import override

from bench.shared.command_line import parser
from bench.shared.histories import PURCHASE_HOURS
from bench.shared.machine import machine
from bench.shared.running import running
from bench.shared.state import a_year, by_partition, identities, wall_clock_ms
from bench.shared.topics import PARTITIONS, broker, fresh_settings
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.partition.processor import PartitionProcessor
from streams.runtime.ports import Transaction
from streams.settings import Settings


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
    names, written = by_partition(customers, PARTITIONS), 0
    for number, identity in enumerate(identities(settings)):
        log = _Counting(settings, number)
        try:
            await a_year(PartitionProcessor(identity, log, wall_clock_ms), names[number])
        finally:
            await log.close()
        written += log.written
    return written


class _Counting(TransactionalLog):
    """The log of a partition that counts the state records written to it."""

    written = 0

    @override
    async def commit(self, transaction: Transaction) -> None:
        self.written += len(transaction.state)
        await super().commit(transaction)


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
