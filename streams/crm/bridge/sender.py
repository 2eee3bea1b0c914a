"""What is due goes out: made when it is first tried, sent, and what came of it written down."""

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from streams.crm.bridge.channel import Channel, Channels
from streams.crm.bridge.now import Now
from streams.crm.delivery.circuit import Pass
from streams.crm.delivery.retry import is_given_up, next_try_ms
from streams.crm.ledger.ledger import Ledger
from streams.crm.ledger.rows import Message, Refreshable
from streams.crm.payload.case import case_of, fingerprint
from streams.crm.payload.fields import Case
from streams.crm.payload.template import TemplateError
from streams.crm.wire import Kind, Outcome, Rendered, Result
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics

log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 0.1
_LAST_SECONDS: Final = 5.0
"""What is under way may take so long at the end; what takes longer is sent again by the next bridge."""
_GONE_HOURS: Final = 0.25
"""A CRM that says so long that it does not have a case any more is believed: it may only be starting."""
_PACE_SECONDS: Final = 1.0
"""What has to wait longer for the pace of its way out leaves the room to what goes another way."""


class _Try(NamedTuple):
    channel: Channel
    task: asyncio.Task[None]


class Sender:
    """Sends what the ledger says is due: so many at once each way, of an alert never more than one."""

    def __init__(  # noqa: PLR0913 - the parts that it brings together
        self,
        ledger: Ledger,
        channels: Channels,
        now: Now,
        metrics: BridgeMetrics,
        *,
        concurrency: int,
        give_up_hours: float,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._ledger, self._channels, self._now, self._metrics = ledger, channels, now, metrics
        self._concurrency, self._give_up_hours, self._now_ms = concurrency, give_up_hours, now_ms
        self._rng = random.Random()  # noqa: S311 - when to try again is no secret
        self._under_way: dict[str, _Try] = {}
        self._told: dict[str, str] = {}
        """What the messages tell that are tried: a retry sends the same."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until it is asked to stop. Raises LedgerError."""
        try:
            while not stopping.is_set():
                if not self._start_what_is_due():
                    await asyncio.sleep(_IDLE_SECONDS)
                await self._reap()
            if self._under_way:
                await asyncio.wait(self._tasks(), timeout=_LAST_SECONDS)
        finally:
            for task in self._tasks():
                task.cancel()
            await asyncio.gather(*self._tasks(), return_exceptions=True)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [one.task for one in self._under_way.values()]

    def _start_what_is_due(self) -> int:
        """Start what may be sent now, and return how many."""
        before = len(self._under_way)
        for channel, canary in self._channels.each():
            busy = sum(one.channel is channel for one in self._under_way.values())
            free = self._concurrency - busy  # of its own: a CRM that hangs does not keep the canary waiting
            if not free or channel.pace.wait() > _PACE_SECONDS or channel.circuit.wait():
                continue
            # A probe is the message that was tried least: else those that the CRM never takes are all probed
            # first, minutes apart, and keep a new alert waiting for hours.
            probing = channel.circuit.standing().state != "closed"
            for message in self._ledger.due(
                self._now_ms(), free, self._under_way.keys(), canary=canary, least_tried=probing
            ):
                admitted = channel.circuit.admit()
                if admitted is None:
                    break
                task = asyncio.create_task(self._send(message, channel, admitted))
                self._under_way[message.alert_id] = _Try(channel, task)
        return len(self._under_way) - before

    async def _reap(self) -> None:
        """Forget what has ended, and wait for some of it if there is no room for more."""
        if len(self._under_way) >= self._concurrency:
            await asyncio.wait(self._tasks(), timeout=_IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for alert_id, one in list(self._under_way.items()):
            if one.task.done():
                del self._under_way[alert_id]
                one.task.result()

    async def _send(self, message: Message, channel: Channel, admitted: Pass) -> None:
        outcome: Outcome | None = None
        try:
            rendered = message.rendered or await self._made(message, channel)
            if rendered is None:
                return
            # Before each try, not only the first: what no longer can be written down is not sent again.
            self._ledger.store_body(message.message_id, rendered, self._now_ms())
            outcome = await channel.courier.send(message.message_id, rendered, self._now_ms() / 1000)
            if outcome.slower:
                channel.pace.rest(outcome.retry_after or 0.0)
            self._note(message, outcome)
        finally:
            channel.circuit.note(admitted, outcome)

    async def _made(self, message: Message, channel: Channel) -> Rendered | None:
        """Make a message; None if there is nothing to send, because it can't be or needn't."""
        try:
            case = await self.case(message, message.kind)
            rendered = channel.template.render(case, message.kind, message.message_id)
            told = fingerprint(case)
        except TemplateError as error:
            log.error("a message cannot be made: %s; it is given up, and kept", error)  # noqa: TRY400
            self._give_up(message, "template")
            return None
        except Exception as error:  # noqa: BLE001 - one alert must not end the bridge, again and again
            log.error("a message cannot be made: %s; it is given up, and kept", place_of(error))  # noqa: TRY400
            self._give_up(message, "bug")
            return None
        if rendered is None:
            self._ledger.delivered(message.message_id, self._now_ms(), told)
            self._metrics.deliveries.labels(message.kind, "left_out").inc()
            return None
        self._told[message.message_id] = told
        return rendered

    async def case(self, of: Message | Refreshable, kind: Kind) -> Case:
        """Return the case of an alert as of now."""
        now = None if of.alert.state == "resolved" else await self._now.of(of.alert.customer_id)
        return case_of(
            of.alert,
            kind,
            now,
            account_id=of.account_id,
            others_of_account=of.other_open,
            internal_only=of.internal_only,
            canary=of.canary,
            refreshed_at=self._now_ms(),
        )

    def _note(self, message: Message, outcome: Outcome) -> None:
        now_ms, untaken = self._now_ms(), not outcome.unclear
        tried_ms = message.tried_ms or now_ms
        gone = (
            outcome.gone
            and outcome.reason == message.reason  # at least twice: it may have failed otherwise before
            and message.kind is not Kind.CREATE
            and is_given_up(tried_ms, now_ms, _GONE_HOURS)
        )
        if gone and message.kind is Kind.CLOSE:
            outcome = replace(outcome, result=Result.DELIVERED, reason="gone_there")
        self._metrics.tries.labels(outcome.reason).inc()
        self._metrics.request_seconds.observe(outcome.seconds)
        match outcome.result:
            case Result.DELIVERED:
                told = self._told.pop(message.message_id, None)
                self._ledger.delivered(message.message_id, now_ms, told)
                self._metrics.deliveries.labels(message.kind, "delivered").inc()
                self._metrics.delivery_seconds.observe((now_ms - message.made_ms) / 1000)
                if message.opened_ms is not None and not message.canary:
                    self._metrics.delivered_case(now_ms - message.opened_ms, deferred=message.was_deferred)
            case Result.REFUSED:
                log.warning("the CRM refuses a message (%s): it is given up, and kept", outcome.reason)
                self._give_up(message, outcome.reason, untaken=untaken)
            case Result.RETRY if gone:
                log.warning("a case is gone there (%s): a message is given up, and kept", outcome.reason)
                self._give_up(message, outcome.reason, untaken=untaken, gone=True)
            case Result.RETRY if is_given_up(tried_ms, now_ms, self._give_up_hours):
                log.warning("a message fails for too long (%s): it is given up, and kept", outcome.reason)
                self._give_up(message, outcome.reason, untaken=untaken)
            case Result.RETRY if outcome.slower:
                at = now_ms + round((outcome.retry_after or 0.0) * 1000)
                self._ledger.retry(message.message_id, at, outcome.reason, untaken=untaken)
            case Result.RETRY:
                at = next_try_ms(message.attempts + 1, now_ms, self._rng, outcome.retry_after)
                self._ledger.retry(message.message_id, at, outcome.reason, untaken=untaken)

    def _give_up(self, message: Message, reason: str, *, untaken: bool = False, gone: bool = False) -> None:
        self._told.pop(message.message_id, None)
        self._ledger.give_up(message.message_id, reason, self._now_ms(), untaken=untaken, gone=gone)
        self._metrics.deliveries.labels(message.kind, "given_up").inc()


def place_of(error: Exception) -> str:
    """Return what kind of error it is and where it arose; its message may show a customer."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {at.name}:{at.lineno}"
