"""The other end of the canary: a CRM whose desk closes every case at once.

It keeps nothing that has to last. A message counts as delivered only once the bridge has the disposition that
answers it: until then the bridge sends it again, whatever ended in between.
"""

import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import web
from pydantic import BaseModel, ValidationError

from schemas.times import parse_ms
from streams.crm.canary.rounds import Round
from streams.crm.delivery.signing import SignatureError
from streams.crm.dispositions.routes import PATH as DISPOSITIONS
from streams.crm.wire import Kind, Outcome, Rendered, Request, Result
from streams.runtime.telemetry.bridge_metrics import CanaryMetrics

log = logging.getLogger(__name__)

PATH: Final = "/canary"
MOST_BYTES: Final = 1 << 20


class _Contact(BaseModel):
    ended_at: str | None


class _Case(BaseModel):
    """What it needs to know of a case in the generic form; whatever else it says is left out."""

    kind: Kind
    alert_id: str
    customer_id: str
    resolution: str | None
    contact: _Contact | None


class Bridge(Protocol):
    """Who takes dispositions."""

    async def send(self, message_id: str, rendered: Rendered, now_s: float) -> Outcome:
        """Send a signed message once, and return what became of it."""


class Desk:
    """Takes the messages of the bridge about the synthetic customers, and answers them."""

    def __init__(
        self,
        rounds: Mapping[str, Round],
        metrics: CanaryMetrics,
        verify: Callable[[Mapping[str, str], bytes], str],
        bridge: Bridge,
        now_ms: Callable[[], int],
    ) -> None:
        """Take the rounds by customer_id; `verify` returns the id of a message, or raises SignatureError."""
        self._rounds, self._metrics = rounds, metrics
        self._verify, self._bridge, self._now_ms = verify, bridge, now_ms

    def route(self) -> web.RouteDef:
        """Return the route, for a server."""
        return web.post(PATH, self.receive)

    async def receive(self, request: web.Request) -> web.Response:
        """Take a message as a CRM does. Raises what aiohttp answers with."""
        body = await request.read()
        try:
            message_id = self._verify(request.headers, body)
        except SignatureError as error:
            raise web.HTTPUnauthorized(reason=str(error)) from None
        try:
            case = _Case.model_validate_json(body)
        except ValidationError:
            # Not `from`: the error shows the body.
            raise web.HTTPUnprocessableEntity(reason="no case in the generic form") from None
        one = self._rounds.get(case.customer_id)
        if one is None:
            raise web.HTTPUnprocessableEntity(reason="no customer of this canary")
        if case.kind is Kind.CLOSE:
            self._close(one, case, message_id)
        else:
            await self._answer(one, case, message_id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _answer(self, one: Round, case: _Case, message_id: str) -> None:
        """Send the disposition that closes a case. It has no outcome, so nothing is learned from it."""
        said = {"alert_id": case.alert_id, "status": "closed", "action": "canary"}
        rendered = Rendered(Request("POST", DISPOSITIONS, json.dumps(said).encode()))
        outcome = await self._bridge.send(f"canary-{message_id}", rendered, self._now_ms() / 1000)
        if outcome.result is not Result.DELIVERED:
            log.warning("the bridge does not take a disposition: %s", outcome.reason)
            raise web.HTTPServiceUnavailable(reason="the disposition was not taken: send it again")
        now_ms = self._now_ms()
        if case.kind is Kind.CREATE and case.contact is not None and case.contact.ended_at is not None:
            self._metrics.alert_seconds.observe(max(0, now_ms - parse_ms(case.contact.ended_at)) / 1000)
        one.answered(now_ms)

    def _close(self, one: Round, case: _Case, message_id: str) -> None:
        partition, answered_ms, now_ms = one.canary.partition, one.answered_ms, self._now_ms()
        if case.resolution != "closed":
            one.ended()
            log.warning("partition %d: a case ended by itself, without a disposition", partition)
        elif one.closed(message_id, now_ms):
            self._metrics.rounds.labels(partition).inc()
            if answered_ms is not None:
                self._metrics.close_seconds.observe(max(0, now_ms - answered_ms) / 1000)
            log.info("partition %d: a round is done", partition)
