"""The desk as a process, over a reader that holds what the test says: how it takes, tells, waits and ends."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from kafka.errors import KafkaTimeoutError

from streams.crm.bridge.reader import Batch, Unreadable
from streams.crm.ledger.rows import AlertRead, ProfileRead
from streams.crm.payload.examples import lookup
from streams.desk import process
from streams.desk.process import DeskProcess, Topics
from streams.desk_settings import DeskSettings
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.tools.lookup_client import NoAnswerError
from streams.settings import Settings
from tests.desk.desk_cases import NOON, Ledger, alert, id_of, until
from tests.desk.test_board import disposition

TOPICS = Topics("alerts", "customers", "dispositions", 1)


class _Reader:
    """A reader of topics that hold what the test says."""

    def __init__(self) -> None:
        self.batches: list[Batch | Exception] = []
        self.caught_up = True
        self.opened = 0
        self.away = self.closed = False

    def open(self, positions: object) -> "_Reader":
        assert positions == {}
        self.opened += 1
        return self

    def poll(self) -> Batch:
        time.sleep(0.005)
        one = self.batches.pop(0) if self.batches else Batch([], [], [], [])
        if isinstance(one, Exception):
            raise one
        return one

    def lag(self) -> int:
        if self.away:
            raise KafkaUnavailableError("Kafka does not answer: KafkaTimeoutError")
        return 3

    def close(self) -> None:
        self.closed = True


class Running:
    """A desk of this process."""

    def __init__(self, reader: _Reader, **changes: Any) -> None:
        self.reader, self.ledger = reader, Ledger()
        settings = Settings(web_port=free_port(), **changes)
        self.url = f"http://127.0.0.1:{settings.web_port}"
        own = DeskSettings(undo_seconds=60, keep_days=0.01)
        self.desk = DeskProcess(settings, own, TOPICS, self.ledger, canary_prefix="canary-")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Run it; at the end it is told to stop, as an orchestrator does."""
        task = asyncio.create_task(self.desk.run())
        try:
            async with aiohttp.ClientSession() as http:
                await until(lambda: self.reader.opened or task.done())
                yield http
            assert not task.done()
        finally:
            if not task.done():
                os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(10):
                await task


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> _Reader:
    made = _Reader()
    monkeypatch.setattr(process, "TopicReader", lambda *_, **__: made)
    monkeypatch.setattr(process, "_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(process, "_SHOW_SECONDS", 0.01)
    monkeypatch.setattr(process, "_TIDY_SECONDS", 0.01)
    return made


def read(*alerts: Any, profiles: Any = (), dispositions: Any = (), unreadable: Any = ()) -> Batch:
    rows = [AlertRead("alerts", 0, at, one, appended_ms=NOON + at) for at, one in enumerate(alerts)]
    return Batch(rows, list(profiles), list(unreadable), list(dispositions))


def test_it_takes_what_the_topics_hold_and_tells_pages(
    reader: _Reader, caplog: pytest.LogCaptureFixture
) -> None:
    async def live() -> None:
        one = Running(reader, clock="event")
        async with one.running() as http:
            reader.batches = [
                read(alert("a"), alert("b"), None, alert("old", state="resolved", time=1_000_000_000_000)),
                read(dispositions=[disposition("a")]),
                read(profiles=[ProfileRead("customers", 0, 1, "c-b", erased=True, appended_ms=NOON + 9)]),
                read(profiles=[ProfileRead("customers", 0, 2, "c-a", do_not_contact=True)]),
                read(alert("b")),  # read late, from before the customer was erased
                read(unreadable=[Unreadable("alerts", 0, 9, "level: literal_error")]),
            ]
            await until(lambda: len(one.desk.board) == 1 and one.desk.board.let_go == 1)
            entry = one.desk.board.get(id_of("a"))
            assert entry is not None
            await until(lambda: entry.standing)
            await until(lambda: entry.do_not_contact)
            # Alerts came first, then the disposition, the erasure, and the profile that says so.
            changes = [text for _, text in one.desk.events._kept if "event: change" in text]
            assert len(changes) == 4
            assert id_of("a") in changes[-1]
            invalid = "retention_desk_invalid_records_total", {"topic": "alerts"}
            await until(lambda: one.desk.metrics.registry.get_sample_value(*invalid))
            assert one.desk.now_ms() == entry.time_ms  # time is that of the newest alert
            async with http.get(f"{one.url}/ready") as answer:
                assert answer.status == 200
            async with http.get(f"{one.url}/metrics") as answer:
                text = await answer.text()
            assert "retention_desk_records_total 5.0" in text
            assert 'retention_desk_invalid_records_total{topic="alerts"} 1.0' in text
            kinds = [text.split("event: ")[1].split("\n")[0] for _, text in one.desk.events._kept]
            assert {"change", "health"} <= set(kinds)
        assert reader.closed

    with caplog.at_level("INFO"):
        asyncio.run(live())
    assert "alerts [0] 9 is left: level: literal_error" in caplog.text
    assert "c-a" not in caplog.text


def test_it_is_ready_once_it_has_read_and_says_that_kafka_is_away(reader: _Reader) -> None:
    async def live() -> None:
        reader.caught_up = False
        one = Running(reader)
        async with one.running() as http:
            async with http.get(f"{one.url}/ready") as answer:
                assert (answer.status, (await answer.json())["why"]) == (503, "it reads what the topics hold")
            reader.caught_up = True
            await until(lambda: one.desk.readiness().ready)
            reader.away = True
            await until(lambda: one.desk.readiness().why)
            assert "Kafka is not read: Kafka does not answer" in one.desk.health().sentences[0]
            # A proxy goes on sending people here, where the page says so and takes Undo.
            assert one.desk.readiness().ready
            reader.away = False
            # A topic that can't be read on is read from the beginning, and what is known changes nothing.
            reader.batches = [read(alert("a")), KafkaTimeoutError(), read(alert("a"))]
            reader.caught_up = False
            await until(lambda: reader.opened == 2)
            assert not one.desk.has_read()
            reader.caught_up = True
            await until(lambda: one.desk.readiness().ready and not reader.batches)
            assert len(one.desk.board) == 1
            assert one.desk.is_live()

    asyncio.run(live())


def test_an_alert_of_a_day_that_there_is_not_is_left(
    reader: _Reader, caplog: pytest.LogCaptureFixture
) -> None:
    async def live() -> None:
        one = Running(reader)
        async with one.running():
            reader.batches = [
                read(alert("a").model_copy(update={"deadline": "2026-02-31T00:00:00.000Z"}), alert("b"))
            ]
            await until(lambda: len(one.desk.board))
            assert one.desk.board.get(id_of("a")) is None
            left = "retention_desk_invalid_records_total", {"topic": "alerts"}
            assert one.desk.metrics.registry.get_sample_value(*left) == 1

    asyncio.run(live())
    assert "is left: a day that there is not" in caplog.text


def test_an_alert_on_a_contact_that_is_still_open_is_taken(reader: _Reader) -> None:
    async def live() -> None:
        one, closed = Running(reader), alert("a")
        async with one.running():
            assert closed.anchor is not None
            still_open = closed.anchor.model_copy(update={"ended_at": None})
            reader.batches = [read(closed.model_copy(update={"anchor": still_open}))]
            await until(lambda: len(one.desk.board))
            assert not one.desk.metrics.registry.get_sample_value(
                "retention_desk_invalid_records_total", {"topic": "alerts"}
            )

    asyncio.run(live())


def test_its_end_writes_what_is_held(reader: _Reader) -> None:
    async def live() -> None:
        one = Running(reader)
        async with one.running() as http:
            reader.batches = [read(alert("a"))]
            await until(lambda: len(one.desk.board))
            async with http.get(f"{one.url}/", headers={"X-Desk-Parts": "1"}) as answer:
                csrf = (await answer.json())["csrf"]
            form = {
                "csrf": csrf,
                "action_id": f"desk-{id_of('x')}",
                "alert_id": id_of("a"),
                "seen": one.desk.board.get(id_of("a")).seen,  # type: ignore[union-attr]
                "do": "contacted",
            }
            async with http.post(f"{one.url}/act", data=form, headers={"Origin": one.url}) as answer:
                assert answer.status == 200
            assert one.ledger.written == []
        assert [done.status for done in one.ledger.written] == ["contacted"]

    asyncio.run(live())


def test_workers_are_asked_about_a_customer_only_if_one_answers(
    reader: _Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    enough = threading.Event()

    def look_up(addresses: Any, _token: object, customer_id: str, *, ca_file: object) -> Any:
        asked.append((list(addresses), customer_id, ca_file))
        if customer_id == "c-none":
            raise NoAnswerError("nobody")
        if customer_id == "c-slow":
            enough.wait(20)
        return lookup()

    monkeypatch.setattr(process, "look_up", look_up)
    monkeypatch.setattr(process, "_LOOKUP_SECONDS", 20)

    async def live() -> None:
        one = Running(reader, worker_addresses=("w:1", "w:2"))
        assert await one.desk.look_up("c-a") is None
        one.desk._workers[1].why = ""
        assert await one.desk.look_up("c-a") == lookup()
        assert await one.desk.look_up("c-none") is None
        monkeypatch.setattr(process, "_LOOKUP_SECONDS", 0.05)
        assert await one.desk.look_up("c-slow") is None
        enough.set()
        assert asked[0] == (["w:2"], "c-a", None)

    asyncio.run(live())
