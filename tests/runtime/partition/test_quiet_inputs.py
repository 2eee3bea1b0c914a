"""Inputs that bring nothing on the live clock: contacts may for as long as they like, purchases may not.

Simulated time, looked at every second; an answer of the broker takes up to two and a half.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import pytest

from streams.core.customer.state import PARTITION_KEY, decode_state
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.watermark import FACTS, NEVER, Input
from streams.runtime.worker.worker import _quiet_ms
from streams.settings import Settings
from tests.runtime.history import NOW
from tests.runtime.inputs import STALE_MS, Arrivals, Scene, scene, true_ms
from tests.runtime.lines import contact, purchase, tick, transaction
from tests.runtime.virtual_time import run

TX, CT = FACTS
SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
LATENESS_MS: Final = Ruleset().lateness_ms
TURN_SECONDS: Final = 1.0
BEHIND_MS: Final = 10 * SECOND_MS
"""Time follows the clock at least as closely, beside the lateness."""


@pytest.fixture(autouse=True)
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.partition.work_loop._TIME_STEP_SECONDS", TURN_SECONDS)


def look(
    written: Mapping[Input, Arrivals], *minutes: float, quiet_contacts_ms: int | None = None
) -> list[tuple[int, bool, bool]]:
    """Return at some minutes how far time is behind the clock (ms), and whether each feed is stalled."""

    async def live() -> list[tuple[int, bool, bool]]:
        seen = []
        async with scene(
            written, live=True, turn_seconds=TURN_SECONDS, quiet_contacts_ms=quiet_contacts_ms
        ) as here:
            for minute in minutes:
                await asyncio.sleep(minute * 60 - asyncio.get_running_loop().time())
                seen.append(_seen(here))
        return seen

    return run(live())


def _seen(here: Scene) -> tuple[int, bool, bool]:
    stalled = here.worker.metrics.shown[0].stalled
    watermark = here.partition.watermark
    behind = NEVER if watermark == NEVER else true_ms() - watermark
    return behind, stalled[TX], stalled[CT]


def follows(behind_ms: int) -> bool:
    return LATENESS_MS <= behind_ms < LATENESS_MS + BEHIND_MS


def bought(*times: int) -> Arrivals:
    """Return purchases of these times; those of before the beginning are there from then on."""
    return [((time - NOW) / 1000, purchase("a", time)) for time in times]


def test_time_goes_on_though_no_contact_was_ever_heard_of() -> None:
    for behind, tx_stalled, ct_stalled in look({TX: bought(NOW - HOUR_MS)}, 1, 10, 60):
        assert follows(behind)
        assert (tx_stalled, ct_stalled) == (False, False)


def test_contacts_may_be_quiet_for_ever() -> None:
    """A call centre that closed a year ago."""
    old = [(-1.0, contact("a", NOW - 365 * 24 * HOUR_MS))]
    [(behind, *stalled)] = look({TX: bought(NOW - HOUR_MS), CT: old}, 60)
    assert follows(behind)
    assert stalled == [False, False]


def test_time_stands_still_while_no_purchase_was_ever_heard_of() -> None:
    """Nobody knows whether that feed works; contacts alone say nothing about silence."""
    called = [(60.0 * at, contact("a", NOW + at * MINUTE_MS)) for at in range(60)]
    assert look({CT: called}, 1, 59) == [(NEVER, True, False)] * 2


def test_the_first_purchase_sets_time_going() -> None:
    seen = look({TX: bought(NOW + 30 * MINUTE_MS)}, 29, 31)
    assert seen[0] == (NEVER, True, False)
    assert follows(seen[1][0])
    assert seen[1][1:] == (False, False)


def test_so_does_a_tick() -> None:
    ticked = [(30 * 60.0, tick(NOW + 30 * MINUTE_MS))]
    seen = look({TX: ticked}, 29, 31)
    assert seen[0] == (NEVER, True, False)
    assert follows(seen[1][0])


def test_purchases_that_are_quiet_for_too_long_stop_time() -> None:
    """From 36 h after the last of them; a minute before it goes on, and a minute later it stands."""
    last = NOW + 10 * MINUTE_MS - STALE_MS
    seen = look({TX: bought(last)}, 9, 11, 20)
    assert follows(seen[0][0])
    assert [one[1] for one in seen] == [False, True, True]
    assert follows(seen[1][0] - MINUTE_MS)
    assert follows(seen[2][0] - 10 * MINUTE_MS)


@pytest.mark.parametrize("kind", ["refund", "subscription_charge", "purchase"])
def test_only_purchases_keep_their_feed_alive(kind: str) -> None:
    """Another system's refunds go on once a minute; ten minutes after the beginning the shops are stale."""
    last = NOW + 10 * MINUTE_MS - STALE_MS
    others = [(60.0 * at, transaction("b", NOW + at * MINUTE_MS, kind)) for at in range(20)]
    seen = look({TX: [*bought(last), *others]}, 9, 11)
    assert [one[1] for one in seen] == [False, kind != "purchase"]


def test_where_nobody_ever_bought_whatever_comes_keeps_the_feed_alive() -> None:
    """Subscriptions alone: there is a charge now and then, and never a purchase."""
    charged = [(0.0, transaction("b", NOW - HOUR_MS, "subscription_charge"))]
    [(behind, *stalled)] = look({TX: charged}, 10)
    assert follows(behind)
    assert stalled == [False, False]


def test_when_purchases_died_survives_another_owner() -> None:
    """A worker that takes over is told by the state; of older state it knows only what was newest."""
    last = NOW + 10 * MINUTE_MS - STALE_MS
    written = {TX: [*bought(last), (1.0, transaction("b", NOW, "refund"))]}

    async def live() -> Partition:
        async with scene(written, live=True, turn_seconds=TURN_SECONDS) as here:
            await asyncio.sleep(60)
            return here.partition

    state = {key: value for key, value in run(live()).drain_dirty() if value is not None}
    again, from_older = Partition(Ruleset()), Partition(Ruleset())
    again.restore(state)
    assert (again.alive_at(TX), again.newest_of(TX)) == (last, NOW)
    older = decode_state(state[PARTITION_KEY])
    older.alive = {}
    from_older.restore({PARTITION_KEY: older.encode()})
    assert from_older.alive_at(TX) == from_older.newest_of(TX) == NOW


def test_contacts_wait_for_purchases_that_are_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still: so contacts of ten days that come then are on time, and none of them is refused."""
    turn_seconds = 600.0
    monkeypatch.setattr("streams.runtime.partition.work_loop._TIME_STEP_SECONDS", turn_seconds)
    stale = NOW - STALE_MS - MINUTE_MS
    backlog = [(10 * 86_400.0, contact("a", NOW + at * HOUR_MS)) for at in range(240)]
    written = {TX: bought(stale), CT: [(-1.0, contact("a", stale)), *backlog]}

    async def live() -> Scene:
        async with scene(written, live=True, turn_seconds=turn_seconds) as here:
            await asyncio.sleep(11 * 86_400)
            assert here.worker.metrics.shown[0].stalled == {TX: True, CT: False}
            assert here.partition.newest_of(CT) == NOW + 239 * HOUR_MS
        return here

    assert run(live()).broker.dead_letters == {}


@pytest.mark.parametrize("heard", [True, False])
def test_contacts_stop_time_too_where_they_may_not_be_quiet(heard: bool) -> None:
    """With a limit of an hour: ten minutes after the beginning the last contact is as old."""
    called = [(-1.0, contact("a", NOW - 50 * MINUTE_MS))] if heard else []
    written = {TX: bought(NOW - HOUR_MS), CT: called}
    seen = look(written, 9, 11, 20, quiet_contacts_ms=HOUR_MS)
    assert [one[1:] for one in seen] == [(False, not heard), (False, True), (False, True)]
    if heard:
        assert follows(seen[0][0])
        assert follows(seen[1][0] - MINUTE_MS)
        assert follows(seen[2][0] - 10 * MINUTE_MS)
    else:
        assert {one[0] for one in seen} == {NEVER}


@pytest.mark.parametrize(
    ("contacts", "wanted"),
    [(None, {TX: 36 * HOUR_MS}), (0.5, {TX: 36 * HOUR_MS, CT: HOUR_MS // 2})],
)
def test_what_the_settings_say(contacts: float | None, wanted: dict[Input, int]) -> None:
    assert _quiet_ms(Settings(quiet_contacts_hours=contacts)) == wanted
