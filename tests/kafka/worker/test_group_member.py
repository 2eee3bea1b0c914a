"""A worker as a member of its group."""

import asyncio
import time
from pathlib import Path

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState

from streams.core.watermark import Input
from streams.runtime.faust.transport import HEARTBEAT_SECONDS
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.groups import members_of
from streams.runtime.partition.supervisor import PartitionSupervisor
from streams.runtime.ports import Fetched
from streams.runtime.startup.preflight import preflight
from streams.runtime.worker.worker import Worker
from streams.settings import Settings
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import contact, raw, send
from tests.kafka.held import lag
from tests.worlds.worlds import FIRST

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


def test_a_batch_that_is_lost_on_its_way_is_sought_anew_within_a_second_or_so(
    event_clock: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Faust loses them in a rebalance; nothing comes after it that would tell."""
    lost: list[Fetched] = []
    offer = PartitionSupervisor.offer

    def losing(self: PartitionSupervisor, batch: Fetched) -> None:
        if batch.records and not lost:
            lost.append(batch)
        else:
            offer(self, batch)

    async def go() -> float:
        worker = Worker(settings, preflight(settings))
        running = asyncio.create_task(worker.run())
        while not worker.readiness().ready:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
        monkeypatch.setattr(PartitionSupervisor, "offer", losing)
        line = raw(settings, Input.CONTACTS, contact("a", FIRST))
        await asyncio.to_thread(send, settings, [line])
        started = time.monotonic()
        while await asyncio.to_thread(lag, settings):
            assert time.monotonic() - started < 10
        took = time.monotonic() - started
        worker.stop()
        await running
        return took

    settings = event_clock.model_copy(update={"web_port": 0})
    took = asyncio.run(go())
    print(f"{took:.1f} s")
    assert len(lost) == 1
    assert took < 3


def test_nothing_is_committed_where_nothing_comes(event_clock: Settings, tmp_path: Path) -> None:
    with Deployment(event_clock, tmp_path) as deployment:
        worker = deployment.start_ready()
        deployment.when_drained()
        time.sleep(5)
        assert worker.metric("retention_transaction_seconds_count") == 0
        assert worker.metric("retention_stale_batches_total") == 0
