"""Health, metrics and lookup of a worker over HTTP. No access log: it would tell who is asked for.

`/live` and `/metrics` hold nothing of customers and are open, and so is whether it is ready; why it is not,
and `/lookup`, want the token, if one is set. Without one the settings allow loopback only, and then other
host names are refused as well: a web page could make its own name point here.
"""

import asyncio
import errno
import json
import logging
import os
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from pydantic import ValidationError

from streams.addresses import names_loopback
from streams.core.alerts.view import CustomerView
from streams.runtime.http.lookup import LookupQuestion, lookup_answer
from streams.runtime.http.tokens import Tokens
from streams.serving.certificates import Certificate, CertificateError
from streams.settings import Settings, SettingsError, variable

log = logging.getLogger(__name__)
_QUIET: Final = log.getChild("aiohttp")
# aiohttp logs the text of what it can't parse, and somebody's id may be in it.
_QUIET.addFilter(lambda _record: False)

MOST_BYTES: Final = 4096
"""A body of a lookup is shorter, however its customer_id is escaped."""
BODY_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 0.5
_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Server": "retention-signals",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class PartitionReadiness:
    """A partition of this worker: `opening`, `ready` or `stopped`, and why if it isn't ready."""

    number: int
    state: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether all that this worker was given is ready; not before it was given anything.

    `why` is what keeps the worker as a whole from being so.
    """

    ready: bool
    partitions: Sequence[PartitionReadiness]
    why: str | None = None


@dataclass(frozen=True, slots=True)
class NotMine:
    """A customer of a partition that another worker has."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """A customer of a partition that is not restored yet."""


class Shown(Protocol):
    """What is measured."""

    @property
    def registry(self) -> CollectorRegistry:
        """Return the registry that holds it."""


class Probed(Protocol):
    """What is asked of any process; answers come at once, from the event loop."""

    def is_live(self) -> bool:
        """Return whether it works; a worker that does not is to be ended."""

    def readiness(self) -> Readiness:
        """Tell what each partition is at."""


class Worker(Probed, Protocol):
    """What is asked of the worker beside that."""

    def lookup(self, customer_id: str) -> CustomerView | NotMine | NotReady | None:
        """Return what is known of a customer; None if nothing is."""


class PortInUseError(Exception):
    """The address can't be listened on; the message says why, and what to change."""


class WebServer:
    """The server, on the event loop that starts it; it looks customers up where there is a `worker`.

    `routes` are those of another process; they look after their rights themselves, by the same `tokens` if
    they have some. `headers` are those of each answer, but for how long it is kept, if it says so itself.
    """

    def __init__(  # noqa: PLR0913 - what differs between processes
        self,
        settings: Settings,
        metrics: Shown,
        probed: Probed,
        worker: Worker | None = None,
        *,
        routes: Iterable[web.AbstractRouteDef] = (),
        most_bytes: int = MOST_BYTES,
        headers: Mapping[str, str] = _HEADERS,
        tokens: Tokens | None = None,
    ) -> None:
        self._host, self._port = settings.web_host, settings.web_port
        self._files = settings.web_certificate_file, settings.web_key_file
        self._tokens = Tokens(settings, metrics.registry) if tokens is None else tokens
        self._currency = settings.reporting_currency
        self._metrics, self._probed, self._worker = metrics, probed, worker
        self._routes, self._most_bytes, self._headers = routes, most_bytes, headers
        self._runner: web.AppRunner | None = None
        self._renewing: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Return where it listens; before it has started, without the port that it finds."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "http" if self._files[0] is None else "https"
        port = self._port if self._runner is None else self._runner.addresses[0][1]
        return f"{scheme}://{host}:{port}"

    async def start(self) -> int:
        """Listen, and return the port; raises PortInUseError, SettingsError."""
        certificate = self._certificate()
        app = web.Application(client_max_size=self._most_bytes, middlewares=[_in_json])
        app.on_response_prepare.append(self._add_headers)
        app.router.add_get("/live", self._live)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/ready", self._ready)
        if self._worker is not None:
            app.router.add_post("/lookup", partial(self._lookup, self._worker))
        app.router.add_routes(self._routes)
        runner = web.AppRunner(app, access_log=None, logger=_QUIET, shutdown_timeout=_STOP_SECONDS)
        await runner.setup()
        try:
            context = None if certificate is None else certificate.context
            await web.TCPSite(runner, self._host, self._port, ssl_context=context).start()
        except OSError as error:
            await runner.cleanup()
            raise PortInUseError(_refused(self._host, self._port, error)) from error
        self._runner = runner
        if certificate is not None:
            self._renewing = asyncio.create_task(certificate.keep_renewed())
        port: int = runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Stop listening, and end what is under way after half a second."""
        if self._renewing is not None:
            self._renewing.cancel()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _certificate(self) -> Certificate | None:
        certificate, key = self._files
        if certificate is None or key is None:
            return None
        try:
            return Certificate(certificate, key)
        except CertificateError as error:
            raise SettingsError(f"{variable('web_certificate_file')}: {error}") from error

    # Endpoints

    async def _live(self, _request: web.Request) -> web.Response:
        live = self._probed.is_live()
        return _json({"live": live}, HTTPStatus.OK if live else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _show_metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._metrics.registry), headers={"Content-Type": content_type})

    async def _ready(self, request: web.Request) -> web.Response:
        """Say yes or no to anybody, as an orchestrator asks; and more to whoever may know."""
        now = self._probed.readiness()
        told = asdict(now) if self._may_know(request) else {"ready": now.ready}
        return _json(told, HTTPStatus.OK if now.ready else HTTPStatus.SERVICE_UNAVAILABLE)

    def _may_know(self, request: web.Request) -> bool:
        """Return whether details are told; raises as `Tokens.check` for a token that is wrong."""
        if self._tokens.needed:
            if "Authorization" not in request.headers:
                return False
            self._tokens.check(request)
            return True
        return names_loopback(request.headers.get("Host", ""))

    async def _lookup(self, worker: Worker, request: web.Request) -> web.Response:
        self._check_right(request)
        found = worker.lookup(await _asked_for(request))
        match found:
            case CustomerView():
                answer = lookup_answer(found, self._currency)
                return web.Response(text=answer.model_dump_json() + "\n", content_type="application/json")
            case NotMine():
                return _error(HTTPStatus.MISDIRECTED_REQUEST, "another worker has this customer")
            case NotReady():
                return _error(HTTPStatus.SERVICE_UNAVAILABLE, "the customer's partition is not ready")
            case None:
                return _error(HTTPStatus.NOT_FOUND, "no event of this customer was accepted")

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        kept = response.headers.get("Cache-Control")
        response.headers.update(self._headers)
        if kept is not None:
            response.headers["Cache-Control"] = kept

    def _check_right(self, request: web.Request) -> None:
        """Raise as `Tokens.check`; where none is set HTTPForbidden for a foreign name."""
        if self._tokens.needed:
            self._tokens.check(request)
        elif not names_loopback(request.headers.get("Host", "")):
            raise web.HTTPForbidden(reason="without a token only loopback names are answered")


async def _asked_for(request: web.Request) -> str:
    """Return the customer_id of a body; raises HTTPBadRequest and what the size or time limits raise."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
        return LookupQuestion.model_validate_json(body).customer_id
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(reason="the body did not come in time") from error
    except ValidationError as error:
        raise web.HTTPBadRequest(
            reason='the body has to be {"customer_id": "..."}, of 1 to 128 characters'
        ) from error


@web.middleware
async def _in_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Say all errors in JSON; of a bug tell only kind and place, because its message may show a customer."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        response = _error(error.status, error.reason)
        for name in ("Allow", "Retry-After", "WWW-Authenticate"):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response
    except Exception as error:  # noqa: BLE001 - a bug in a lookup must not show data, nor end the worker
        at = traceback.extract_tb(error.__traceback__)[-1]
        log.error("a request failed: %s at %s:%s", type(error).__name__, at.name, at.lineno)  # noqa: TRY400
        return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")


def _error(status: int, why: str) -> web.Response:
    return _json({"error": why}, status)


def _json(body: object, status: int) -> web.Response:
    return web.Response(text=json.dumps(body) + "\n", status=status, content_type="application/json")


def _refused(host: str, port: int, error: OSError) -> str:
    where, other = f"{host}:{port}", f"set {variable('web_port')} to another port"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: {other}, or to 0 for any free one"
    # asyncio puts the address into its text once more; an unknown name has no number of the system's.
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return f"{where} can't be listened on: {why}; {other}, or {variable('web_host')}"
