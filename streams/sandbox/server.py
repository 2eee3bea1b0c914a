"""The sandbox's web server: the webhook, pages for the desk, JSON for tests, faults to order.

It listens on loopback unless it is told otherwise.
"""

import asyncio
import errno
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import web
from pydantic import ValidationError

from streams.sandbox import page
from streams.sandbox.admission import Admission
from streams.sandbox.case import MessageError, parse, ranked, read
from streams.sandbox.desk import SNOOZE_DAYS, Desk, DeskError, Status, Turned
from streams.sandbox.faults import Fault, Faults, FaultSettings
from streams.sandbox.signatures import Keys
from streams.sandbox.store import Effect, Store
from streams.serving.certificates import Certificate
from streams.serving.exposure import Exposure

log = logging.getLogger(__name__)
_QUIET: Final = log.getChild("aiohttp")
# aiohttp logs the text of what it can't parse, and somebody's id may be in it.
_QUIET.addFilter(lambda _record: False)

HOST: Final = "127.0.0.1"
ON_LOOPBACK: Final = Exposure(HOST, None, None, None, behind_proxy=False)
_OPEN: Final = frozenset({"/webhook", "/live"})
"""What comes to the first is signed, the second tells nothing."""
MOST_BYTES: Final = 256 * 1024
_MOST_ID: Final = 256
_STOP_SECONDS: Final = 0.5
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    # Not no-referrer: a form would then be sent without the origin that is checked.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Server": "crm-sandbox",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortError(Exception):
    """The port can't be listened on; the message says why."""


class Sandbox:
    """The server, on the event loop that starts it."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        store: Store,
        keys: Keys,
        desk: Desk,
        faults: FaultSettings,
        *,
        synthetic: bool = False,
        exposure: Exposure = ON_LOOPBACK,
    ) -> None:
        """With `synthetic` every case that comes is marked so."""
        self._store, self._keys, self._desk = store, keys, desk
        self._exposure, self._admission = exposure, Admission(exposure)
        self._faults = Faults(faults, time.monotonic)
        self._synthetic = synthetic
        self._unsigned = 0
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def start(self, port: int = 0) -> str:
        """Listen, and return the URL; port 0 takes any free one. Raises PortError, CertificateError."""
        certificate_file, key_file = self._exposure.certificate_file, self._exposure.key_file
        certificate = Certificate(certificate_file, key_file) if certificate_file and key_file else None
        context = None if certificate is None else certificate.context
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self._guarded])
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/live", _live)
        app.router.add_post("/webhook", self._webhook)
        app.router.add_get("/", self._list)
        app.router.add_get("/case", self._case)
        app.router.add_get("/style.css", _style)
        app.router.add_post("/dispose", self._dispose)
        app.router.add_post("/again", self._again)
        app.router.add_get("/cases.json", self._cases_json)
        app.router.add_get("/deliveries.json", self._deliveries_json)
        app.router.add_get("/faults", self._show_faults)
        app.router.add_post("/faults", self._change_faults)
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_QUIET,
            shutdown_timeout=_STOP_SECONDS,
            handler_cancellation=True,  # what hangs ends with the one who waits for it
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._exposure.host, port, ssl_context=context).start()
        except OSError as error:
            await runner.cleanup()
            why = "is in use" if error.errno == errno.EADDRINUSE else f"can't be had: {error.strerror}"
            raise PortError(f"port {port} {why}; --port 0 takes any free one") from error
        self._runner = runner
        if certificate is not None:
            self._renewing = asyncio.create_task(certificate.keep_renewed())
        scheme = "http" if context is None else "https"
        return f"{scheme}://{self._exposure.host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening; what hangs is ended."""
        self._stopping.set()
        if self._renewing is not None:
            self._renewing.cancel()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Answer only who may be answered; of a bug tell kind and place, never data."""
        if request.path not in _OPEN:
            self._admission.check(request)
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - a bug must not show data, nor end the server
            at = traceback.extract_tb(error.__traceback__)[-1]
            log.error("a request failed: %s at %s:%s", type(error).__name__, at.name, at.lineno)  # noqa: TRY400
            return _said(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")

    # The webhook

    async def _webhook(self, request: web.Request) -> web.Response:
        body = await request.read()
        webhook_id = request.headers.get("webhook-id", "")
        if not self._keys.accepts(body, request.headers):
            self._unsigned += 1
            return _said(HTTPStatus.UNAUTHORIZED, "the signature is missing or wrong, or is not of now")
        if len(webhook_id) > _MOST_ID or not webhook_id.isprintable():
            return _said(
                HTTPStatus.BAD_REQUEST, f"webhook-id has to be at most {_MOST_ID} printable characters"
            )
        fault = self._faults.draw()
        place = self._store.arrived(webhook_id, fault, _now_ms())
        take_first = self._faults.settings.after_effect and fault not in {Fault.RATE, Fault.REFUSE}
        taken = self._take(place, webhook_id, body) if take_first else None
        answer = await self._hurt(fault) or taken or self._take(place, webhook_id, body)
        self._store.told(place, answer.status)
        return answer

    def _take(self, place: int, webhook_id: str, body: bytes) -> web.Response:
        try:
            message = read(body)
        except MessageError as error:
            self._store.refuse(place)
            return _said(HTTPStatus.BAD_REQUEST, str(error))
        effect = self._store.take(place, webhook_id, message, _now_ms(), synthetic=self._synthetic)
        return web.json_response({"status": "seen" if effect is Effect.DUPLICATE else "stored"})

    async def _hurt(self, fault: Fault | None) -> web.Response | None:
        """Return what is answered instead; None if the request is served after all."""
        match fault:
            case Fault.RATE:
                answer = _said(HTTPStatus.TOO_MANY_REQUESTS, "too many requests")
                answer.headers["Retry-After"] = str(self._faults.retry_after)
                return answer
            case Fault.FAIL:
                return _said(HTTPStatus.INTERNAL_SERVER_ERROR, "told to fail")
            case Fault.REFUSE:
                return _said(HTTPStatus.UNPROCESSABLE_ENTITY, "told to refuse")
            case Fault.HANG:
                await self._stopping.wait()
                return _said(HTTPStatus.SERVICE_UNAVAILABLE, "the sandbox stops")
            case Fault.SLOW:
                await asyncio.sleep(self._faults.settings.slow_seconds)
                return None
            case None:
                return None

    # Pages

    async def _list(self, _request: web.Request) -> web.Response:
        return _page(page.of_cases(ranked(self._store.cases()), self._store.counts()))

    async def _case(self, request: web.Request) -> web.Response:
        alert_id = request.query.get("id", "")
        case = self._store.case(alert_id)
        if case is None:
            raise web.HTTPNotFound(text="there is no such case\n")
        return _page(page.of_case(case, self._store.deliveries(alert_id), self._store.dispositions(alert_id)))

    async def _dispose(self, request: web.Request) -> web.Response:
        _check_origin(request)
        given = await request.post()
        try:
            alert_id = request.query["id"]
            what = str(given["do"])
            snooze = SNOOZE_DAYS if what == "snooze" else None
            status = Status.ACKNOWLEDGED if snooze else Status(what)
            outcome = Turned(str(given["outcome"])) if status is Status.CLOSED else None
        except (KeyError, ValueError):
            raise web.HTTPBadRequest(text="the form was not filled in\n") from None
        with _refused():
            await self._desk.tell(alert_id, status, outcome=outcome, snooze_days=snooze)
        return _back_to(alert_id)

    async def _again(self, request: web.Request) -> web.Response:
        _check_origin(request)
        with _refused():
            sent = await self._desk.again(request.query.get("id", ""))
        return _back_to(sent.alert_id)

    # JSON

    async def _cases_json(self, _request: web.Request) -> web.Response:
        return web.json_response([case.as_json() for case in ranked(self._store.cases())])

    async def _deliveries_json(self, _request: web.Request) -> web.Response:
        counts = {**asdict(self._store.counts()), "unsigned": self._unsigned}
        return web.json_response(
            {"counts": counts, "deliveries": [asdict(one) for one in self._store.deliveries()]}
        )

    async def _show_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self._faults.settings.model_dump())

    async def _change_faults(self, request: web.Request) -> web.Response:
        """Change those that are named. No foreign page can: it may not send JSON here."""
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send JSON, as application/json\n")
        try:
            given = parse(await request.read())
            settings = FaultSettings.model_validate({**self._faults.settings.model_dump(), **given})
        except MessageError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise web.HTTPBadRequest(text=f"{where}: {first['msg']}\n".removeprefix(": ")) from None
        self._faults.change(settings)
        return web.json_response(settings.model_dump())


@contextmanager
def _refused() -> Iterator[None]:
    """Answer 400 with why nothing was sent to the bridge."""
    try:
        yield
    except DeskError as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from None


def _check_origin(request: web.Request) -> None:
    """Raise HTTPForbidden unless a form was sent from a page of our own."""
    scheme, _, host = request.headers.get("Origin", "").partition("://")
    if scheme not in {"http", "https"} or host != request.headers.get("Host"):
        raise web.HTTPForbidden(text="the form has to be sent from a page of the sandbox\n")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


async def _live(_request: web.Request) -> web.Response:
    return web.json_response({"live": True})


async def _style(_request: web.Request) -> web.Response:
    return web.Response(text=page.style(), content_type="text/css")


def _page(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


def _back_to(alert_id: str) -> web.Response:
    return web.Response(
        status=HTTPStatus.SEE_OTHER, headers={"Location": f"/case?id={quote(alert_id, safe='')}#desk"}
    )


def _said(status: HTTPStatus, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
