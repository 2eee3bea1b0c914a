"""What the desk decides about a case goes to the bridge as a signed disposition, and the answer is kept."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from streams.addresses import is_loopback
from streams.sandbox.case import Case
from streams.sandbox.signatures import Keys
from streams.sandbox.store import Sent, Store

SNOOZE_DAYS: Final = 14
_PATH: Final = "/dispositions"
_SECONDS: Final = 10.0
_MOST_BYTES: Final = 4096
_MOST_SHOWN: Final = 300
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_BEFORE: Final = timedelta(milliseconds=1)
"""A worker acts on what is before its time, and where only records move time that may stay where it is."""


class Status(StrEnum):
    """How far the work on a case has come."""

    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    CLOSED = "closed"


class Turned(StrEnum):
    """What a case turned out to be."""

    CONFIRMED = "confirmed"
    BENIGN = "benign"
    ALREADY_LEFT = "already_left"
    WRONG_CUSTOMER = "wrong_customer"
    DUPLICATE = "duplicate"
    RETURNED = "returned"
    NO_ANSWER = "no_answer"


class DeskError(Exception):
    """Something that can't be told the bridge; the message says why."""


class BridgeUrlError(DeskError):
    """The URL of a bridge that can't be used."""


class Desk:
    """Tells the bridge, at its URL, what was decided about the cases of a store.

    A disposition is as of now, or with `time_of_case` of just before the figures of its case: for history,
    where events have their own time. With `allow_http` the bridge may be off loopback without TLS. Raises
    BridgeUrlError.
    """

    def __init__(  # noqa: PLR0913 - what differs between desks
        self,
        store: Store,
        keys: Keys,
        bridge: str,
        *,
        time_of_case: bool = False,
        allow_http: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        url = _checked(bridge, allow_http=allow_http)
        self._store, self._keys, self._url = store, keys, url.rstrip("/") + _PATH
        self._time_of_case = time_of_case
        self._now = now

    async def tell(
        self,
        alert_id: str,
        status: Status,
        *,
        outcome: Turned | None = None,
        action: str | None = None,
        snooze_days: float | None = None,
    ) -> Sent:
        """Send a disposition, and return it with its answer; raise DeskError if nothing was sent."""
        case = self._store.case(alert_id)
        if case is None:
            raise DeskError("there is no such case")
        time = self._time(case)
        body = {"alert_id": alert_id, "status": status.value, "time": _written(time)}
        if outcome is not None:
            body["outcome"] = outcome.value
        if action is not None:
            body["action"] = action
        if snooze_days is not None:
            body["snooze_until"] = _written(time + timedelta(days=snooze_days))
        now_ms = int(self._now().timestamp() * 1000)
        sent = Sent(f"dis_{uuid4().hex}", alert_id, now_ms, json.dumps(body), None, "not answered")
        self._store.add_disposition(sent)
        return await self._post(sent)

    async def again(self, one: str) -> Sent:
        """Send a disposition again that was not accepted: the same id, the same bytes, signed anew."""
        sent = self._store.disposition(one)
        if sent is None:
            raise DeskError("there is no such disposition")
        return sent if sent.accepted else await self._post(sent)

    async def _post(self, sent: Sent) -> Sent:
        headers = self._keys.headers(sent.id, sent.body, self._now())
        status, answer = await _answer(self._url, sent.body, headers)
        self._store.answered(sent.id, status, answer)
        return Sent(sent.id, sent.alert_id, sent.at_ms, sent.body, status, answer)

    def _time(self, case: Case) -> datetime:
        if not self._time_of_case:
            return self._now()
        time = case.time("as_of")
        if time is None:
            raise DeskError("the case does not say as of when it is (as_of)")
        return max(time, _EPOCH) - _BEFORE


def _checked(url: str, *, allow_http: bool) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BridgeUrlError("the bridge is given as a URL, http://127.0.0.1:8080")
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        raise BridgeUrlError("off loopback the bridge has to be https")
    return url


async def _answer(url: str, body: str, headers: dict[str, str]) -> tuple[int | None, str]:
    """Return the status and the words of the bridge; None and why if there was no answer."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session,
            session.post(
                url,
                data=body.encode(),
                headers={**headers, "Content-Type": "application/json"},
                allow_redirects=False,
            ) as response,
        ):
            text = (await response.content.read(_MOST_BYTES)).decode(errors="replace")
            return response.status, _words(text)[:_MOST_SHOWN] or response.reason or ""
    except TimeoutError:
        return None, f"the bridge gave no answer in {_SECONDS:g} seconds"
    except aiohttp.ClientConnectorError as error:
        return None, f"the bridge can't be reached: {error.os_error.strerror or type(error).__name__}"
    except (aiohttp.ClientError, ValueError) as error:
        return None, f"the bridge gave no answer: {type(error).__name__}"


def _words(text: str) -> str:
    """Return what an answer says: of JSON its `error`, `reason` or `status`."""
    with suppress(ValueError, RecursionError):
        said = json.loads(text)
        if isinstance(said, dict):
            return next((str(said[name]) for name in ("error", "reason", "status") if name in said), text)
    return text.strip()


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
