"""A supervisor whose partition goes and comes back, also while it is still at the last change."""

import asyncio
from collections.abc import Mapping

import pytest

from streams.core.time import DAY_MS
from streams.core.watermark import Input
from streams.runtime.partition.supervisor import PAUSE_SECONDS
from streams.runtime.ports import LogError
from tests.runtime.fake_feed import FakeFeed
from tests.runtime.fake_log import FakeLog
from tests.runtime.history import NOW
from tests.runtime.inputs import scene
from tests.runtime.lines import purchase
from tests.runtime.virtual_time import run

TX = Input.TRANSACTIONS
FIRST = NOW - 100 * DAY_MS
TRICKLE = [(one * 0.02, purchase("a", FIRST + one)) for one in range(500)]


@pytest.mark.parametrize("steps", range(12))
def test_what_comes_back_and_goes_at_once_works_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """However far it has come by then; the first time the group can't tell its positions."""
    committed = FakeFeed.committed

    async def unknown(_: FakeFeed, partition: int) -> Mapping[Input, int | None]:
        raise LogError(f"the coordinator of {partition} is away")

    async def go() -> None:
        async with scene({TX: TRICKLE}) as here:
            await asyncio.sleep(2)
            await here.supervisor.revoke()
            monkeypatch.setattr(FakeFeed, "committed", unknown)
            here.supervisor.assign()
            for _ in range(steps):
                await asyncio.sleep(0)
            await here.supervisor.revoke()
            monkeypatch.setattr(FakeFeed, "committed", committed)
            here.supervisor.assign()
            await here.until_read(30)

    run(go())


def test_a_pause_does_not_wait_for_a_log_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: FakeLog) -> None:
        await asyncio.sleep(0.01)
        raise LogError("the broker is away")

    async def go() -> None:
        async with scene({TX: TRICKLE}) as here:
            await asyncio.sleep(2)
            here.broker.faults.clear()
            monkeypatch.setattr(FakeLog, "commit", lambda log, _: away(log))
            monkeypatch.setattr(FakeLog, "fence", away)
            started = asyncio.get_running_loop().time()
            await here.supervisor.revoke()
            assert asyncio.get_running_loop().time() - started < PAUSE_SECONDS / 2
            monkeypatch.undo()
            here.supervisor.assign()
            await here.until_read(30)

    run(go())
