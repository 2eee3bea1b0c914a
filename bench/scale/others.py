"""What needs no state of a year on Kafka: memory by part, replay, latency, and how near the limit."""

import gc
from argparse import Namespace
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from bench import latency, memory, worker
from bench import replay as replaying
from bench.scale.cells import Cell
from bench.scale.results import PHASE
from bench.scale.work import Figures
from bench.shared.alone import alone
from bench.shared.load import Load, lines
from bench.shared.state import DONORS, Records, by_partition, cloned
from bench.shared.topics import Broker, fresh_settings
from streams.core.customer.state import keep_newest
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT
from streams.lab.generate import Weights

REPLAY_DAYS: Final = 400
"""Long enough that customers have a baseline."""
LATENCY_RATE: Final = 2_000
_CONTACTS_A_SECOND: Final = 10
_SECONDS: Final = 40.0


def limit(broker: Broker, cell: Cell, events: int) -> Figures:
    """Return the worker's records a second beside those of the limit, and where one more run spends them."""
    settings = fresh_settings(broker.bootstrap, clock="event")
    worker.filled(settings, cell.weights, cell.customers, events)
    lower, upper = alone(worker.limit, settings), worker.worked(settings)
    phases = worker.profiled(settings)
    return {
        "events": upper.records,
        "limit_rate": lower.rate,
        "rate": upper.rate,
        "limit_cpu_seconds": lower.cpu,
        "cpu_seconds": upper.cpu,
        **{PHASE + name: seconds for name, seconds in phases.items() if name != "wall"},
    }


def memory_at_rest(cell: Cell) -> Figures:
    """Return bytes of four partitions after a year of 60 purchase hours, restored from their changelog."""
    growth, parts = alone(_restored, cell.customers, alone(_a_year))
    return {"growth_bytes": growth, "parts_bytes": sum(parts.values())}


def _restored(customers: int, records: list[Records]) -> tuple[int, dict[str, int]]:
    names = by_partition(customers, memory.PARTITIONS)
    gc.collect()
    before = memory.resident()
    partitions = [Partition(DEFAULT) for _ in names]
    for partition, mine, own in zip(partitions, names, records, strict=True):
        partition.restore(dict(cloned(own, mine)))
    gc.collect()
    return memory.resident() - before, memory.parts_of(partitions)


def _a_year() -> list[Records]:
    """Return the records of four partitions of a few customers who lived through a year."""
    partitions = [Partition(DEFAULT) for _ in range(memory.PARTITIONS)]
    found: defaultdict[int, Records] = defaultdict(dict)
    for events in memory.year(DONORS * len(partitions)):
        for number, drained in enumerate(memory.commit(partitions, events)):
            keep_newest(found[number], drained)
    return [found[number] for number in range(len(partitions))]


def replay(cell: Cell, events: int) -> Figures:
    """Return the events a second of a replay, and of reading, decoding and one addition."""
    with TemporaryDirectory() as name:
        load = Load(cell.customers, events, Weights(cell.weights), days=REPLAY_DAYS)
        _write(Path(name), load)
        lower, upper = alone(replaying.limit, Path(name)), alone(replaying.replayed, Path(name))
    return {"events": upper.records, "limit_rate": lower.rate, "rate": upper.rate}


def _write(directory: Path, load: Load) -> None:
    """Write a load as a directory of files."""
    with ExitStack() as stack:
        files = {}
        for source, _, line in lines(load):
            if source not in files:
                path = directory / f"{source.value}.jsonl"
                files[source] = stack.enter_context(path.open("wb", buffering=1 << 20))
            files[source].write(line + b"\n")


def latencies(broker: Broker, cell: Cell) -> Figures:
    """Return ms from the append of a severe contact to its alert, on top of the allowed lateness."""
    asked = Namespace(
        customers=cell.customers, rate=LATENCY_RATE, contacts=_CONTACTS_A_SECOND, seconds=_SECONDS
    )
    found = latency.measured(broker.bootstrap, asked, cell.partitions)
    p50, p99 = np.percentile(found, [50, 99]).tolist()
    wait = latency.LATENESS_SECONDS * 1000
    return {"alerts": len(found), "p50_ms": p50 - wait, "p99_ms": p99 - wait}
