"""How near the worker comes to its limit: getmany + hot decode + one dict addition per event, no state kept.

Both read the same topics of a broker of their own, in turn, each in a process of its own; the worker is the
command as it is deployed, on the event clock. The limit is timed from its first fetched record to the last,
the worker from the moment at which the first partition is open to its last commit. Customers are drawn
evenly, which is the worst case, and by Zipf's law; transactions alone, and with one contact in a hundred
events. One transaction in 13 is a refund, a charge of a subscription or its end; `--plain` leaves these out.
One more round of each shows where the time goes.
"""

import asyncio
import json
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aiokafka import TopicPartition

from bench.shared.alone import alone
from bench.shared.command_line import parser
from bench.shared.histories import DAYS, SEED, line_counts, options
from bench.shared.machine import machine
from bench.shared.ratio import Run, header, print_summary, row
from bench.shared.running import WORKER, Cpu, running
from bench.shared.topics import broker, emptied, ends, fresh_settings, publish
from schemas.events import Tick, Transaction
from schemas.hot import Decoder
from streams.lab.generate import Weights, generate
from streams.runtime.faust.transport import FETCH_BYTES
from streams.runtime.kafka.clients import close_consumer, make_consumer
from streams.settings import Settings

SETS = {
    "uniform": (Weights.UNIFORM, False),
    "zipf": (Weights.ZIPF, False),
    "uniform-contacts": (Weights.UNIFORM, True),
    "zipf-contacts": (Weights.ZIPF, True),
}
"""How purchases spread over customers, and whether there are contacts."""
PROFILED = ("-m", "bench.profiled", "worker")


def main(arguments: list[str] | None = None) -> None:
    """Generate, publish, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with broker() as bootstrap:
        for one in asked.sets:
            settings = fresh_settings(bootstrap, clock="event")
            print(f"\n{one}: {filled(settings, one, asked.customers, asked.transactions, plain=asked.plain)}")
            _measure(settings, asked.rounds)


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--customers", type=int, default=100_000)
    found.add_argument("--transactions", type=int, default=1_000_000)
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--plain", action="store_true", help="purchases that stay, nothing else")
    found.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    return found


def filled(settings: Settings, one: str, customers: int, transactions: int, *, plain: bool = False) -> str:
    """Publish a history, and say what it is."""
    weights, contacts = SETS[one]
    profile_share = 0.3 if contacts else 0.0
    history = options(
        customers, transactions, weights, contacts=contacts, profile_share=profile_share, plain=plain
    )
    with TemporaryDirectory() as name:
        made = generate(Path(name), history)
        records = publish(settings, Path(name))
    size = f"{customers:,} customers, seed {SEED}, {DAYS} days"
    return f"{line_counts(made)}; {records:,} records with ticks ({size})"


def _measure(settings: Settings, rounds: int) -> None:
    pairs = []
    print(f"{header('worker')}  CPU s of limit, worker")
    for number in range(1, rounds + 1):
        pair = alone(limit, settings), worked(settings)
        pairs.append(pair)
        print(f"{row(number, pair)}  {pair[0].cpu:.2f}, {pair[1].cpu:.2f}", flush=True)
    print_summary("worker", "records", pairs)
    thrift = median(lower.cpu / upper.cpu for lower, upper in pairs)
    print(f"the same by CPU seconds, which others on the machine disturb less: {thrift:.3f}")
    _phases(profiled(settings))


def limit(settings: Settings) -> Run:
    """Read all inputs with aiokafka as the worker's consumer does, decode each record, add to a dict."""
    return asyncio.run(_limit(settings))


async def _limit(settings: Settings) -> Run:
    wanted = {TopicPartition(*tp): end for tp, end in ends(settings).items()}
    decoder = Decoder(settings.reporting_currency)
    decoders = {tp: decoder.of(tp.topic.removeprefix(settings.topic_prefix)) for tp in wanted}
    sums: defaultdict[str, int] = defaultdict(int)
    consumer = make_consumer(settings, max_partition_fetch_bytes=FETCH_BYTES)
    await consumer.start()
    started, cpu, records = 0.0, 0.0, 0
    try:
        consumer.assign(list(wanted))
        while wanted:
            fetched: dict[TopicPartition, Any] = await consumer.getmany(timeout_ms=250)
            if not started:
                started, cpu = time.perf_counter(), time.process_time()
            for tp, batch in fetched.items():
                decode = decoders[tp]
                for record in batch:
                    event: Any = decode(record.value)
                    if event.__class__ is Transaction:
                        sums[event.customer_id] += event.cents
                    elif event.__class__ is not Tick:
                        sums[event.customer_id] += 1
                records += len(batch)
                if batch and batch[-1].offset + 1 >= wanted[tp]:
                    del wanted[tp]
        return Run(time.perf_counter() - started, records, time.process_time() - cpu)
    finally:
        await close_consumer(consumer)


@dataclass(frozen=True)
class _Work:
    """What a worker did from its first open partition to its last commit."""

    seconds: float
    cpu: Cpu
    records: int
    last_line: str


def _work(settings: Settings, command: Sequence[str]) -> _Work:
    """Let a worker read all inputs, with a state of its own."""
    own = emptied(settings)
    with running(own, command) as worker:
        started, _ = min(worker.opened())
        before = worker.cpu()
        worker.until_committed(own)
        used = worker.cpu().since(before)
        ended = max(worker.metrics("retention_last_commit_timestamp_seconds").values())
        records = round(sum(worker.metrics("retention_events_total").values()))
    assert records == sum(ends(own).values()), "some were read twice, or not at all"
    return _Work(ended - started, used, records, worker.lines[-1][1])


def worked(settings: Settings) -> Run:
    """Let a worker read all inputs."""
    work = _work(settings, WORKER)
    return Run(work.seconds, work.records, work.cpu.first + work.cpu.others)


def profiled(settings: Settings) -> dict[str, float]:
    """Return the seconds of a worker by phase of its first thread, and the CPU seconds of the others."""
    work = _work(settings, PROFILED)
    spent: dict[str, float] = json.loads(work.last_line)
    rest = max(0.0, work.cpu.first - sum(spent.values()))
    return {
        "wall": work.seconds,
        **spent,
        "event loop, the producers' network": rest,
        "fetch (its own thread)": work.cpu.others,
    }


def _phases(spent: dict[str, float]) -> None:
    shares = ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in spent.items())
    print(f"where the time goes: {shares}")


if __name__ == "__main__":
    main()
