"""A sender over a real ledger: the clock, the workers and the CRM are the test's."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

from streams.crm.bridge.channel import Channel, Channels
from streams.crm.bridge.now import Now
from streams.crm.bridge.sender import Sender
from streams.crm.delivery.circuit import Circuit
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.pace import Pace
from streams.crm.payload.template import Template
from streams.crm.wire import Outcome, Rendered, Result
from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from tests.crm.ledger.records import NOON, Desk

OK: Final = Outcome(Result.DELIVERED, "ok", 0.01)
REFUSED: Final = Outcome(Result.REFUSED, "status_422", 0.01)
DOWN: Final = Outcome(Result.RETRY, "status_503", 0.01, endpoint=True)
LOCKED: Final = Outcome(Result.RETRY, "status_409", 0.01)
"""A fault of this message alone."""
GONE: Final = Outcome(Result.RETRY, "status_404", 0.01, gone=True)
LOST: Final = Outcome(Result.RETRY, "timeout", 0.01, endpoint=True, unclear=True)
HANGS: Final = None
"""No answer until the test ends the request."""
PATIENCE_SECONDS: Final = 20.0
GENERIC: Final = Template.load("generic")


def slower(seconds: float) -> Outcome:
    """Return the answer of a CRM that asks for fewer requests."""
    return Outcome(Result.RETRY, "status_429", 0.01, seconds, slower=True)


class Clock:
    """The wall clock, and what never goes back, as one."""

    def __init__(self) -> None:
        self.ms = NOON

    def now_ms(self) -> int:
        """Return ms since 1970."""
        return self.ms

    def seconds(self) -> float:
        """Return seconds."""
        return self.ms / 1000

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.ms += round(seconds * 1000)


@dataclass(frozen=True)
class Sent:
    """A request as it went."""

    message_id: str
    rendered: Rendered
    at_ms: int


class FakeCourier:
    """Keeps what is sent, and answers as it was told to, by message or else for all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent: list[Sent] = []
        self.under_way = self.most_under_way = 0
        self.answers: dict[str, list[Outcome | None]] = defaultdict(list)
        self.usual: Outcome | None = OK

    async def send(self, message_id: str, rendered: Rendered, now_s: float) -> Outcome:
        """Answer, or hang."""
        assert now_s == self._clock.seconds()
        self.sent.append(Sent(message_id, rendered, self._clock.ms))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
            told = self.answers[message_id]
            answer = told.pop(0) if told else self.usual
            if answer is None:
                await asyncio.Event().wait()
            return cast(Outcome, answer)
        finally:
            self.under_way -= 1

    @property
    def ids(self) -> list[str]:
        """Return what was sent, in order."""
        return [one.message_id for one in self.sent]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return


class FakeNow:
    """What the workers tell."""

    def __init__(self) -> None:
        self.answer: LookupAnswer | None = None

    async def of(self, customer_id: str) -> LookupAnswer | None:
        """Return the answer for a customer."""
        assert customer_id
        return self.answer


class Bench:
    """A ledger with a bridge's sender, a CRM, and if not left out a way of its own for the canary."""

    def __init__(self, path: Path, template: Template = GENERIC, *, canary_apart: bool = True) -> None:
        self.clock = Clock()
        self.desk = Desk(path)
        self.desk.ledger.caught_up(self.clock.ms)
        self.now, self.metrics = FakeNow(), BridgeMetrics()
        self.crm, self.canary = FakeCourier(self.clock), FakeCourier(self.clock)
        apart = self._channel(self.canary, GENERIC) if canary_apart else None
        self.channels = Channels(self._channel(self.crm, template), apart)

    def _channel(self, courier: FakeCourier, template: Template) -> Channel:
        clock = self.clock.seconds
        return Channel(cast(Courier, courier), template, Circuit(clock), Pace(1000, clock))

    def sender(self, *, concurrency: int = 4, give_up_hours: float = 72.0) -> Sender:
        """Return a sender, as a bridge that starts makes it."""
        return Sender(
            self.desk.ledger,
            self.channels,
            cast(Now, self.now),
            self.metrics,
            concurrency=concurrency,
            give_up_hours=give_up_hours,
            now_ms=self.clock.now_ms,
        )

    def admit(self, *alerts: Any) -> None:
        """Read alerts, and admit them."""
        self.desk.read(*alerts, at=self.clock.ms)
        self.desk.ledger.admit(self.clock.ms)

    def count(self, name: str, **labels: str) -> float:
        """Return a metric; 0 before there is one."""
        return self.metrics.registry.get_sample_value(f"retention_bridge_{name}", labels) or 0.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes at once, or the test fails."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.001)


async def for_a_while() -> None:
    """Let happen what would happen."""
    for _ in range(20):
        await asyncio.sleep(0.002)
