"""What the health line says: of Kafka, of workers that are silent, half there or stalled; how they tell."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from streams.crm.canary.customers import SOURCE
from streams.desk import workers as module
from streams.desk.health import Health, ReaderSeen, Trust, WorkerSeen, health_of
from streams.desk.workers import watch
from streams.runtime.telemetry.metrics import Metrics
from streams.settings import Settings
from tests.desk.desk_cases import until

BOTH = {0: "ready", 1: "ready"}


def reader(**changes: Any) -> ReaderSeen:
    return ReaderSeen(**({"caught_up": True} | changes))


def worker(**changes: Any) -> WorkerSeen:
    usual: dict[str, Any] = {"heard_at": 99.0, "why": "", "partitions": BOTH}
    return WorkerSeen("w:1", **(usual | changes))


def seen(*workers: WorkerSeen, of: ReaderSeen | None = None, **changes: Any) -> Health:
    usual: dict[str, Any] = {
        "partitions": 2,
        "now": 100.0,
        "began": 0.0,
        "silent_seconds": 30.0,
        "history": False,
    }
    return health_of(of or reader(), workers or (worker(),), **(usual | changes))


def test_all_is_well() -> None:
    found = seen(worker(event_time_lag=3.0, lag=7))
    assert (found.trust, found.word) == (Trust.GOOD, "Live")
    assert found.sentences == ("1 worker, 2 partitions, 3 s behind now, 7 records to read.",)
    assert seen(worker(event_time_lag=9e9, contacts_age=9e9), history=True).trust is Trust.GOOD
    assert seen(worker(contacts_age=604_800.0)).trust is Trust.GOOD
    others = (
        worker(contacts_age=9e9, partitions={0: "ready"}),
        worker(contacts_age=1.0, partitions={1: "ready"}),
    )
    assert seen(*others).trust is Trust.GOOD


@pytest.mark.parametrize(
    ("worker_seen", "of", "changes", "trust", "said"),
    [
        (worker(), reader(why="NoBrokersAvailable"), {}, Trust.NONE, "Kafka is not read: NoBrokersAvailable"),
        (worker(), reader(caught_up=False, read=12), {}, Trust.LESS, "12 records so far"),
        (worker(), reader(lag=5_000), {}, Trust.LESS, "5,000 alert records are not read yet"),
        (worker(heard_at=58.0, why="no connection"), None, {}, Trust.NONE, "not been heard of for 42 s"),
        (worker(heard_at=95.0, why="no connection"), None, {}, Trust.LESS, "not been heard of for 5 s"),
        (worker(heard_at=None, why="x"), None, {}, Trust.NONE, "The worker has not answered for 100 s (x)"),
        (worker(heard_at=None, why="x"), None, {"began": 98.0}, Trust.LESS, "has not answered for 2 s"),
        (worker(partitions={0: "ready"}), None, {}, Trust.NONE, "Partition 1: with no worker"),
        (worker(partitions={}), None, {"began": 90.0}, Trust.LESS, "Partitions 0, 1: with no worker"),
        (worker(partitions={0: "ready", 1: "opening"}), None, {}, Trust.LESS, "Partition 1: opening"),
        (worker(partitions={0: "ready", 1: "stopped"}), None, {}, Trust.NONE, "Partition 1: stopped"),
        (worker(stalled={"transactions"}), None, {}, Trust.NONE, "The feed of transactions is stalled"),
        (worker(time_stopped=True), None, {}, Trust.NONE, "The clocks disagree"),
        (worker(feed_broken=True), None, {}, Trust.LESS, "The purchase feed looks broken"),
        (worker(contacts_age=604_801.0), None, {}, Trust.LESS, "No contact has come for 7 days"),
        (worker(event_time_lag=7_300.0), None, {}, Trust.LESS, "The worker is 2 h behind"),
    ],
)
def test_what_is_wrong_is_said(
    worker_seen: WorkerSeen, of: ReaderSeen | None, changes: dict[str, Any], trust: Trust, said: str
) -> None:
    found = seen(worker_seen, of=of, **changes)
    assert found.trust is trust
    assert said in found.sentences[0]


def test_one_of_two_that_is_silent_costs_little_while_the_other_has_all() -> None:
    found = seen(worker(), WorkerSeen("w:2", why="no connection"))
    assert (found.trust, found.sentences) == (Trust.LESS, ("No answer from w:2: no connection.",))
    both = seen(worker(heard_at=None, why="no connection"), WorkerSeen("w:2", why="no connection"))
    assert both.sentences[0].startswith("No worker has answered for 100 s")


def test_a_worker_that_is_not_started_is_missed_only_if_its_partitions_are() -> None:
    """With as many addresses as there may be workers, of which load decides how many there are."""
    absent = WorkerSeen("w-2:1", why="nothing has that name", absent=True)
    assert seen(worker(), absent).trust is Trust.GOOD
    assert seen(worker(partitions={0: "ready"}), absent).trust is Trust.NONE
    assert seen(absent).trust is Trust.NONE


def test_the_worst_comes_first() -> None:
    found = seen(worker(feed_broken=True, stalled={"contacts"}), of=reader(lag=9_999))
    assert found.trust is Trust.NONE
    assert "stalled" in found.sentences[0]
    assert len(found.sentences) == 3


# Asking


@asynccontextmanager
async def a_worker(ready: str, metrics: str, status: int = 200) -> AsyncIterator[str]:
    """Serve what a worker would, and give its address."""
    app = web.Application()

    async def told(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t"
        return web.Response(text=ready if request.path == "/ready" else metrics, status=status)

    app.router.add_get("/{what}", told)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def asked(ready: str, metrics: str, status: int = 200) -> WorkerSeen:
    async def live() -> WorkerSeen:
        async with a_worker(ready, metrics, status) as address:
            one, stopping = WorkerSeen(address), asyncio.Event()
            task = asyncio.create_task(watch(Settings(token="t"), [one], stopping))  # noqa: S106 - of nothing
            await until(lambda: one.why != "not asked yet")
            stopping.set()
            await task
            return one

    return asyncio.run(live())


READY = '{"ready": false, "partitions": [{"number": 1, "state": "opening", "why": "restoring"}], "why": null}'
FIGURES = """\
retention_partitions_owned 1.0
retention_feed_stalled{input="transactions",partition="1"} 1.0
retention_feed_stalled{input="contacts",partition="1"} 0.0
retention_feed_broken{partition="1"} 1.0
retention_time_stopped 1.0
retention_event_time_lag_seconds{partition="1"} 3.5
retention_event_time_lag_seconds{partition="2"} 2.5
retention_consumer_lag_records{input="transactions",partition="1"} 4.0
retention_consumer_lag_records{input="contacts",partition="1"} 5.0
"""


def test_a_worker_tells_of_itself() -> None:
    found = asked(READY, FIGURES, 503)
    assert (found.why, found.partitions, found.stalled) == ("", {1: "opening"}, {"transactions"})
    assert (found.feed_broken, found.time_stopped, found.event_time_lag, found.lag) == (True, True, 3.5, 9)


@pytest.mark.parametrize(("source", "is_told"), [("phone", True), (SOURCE, False)])
def test_a_worker_tells_when_the_last_contact_came(source: str, is_told: bool) -> None:
    newest = round(time.time()) - 1_000_000
    figures = FIGURES + "".join(
        f'retention_source_last_append_timestamp_seconds{{input="{of}",source="{name}"}} {at:.1f}\n'
        for of, name, at in [
            ("contacts", source, newest),
            ("contacts", SOURCE, 9e9),
            ("transactions", "x", 9e9),
        ]
    )
    age = asked(READY, figures).contacts_age
    assert (age is not None and 999_990 <= age < 1_000_100) is is_told


@pytest.mark.parametrize(
    ("ready", "metrics", "status", "why"),
    [
        (READY, "process_cpu_seconds_total 1.0\n", 200, "it is no worker"),
        ("<html>", FIGURES, 200, "it does not answer as a worker does"),
        (READY, FIGURES, 401, "it wants another token"),
    ],
)
def test_what_is_no_worker_is_not_taken_for_one(ready: str, metrics: str, status: int, why: str) -> None:
    assert asked(ready, metrics, status).why == why


def test_a_worker_that_is_not_there() -> None:
    async def live() -> str:
        async with a_worker("", "") as address:
            one = WorkerSeen(address)
        stopping = asyncio.Event()
        task = asyncio.create_task(watch(Settings(), [one], stopping))
        await until(lambda: one.why != "not asked yet")
        stopping.set()
        await task
        return one.why

    assert asyncio.run(live()) == "no connection"


def test_a_name_that_nothing_has() -> None:
    async def live() -> WorkerSeen:
        one, stopping = WorkerSeen("worker-3.invalid:8080"), asyncio.Event()
        task = asyncio.create_task(watch(Settings(), [one], stopping))
        await until(lambda: one.why != "not asked yet")
        stopping.set()
        await task
        return one

    found = asyncio.run(live())
    assert (found.why, found.absent, found.heard_at) == ("nothing has that name", True, None)


def test_every_metric_that_is_looked_for_is_one_of_a_worker() -> None:
    names = {f"{one.name}" for one in Metrics().registry.collect()}
    source = module.__file__
    with open(source, encoding="utf-8") as text:  # noqa: PTH123 - its own text
        told = text.read()
    for name in (
        "feed_stalled",
        "feed_broken",
        "time_stopped",
        "event_time_lag_seconds",
        "consumer_lag_records",
        "source_last_append_timestamp_seconds",
    ):
        assert f"retention_{name}" in told
        assert f"retention_{name}" in names
