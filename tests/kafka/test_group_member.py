"""A worker as a member of its group."""

import asyncio

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState

from streams.runtime.admin import admin_client
from streams.runtime.groups import members_of
from streams.runtime.preflight import preflight
from streams.runtime.transport import HEARTBEAT_SECONDS
from streams.runtime.worker import Worker
from streams.settings import Settings

pytestmark = pytest.mark.kafka


def test_a_worker_that_fetches_nothing_for_days_stays(
    event_clock: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one in reserve does, or one whose partitions are all stopped."""
    asked = []

    def idle_time(_: SubscriptionState) -> float:
        asked.append(0)
        return 7 * 86_400.0

    async def go() -> None:
        worker = Worker(settings, preflight(settings))
        running = asyncio.create_task(worker.run())
        while not worker.readiness().ready:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
        monkeypatch.setattr(SubscriptionState, "fetcher_idle_time", property(idle_time))
        await asyncio.sleep(3 * HEARTBEAT_SECONDS)
        with admin_client(settings) as admin:
            assert members_of(admin, settings.application_id) == 1
        worker.stop()
        await running

    settings = event_clock.model_copy(update={"web_port": 0})
    asyncio.run(go())
    assert asked
