"""The canary: synthetic customers buy and are treated badly, their cases come here, and are closed again.

It stands at both ends, as a shop with its call centre (`shop`) and as a CRM (`desk`), so a round that is done
shows that everything between works: the inputs, a worker, the alert topic, the bridge, and dispositions.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Final

from streams.core.ruleset import Ruleset
from streams.core.time import HOUR_MS
from streams.crm.canary.customers import canaries
from streams.crm.canary.desk import MOST_BYTES, Desk
from streams.crm.canary.rounds import rounds
from streams.crm.canary.shop import KafkaFeed, act
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.signing import Secrets
from streams.crm_settings import CrmSettings
from streams.runtime.http.server import Readiness, WebServer
from streams.runtime.kafka.errors import KafkaUnavailableError, publish_errors
from streams.runtime.telemetry.bridge_metrics import CanaryMetrics
from streams.settings import Settings

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_REST_SECONDS: Final = 10.0
"""After Kafka did not answer."""
_MOST_SECONDS: Final = 20.0
"""What takes longer has failed. The watchdog must not end it for that: its ages would begin anew."""


class CanaryProcess:
    """Works until it is asked to stop; `run` raises what ended it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it stands between
        self,
        settings: Settings,
        crm: CrmSettings,
        rules: Ruleset,
        partitions: int,
        secrets: Secrets,
        bridge: Courier,
    ) -> None:
        self._settings, self._crm, self._bridge = settings, crm, bridge
        self._metrics = CanaryMetrics()
        self._metrics.turn.set(crm.canary_hours * HOUR_MS / 1000)
        self._stopping = asyncio.Event()
        self._turned_at = time.monotonic()
        customers = canaries(crm.canary_prefix, partitions, settings.partitioner, rules)
        self._rounds = rounds(customers, _now_ms(), round(crm.canary_hours * HOUR_MS))
        for one in self._rounds.values():
            self._metrics.age(one.canary.partition, partial(_age, one.age_seconds))
        self._desk = Desk(
            self._rounds,
            self._metrics,
            lambda headers, body: secrets.verify(headers, body, time.time()),
            bridge,
            _now_ms,
        )
        self._feed = KafkaFeed(settings)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises PortInUseError, KafkaRefusedError, SettingsError."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._stopping.set)
        server = WebServer(
            self._settings, self._metrics, self, routes=[self._desk.route()], most_bytes=MOST_BYTES
        )
        async with AsyncExitStack() as stack:
            # In use before anything can come.
            await stack.enter_async_context(self._bridge)
            await server.start()
            stack.push_async_callback(server.stop)
            log.info("metrics, health and cases at %s", server.url)
            stack.push_async_callback(self._feed.close)
            while not self._stopping.is_set():
                rest = _LOOK_SECONDS
                try:
                    await self._act()
                except KafkaUnavailableError as error:
                    # What may have arrived all the same has the same id when it is written again.
                    log.warning("%s", error)
                    await self._feed.close()
                    rest = _REST_SECONDS
                self._turned_at = time.monotonic()
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(rest, self._settings.watchdog_seconds / 4)):
                        await self._stopping.wait()

    def is_live(self) -> bool:
        """Return whether it works; a process that does not is to be ended."""
        return time.monotonic() - self._turned_at < self._settings.watchdog_seconds

    def readiness(self) -> Readiness:
        """Tell that it is up: whether the chain holds is told by the ages of the rounds."""
        return Readiness(ready=True, partitions=())

    async def _act(self) -> None:
        """Do what it is time for. Raises KafkaUnavailableError, KafkaRefusedError."""
        with publish_errors(self._settings, lambda: self._feed.written):
            async with asyncio.timeout(min(_MOST_SECONDS, self._settings.watchdog_seconds / 4)):
                await act(
                    self._rounds.values(),
                    self._feed,
                    _now_ms,
                    spend=self._crm.canary_spend_per_day,
                    currency=self._settings.reporting_currency,
                )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _age(age_seconds: Callable[[int], float]) -> float:
    return age_seconds(_now_ms())
