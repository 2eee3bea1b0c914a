"""One message to the CRM: signed, logged in, sent, and told what became of it.

Nothing of a request, an answer or a secret gets out of here, not in logs and not in exceptions: even a URL
may be a secret, as that of a chat's webhook is. What gets out is an `Outcome`.
"""

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, unquote

from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from pydantic_core import from_json
from yarl import URL

from streams.crm.delivery.login import Login, LoginError, NoLogin
from streams.crm.delivery.pace import Pace
from streams.crm.delivery.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Secrets
from streams.crm.delivery.transport import Answer, Endpoint, Exchange, NoAnswerError, Transport
from streams.crm.delivery.verdict import outcome_of
from streams.crm.wire import Find, Outcome, Rendered, Request, Result

log = logging.getLogger(__name__)

USER_AGENT: Final = "retention-signals"
_FOUND: Final = "{found}"
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_UNAUTHORIZED: Final = 401
_OURS: Final = frozenset(
    (
        *("host", "content-length", "transfer-encoding", "connection", "user-agent", "accept-encoding"),
        *(ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER),
    )
)
"""Headers that no message brings along."""
_NEVER_SENT: Final = frozenset({"address_refused", "dns", "not_https", "tls", "unreachable"})
"""Why there was no answer: the CRM has not seen the request."""
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_PATH: Final = re.compile(r"([/?][\x21\x24-\x5b\x5d-\x7e]*)?")
"""Visible ASCII without quotes, # and the backslash: anything else is percent-quoted by whoever writes it."""


_STEPS: Final = re.compile(r"[/\\]")


class _UnsendableError(Exception):
    """There is no such request: a path that leaves the endpoint, a header with a line's end."""


class _FindFailedError(Exception):
    """Whether the case is there could not be told."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class _NothingToChangeError(Exception):
    """The case is not there, or takes no more changes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Courier:
    """Sends messages; an async context manager."""

    def __init__(  # noqa: PLR0913 - the last four are what a test puts in the place of the world
        self,
        endpoint: Endpoint,
        secrets: Secrets,
        login: Login | None = None,
        *,
        pace: Pace | None = None,
        resolver: AbstractResolver | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take where to, the secrets that sign, how to log in, and how many requests a second.

        Raises SettingsError if the file of authorities cannot be used.
        """
        self._base, self._secrets, self._login = URL(endpoint.url), secrets, login or NoLogin()
        self._transport = Transport(endpoint, pace=pace, resolver=resolver, clock=clock, sleep=sleep)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, at)

    async def send(self, message_id: str, rendered: Rendered, now_s: float) -> Outcome:
        """Send a message once, and return what became of it.

        `now_s` is the wall clock in seconds since 1970. The id is that of earlier tries, the signature new.
        """
        exchange = self._transport.exchange()
        try:
            outcome = await self._send(exchange, message_id, rendered, now_s)
        except NoAnswerError as error:
            outcome = replace(_endpoint_fault(error.reason), unclear=error.reason not in _NEVER_SENT)
        except LoginError as error:
            outcome = _endpoint_fault(error.reason)
        except _FindFailedError as error:
            outcome = error.outcome
        except _NothingToChangeError as error:
            outcome = Outcome(Result.DELIVERED, error.reason, 0.0)
        except _UnsendableError:
            outcome = Outcome(Result.REFUSED, "unsendable", 0.0)
        except Exception as error:  # noqa: BLE001 - a bug must not show data, nor end the bridge
            at = traceback.extract_tb(error.__traceback__)[-1]
            log.error("a delivery failed: %s at %s:%s", type(error).__name__, at.name, at.lineno)  # noqa: TRY400
            outcome = replace(_endpoint_fault("bug"), unclear=True)
        return replace(outcome, seconds=exchange.seconds)

    async def _send(self, exchange: Exchange, message_id: str, rendered: Rendered, now_s: float) -> Outcome:
        request, of_case = rendered.request, rendered.of_case
        if rendered.find is not None:
            found = await self._found(exchange, message_id, rendered.find, now_s)
            request, of_case = found or request, of_case or found is not None
        answer = await self._ask(exchange, message_id, request, now_s)
        return outcome_of(answer.status, answer.retry_after, now_s, is_page=answer.is_page, of_case=of_case)

    async def _found(self, exchange: Exchange, message_id: str, find: Find, now_s: float) -> Request | None:
        """Return the request for a case that is there; None if it is not.

        Raises _FindFailedError; _NothingToChangeError where there is nothing to be sent.
        """
        question = Request("GET", find.path, b"")
        try:
            answer = await self._ask(exchange, message_id, question, now_s, wants_body=True)
        except NoAnswerError as error:
            raise _FindFailedError(_endpoint_fault(error.reason)) from None
        outcome = outcome_of(answer.status, answer.retry_after, now_s)
        if outcome.result is Result.REFUSED:  # the question was refused, not the message
            raise _FindFailedError(_endpoint_fault(outcome.reason))
        if outcome.result is Result.RETRY:
            raise _FindFailedError(replace(outcome, unclear=False))
        found = _id_at(answer.body, find)
        if found is None:
            return None
        return replace(find.found, path=find.found.path.replace(_FOUND, quote(found, safe="")))

    async def _ask(
        self, exchange: Exchange, message_id: str, request: Request, now_s: float, *, wants_body: bool = False
    ) -> Answer:
        """Make a request, and once more with a new login if that was refused."""
        url, given = _url(self._base, request.path), _given_headers(request)

        async def post(token_url: str, form: bytes) -> bytes:
            return await _post_form(exchange, token_url, form)

        async def ask(authorization: str | None) -> Answer:
            await exchange.turn()
            at_s = int(now_s + exchange.waited + exchange.seconds)
            headers = CIMultiDict(given)
            try:
                headers.update(self._secrets.headers(message_id, at_s, request.body))
            except ValueError:
                raise _UnsendableError from None
            if authorization is not None:
                headers["Authorization"] = authorization
            return await exchange.ask(request.method, url, headers, request.body, wants_body=wants_body)

        authorization = await self._login.authorization(post, now_s)
        answer = await ask(authorization)
        if (
            answer.status == _UNAUTHORIZED
            and authorization is not None
            and self._login.refused(authorization)
        ):
            answer = await ask(await self._login.authorization(post, now_s))
        return answer


async def _post_form(exchange: Exchange, url: str, form: bytes) -> bytes:
    headers = _DEFAULTS | {"Content-Type": _FORM}
    await exchange.turn()
    try:
        answer = await exchange.ask("POST", URL(url), headers, form, wants_body=True)
    except NoAnswerError as error:
        raise LoginError(f"login_{error.reason}") from None
    outcome = outcome_of(answer.status, None, 0.0)
    if outcome.result is not Result.DELIVERED:
        raise LoginError(f"login_{outcome.reason}")
    if answer.body is None:
        raise LoginError("login_unreadable")
    return answer.body


_DEFAULTS: Final = {"User-Agent": USER_AGENT, "Accept": _JSON, "Accept-Encoding": "identity"}


def _given_headers(request: Request) -> CIMultiDict[str]:
    """Return the headers of a message with ours; raises _UnsendableError."""
    headers = CIMultiDict(_DEFAULTS)
    if request.body:
        headers["Content-Type"] = _JSON
    for name, value in request.headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)) or name.lower() in _OURS:
            raise _UnsendableError
        headers[name] = value
    return headers


def _url(base: URL, path: str) -> URL:
    """Return the URL of a path at the endpoint, and never one elsewhere; raises _UnsendableError.

    A path without anything is the endpoint's own; a query of the endpoint's stays.
    """
    if not _PATH.fullmatch(path):
        raise _UnsendableError
    own, _, query = path.partition("?")
    if not {".", ".."}.isdisjoint(_STEPS.split(unquote(own))):  # some servers split what was quoted too
        raise _UnsendableError
    whole = f"{base.raw_path.rstrip('/')}{own}" if own else base.raw_path
    queries = "&".join(filter(None, (base.raw_query_string, query)))
    return URL(f"{base.origin()}{whole}{'?' if queries else ''}{queries}", encoded=True)


def _id_at(body: bytes | None, find: Find) -> str | None:
    """Return the id that stands in an answer; None if there is none.

    Raises _FindFailedError, _NothingToChangeError.
    """
    try:
        document = from_json(body or b"", allow_inf_nan=False)
    except ValueError:
        raise _FindFailedError(_endpoint_fault("find_unreadable")) from None
    some_closed = False
    for beside, found in _at(document, find.id_at.split("."), None):
        if isinstance(found, bool) or not isinstance(found, str | int | None):
            raise _FindFailedError(_endpoint_fault("find_unreadable"))
        if found is None or found == "":
            continue
        if not _is_closed(beside, find.closed):
            return str(found)
        some_closed = True
    if not find.anew:
        raise _NothingToChangeError("closed_there" if some_closed else "not_there")
    return None


def _at(found: Any, steps: list[str], beside: Any) -> Iterator[tuple[Any, Any]]:
    """Go through what stands where the steps lead, each with what it stands in."""
    if not steps:
        yield beside, found
        return
    step, *rest = steps
    match found:
        case list() if step == "*":
            for one in found:
                yield from _at(one, rest, found)
        case dict() if step in found:
            yield from _at(found[step], rest, found)
        case list() if step.isdecimal() and int(step) < len(found):
            yield from _at(found[int(step)], rest, found)


def _is_closed(case: Any, closed: Mapping[str, str]) -> bool:
    return (
        isinstance(case, dict) and bool(closed) and all(case.get(key) == said for key, said in closed.items())
    )


def _endpoint_fault(reason: str) -> Outcome:
    return Outcome(Result.RETRY, reason, 0.0, endpoint=True)
