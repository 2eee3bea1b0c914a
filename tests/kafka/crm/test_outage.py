"""A bridge whose Kafka goes away: it says so, goes on living, and ends when it is asked to."""

import signal
import time
from pathlib import Path

import pytest

from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.broker import FragileBroker
from tests.kafka.commands import until
from tests.kafka.conftest import settings_for
from tests.kafka.crm.processes import Crm

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

WATCHDOG = 5
SILENT = "retention_bridge_last_answer_seconds"


def test_it_says_that_kafka_is_away_and_ends_in_time(own_broker: FragileBroker, tmp_path: Path) -> None:
    settings = settings_for(own_broker).model_copy(update={"watchdog_seconds": WATCHDOG})
    with admin_client(settings) as admin:
        create(admin, plan(settings))
    crm = Crm(settings, tmp_path)
    bridge = crm.bridge()
    try:
        until(lambda: bridge.ready)
        assert bridge.metric(SILENT) < WATCHDOG + 10  # it is asked every ten seconds
        own_broker.kill()
        killed = time.monotonic()
        until(lambda: "Kafka does not answer" in bridge.get("/ready")[1])
        until_then = time.monotonic() + WATCHDOG + 1
        while time.monotonic() < until_then:
            assert bridge.get("/live")[0] == 200
            time.sleep(0.3)
        assert bridge.metric(SILENT) > time.monotonic() - killed - 1
        began = time.monotonic()
        bridge.signal(signal.SIGTERM)
        assert bridge.wait(30) == 0
        assert time.monotonic() - began < 6
    finally:
        bridge.kill()
        crm.sandbox.kill()
