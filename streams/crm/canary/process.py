"""The canary: synthetic customers buy and are treated badly, their cases come here, and are closed again.

It stands at both ends, as a shop with its call centre and as a CRM, so a round that is done shows that
everything between works: the inputs, a worker, the alert topic, the bridge, and dispositions. It keeps
nothing: whatever is open is answered when a message about it comes.
"""

import asyncio
import json
import logging
import signal
import time
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiokafka import AIOKafkaProducer

from schemas.topics import CONTACTS, TRANSACTIONS
from streams.crm.canary.customers import DAY_MS, Canary, canaries
from streams.crm.canary.rounds import Round, rounds
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.signing import Secrets, SignatureError
from streams.crm.wire import Rendered, Request, Result
from streams.crm_settings import CrmSettings
from streams.runtime.http.server import Readiness, WebServer
from streams.runtime.kafka.clients import close_producer, make_producer
from streams.runtime.kafka.errors import KafkaUnavailableError, publish_errors
from streams.runtime.telemetry.bridge_metrics import CanaryMetrics
from streams.settings import Settings

log = logging.getLogger(__name__)

PATH: Final = "/canary"
_LOOK_SECONDS: Final = 1.0
_TRIES: Final = 5
_BATCH_BYTES: Final = 16_384


class CanaryProcess:
    """Works until it is asked to stop; `run` raises what ended it."""

    def __init__(
        self, settings: Settings, crm: CrmSettings, partitions: int, secrets: Secrets, bridge: Courier
    ) -> None:
        self._settings, self._crm, self._secrets, self._bridge = settings, crm, secrets, bridge
        self._metrics = CanaryMetrics()
        self._stopping = asyncio.Event()
        self._turned_at = time.monotonic()
        customers = canaries(crm.canary_prefix, partitions, settings.partitioner)
        self._rounds = rounds(customers, _now_ms(), round(crm.canary_hours * 3_600_000))
        for one in self._rounds.values():
            self._metrics.age(one.canary.partition, lambda one=one: one.age_seconds(_now_ms()))  # type: ignore[misc]
        self._producer: AIOKafkaProducer | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises PortInUseError, KafkaRefusedError."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._stopping.set)
        server = WebServer(
            self._settings, self._metrics, self, routes=[web.post(PATH, self._receive)], most_bytes=1 << 20
        )
        async with AsyncExitStack() as stack:
            port = await server.start()
            stack.push_async_callback(server.stop)
            log.info("metrics and health at http://%s:%d", self._settings.web_host, port)
            await stack.enter_async_context(self._bridge)
            stack.push_async_callback(self._let_go)
            while not self._stopping.is_set():
                try:
                    with publish_errors(self._settings, lambda: 0):
                        for each in self._rounds.values():
                            await self._act(each)
                except KafkaUnavailableError as error:
                    # What may have arrived all the same has the same id when it is written again.
                    log.warning("%s", error)
                    await self._let_go()
                self._turned_at = time.monotonic()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._stopping.wait()

    def is_live(self) -> bool:
        """Return whether it works; a process that does not is to be ended."""
        return time.monotonic() - self._turned_at < self._settings.watchdog_seconds

    def readiness(self) -> Readiness:
        """Tell that it is up: whether the chain holds is told by the ages of the rounds."""
        return Readiness(ready=True, partitions=())

    # At one end

    async def _act(self, one: Round) -> None:
        """Buy if a day has begun, and be treated badly if it is time for it."""
        at = _now_ms()
        if one.bought_day != at // DAY_MS:
            event = one.canary.purchase(at, self._crm.canary_spend_per_day, self._settings.reporting_currency)
            await self._write(TRANSACTIONS.name, one.canary, event)
            one.bought_day = at // DAY_MS
        turn = one.turn_of(at)
        if turn is not None:
            await self._write(CONTACTS.name, one.canary, one.canary.contact(at, turn))
            one.turn, one.contacted_ms = turn, at

    async def _write(self, topic: str, canary: Canary, event: dict[str, Any]) -> None:
        if self._producer is None:
            self._producer = make_producer(self._settings, batch_bytes=_BATCH_BYTES)
            await self._producer.start()
        await self._producer.send_and_wait(
            self._settings.topic_prefix + topic,
            json.dumps(event).encode(),
            key=canary.customer_id.encode(),
            partition=canary.partition,
        )

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer)

    # At the other

    async def _receive(self, request: web.Request) -> web.Response:
        """Take a message as a CRM does; what is open is closed right after."""
        body = await request.read()
        try:
            message_id = self._secrets.verify(request.headers, body, time.time())
        except SignatureError as error:
            raise web.HTTPUnauthorized(reason=str(error)) from None
        case = json.loads(body)
        one = self._rounds.get(case["customer_id"])
        if one is None:
            raise web.HTTPUnprocessableEntity(reason="no customer of this canary")
        if case["kind"] == "close":
            self._closed(one)
        else:
            seconds = one.delivered(_now_ms())
            if seconds is not None:
                self._metrics.alert_seconds.observe(seconds)
            task = asyncio.create_task(self._answer(one, case["alert_id"], message_id))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _closed(self, one: Round) -> None:
        seconds = one.closed(_now_ms())
        self._metrics.rounds.labels(one.canary.partition).inc()
        if seconds is not None:
            self._metrics.close_seconds.observe(seconds)
        log.info("partition %d: a round is done", one.canary.partition)

    async def _answer(self, one: Round, alert_id: str, message_id: str) -> None:
        """Send the disposition that closes a case; if it fails the next message about the case does it."""
        body = json.dumps(
            {"alert_id": alert_id, "status": "closed", "outcome": "benign", "action": "canary"}
        ).encode()
        rendered = Rendered(Request("POST", "/dispositions", body))
        for attempt in range(_TRIES):
            outcome = await self._bridge.send(f"canary-{message_id}", rendered, time.time())
            if outcome.result is Result.DELIVERED:
                one.answered(_now_ms())
                return
            log.warning("the bridge did not take a disposition: %s", outcome.reason)
            if outcome.result is Result.REFUSED:
                return
            await asyncio.sleep(outcome.retry_after or 2.0**attempt)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
