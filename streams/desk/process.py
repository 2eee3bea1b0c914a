"""One desk: it reads the topics in a thread, and beside it asks the workers, and serves pages."""

import asyncio
import logging
import signal
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from kafka.errors import KafkaError

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.crm.bridge.reader import Batch, TopicReader, Unreadable
from streams.desk.acting.actions import Actions, Phase, Writer
from streams.desk.acting.wish import Wish
from streams.desk.board.board import Board
from streams.desk.board.queue import VIEWS, view_of
from streams.desk.health import Health, ReaderSeen, WorkerSeen, health_of
from streams.desk.pages.picture import moment_of
from streams.desk.pages.shell import Shell, render
from streams.desk.web.events import Events
from streams.desk.web.guard import Guard
from streams.desk.web.routes import HEADERS, MOST_BYTES, Routes
from streams.desk.workers import watch
from streams.desk_settings import DeskSettings
from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.http.server import Readiness, WebServer
from streams.runtime.http.tokens import Tokens
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.telemetry.desk_metrics import DeskMetrics
from streams.runtime.tools.lookup_client import BadIdError, NoAnswerError, WrongTokenError, look_up
from streams.settings import Settings

log = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 2.0
_SHOW_SECONDS: Final = 1.0
_TIDY_SECONDS: Final = 30.0
_TIDY_RECORDS: Final = 50_000
_LOOKUP_SECONDS: Final = 1.5
_DAY_MS: Final = 86_400_000
_MOST_NAMED: Final = 50
"""Of more alerts that change at once, pages are told only that many have."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics that are read, and how many partitions they have."""

    alerts: str
    customers: str
    dispositions: str
    partitions: int


class DeskProcess:
    """Works until it is asked to stop; `run` raises what ended it."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        settings: Settings,
        own: DeskSettings,
        topics: Topics,
        writer: Writer,
        *,
        canary_prefix: str = "",
        synthetic: bool = False,
    ) -> None:
        self._settings, self._own, self._topics = settings, own, topics
        self.synthetic, self.undo_seconds, self.rules = synthetic, own.undo_seconds, settings.rules()
        self.metrics, self.events = DeskMetrics(), Events()
        self.board = Board(canary_prefix=canary_prefix)
        self.actions = Actions(self.board, writer, self._phase, undo_seconds=own.undo_seconds)
        self._reader = ReaderSeen()
        self._was_caught_up = False
        self._workers = [WorkerSeen(one) for one in settings.worker_addresses]
        self._began = self._turned_at = time.monotonic()
        self._stopping = asyncio.Event()
        self._told = ""

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises PortInUseError, SettingsError."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._stopping.set)
        self._began = time.monotonic()
        async with AsyncExitStack() as stack:
            tokens = Tokens(self._settings, self.metrics.registry)
            routes = Routes(self, Guard(self._settings.web_token(), tokens.is_right)).all()
            web_server = WebServer(
                self._settings,
                self.metrics,
                self,
                routes=routes,
                headers=HEADERS,
                most_bytes=MOST_BYTES,
                tokens=tokens,
            )
            await web_server.start()
            stack.push_async_callback(web_server.stop)
            stack.push_async_callback(self.actions.stop)
            log.info("the desk is at %s", web_server.url)
            try:
                async with asyncio.TaskGroup() as group:
                    for task in (
                        self._read(),
                        self._show(),
                        watch(self._settings, self._workers, self._stopping),
                    ):
                        group.create_task(task)
            except ExceptionGroup as several:
                raise several.exceptions[0] from None

    # What is asked of it

    def is_live(self) -> bool:
        """Return whether it works; a process that does not is to be ended."""
        return time.monotonic() - self._turned_at < self._settings.watchdog_seconds

    def readiness(self) -> Readiness:
        """Tell whether it has read what the topics held once.

        After that it stays ready: without Kafka the page says that it is broken, and takes Undo.
        """
        why = self._reader.why
        if why is None and not self._reader.caught_up:
            why = "it reads what the topics hold"
        return Readiness(ready=self._was_caught_up, partitions=(), why=why)

    def now_ms(self) -> int:
        """Return what time it is for the alerts: of history, the latest that any of them tells."""
        if self._settings.clock == "event":
            return self.board.newest_ms
        return time.time_ns() // 1_000_000

    def has_read(self) -> bool:
        """Return whether all is read that the topics held."""
        return self._reader.caught_up

    def health(self) -> Health:
        """Return how far to trust what is shown."""
        return health_of(
            self._reader,
            self._workers,
            partitions=self._topics.partitions,
            now=time.monotonic(),
            began=self._began,
            silent_seconds=self._own.silent_seconds,
            history=self._settings.clock == "event",
        )

    async def look_up(self, customer_id: str) -> LookupAnswer | None:
        """Return what a worker knows of a customer now; None if none tells soon."""
        heard = [one.address for one in self._workers if not one.why]
        if not heard:
            return None
        asked = asyncio.to_thread(
            look_up,
            heard,
            self._settings.web_token(),
            customer_id,
            ca_file=self._settings.worker_ca_file,
        )
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                return await asked
        except (NoAnswerError, WrongTokenError, BadIdError, TimeoutError):
            return None

    # Reading

    async def _read(self) -> None:
        """Read the topics, and begin again where they can't be read on."""
        with ThreadPoolExecutor(1, "kafka") as kafka:
            while not self._stopping.is_set():
                try:
                    await self._read_once(kafka)
                except (KafkaError, KafkaUnavailableError, OSError) as error:
                    self._reader.why = f"{type(error).__name__}; it is tried again"
                    log.warning("the topics can't be read: %s", type(error).__name__)
                    self._turned_at = time.monotonic()  # to be ended would not bring Kafka back
                    await self._pause(_AGAIN_SECONDS)

    async def _read_once(self, kafka: ThreadPoolExecutor) -> None:
        loop, topics = asyncio.get_running_loop(), self._topics
        reader = await loop.run_in_executor(
            kafka,
            lambda: TopicReader(
                self._settings,
                topics.alerts,
                topics.customers,
                topics.partitions,
                dispositions=topics.dispositions,
            ),
        )
        try:
            # From the beginning: what is known already changes nothing.
            self._reader.caught_up, tidied = False, self._reader.read
            await loop.run_in_executor(kafka, reader.open, {})
            while not self._stopping.is_set():
                batch = await loop.run_in_executor(kafka, reader.poll)
                self._take(batch)
                if not self._reader.caught_up and self._reader.read - tidied > _TIDY_RECORDS:
                    tidied = self._reader.read
                    self._tidy()
                await loop.run_in_executor(kafka, self._look, reader)
                self._turned_at = time.monotonic()
        finally:
            await loop.run_in_executor(kafka, reader.close)

    def _look(self, reader: TopicReader) -> None:
        """See how far it has come; in the thread that is Kafka's."""
        if not self._reader.caught_up and reader.caught_up:
            self._reader.caught_up = self._was_caught_up = True
            log.info("all is read that the topics held: %d alerts", len(self.board))
        try:
            self._reader.lag = reader.lag()
            self._reader.why = None
        except KafkaUnavailableError as error:
            self._reader.why = str(error)

    def _take(self, batch: Batch) -> None:
        left, alerts = list(batch.unreadable), []
        for one in batch.alerts:
            if one.alert is None:
                continue
            if _is_dated(one.alert):
                alerts.append((one.alert, one.appended_ms))
            else:
                left.append(Unreadable(one.topic, one.partition, one.offset, "a day that there is not"))
        changed = self.board.take((one for one, _ in alerts), (at_ms for _, at_ms in alerts))
        changed |= self.board.take_dispositions(batch.dispositions)
        changed |= self.board.take_profiles(batch.profiles)
        self._reader.read += len(batch.alerts)
        self.metrics.read.inc(len(batch.alerts))
        for each in left:
            self.metrics.invalid.labels(each.topic).inc()
            log.warning("%s [%d] %d is left: %s", each.topic, each.partition, each.offset, each.why)
        if changed:
            self._tell(changed)

    # Telling

    def _tell(self, changed: set[str]) -> None:
        self.events.tell("change", sorted(changed) if len(changed) <= _MOST_NAMED else [])

    def _phase(self, wish: Wish, phase: Phase) -> None:
        if phase is not Phase.HELD:
            self.metrics.phases.labels(phase.value).inc()
        self.events.tell("act", {"id": wish.action_id, "alert": wish.alert_id, "phase": phase.value})
        self._tell({wish.alert_id})

    async def _show(self) -> None:
        tidied_at = time.monotonic()
        while not self._stopping.is_set():
            health = self.health()
            self.metrics.trust.set(health.trust)
            self.metrics.lag.set(self._reader.lag)
            self.metrics.pages.set(self.events.pages)
            for view, number in self._views().items():
                self.metrics.alerts.labels(view).set(number)
            told = _health_html(health)
            if told != self._told:
                self._told = told
                self.events.tell("health", told)
            if time.monotonic() - tidied_at > _TIDY_SECONDS:
                tidied_at = time.monotonic()
                self._tidy()
            await self._pause(_SHOW_SECONDS)

    def _views(self) -> Mapping[str, int]:
        now = self.now_ms()
        counted = Counter(view_of(one, now) for one in self.board)
        return {view: counted[view] for view in VIEWS}

    def _tidy(self) -> None:
        self.metrics.let_go.inc(self.board.tidy(self.now_ms() - round(self._own.keep_days * _DAY_MS)))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass


def _is_dated(alert: Alert) -> bool:
    """Return whether there are days as its times say: the contract looks at their form alone."""
    try:
        moment_of(alert)
        for time_ in (alert.time, alert.deadline):
            parse_ms(time_)
    except ValueError:
        return False
    return True


def _health_html(health: Health) -> str:
    shell = Shell("", "", "", health, 0, has_token=False, synthetic=False)
    return render("health.html.jinja", shell=shell)
