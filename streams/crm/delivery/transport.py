"""HTTP requests under guard: to addresses that were checked, over TLS that was verified, within their time.

Redirects are not followed, cookies not kept, answers read up to a limit, proxies of the environment not used.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from streams.addresses import is_loopback
from streams.crm.delivery.guard import AddressRefusedError, GuardedResolver, check_literal
from streams.crm.delivery.pace import Pace
from streams.crm_settings import CrmSettings, crm_variable
from streams.settings import SettingsError

MOST_ANSWER_BYTES: Final = 64 * 1024
_START_BYTES: Final = 1024
_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"
_DRAIN_SECONDS: Final = 1.0
"""A connection that takes longer to be free again is not worth the wait."""


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Where messages go, and how it is talked to. It is not represented: its URL may be a secret."""

    url: str
    timeout_seconds: float = 10.0
    """For all requests of a message together; waiting for their turn is not counted."""
    allow_private: bool = False
    allow_http: bool = False
    """Whether it may be talked to without TLS off loopback too."""
    ca_file: Path | None = None
    connections: int = 4

    @classmethod
    def of(cls, settings: CrmSettings, url: str) -> Self:
        """Return the endpoint at a URL of the settings: that of the CRM, or of the canary."""
        return cls(
            url,
            settings.timeout_seconds,
            settings.allow_private,
            settings.allow_http,
            settings.ca_file,
            settings.concurrency,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back."""

    status: int
    retry_after: str | None
    body: bytes | None
    """None if nobody asked for it, or if it was longer than is read."""
    is_page: bool = False
    """Whether it is a page for people, as far as was looked: a login, a proxy's notice."""


class NoAnswerError(Exception):
    """There was no answer; `reason` is a word of a closed set, and nothing of the request is in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transport:
    """An HTTP client for one endpoint; an async context manager."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        pace: Pace | None = None,
        resolver: AbstractResolver | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take where to; `pace` gives the turns, names are resolved by `resolver`.

        Raises SettingsError if the file of authorities cannot be used.
        """
        self._endpoint, self._pace, self._resolver = endpoint, pace, resolver
        self._clock, self._sleep = clock, sleep
        self._tls = _tls_context(endpoint.ca_file)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        guarded = GuardedResolver(
            self._resolver or aiohttp.ThreadedResolver(), allow_private=self._endpoint.allow_private
        )
        connector = aiohttp.TCPConnector(ssl=self._tls, resolver=guarded, limit=self._endpoint.connections)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # ours is over several requests
            trust_env=False,
            auto_decompress=False,  # what is small on the wire stays small
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def exchange(self) -> "Exchange":
        """Return what makes the requests of one message, within the time of the endpoint."""
        if self._session is None:
            raise RuntimeError("the transport is not open")
        return Exchange(self._session, self._endpoint, self._pace, self._clock, self._sleep)


class Exchange:
    """The requests of one message; `seconds` is what they took so far, `waited` what their turns did."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        endpoint: Endpoint,
        pace: Pace | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._session, self._endpoint, self._pace = session, endpoint, pace
        self._clock, self._sleep = clock, sleep
        self.seconds = self.waited = 0.0

    async def turn(self) -> None:
        """Wait until the pace lets a request go. What is signed is signed after it: signatures age."""
        if self._pace is not None:
            started = self._clock()
            await self._sleep(self._pace.take())
            self.waited += self._clock() - started

    async def ask(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes, *, wants_body: bool = False
    ) -> Answer:
        """Make a request whose turn it is, and return the answer. Raises NoAnswerError."""
        self._check(url)
        left = self._endpoint.timeout_seconds - self.seconds
        if left <= 0:
            raise NoAnswerError("timeout")
        started = self._clock()
        try:
            async with asyncio.timeout(left) as limit:
                response = await self._session.request(
                    method, url, headers=headers, data=body or None, allow_redirects=False
                )
            async with response:
                retry_after = response.headers.get("Retry-After")
                if not wants_body:
                    start = await _drain(response, limit.when())
                    return Answer(response.status, retry_after, None, is_page=_is_page(response, start))
                async with asyncio.timeout_at(limit.when()):
                    return Answer(response.status, retry_after, await _body(response))
        except (aiohttp.ClientError, OSError) as error:  # a time-out is an OSError
            # Not `from`: the error shows the URL.
            raise NoAnswerError(_reason(error)) from None
        finally:
            self.seconds += self._clock() - started

    def _check(self, url: URL) -> None:
        host = url.host or ""
        if url.scheme != "https" and not (self._endpoint.allow_http or is_loopback(host)):
            raise NoAnswerError("not_https")
        try:
            check_literal(host, allow_private=self._endpoint.allow_private)
        except AddressRefusedError:
            raise NoAnswerError("address_refused") from None


async def _body(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the body; None if it is longer than is read."""
    read = bytearray()
    while len(read) <= MOST_ANSWER_BYTES:
        chunk = await response.content.read(MOST_ANSWER_BYTES + 1 - len(read))
        if not chunk:
            return bytes(read)
        read += chunk
    response.close()
    return None


async def _drain(response: aiohttp.ClientResponse, until: float | None) -> bytes:
    """Read what is left, so that the connection can be used again, and return how it begins.

    The status has said all there is, but for a page, so the first of what may be one is waited for. No
    trouble with a body undoes the status: else what was delivered would be delivered again.
    """
    start = bytearray()
    try:
        async with asyncio.timeout_at(until):
            while _may_be_page(response) and len(start) < _START_BYTES and not start.strip(_BLANKS):
                chunk = await response.content.read(_START_BYTES - len(start))
                if not chunk:
                    break
                start += chunk
            async with asyncio.timeout(_DRAIN_SECONDS):
                await _body(response)
    except (aiohttp.ClientError, OSError):
        response.close()
    return bytes(start)


def _may_be_page(response: aiohttp.ClientResponse) -> bool:
    return response.content_type == "text/html"


def _is_page(response: aiohttp.ClientResponse, start: bytes) -> bool:
    """Return whether it is HTML, and not only called so: many a webhook answers `ok` as text/html."""
    return _may_be_page(response) and start.lstrip(_BLANKS).startswith(b"<")


def _reason(error: Exception) -> str:  # noqa: PLR0911 - one for each kind
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ClientConnectorError(os_error=AddressRefusedError()):
            return "address_refused"
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientConnectorError():
            return "unreachable"
        case aiohttp.ClientResponseError():
            return "broken_answer"
        case _:
            return "disconnected"


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SettingsError(
            f"{crm_variable('ca_file')}: {ca_file} cannot be used: {error.strerror or error}"
        ) from error
