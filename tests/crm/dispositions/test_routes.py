"""`POST /dispositions` over a real connection on loopback."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from aiohttp import ClientSession, web

from schemas.disposition import Disposition
from streams.crm.delivery.signing import Secrets, SignatureError
from streams.crm.dispositions import routes
from streams.crm.dispositions.routes import DispositionRoute
from streams.runtime.kafka.errors import KafkaUnavailableError

NOW_MS = 1_780_000_000_000
SECRETS = Secrets([b"0123456789abcdef0123456789abcdef"])
BODY = b'{"alert_id":"a-1","status":"closed","action":"c-secret-action","snooze_until":"2026-06-11T12:00Z"}'


@dataclass
class Bridge:
    """What stands around the route: a ledger and a topic that keep what they are told."""

    done: list[tuple[Any, ...]] = field(default_factory=list)
    written: list[Disposition] = field(default_factory=list)
    answered: list[tuple[int, float | None]] = field(default_factory=list)
    trouble: Exception | None = None
    gate: asyncio.Event | None = None
    opened: bool = True

    def disposition_seen(self, webhook_id: str) -> bool:
        """Tell."""
        return any(one[0] == webhook_id for one in self.done)

    def customer_of(self, alert_id: str) -> str | None:
        """Know one alert."""
        return "c-secret-1042" if alert_id == "a-1" else None

    def disposition_done(
        self, webhook_id: str, alert_id: str, *, snooze_until_ms: int | None, now_ms: int
    ) -> float | None:
        """Keep it; the first came after a minute."""
        self.done.append((webhook_id, alert_id, snooze_until_ms, now_ms))
        return 60.0 if len(self.done) == 1 else None

    async def write(self, disposition: Disposition) -> None:
        """Keep it, unless there is trouble."""
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        self.written.append(disposition)


Reply = tuple[int, Any]
Ask = Callable[..., Coroutine[Any, Any, Reply]]


def talked(bridge: Bridge, talk: Callable[[Ask], Awaitable[Any]]) -> Any:
    """Serve, and give what a conversation ends with."""

    def verify(headers: Mapping[str, str], body: bytes) -> str:
        return SECRETS.verify(headers, body, NOW_MS / 1000)

    route = DispositionRoute(
        verify=verify,
        verify_error=SignatureError,
        ledger=lambda: bridge if bridge.opened else None,
        writer=bridge,
        now_ms=lambda: NOW_MS,
        on_answer=lambda status, seconds: bridge.answered.append((status.value, seconds)),
    )

    async def converse() -> Any:
        app = web.Application()
        app.router.add_routes([route.route()])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:

                async def ask(
                    body: Any = BODY, webhook_id: str = "d-1", headers: Mapping[str, str] | None = None
                ) -> Reply:
                    given = signed(webhook_id, body) if headers is None else headers
                    async with session.post("/dispositions", data=body, headers=given) as got:
                        return got.status, json.loads(await got.text())

                return await talk(ask)
        finally:
            await runner.cleanup()

    return asyncio.run(converse())


def signed(webhook_id: str, body: bytes, seconds: int = NOW_MS // 1000) -> dict[str, str]:
    return SECRETS.headers(webhook_id, seconds, body)


def asked(bridge: Bridge, *bodies: bytes, headers: Mapping[str, str] | None = None) -> list[Reply]:
    async def talk(ask: Ask) -> list[Reply]:
        return [await ask(body, headers=headers) for body in bodies or (BODY,)]

    found: list[Reply] = talked(bridge, talk)
    return found


def test_a_disposition_is_on_the_topic_and_in_the_ledger_before_it_is_answered() -> None:
    bridge = Bridge()
    assert asked(bridge) == [(202, {"status": "accepted"})]
    (written,) = bridge.written
    assert (written.event_id, written.customer_id, written.source) == ("d-1", "c-secret-1042", "crm")
    assert bridge.done == [("d-1", "a-1", 1_781_179_200_000, NOW_MS)]
    assert bridge.answered == [(202, 60.0)]


def test_signature_required() -> None:
    bridge = Bridge()
    right = signed("d-1", BODY)
    wrongs: list[dict[str, str]] = [
        {},
        {name: value for name, value in right.items() if name != "webhook-signature"},
        right | {"webhook-signature": "v1,AAAA"},
        right | {"webhook-id": "d-2"},
        signed("d-1", BODY + b" "),
    ]
    for wrong in wrongs:
        ((status, told),) = asked(bridge, headers=wrong)
        assert status == 401
        assert "webhook-" in told["error"]
    assert not bridge.written
    assert not bridge.done


def test_old_timestamps_refused() -> None:
    bridge = Bridge()
    for seconds in (-301, 301):
        ((status, told),) = asked(bridge, headers=signed("d-1", BODY, NOW_MS // 1000 + seconds))
        assert status == 401
        assert "more than 5 minutes" in told["error"]
    assert not bridge.written


def test_replay_of_an_id_does_nothing_twice() -> None:
    bridge = Bridge()
    again = BODY.replace(b"closed", b"contacted")
    assert asked(bridge, BODY, BODY, again) == [
        (202, {"status": "accepted"}),
        (200, {"status": "seen"}),
        (200, {"status": "seen"}),
    ]
    assert len(bridge.written) == len(bridge.done) == 1


def test_replay_while_the_first_is_under_way_does_nothing_twice() -> None:
    bridge = Bridge()

    async def talk(ask: Ask) -> list[Reply]:
        bridge.gate = asyncio.Event()  # the first hangs
        both = {asyncio.create_task(ask()), asyncio.create_task(ask())}
        done, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        bridge.gate.set()
        await asyncio.wait(left)
        return [one.result() for one in (*done, *left)]

    early, late = talked(bridge, talk)
    assert (early[0], late[0]) == (503, 202)
    assert len(bridge.written) == len(bridge.done) == 1


def test_what_is_wrong_is_told() -> None:
    bridge = Bridge()
    replies = asked(
        bridge,
        b"{",
        b'{"alert_id":"a-1","status":"secret"}',
        b'{"alert_id":"a-9","status":"closed"}',
        b" " * 4097,
        b'{"alert_id":"a-1","status":"closed","colour":1}',
    )
    assert [status for status, _ in replies] == [400, 422, 404, 413, 202]
    assert replies[1][1]["error"].startswith("status: not one of")
    assert replies[4][1] == {"status": "accepted", "ignored": ["colour"]}
    assert [status for status, _ in bridge.answered] == [400, 422, 404, 413, 202]


def test_if_kafka_is_away_the_crm_is_to_try_again_and_then_it_passes() -> None:
    bridge = Bridge(trouble=KafkaUnavailableError("away"))
    ((status, told),) = asked(bridge)
    assert (status, told) == (503, {"error": "Kafka does not take it now; send it again"})
    assert not bridge.done
    bridge.trouble = None
    assert asked(bridge)[0][0] == 202


def test_while_the_ledger_is_not_open_the_crm_is_to_try_again() -> None:
    bridge = Bridge(opened=False)
    assert asked(bridge) == [(503, {"error": "the bridge is starting"})]
    assert asked(bridge, headers={})[0][0] == 401


def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "BODY_SECONDS", 0.05)
    bridge = Bridge()

    async def dribble() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    async def talk(ask: Ask) -> Reply:
        return await ask(dribble(), headers={})

    assert talked(bridge, talk)[0] == HTTPStatus.REQUEST_TIMEOUT


def test_no_customer_no_payload_no_secret_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bridge = Bridge()
    asked(bridge, BODY, BODY, b'{"c-secret"', b'{"alert_id":"c-secret","status":"closed"}')
    asked(bridge, headers={"webhook-id": "c-secret"})
    for trouble in (KafkaUnavailableError("away"), ValueError("c-secret-bug")):
        bridge.trouble, bridge.done = trouble, []
        asked(bridge)
    assert bridge.answered[-1] == (500, None)
    assert "a disposition could not be written: away" in caplog.text
    assert "a disposition failed: ValueError at write" in caplog.text
    for secret in ("c-secret", "v1,", "0123456789abcdef"):
        assert secret not in caplog.text
