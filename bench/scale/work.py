"""Workers with a state of many customers, from their start to the last commit of a load.

The load is written while they start, in one transaction, and becomes visible in one moment, when all
partitions are open. So what is measured is work alone: neither a restore nor a rebalance is in it.
"""

import time
from contextlib import ExitStack
from typing import Any, Final

from kafka.admin import ConfigResource, ConfigResourceType

from bench.scale.cells import Cell
from bench.shared.load import Load, stream
from bench.shared.processes import resident
from bench.shared.running import Running, running
from bench.shared.state import write_state
from bench.shared.topics import Broker, fresh_settings, state_ends
from schemas.topics import STATE
from streams.lab.generate import Weights
from streams.runtime.kafka.admin import admin_client
from streams.settings import Settings

_PATIENCE_SECONDS: Final = 600.0
Figures = dict[str, float]


def measure(broker: Broker, cell: Cell, events: int) -> Figures:
    """Return the figures of a cell: seconds, bytes, and events a second."""
    settings = fresh_settings(broker.bootstrap, clock="event", partitions=cell.partitions)
    began = time.perf_counter()
    write_state(settings, cell.customers)
    _keep_uncompacted(settings)
    found: Figures = {"writing_seconds": time.perf_counter() - began}
    with ExitStack() as stack:
        load = Load(cell.customers, events, Weights(cell.weights))
        visible = stack.enter_context(stream(settings, load))
        workers = [stack.enter_context(running(settings)) for _ in range(cell.workers)]
        _until_open(workers, cell)
        if cell.workers == 1:
            found |= _restored(workers[0], "restore", cell)
        found["resident_bytes"] = sum(resident(worker.pid)[0] for worker in workers)
        found["most_resident_bytes"] = sum(resident(worker.pid)[1] for worker in workers)
        found |= _worked(broker, settings, workers, visible, events)
        found["resident_after_bytes"] = sum(resident(worker.pid)[0] for worker in workers)
    if cell.workers == 1:
        with running(settings) as again:
            again.opened(cell.partitions)
            found |= _restored(again, "restore_after", cell)
    return found


def base(broker: Broker, partitions: int) -> int:
    """Return the bytes of a worker in memory that has no customers."""
    settings = fresh_settings(broker.bootstrap, clock="event", partitions=partitions)
    with running(settings) as worker:
        worker.opened(partitions)
        time.sleep(1.0)
        return resident(worker.pid)[0]


def _restored(worker: Running, name: str, cell: Cell) -> Figures:
    opened = worker.opened(cell.partitions)
    return {
        f"{name}_seconds": max(seconds for _, seconds in opened),
        f"{name}_from_start_seconds": max(at for at, _ in opened) - worker.started,
        f"{name}_records": sum(worker.metrics("retention_restore_records_total").values()),
    }


def _worked(broker: Broker, settings: Settings, workers: list[Running], visible: Any, events: int) -> Figures:
    records, size = state_ends(settings), _state_bytes(settings)
    broker_cpu, cpu = broker.cpu(), [worker.cpu() for worker in workers]
    started = time.time()
    visible()
    workers[0].until_committed(settings)
    used = [worker.cpu().since(before) for worker, before in zip(workers, cpu, strict=True)]
    broker_cpu = broker.cpu() - broker_cpu
    ended = max(
        at for one in workers for at in one.metrics("retention_last_commit_timestamp_seconds").values()
    )
    assert not any(sum(one.metrics("retention_dead_letters_total").values()) for one in workers)
    return {
        "events": events,
        "seconds": ended - started,
        "cpu_seconds": sum(one.first + one.others for one in used),
        "broker_cpu_seconds": broker_cpu,
        "state_bytes": size,
        "changelog_records": state_ends(settings) - records,
        "changelog_bytes": _state_bytes(settings) - size,
        "alerts": sum(sum(one.metrics("retention_alerts_total").values()) for one in workers),
    }


def _until_open(workers: list[Running], cell: Cell) -> None:
    """Wait until each worker has partitions, and all customers together."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    workers[0].opened(cell.partitions // cell.workers)
    while True:
        known = [_customers(worker) for worker in workers]
        if all(known) and sum(known) == cell.customers:
            return
        for worker in workers:
            worker.check(deadline)
        time.sleep(0.2)


def _customers(worker: Running) -> float:
    if not any("http://" in line for _, line in list(worker.lines)):
        return 0
    return sum(worker.metrics("retention_customers").values())


def _keep_uncompacted(settings: Settings) -> None:
    """Have the broker keep what the load writes, so that its bytes can be told."""
    topic = ConfigResource(
        ConfigResourceType.TOPIC,
        settings.topic_prefix + STATE.name,
        configs={"min.compaction.lag.ms": "3600000"},
    )
    with admin_client(settings) as admin:
        admin.alter_configs([topic])


def _state_bytes(settings: Settings) -> int:
    """Return the bytes of the changelog on the broker's disk."""
    name = settings.topic_prefix + STATE.name
    with admin_client(settings) as admin:
        answers: Any = admin.describe_log_dirs({name: list(range(settings.partitions))})
    return sum(
        partition["partition_size"]
        for answer in answers
        for folder in answer["log_dirs"]
        for topic in folder["topics"]
        for partition in topic["partitions"]
    )
