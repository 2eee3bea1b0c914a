"""One bridge as a whole: it waits for the ledger, works, and ends, whatever its parts are at."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from streams.crm.bridge import process, sender
from streams.crm.bridge.process import Bridge, Topics, policy_of
from streams.crm.bridge.reader import Batch, RecreatedError, Unreadable
from streams.crm.ledger.ledger import Ledger
from streams.crm.ledger.rows import AlertRead, ProfileRead
from streams.crm.payload.examples import alert, lookup
from streams.crm_settings import CrmSettings
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from streams.settings import Settings
from tests.crm.bridge.desk import DOWN, HANGS, Bench, until
from tests.crm.ledger.records import NOON

TOPICS: Final = Topics("alerts", "customers", 1, {"alerts": "first", "customers": "other"})
MOST_SECONDS: Final = 6.0


class _Reader:
    """A reader of topics that hold what the test says; it can stand still."""

    def __init__(self, *_: object) -> None:
        self.batches: list[Batch] = []
        self.caught_up = True
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.polls, self.answered_at = 0, 0.0
        self.closed = self.away = False
        self._until = time.monotonic() + 60

    def open(self, _positions: object) -> "_Reader":
        return self

    def poll(self) -> Batch:
        assert time.monotonic() < self._until  # else a bridge that does not end would never let go
        self.polls += 1
        self.may_go_on.wait(20)
        time.sleep(0.005)
        return self.batches.pop(0) if self.batches else Batch([], [], [], [])

    def lag(self) -> int:
        if self.away:
            raise KafkaUnavailableError("Kafka does not answer: KafkaTimeoutError")
        self.answered_at = time.monotonic()
        return len(self.batches)

    def close(self) -> None:
        self.closed = True


class Running:
    """A bridge of this process."""

    def __init__(self, bench: Bench, path: Path, reader: _Reader, **crm: Any) -> None:
        self.settings = Settings(web_port=free_port())
        told = CrmSettings(ledger=path, **crm)
        self.metrics = BridgeMetrics()
        self.bridge = Bridge(self.settings, told, policy_of(told), TOPICS, self.metrics)
        self.bench, self.reader, self.path = bench, reader, path

    async def run(self) -> None:
        """Work until something ends it."""
        await self.bridge.run(self.bench.channels, [])

    async def ready(self) -> tuple[int, str]:
        """Return what it says of itself."""
        url = f"http://127.0.0.1:{self.settings.web_port}/ready"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, (await answer.json())["why"] or ""

    def silence(self) -> float:
        """Return for how long Kafka has been silent, by the metric."""
        shown = self.metrics.registry.get_sample_value("retention_bridge_last_answer_seconds")
        assert shown is not None
        return shown

    async def silence_grows(self) -> bool:
        """Return whether Kafka is silent for as long as this takes."""
        before = self.silence()
        await asyncio.sleep(0.1)
        return self.silence() - before >= 0.1

    def is_ready(self) -> bool:
        """Return whether it says so."""
        return self.bridge.readiness().ready

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it; at the end it is told to stop, as an orchestrator does, and has to be quick about it."""
        task = asyncio.create_task(self.run())
        try:
            yield
            assert not task.done()
        finally:
            if not task.done():  # else nobody would hear it but this process
                os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(MOST_SECONDS):
                await task


@pytest.fixture
def one(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Running]]:
    """Return what makes a bridge, without a Kafka and without workers."""
    reader = _Reader()
    monkeypatch.setattr(process, "TopicReader", lambda *_: reader)
    monkeypatch.setattr(process, "_LOCK_SECONDS", 0.01)
    monkeypatch.setattr(process, "_ADMIT_SECONDS", 0.01)
    monkeypatch.setattr(process, "_FIGURES_SECONDS", 0.01)
    made = bench()
    monkeypatch.setattr(process, "Now", lambda *_: made.now)
    monkeypatch.setattr(process, "now_ms", made.clock.now_ms)

    def from_now_on(*arguments: Any, **options: Any) -> sender.Sender:
        return sender.Sender(*arguments, **options, now_ms=made.clock.now_ms)

    monkeypatch.setattr(process, "Sender", from_now_on)
    yield lambda **crm: Running(made, tmp_path / "its.ledger", reader, **crm)
    reader.may_go_on.set()


def batch(*alerts: Any, first: int = 0) -> Batch:
    return Batch([AlertRead("alerts", 0, first + at, one) for at, one in enumerate(alerts)], [], [], [])


def test_a_second_one_waits_for_the_ledger_and_says_so(one: Callable[..., Running]) -> None:
    running = one()

    async def go() -> None:
        first = Ledger.open(running.path, policy=policy_of(CrmSettings()))
        async with running.running():
            await until(lambda: "another bridge has" in (running.bridge.readiness().why or ""))
            assert await running.ready() == (503, f"another bridge has {running.path}")
            assert running.bridge.ledger() is None  # no disposition is taken either
            assert await running.silence_grows()
            assert running.bridge.is_live()
            first.close()
            await until(running.is_ready)
            assert await running.ready() == (200, "")
            assert running.bridge.ledger() is not None
        assert running.reader.closed

    asyncio.run(go())


def test_one_that_waits_ends_when_it_is_asked_to(one: Callable[..., Running]) -> None:
    running = one()

    async def go() -> None:
        with Ledger.open(running.path, policy=policy_of(CrmSettings())):
            async with running.running():
                await until(lambda: "another bridge has" in (running.bridge.readiness().why or ""))

    asyncio.run(go())
    assert running.reader.polls == 0


def test_it_delivers_what_it_reads_and_tells_how_it_stands(
    one: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    running, record = one(), alert(customer_id="c-secret")
    running.reader.batches = [
        batch(record),
        Batch(
            [AlertRead("alerts", 0, 1, None)], [], [Unreadable("alerts", 0, 1, "level: literal_error")], []
        ),
    ]

    def shown(name: str, **labels: str) -> float | None:
        return running.metrics.registry.get_sample_value(f"retention_bridge_{name}", labels)

    async def go() -> None:
        async with running.running():
            await until(lambda: running.bench.crm.ids == [record.event_id])
            await until(lambda: shown("records_total") == 1)
            await until(lambda: shown("invalid_records_total", topic="alerts") == 1)
            running.bench.crm.usual = DOWN
            running.reader.batches = [
                batch(
                    *(
                        alert(alert_id=f"a{n}", event_id=f"a{n}/1", customer_id=f"c-secret-{n}")
                        for n in range(9)
                    ),
                    first=2,
                )
            ]
            await until(lambda: running.bridge.readiness().why is not None)
            # Ready for dispositions.
            assert await running.ready() == (200, "the CRM is left alone for a while: status_503")
            running.reader.away = True
            await until(lambda: not running.is_ready())
            assert await running.ready() == (503, "Kafka does not answer: KafkaTimeoutError")
            assert await running.silence_grows()
            running.reader.away = False
            await until(lambda: running.silence() < 0.05)

    asyncio.run(go())
    assert "alerts [0] 1 is left: level: literal_error" in caplog.text
    assert "secret" not in caplog.text


def test_how_long_the_oldest_over_budget_waits_is_told_by_level(one: Callable[..., Running]) -> None:
    running, record = one(budget_alerts=0, budget_window_seconds=1), alert()
    running.reader.batches = [Batch([AlertRead("alerts", 0, 0, record, appended_ms=NOON - 5000)], [], [], [])]

    def waits(level: str) -> float | None:
        name = "retention_bridge_oldest_deferred_seconds"
        return running.metrics.registry.get_sample_value(name, {"level": level})

    async def go() -> None:
        async with running.running():
            await until(lambda: running.is_ready() and not running.reader.batches)
            running.bench.clock.go_on(3600)
            await until(lambda: waits("alert") == 3605)
            assert waits("watch") == 0

    asyncio.run(go())


def test_nothing_is_admitted_before_all_is_read_that_was_there(one: Callable[..., Running]) -> None:
    running, record = one(), alert()
    running.reader.caught_up = False
    running.reader.batches = [batch(record)]

    async def go() -> None:
        async with running.running():
            await until(lambda: running.reader.polls > 20)
            assert running.bridge.readiness().why == "it reads what the topics hold"
            closed = alert(
                event_id=f"{record.alert_id}/2", revision=2, state="resolved", resolution="returned"
            )
            running.reader.batches = [batch(closed, first=1)]
            await until(lambda: not running.reader.batches)
            running.reader.caught_up = True
            await until(running.is_ready)
            await asyncio.sleep(0.1)

    asyncio.run(go())
    assert running.bench.crm.sent == []


def test_an_open_case_is_told_how_things_stand_now_once_they_changed(one: Callable[..., Running]) -> None:
    running, record = one(refresh_hours=0.001), alert()
    running.reader.batches = [batch(record)]
    clock = running.bench.clock

    async def go() -> None:
        async with running.running():
            await until(lambda: running.bench.crm.ids == [record.event_id])
            clock.go_on(3600)
            await asyncio.sleep(0.1)  # nobody tells how they stand
            assert running.bench.crm.ids == [record.event_id]
            running.bench.now.answer = lookup()
            for _ in range(3):
                clock.go_on(3600)
                await until(lambda: len(running.bench.crm.sent) == 2)
                await asyncio.sleep(0.1)

    asyncio.run(go())
    first, second = running.bench.crm.ids
    assert first == record.event_id
    assert second.startswith(f"{record.event_id}/now/")


def test_a_topic_that_was_made_anew_is_refused_however_long_it_is(
    one: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = one()

    async def go() -> None:
        async with running.running():
            await until(running.is_ready)

    asyncio.run(go())
    anew = Topics("alerts", "customers", 1, {"alerts": "second", "customers": "other"})
    monkeypatch.setattr(running.bridge, "_topics", anew)
    monkeypatch.setattr(running.bridge, "_stopping", asyncio.Event())
    monkeypatch.setattr(running.bridge, "_metrics", BridgeMetrics())  # as a new process has
    with pytest.raises(RecreatedError, match="alerts was made anew since the ledger has read it"):
        asyncio.run(running.run())


def test_who_must_not_be_contacted_from_now_on_is_told_at_once_also_where_no_worker_answers(
    one: Callable[..., Running],
) -> None:
    running, record = one(refresh_hours=24), alert()
    running.reader.batches = [batch(record)]
    asked = ProfileRead("customers", 0, 0, record.customer_id, do_not_contact=True, time_ms=NOON + 1)

    async def go() -> None:
        async with running.running():
            await until(lambda: running.bench.crm.ids == [record.event_id])
            running.bench.clock.go_on(60)
            running.reader.batches = [Batch([], [asked], [], [])]
            await until(lambda: len(running.bench.crm.sent) == 2)

    # It is looked for every 30 s at the most.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "_MOST_REFRESH_SECONDS", 0.01)
        asyncio.run(go())
    before, after = (json.loads(one.rendered.request.body) for one in running.bench.crm.sent)
    assert (before["internal_only"], after["internal_only"]) == (False, True)
    assert (after["kind"], after["figures_of"]) == ("refresh", "alert")


def test_it_ends_in_time_though_the_crm_never_answers(
    one: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was under way goes again from the next bridge."""
    running, record = one(), alert()
    running.bench.crm.usual = HANGS
    running.reader.batches = [batch(record)]
    assert sender._LAST_SECONDS < MOST_SECONDS
    monkeypatch.setattr(sender, "_LAST_SECONDS", 0.3)

    async def go() -> None:
        async with running.running():
            await until(lambda: running.bench.crm.under_way == 1)

    began = time.monotonic()
    asyncio.run(go())
    assert time.monotonic() - began >= sender._LAST_SECONDS  # it was given its time
    assert running.bench.crm.under_way == 0
    assert running.reader.closed


@pytest.mark.parametrize("part", ["admit", "due", "figures", "refresh_due", "take"])
def test_a_part_that_fails_ends_it_while_the_thread_reads(
    part: str, one: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = one(refresh_hours=0.001)

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("c-secret")

    async def go() -> None:
        task = asyncio.create_task(running.run())
        await until(lambda: running.is_ready() and running.reader.polls > 3)
        monkeypatch.setattr(Ledger, part, fails)
        running.reader.batches = [batch(alert())]
        async with asyncio.timeout(MOST_SECONDS):
            await task

    with pytest.raises(RuntimeError, match="c-secret"):
        asyncio.run(go())
    assert running.reader.closed
    with Ledger.open(running.path, policy=policy_of(CrmSettings())):
        pass  # the next bridge has it at once


def test_a_reader_that_stands_still_is_told_from_one_that_works(one: Callable[..., Running]) -> None:
    running = one()
    running.bridge._settings = Settings(web_port=running.settings.web_port).model_copy(
        update={"watchdog_seconds": 0.2}
    )

    async def go() -> None:
        async with running.running():
            await until(running.is_ready)
            await asyncio.sleep(0.3)
            assert running.bridge.is_live()
            running.reader.may_go_on.clear()
            await until(lambda: not running.bridge.is_live())
            running.reader.may_go_on.set()
            await until(running.bridge.is_live)

    asyncio.run(go())
