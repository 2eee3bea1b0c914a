"""The canary on a real Kafka with the live clock: a worker and a bridge between its two ends."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.core.watermark import Input
from streams.crm.commands.canary import canary
from streams.crm_settings import crm_variable
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings
from tests.kafka.commands import environment, until
from tests.kafka.crm.processes import SECRET, Bridge, Canary
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, contact, purchase, raw, send
from tests.kafka.held import alerts
from tests.kafka.worker.test_worker import DAY, HOUR, now_ms

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TURN_SECONDS = 18
OTHERS = 30


@pytest.fixture
def one_partition(settings: Settings) -> Settings:
    """Give settings for topics of one partition, made."""
    one = settings.model_copy(update={"partitions": 1})
    with admin_client(one) as admin:
        create(admin, plan(one))
    return one


def bought(settings: Settings) -> Iterator[Raw]:
    """Yield what others bought in sixteen weeks, and the canary, in order of time; and a harmless contact."""
    told = CliRunner().invoke(canary, ["history"], env=environment(settings))
    assert told.exit_code == 0, told.output
    synthetic = [raw(settings, Input.TRANSACTIONS, line.encode()) for line in told.stdout.splitlines()]
    now = now_ms()
    others = [
        raw(settings, Input.TRANSACTIONS, purchase(f"c-{at}", now - day * DAY - HOUR + at))
        for day in range(112)
        for at in range(OTHERS)
    ]
    yield from sorted([*synthetic, *others], key=lambda one: json.loads(one.value or b"")["time"])
    yield raw(settings, Input.CONTACTS, contact("c-1", now - HOUR, resolution="resolved"))


def test_a_round_is_done_and_none_without_a_bridge(one_partition: Settings, tmp_path: Path) -> None:
    """Its case closes; without a bridge its age grows; with the next one the same alert goes round again."""
    settings = one_partition
    send(settings, bought(settings))
    bridge_port, canary_port = free_port(), free_port()
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    told: dict[str, Any] = {
        "secret_file": secret,
        "url": f"http://127.0.0.1:{canary_port}/no-crm",
        "canary_url": f"http://127.0.0.1:{canary_port}/canary",
        "bridge_url": f"http://127.0.0.1:{bridge_port}",
        "canary_hours": TURN_SECONDS / 3600,
        "budget_watches": 0,
        "quiet_days": 100,
        "ledger": tmp_path / "bridge.ledger",
    }
    environment = {crm_variable(name): str(value) for name, value in told.items()}
    with Deployment(settings, tmp_path) as deployment, ExitStack() as stack:

        def started(kind: type[Bridge | Canary], name: str, port: int) -> Bridge | Canary:
            one = kind(settings, tmp_path / name, told=environment, web_port=port)
            stack.callback(one.kill)
            return one

        began = time.monotonic()
        deployment.start()
        bridge = started(Bridge, "bridge.log", bridge_port)
        one = started(Canary, "canary.log", canary_port)

        def done() -> float:
            return one.metric("retention_canary_rounds_total", partition="0")

        def age() -> float:
            return one.metric("retention_canary_age_seconds", partition="0")

        def until_done(rounds: int) -> float:
            """Wait for a round, and return the greatest age before."""
            ages: list[float] = []

            def is_done() -> bool:
                ages.append(age())
                return done() == rounds

            until(is_done)
            return max(ages)

        waited = until_done(1)
        at = age()
        assert at < waited
        assert one.metric("retention_canary_alert_seconds_count") >= 1
        assert one.metric("retention_canary_close_seconds_count") == 1
        assert bridge.metric("retention_bridge_first_action_seconds_count") == 0
        print(f"a round {time.monotonic() - began:.0f} s after the processes began")
        bridge.kill()
        until(lambda: len(alerts(settings)) > 2)
        assert done() == 1
        assert age() > at
        print(f"another case {time.monotonic() - began:.0f} s")
        again = started(Bridge, "bridge-2.log", bridge_port)
        waited = until_done(2)
        assert age() < waited
        found = alerts(settings)
        log = one.log + bridge.log + again.log
    assert len({one.alert_id for one in found}) == 1
    assert [(one.revision, one.state, one.level, one.resolution) for one in found[:4]] == [
        (1, "raised", "watch", None),
        (2, "resolved", "watch", "closed"),
        (3, "raised", "watch", None),
        (4, "resolved", "watch", "closed"),
    ]
    assert "retention-canary-" not in log
