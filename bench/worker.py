"""How near the worker comes to its limit: getmany + hot decode + one dict addition per event, no state kept.

Both read the same topics of a broker of their own, in turn, each in a process of its own; the worker is the
command as it is deployed, on the event clock. The limit is timed from its first fetched record to the last,
the worker from the moment at which the first partition is open to its last commit. Customers are drawn
evenly, which is the worst case, and by Zipf's law; purchases alone, and with one contact in a hundred events.
One more round of each shows where the time goes.
"""

import argparse
import asyncio
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.alone import alone
from bench.machine import machine
from bench.running import WORKER, running
from bench.topics import broker, emptied, ends, fresh_settings, publish
from schemas.events import Tick, Transaction
from schemas.hot import Decoder
from streams.lab.generate import GenerateOptions, Population, Weights, generate
from streams.runtime.faust.transport import FETCH_BYTES
from streams.settings import Settings

SEED = 1
DAYS = 400
CONTACTS_PER_TRANSACTION = 0.01
CONTACTS_PER_JOURNEY = 1.72
"""Mean of `generate`, further versions and notices included."""
SETS = {
    "uniform": (Weights.UNIFORM, False),
    "zipf": (Weights.ZIPF, False),
    "uniform-contacts": (Weights.UNIFORM, True),
    "zipf-contacts": (Weights.ZIPF, True),
}
"""How purchases spread over customers, and whether there are contacts."""
PROFILED = ("-m", "bench.profiled", "worker")


@dataclass(frozen=True)
class Measured:
    """One run: wall seconds, CPU seconds of the process, and the records that it read."""

    seconds: float
    cpu: float
    records: int

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def main(arguments: list[str] | None = None) -> None:
    """Generate, publish, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with broker() as bootstrap:
        for one in asked.sets:
            settings = fresh_settings(bootstrap, clock="event")
            print(f"\n{one}: {_filled(settings, one, asked.customers, asked.transactions)}")
            _measure(settings, asked.rounds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    return parser


def _filled(settings: Settings, one: str, customers: int, transactions: int) -> str:
    """Publish a history, and say what it is."""
    weights, contacts = SETS[one]
    options = _options(customers, transactions, weights, contacts=contacts)
    with TemporaryDirectory() as name:
        made = generate(Path(name), options)
        records = publish(settings, Path(name))
    lines = ", ".join(f"{lines:,} {path.stem}" for path, lines in made.lines.items() if path.stem != "truth")
    return f"{lines}; {records:,} records with ticks ({customers:,} customers, seed {SEED}, {DAYS} days)"


def _options(customers: int, transactions: int, weights: Weights, *, contacts: bool) -> GenerateOptions:
    years = customers * DAYS / 365.25
    rate = transactions * CONTACTS_PER_TRANSACTION / CONTACTS_PER_JOURNEY / years
    return GenerateOptions(
        population=Population.SYNTHETIC,
        seed=SEED,
        customers=customers,
        days=DAYS,
        transactions=transactions,
        weights=weights,
        contact_rate=rate if contacts else 0.0,
        profile_share=0.3 if contacts else 0.0,
    )


def _measure(settings: Settings, rounds: int) -> None:
    pairs = []
    print(f"{'round':>5} {'limit':>14} {'worker':>14}  ratio  CPU s of limit, worker")
    for number in range(1, rounds + 1):
        pair = alone(limit, settings), _worked(settings)
        pairs.append(pair)
        print(_row(str(number), *pair), flush=True)
    _summary(pairs)
    _phases(_profiled(settings))


def limit(settings: Settings) -> Measured:
    """Read all inputs with aiokafka as the worker's consumer does, decode each record, add to a dict."""
    return asyncio.run(_limit(settings))


async def _limit(settings: Settings) -> Measured:
    wanted = {TopicPartition(*tp): end for tp, end in ends(settings).items()}
    decoder = Decoder(settings.reporting_currency)
    decoders = {tp: decoder.of(tp.topic.removeprefix(settings.topic_prefix)) for tp in wanted}
    sums: defaultdict[str, int] = defaultdict(int)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(settings.bootstrap_servers),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
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
        return Measured(time.perf_counter() - started, time.process_time() - cpu, records)
    finally:
        await consumer.stop()


def _worked(settings: Settings) -> Measured:
    """Let a worker read all inputs, with a state of its own."""
    own = emptied(settings)
    with running(own, WORKER) as worker:
        started, _ = min(worker.opened())
        before = worker.cpu()
        worker.until_committed(own)
        used = worker.cpu().since(before)
        ended = max(worker.metrics("retention_last_commit_timestamp_seconds").values())
        records = round(sum(worker.metrics("retention_events_total").values()))
    assert records == sum(ends(own).values()), "some were read twice, or not at all"
    return Measured(ended - started, used.first + used.others, records)


def _profiled(settings: Settings) -> dict[str, float]:
    """Return the seconds of a worker by phase of its first thread, and the CPU seconds of the others."""
    own = emptied(settings)
    with running(own, PROFILED) as worker:
        started, _ = min(worker.opened())
        before = worker.cpu()
        worker.until_committed(own)
        used = worker.cpu().since(before)
        ended = max(worker.metrics("retention_last_commit_timestamp_seconds").values())
    spent: dict[str, float] = json.loads(worker.lines[-1][1])
    rest = max(0.0, used.first - sum(spent.values()))
    return {
        "wall": ended - started,
        **spent,
        "event loop, the producers' network": rest,
        "fetch (its own thread)": used.others,
    }


def _row(label: str, lower: Measured, upper: Measured) -> str:
    return (
        f"{label:>5} {lower.rate:>12,.0f}/s {upper.rate:>12,.0f}/s  {upper.rate / lower.rate:.3f}"
        f"  {lower.cpu:.2f}, {upper.cpu:.2f}"
    )


def _summary(pairs: list[tuple[Measured, Measured]]) -> None:
    ratios = [upper.rate / lower.rate for lower, upper in pairs]
    rates = [median(run.rate for run in runs) for runs in zip(*pairs, strict=True)]
    print(f"ratio worker / limit: median {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"records/s, median: limit {rates[0]:,.0f}, worker {rates[1]:,.0f}")
    thrift = median(lower.cpu / upper.cpu for lower, upper in pairs)
    print(f"the same by CPU seconds, which others on the machine disturb less: {thrift:.3f}")


def _phases(spent: dict[str, float]) -> None:
    shares = ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in spent.items())
    print(f"where the time goes: {shares}")


if __name__ == "__main__":
    main()
