"""A CRM of the tests: an HTTP server on loopback that keeps what it is asked, and answers as it is told."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

from aiohttp import web

from streams.crm.delivery.signing import Secrets
from streams.crm.wire import Rendered, Request

KEY = b"0123456789abcdef0123456789abcdef"
SECRETS = Secrets([KEY])
NOW = 1_780_000_000.0
BODY = b'{"customer_id":"c-secret-1042"}'


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeCrm:
    """What came, and what is answered: one after the other, the last for ever."""

    answers: list[web.Response | Answer | int]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.raw_path, headers, await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.Response(status=answer)
        return answer if isinstance(answer, web.Response) else await answer(request)


@asynccontextmanager
async def serving(
    *answers: web.Response | Answer | int, tls: SSLContext | None = None
) -> AsyncIterator[FakeCrm]:
    """Serve on loopback; 200 if no answer is given."""
    crm = FakeCrm(list(answers) or [200])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", crm.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        crm.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
        yield crm
    finally:
        await runner.cleanup()


def post(path: str = "/hook", body: bytes = BODY, headers: Mapping[str, str] | None = None) -> Rendered:
    """Return a message."""
    return Rendered(Request("POST", path, body, headers or {}))
