"""One process of `ingest`: sessions one after the other in a thread, its health and metrics beside it."""

import asyncio
import gc
import logging
import signal
import threading
import time
from typing import Final

from confluent_kafka import KafkaException

from streams.ingest.flow.limits import Limits
from streams.ingest.flow.memories import Memories
from streams.ingest.flow.pipeline import Pipeline
from streams.ingest.flow.record import Place
from streams.ingest.kafka.errors import as_ours, error_of
from streams.ingest.kafka.memory_reader import ends_of
from streams.ingest.kafka.options import TRANSACTION_SECONDS
from streams.ingest.kafka.transactions import LostError
from streams.ingest.preflight import Setup
from streams.ingest.session import Session
from streams.runtime.http.server import Readiness, WebServer
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.telemetry.ingest_metrics import IngestMetrics
from streams.runtime.worker.watchdog import Watchdog
from streams.settings import Settings

log = logging.getLogger(__name__)

_MOST_FAILURES: Final = 6
"""Sessions in a row that committed nothing: it gives up, and whoever supervises it starts it anew."""
_PAUSE_SECONDS: Final = 2.0
_LONG_TURN_SECONDS: Final = 2 * TRANSACTION_SECONDS + 5.0
"""A turn that takes longer does nothing any more: a transaction, and its undoing, end before."""


class Ingest:
    """Reads, maps and writes until it is asked to stop; `run` raises what ended it."""

    def __init__(self, settings: Settings, setup: Setup, *, redrive: bool = False) -> None:
        self._settings, self._setup, self._redrive = settings, setup, redrive
        self._metrics = IngestMetrics()
        self._limits = Limits()
        self._stopping = threading.Event()
        self._session: Session | None = None
        self._turned_at = self._answered_at = time.monotonic()
        self._metrics.last_answer(lambda: time.monotonic() - self._answered_at)
        self._until: dict[Place, int] | None = None

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT.

        Raises TooManyRefusedError, KafkaUnavailableError, KafkaRefusedError, PortInUseError.
        """
        gc.set_threshold(100_000, 50, 100)  # it makes many small objects, none in a cycle
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._stopping.set)
        web = WebServer(self._settings, self._metrics, self)
        await web.start()
        log.info("metrics and health at %s", web.url)
        # librdkafka has calls that never come back once their broker was lost, whatever time they are given.
        watchdog = asyncio.create_task(Watchdog(self._settings.watchdog_seconds, self._waits).run())
        try:
            await asyncio.to_thread(self._work)
        finally:
            watchdog.cancel()
            await web.stop()

    def is_live(self) -> bool:
        """Return whether it works; a process that does not is to be ended."""
        return time.monotonic() - self._turned_at < self._settings.watchdog_seconds

    def readiness(self) -> Readiness:
        """Tell whether it works, or what it waits for."""
        session = self._session
        why = "it is not connected to Kafka yet" if session is None else session.why_not_ready
        if why is None and time.monotonic() - self._turned_at > _LONG_TURN_SECONDS:
            why = "Kafka was asked something and has not answered"
        return Readiness(ready=why is None, partitions=(), why=why)

    def _waits(self) -> tuple[float, ...]:
        return (self._turned_at,)

    def _work(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._turned_at = time.monotonic()
            session = self._new_session()
            try:
                self._session = session
                self._work_in(session)
            except (LostError, KafkaUnavailableError) as error:
                failures = 1 if session.commits else failures + 1
                if failures >= _MOST_FAILURES:
                    raise KafkaUnavailableError(f"Kafka does not do it: {error}") from error
                log.warning("%s; it joins the group anew", error)
                self._stopping.wait(_PAUSE_SECONDS)
            else:
                return
            finally:
                session.close()

    def _work_in(self, session: Session) -> None:
        session.open()
        while not self._stopping.is_set() and not session.done:
            session.turn()
            self._turned_at = time.monotonic()
            if session.answers:
                self._answered_at = self._turned_at
        session.finish()

    def _new_session(self) -> Session:
        setup, memories = self._setup, Memories()
        self._metrics.memories(lambda: len(memories))
        pipeline = Pipeline(setup.mapping, setup.sources, setup.decoders, setup.names, memories)
        topics = [*setup.sources, setup.names.drafts]
        until = None
        if self._redrive:
            topics = [setup.names.dead_letters]
            until = self._until = self._until or self._ends()
        return Session(self._settings, topics, pipeline, self._limits, self._metrics, until=until)

    def _ends(self) -> dict[Place, int]:
        """Return where the dead letters end now."""
        names = self._setup.names
        places = [Place(names.dead_letters, number) for number in range(names.letter_partitions)]
        try:
            return ends_of(self._settings, places)
        except KafkaException as error:
            raise as_ours(error_of(error)) from None
