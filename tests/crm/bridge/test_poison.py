"""One alert that cannot be made, or a disk that is full: what it costs the others."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from schemas.alert import Alert
from streams.crm.bridge.channel import Channel, Channels
from streams.crm.bridge.now import Now
from streams.crm.bridge.sender import Sender
from streams.crm.delivery.circuit import Circuit
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.pace import Pace
from streams.crm.ledger.errors import LedgerError
from streams.crm.payload.template import Template
from streams.crm.wire import Outcome, Rendered, Result
from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from tests.crm.ledger.records import NOON, Desk, alert, id_of

RETRY = Outcome(Result.RETRY, "status_409", 0.0, 0.0)
DELIVERED = Outcome(Result.DELIVERED, "ok", 0.0)


class Crm:
    """Answers all that comes alike."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome, self.sent = outcome, list[str]()

    async def send(self, message_id: str, _rendered: Rendered, _now_s: float) -> Outcome:
        """Answer."""
        self.sent.append(message_id)
        return self.outcome


class Nobody:
    """No worker."""

    async def of(self, _customer_id: str) -> LookupAnswer | None:
        """Return nothing."""
        return None


def opened(path: Path, *alerts: Alert) -> Desk:
    """Return a ledger in which these alerts are admitted."""
    desk = Desk(path / "ledger")
    desk.ledger.caught_up(NOON)
    desk.read(*alerts)
    desk.ledger.admit(NOON)
    return desk


def run(desk: Desk, crm: Crm, ended: Callable[[], bool], now_ms: Callable[[], int] = lambda: NOON) -> None:
    """Send until something holds."""
    channel = Channel(
        cast(Courier, crm), Template.load("generic"), Circuit(time.monotonic), Pace(10_000, time.monotonic)
    )
    sender = Sender(
        desk.ledger,
        Channels(channel, None),
        cast(Now, Nobody()),
        BridgeMetrics(),
        concurrency=4,
        give_up_hours=1,
        now_ms=now_ms,
    )

    async def go() -> None:
        stopping = asyncio.Event()
        task = asyncio.create_task(sender.run(stopping))
        async with asyncio.timeout(20):
            while not ended() and not task.done():  # noqa: ASYNC110 - nobody tells when
                await asyncio.sleep(0.005)
        stopping.set()
        await task

    asyncio.run(go())


def test_an_alert_that_no_case_can_be_made_of_is_given_up_and_the_others_go(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = alert("a", customer="c-secret", deadline="2026-02-31T00:00:00.000Z")  # there is no such day
    desk, crm = opened(tmp_path, odd, alert("b")), Crm(DELIVERED)
    run(desk, crm, lambda: desk.ledger.figures().queued == 0)
    assert crm.sent == [f"{id_of('b')}/1"]
    [lost] = desk.ledger.given_up()
    assert (lost.alert_id, lost.reason) == (id_of("a"), "bug")
    assert "ValueError at " in caplog.text
    assert "secret" not in caplog.text
    desk.ledger.close()


def test_nothing_is_sent_again_that_cannot_be_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a chat would get the same message at each start of a bridge whose disk is full."""
    desk, crm, at = opened(tmp_path, alert("a")), Crm(RETRY), [NOON]
    run(desk, crm, lambda: len(crm.sent) == 1, lambda: at[0])
    at[0] += 600_000

    def full(*_: Any) -> None:
        raise LedgerError("the ledger failed: database or disk is full")

    monkeypatch.setattr(desk.ledger, "store_body", full)
    with pytest.raises(LedgerError):
        run(desk, crm, lambda: len(crm.sent) == 2, lambda: at[0])
    assert len(crm.sent) == 1
    desk.ledger.close()
