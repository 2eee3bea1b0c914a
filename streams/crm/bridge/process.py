"""One bridge: it reads the topics in a thread, and beside it admits, delivers, refreshes, and listens."""

import asyncio
import logging
import signal
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from streams.crm.bridge.channel import Channels
from streams.crm.bridge.now import Now
from streams.crm.bridge.reader import Batch, RecreatedError, TopicReader
from streams.crm.bridge.sender import Sender, place_of
from streams.crm.cases.policy import Policy
from streams.crm.cases.standing import LEVELS
from streams.crm.ledger.errors import LockedError
from streams.crm.ledger.ledger import Ledger
from streams.crm.payload.case import fingerprint
from streams.crm.wire import Kind
from streams.crm_settings import CrmSettings
from streams.runtime.http.server import Readiness, WebServer
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from streams.settings import Settings

log = logging.getLogger(__name__)

_LOCK_SECONDS: Final = 1.0
_ADMIT_SECONDS: Final = 0.25
_FIGURES_SECONDS: Final = 2.0
_MOST_REFRESH_SECONDS: Final = 30.0
_TIDY_SECONDS: Final = 86_400.0
_AGAIN_MS: Final = 300_000
"""So soon a case is looked at again when no worker told how things stand."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics that are read, how many partitions they have, and the ids that Kafka gave them, by name."""

    alerts: str
    customers: str
    partitions: int
    ids: Mapping[str, str] = field(default_factory=dict)


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


class Bridge:
    """Works until it is asked to stop; `run` raises what ended it."""

    def __init__(
        self,
        settings: Settings,
        crm: CrmSettings,
        policy: Policy,
        topics: Topics,
        metrics: BridgeMetrics,
    ) -> None:
        self._settings, self._crm, self._policy, self._topics = settings, crm, policy, topics
        self._metrics = metrics
        for topic in (topics.alerts, topics.customers):
            metrics.invalid.labels(topic)
        self._stopping = asyncio.Event()
        self._turned_at = self._answered_at = time.monotonic()
        metrics.last_answer.set_function(lambda: time.monotonic() - self._answered_at)
        self._why: str | None = "it has not begun"
        self._channels: Channels | None = None
        self._ledger: Ledger | None = None

    async def run(self, channels: Channels, routes: Iterable[web.AbstractRouteDef]) -> None:
        """Work until SIGTERM or SIGINT.

        Raises PortInUseError, LedgerError, RecreatedError, kafka-python's errors.
        """
        self._channels = channels
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._stopping.set)
        async with AsyncExitStack() as stack:
            web_server = WebServer(self._settings, self._metrics, self, routes=routes)
            await web_server.start()
            stack.push_async_callback(web_server.stop)
            log.info("metrics, health and dispositions at %s", web_server.url)
            ledger = await self._lock()
            if ledger is None:
                return
            self._ledger = stack.enter_context(ledger)
            for channel in {id(one): one for one in (channels.crm, channels.canary) if one}.values():
                await stack.enter_async_context(channel.courier)
            await self._work(ledger, channels)

    def is_live(self) -> bool:
        """Return whether it works; a process that does not is to be ended."""
        return time.monotonic() - self._turned_at < self._settings.watchdog_seconds

    def readiness(self) -> Readiness:
        """Tell whether it works, or what it waits for.

        It is ready while the CRM is left alone too: else no disposition would come, for nobody else takes it.
        """
        why = self._why
        ready = why is None
        if ready and self._channels is not None:
            standing = self._channels.crm.circuit.standing()
            if standing.state != "closed":
                why = f"the CRM is left alone for a while: {standing.why}"
        return Readiness(ready=ready, partitions=(), why=why)

    def ledger(self) -> Ledger | None:
        """Return the ledger; None while another bridge has it."""
        return self._ledger

    async def _lock(self) -> Ledger | None:
        """Return the ledger once no other bridge has it; None if this one was asked to stop before."""
        waits = False
        while not self._stopping.is_set():
            self._turned_at = time.monotonic()
            try:
                # Beside the event loop, for all of the file is checked: who asks for /live has an answer.
                return await asyncio.to_thread(Ledger.open, self._crm.ledger, policy=self._policy)
            except LockedError as error:
                self._why = str(error)
                if not waits:
                    log.info("%s: this one waits until it has ended", error)
                waits = True
                await self._pause(_LOCK_SECONDS)
        return None

    async def _work(self, ledger: Ledger, channels: Channels) -> None:
        now = Now(self._settings, self._metrics)
        sender = Sender(
            ledger,
            channels,
            now,
            self._metrics,
            concurrency=self._crm.concurrency,
            give_up_hours=self._crm.give_up_hours,
        )
        try:
            async with asyncio.TaskGroup() as group:
                for task in (
                    self._read(ledger),
                    self._admit(ledger),
                    self._refresh(ledger, sender),
                    self._show(ledger),
                    sender.run(self._stopping),
                ):
                    group.create_task(task)
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    # Reading

    async def _read(self, ledger: Ledger) -> None:
        self._why = "it reads what the topics hold"
        topics, loop = self._topics, asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "kafka") as kafka:
            reader = await loop.run_in_executor(
                kafka, TopicReader, self._settings, topics.alerts, topics.customers, topics.partitions
            )
            try:
                _check_topics(ledger, topics.ids)
                await loop.run_in_executor(kafka, reader.open, ledger.positions())
                await loop.run_in_executor(kafka, self._follow, reader, ledger)
            finally:
                self._stopping.set()  # the thread is still reading if another task has failed
                await loop.run_in_executor(kafka, reader.close)

    def _follow(self, reader: TopicReader, ledger: Ledger) -> None:
        """Read until the bridge is asked to stop; in the thread that is Kafka's."""
        caught_up = False
        while not self._stopping.is_set():
            batch = reader.poll()
            self._take(ledger, batch)
            if not caught_up and reader.caught_up:
                ledger.caught_up(now_ms())
                caught_up = True
                log.info("all is read that the topics held: %s; it delivers from now on", _told(ledger))
            try:
                self._metrics.lag.set(reader.lag())
                self._answered_at = reader.answered_at
                if caught_up:
                    self._why = None
            except KafkaUnavailableError as error:
                self._why = str(error)
            self._turned_at = time.monotonic()

    def _take(self, ledger: Ledger, batch: Batch) -> None:
        if batch.alerts:
            self._metrics.read.inc(ledger.take(batch.alerts, now_ms()).revisions)
        if batch.profiles:
            ledger.take_profiles(batch.profiles, now_ms())
        for one in batch.unreadable:
            self._metrics.invalid.labels(one.topic).inc()
            log.warning("%s [%d] %d is left: %s", one.topic, one.partition, one.offset, one.why)

    # Beside it

    async def _admit(self, ledger: Ledger) -> None:
        while not self._stopping.is_set():
            found = ledger.admit(now_ms())
            for level, number in found.admitted.items():
                self._metrics.admitted.labels(level).inc(number)
            for level, number in found.deferred.items():
                self._metrics.deferred.labels(level).inc(number)
            await self._pause(_ADMIT_SECONDS)

    async def _refresh(self, ledger: Ledger, sender: Sender) -> None:
        every_ms = round(self._crm.refresh_hours * 3_600_000)
        while not self._stopping.is_set():
            for one in ledger.refresh_due(now_ms(), every_ms):
                if self._stopping.is_set():  # each may take the workers seconds
                    break
                try:
                    case = await sender.case(one, Kind.REFRESH)
                    told = fingerprint(case)
                except Exception as error:  # noqa: BLE001 - one alert must not end the bridge, again and again
                    log.error("a case cannot be looked at: %s", place_of(error))  # noqa: TRY400
                    ledger.nothing_new(one.alert_id, now_ms())
                    continue
                if one.told is None or (case.figures_of == "now" and told != one.told):
                    ledger.queue_refresh(one.alert_id, now_ms())
                elif case.figures_of == "now":
                    ledger.nothing_new(one.alert_id, now_ms())
                else:  # nobody told: not to be put off for a whole turn
                    again_ms = min(every_ms, _AGAIN_MS)
                    ledger.nothing_new(one.alert_id, now_ms() - every_ms + again_ms)
            await self._pause(min(_MOST_REFRESH_SECONDS, every_ms / 10_000))

    async def _show(self, ledger: Ledger) -> None:
        tidied_at = -_TIDY_SECONDS
        while not self._stopping.is_set():
            figures, at = ledger.figures(), now_ms()
            self._metrics.cases({(one.value, why or ""): n for (one, why), n in figures.cases.items()})
            self._metrics.queued.set(figures.queued)
            self._metrics.oldest.set(_seconds_since(figures.oldest_queued_ms, at))
            for level in LEVELS:
                oldest = figures.oldest_deferred_ms.get(level)
                self._metrics.oldest_deferred.labels(level).set(_seconds_since(oldest, at))
            self._metrics.given_up.set(figures.given_up)
            if self._channels is not None:
                closed = self._channels.crm.circuit.standing().state == "closed"
                self._metrics.circuit_open.set(not closed)
            if time.monotonic() - tidied_at > _TIDY_SECONDS:
                tidied_at = time.monotonic()
                ledger.tidy(at)
            await self._pause(_FIGURES_SECONDS)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _seconds_since(time_ms: int | None, at_ms: int) -> float:
    return 0.0 if time_ms is None else max(0, at_ms - time_ms) / 1000


def _check_topics(ledger: Ledger, ids: Mapping[str, str]) -> None:
    """Raise RecreatedError if the ledger has read another topic of the same name."""
    known = ledger.topic_ids(ids)
    for name, its_id in ids.items():
        if known[name] != its_id:
            raise RecreatedError(
                f"{name} was made anew since the ledger has read it. Begin with a new ledger, keep the old"
            )


def _told(ledger: Ledger) -> str:
    """Return how many cases there are by standing, as `bridge deliveries` lists them."""
    cases = ledger.figures().cases
    found = [f"{number:,} {one}" + (f" ({why})" if why else "") for (one, why), number in cases.items()]
    return ", ".join(sorted(found)) or "no alerts"


def policy_of(crm: CrmSettings) -> Policy:
    """Return what the settings say about who is admitted."""
    return Policy(
        budgets={"alert": crm.budget_alerts, "watch": crm.budget_watches},
        window_ms=round(crm.budget_window_seconds * 1000),
        zone=ZoneInfo(crm.budget_zone),
        quiet_ms=round(crm.quiet_days * 86_400_000),
        backfill=crm.backfill,
        canary_prefix=crm.canary_prefix,
    )
