"""Workers that say what a test wants, and their web server on a port of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from streams.core.alerts.view import CustomerView
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.runtime.http.server import NotMine, NotReady, PartitionReadiness, Readiness, WebServer
from streams.runtime.telemetry.metrics import Metrics
from streams.settings import Settings
from tests.runtime.dataset import RULES, TROUBLE, dataset, wait

NOTHING = Readiness(ready=False, partitions=[])
READY = Readiness(ready=True, partitions=[PartitionReadiness(0, "ready", None)])


class FakeWorker:
    """Has one partition; customers in `elsewhere` and `opening` are of others."""

    def __init__(self, partition: Partition | None = None, rules: Ruleset = RULES) -> None:
        self.partition, self.rules = partition, rules
        self.live = True
        self.now = READY
        self.elsewhere: set[str] = set()
        self.opening: set[str] = set()
        self.asked: list[str] = []
        self.bug: Exception | None = None

    def is_live(self) -> bool:
        """Tell what the test wants."""
        return self.live

    def readiness(self) -> Readiness:
        """Tell what the test wants."""
        return self.now

    def lookup(self, customer_id: str) -> CustomerView | NotMine | NotReady | None:
        """Look up in the partition, if there is one."""
        self.asked.append(customer_id)
        if self.bug is not None:
            raise self.bug
        if customer_id in self.elsewhere:
            return NotMine()
        if customer_id in self.opening:
            return NotReady()
        return None if self.partition is None else self.partition.lookup(customer_id)


def troubled(customer_id: str = "a", rules: Ruleset = RULES, *, reason: str | None = "billing") -> FakeWorker:
    """Return a worker that has the dataset, an hour after its trouble."""
    partition = dataset(customer_id, rules, reason=reason)
    wait(partition, TROUBLE + 3_600_000)
    return FakeWorker(partition, rules)


@asynccontextmanager
async def serving(worker: FakeWorker, **settings: Any) -> AsyncIterator[str]:
    """Serve on a free port, and give `host:port`."""
    server = WebServer(Settings(web_port=0, **settings), Metrics(), worker, worker)
    port = await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop()


@contextmanager
def served(worker: FakeWorker, **settings: Any) -> Iterator[str]:
    """Serve from a thread, for clients that block."""
    started: list[str] = []
    up = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving(worker, **settings) as address:
            started.append(address)
            up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert up.wait(10)
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
