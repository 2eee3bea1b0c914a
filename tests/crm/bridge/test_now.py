"""How things stand now is asked of the workers, who are left alone for a while when none answers."""

import asyncio
from types import SimpleNamespace

import pytest

from streams.crm.bridge import now as module
from streams.crm.bridge.now import Now
from streams.crm.payload.examples import lookup
from streams.runtime.http.lookup import LookupAnswer
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from streams.runtime.tools.lookup_client import BadIdError, NoAnswerError, WrongTokenError
from streams.settings import Settings


@pytest.mark.parametrize(
    "error", [NoAnswerError("a:1: refused\nb:1: not ready"), WrongTokenError("a:1: wrong"), BadIdError("bad")]
)
def test_when_no_worker_answers_none_is_asked_for_a_while(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seconds, asked = [100.0], []
    answers: list[Exception | LookupAnswer | None] = [error, lookup(), None]

    def look_up(_addresses: object, _token: object, customer_id: str, **_: object) -> LookupAnswer | None:
        asked.append(customer_id)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(module, "look_up", look_up)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    metrics = BridgeMetrics()
    one = Now(Settings(), metrics)

    async def of(at: float) -> LookupAnswer | None:
        seconds[0] = at
        return await one.of("c-secret")

    assert asyncio.run(of(100.0)) is None
    assert asyncio.run(of(100.0 + module._REST_SECONDS - 0.1)) is None
    assert len(asked) == 1
    assert asyncio.run(of(100.0 + module._REST_SECONDS)) == lookup()
    assert asyncio.run(of(116.0)) is None
    counted = [
        metrics.registry.get_sample_value("retention_bridge_lookups_total", {"result": result})
        for result in ("failed", "answered", "unknown")
    ]
    assert counted == [1, 1, 1]
    [warning] = caplog.messages
    assert "c-secret" not in warning
    assert "\n" not in warning
