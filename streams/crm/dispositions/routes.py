"""`POST /dispositions`: signed by the CRM as what goes to it is, and taken once for each id."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import web

from schemas.disposition import Disposition
from streams.crm.dispositions.parse import MOST_BYTES, Refusal, parse, snooze_until_ms
from streams.runtime.kafka.errors import KafkaUnavailableError

log = logging.getLogger(__name__)

PATH: Final = "/dispositions"
BODY_SECONDS: Final = 5.0
_RETRY_AFTER: Final = {"Retry-After": "10"}


class Ledger(Protocol):
    """What the ledger remembers; answers come at once."""

    def disposition_seen(self, webhook_id: str) -> bool:
        """Return whether this one was written before."""

    def customer_of(self, alert_id: str) -> str | None:
        """Return whose alert it is; None if it is not known."""

    def disposition_done(
        self, webhook_id: str, alert_id: str, *, snooze_until_ms: int | None, now_ms: int
    ) -> float | None:
        """Take that it is on the topic; of the first of a case return the seconds since it was delivered."""


class Writer(Protocol):
    """Where dispositions go."""

    async def write(self, disposition: Disposition) -> None:
        """Write, and return once it is there; raises KafkaUnavailableError."""


Verify = Callable[[Mapping[str, str], bytes], str]
"""Returns the id of a signed message; raises an error of `verify_error` for any other."""
OnAnswer = Callable[[HTTPStatus, float | None], None]
"""Called with each answer, and of the first disposition of a case with the seconds to it."""


class DispositionRoute:
    """The route, on the event loop of the bridge's web server."""

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        *,
        verify: Verify,
        verify_error: type[Exception],
        ledger: Callable[[], Ledger | None],
        writer: Writer,
        now_ms: Callable[[], int],
        on_answer: OnAnswer = lambda _status, _seconds: None,
    ) -> None:
        """Take what verifies; the ledger, None while it is not open; where to write; a clock, ms UTC."""
        self._verify, self._verify_error = verify, verify_error
        self._ledger, self._writer, self._now_ms, self._on_answer = ledger, writer, now_ms, on_answer
        self._under_way: set[str] = set()

    def route(self) -> web.RouteDef:
        """Return the route, for a server."""
        return web.post(PATH, self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request. 202 is answered once the disposition is on the topic, and not before."""
        try:
            response, seconds = await self._handle(request)
        except Exception as error:  # noqa: BLE001 - a bug must not show data, nor end the bridge
            at = traceback.extract_tb(error.__traceback__)[-1]
            log.error("a disposition failed: %s at %s:%s", type(error).__name__, at.name, at.lineno)  # noqa: TRY400
            response, seconds = _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error"), None
        self._on_answer(HTTPStatus(response.status), seconds)
        return response

    async def _handle(self, request: web.Request) -> tuple[web.Response, float | None]:
        body = await _body(request)
        if isinstance(body, web.Response):
            return body, None
        try:
            webhook_id = self._verify(request.headers, body)
        except self._verify_error as error:
            return _error(HTTPStatus.UNAUTHORIZED, str(error)), None
        ledger = self._ledger()
        if ledger is None:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "the bridge is starting", _RETRY_AFTER), None
        if ledger.disposition_seen(webhook_id):
            return web.json_response({"status": "seen"}), None
        if webhook_id in self._under_way:  # sent again before we answered
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "the same is under way", _RETRY_AFTER), None
        self._under_way.add(webhook_id)
        try:
            return await self._take(ledger, webhook_id, body)
        finally:
            self._under_way.discard(webhook_id)

    async def _take(self, ledger: Ledger, webhook_id: str, body: bytes) -> tuple[web.Response, float | None]:
        parsed = parse(body, webhook_id, ledger.customer_of, self._now_ms())
        if isinstance(parsed, Refusal):
            return _error(parsed.status, parsed.reason), None
        said = parsed.disposition
        try:
            await self._writer.write(said)
        except KafkaUnavailableError as error:
            log.warning("a disposition could not be written: %s", error)
            why = "Kafka does not take it now; send it again"
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, why, _RETRY_AFTER), None
        seconds = ledger.disposition_done(
            webhook_id, said.alert_id, snooze_until_ms=snooze_until_ms(said), now_ms=self._now_ms()
        )
        answer = {"status": "accepted"} | ({"ignored": parsed.ignored} if parsed.ignored else {})
        return web.json_response(answer, status=HTTPStatus.ACCEPTED), seconds


async def _body(request: web.Request) -> bytes | web.Response:
    """Return the body, or what is answered to one that is too long or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while chunk := await request.content.read(MOST_BYTES + 1 - len(body)):
                body += chunk
                if len(body) > MOST_BYTES:
                    return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MOST_BYTES} bytes")
    except TimeoutError:
        return _error(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time")
    return bytes(body)


def _error(status: HTTPStatus, why: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=headers)
