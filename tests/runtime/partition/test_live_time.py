"""The live clock: silence becomes an alert, and time never runs past what was fetched, whatever clocks say.

A dataset lives for a week after a backlog of half a year; time is simulated, and looked at every half minute.
"""

import asyncio
from collections.abc import Callable, Iterable
from random import Random
from typing import Final

import pytest

from schemas.alert import Alert
from schemas.events import Erasure, Refusal
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.ports import Clock, RawRecord
from tests.live.clocks import SetWrong
from tests.runtime.history import NOW
from tests.runtime.inputs import STALE_MS, Arrivals, RightClock, Scene, scene, true_ms
from tests.runtime.lines import contact, key_of, purchase
from tests.runtime.virtual_time import run

pytestmark = pytest.mark.slow

TX, CT = FACTS
RULES: Final = Ruleset(population_minimum=3, high_value_quantile=0.1, guard_minimum=1_000)
LATENESS_MS: Final = RULES.lateness_ms
DAYS: Final = 7
DAY_SECONDS: Final = 86_400.0
TURN_SECONDS: Final = 30.0
BEHIND_MS: Final = 10 * round(TURN_SECONDS * 1000)
"""Time follows the clock at least as closely: a fetch that brings a record, and another that brings none."""

Dataset = dict[Input, Arrivals]


@pytest.fixture(autouse=True)
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let supervisors look less often, so that a week is soon over."""
    monkeypatch.setattr("streams.runtime.partition.work_loop._TIME_STEP_SECONDS", TURN_SECONDS)


def dataset(*, shops_close_after_days: float = DAYS) -> Dataset:
    """Return what is written, 1 to 3 s after it happened: twelve customers buy four times a day or so.

    On day 1 three of them call twice, are left alone with their problem, and buy no more.
    """
    rng = Random(3)
    bought: list[tuple[float, bytes]] = []
    for customer in range(12):
        time = NOW - 180 * DAY_MS
        last = NOW + (DAY_MS if customer < 3 else round(shops_close_after_days * DAY_MS))
        while (time := time + rng.randrange(DAY_MS // 2)) < last:
            bought.append((_arrival(time, rng), purchase(f"c{customer}", time)))
    troubles = [(f"c{at % 3}", NOW + DAY_MS + at * HOUR_MS) for at in range(6)]
    called = [(_arrival(time, rng), contact(customer_id, time)) for customer_id, time in troubles]
    strangers = range(NOW - DAY_MS, NOW + DAYS * DAY_MS, HOUR_MS)
    called += [(_arrival(time, rng), contact("stranger", time)) for time in strangers]
    return {TX: sorted(bought), CT: sorted(called)}


def _arrival(time: int, rng: Random) -> float:
    """Return when it is written, in seconds; what lies before the beginning is there from then on."""
    return (time - NOW) / 1000 + rng.uniform(1, 3)


def undisturbed(written: Dataset, until: int) -> list[tuple[object, ...]]:
    """Return the alerts of the fold over all of it, up to a time (ms)."""
    partition, decode = Partition(RULES), RecordDecoder("USD", 0, 1)
    for source, lines in written.items():
        found = [decode(source, RawRecord(0, NOW, key_of(line), line), partition.knows) for _, line in lines]
        events: list[Record] = [one for one in found if not isinstance(one, Refusal | Erasure)]
        partition.apply(source, events)
    return facts(partition.advance(dict.fromkeys(FACTS, until)))


def facts(alerts: Iterable[Alert]) -> list[tuple[object, ...]]:
    return sorted((one.time, one.customer_id, one.revision, one.state, one.level) for one in alerts)


def set_wrong(ahead_ms: Callable[[float], int]) -> SetWrong:
    return SetWrong(ahead_ms, widest_ms=4 * round(TURN_SECONDS * 1000))


async def watch(here: Scene, days: float) -> None:
    """Let days pass, and look all the time that no clock is beyond what was told."""
    await asyncio.sleep(TURN_SECONDS)
    now = asyncio.get_running_loop().time
    until = now() + days * DAY_SECONDS
    told = {source: here.partition.clock(source) + LATENESS_MS for source in FACTS}
    while now() < until:
        await asyncio.sleep(TURN_SECONDS)
        for source in FACTS:
            asked = here.around.clock.utc_ms(here.worker.feed.high_watermark(0, source).asked_ms)
            told[source] = max(told[source], asked, here.partition.newest_of(source))
            assert here.partition.clock(source) <= told[source] - LATENESS_MS


def week(clock: Callable[[], Clock] = RightClock, written: Dataset | None = None) -> Scene:
    """Live through a week, and return what is left of it."""

    async def live() -> Scene:
        async with scene(
            written or dataset(), rules=RULES, clock=clock(), live=True, turn_seconds=TURN_SECONDS
        ) as here:
            await watch(here, DAYS)
        return here

    return run(live())


def test_silence_becomes_an_alert_though_nothing_more_is_heard() -> None:
    """The same alerts, at the same time, as when all is known; and they are written then, not later."""

    async def live() -> Scene:
        async with scene(dataset(), rules=RULES, live=True, turn_seconds=TURN_SECONDS) as here:
            await watch(here, 0.1)
            for _ in range(DAYS * 24 - 3):
                await watch(here, 1 / 24)
                assert true_ms() - LATENESS_MS - BEHIND_MS < here.partition.watermark < true_ms()
        return here

    here = run(live())
    wanted = undisturbed(dataset(), NOW + DAYS * DAY_MS - HOUR_MS)
    assert {one[-1] for one in wanted} == {"watch", "alert"}
    assert facts(here.broker.alerts) == wanted
    told = here.worker.metrics.latencies
    assert len(told) == len(wanted)
    assert LATENESS_MS <= min(told) * 1000 <= max(told) * 1000 < LATENESS_MS + BEHIND_MS


@pytest.mark.parametrize("hours", [1, -1])
def test_a_wall_clock_that_is_wrong_by_an_hour_from_the_start(hours: int) -> None:
    """It is one clock against the broker's: only records move time, and nothing is refused for it."""
    here = week(lambda: set_wrong(lambda _: hours * HOUR_MS))
    assert here.worker.metrics.counts["time stopped"] > 0
    assert here.broker.dead_letters == {}
    assert facts(here.broker.alerts) == undisturbed(dataset(), NOW + DAYS * DAY_MS - HOUR_MS)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_wall_clock_that_was_wrong_from_the_start_and_is_put_right(hours: int) -> None:
    """Two clocks agree from then on: time goes on within a minute of the next record."""
    here = week(lambda: set_wrong(lambda passed: hours * HOUR_MS if passed < 3 * DAY_SECONDS else 0))
    assert 0 < here.worker.metrics.counts["time stopped"] < 3.01 * DAY_SECONDS / TURN_SECONDS
    assert here.broker.dead_letters == {}
    assert facts(here.broker.alerts) == undisturbed(dataset(), NOW + DAYS * DAY_MS - HOUR_MS)


def test_a_wall_clock_set_a_day_ahead_and_back() -> None:
    """The broker and the steady clock know better: time goes on, no alert is different."""
    ahead_from, ahead_to = 2 * DAY_SECONDS, 3 * DAY_SECONDS
    here = week(lambda: set_wrong(lambda passed: DAY_MS if ahead_from < passed < ahead_to else 0))
    assert here.worker.metrics.counts["time stopped"] == 0
    assert here.broker.dead_letters == {}
    assert facts(here.broker.alerts) == undisturbed(dataset(), NOW + DAYS * DAY_MS - HOUR_MS)


def test_a_wall_clock_set_back_an_hour_for_good() -> None:
    here = week(lambda: set_wrong(lambda passed: -HOUR_MS if passed > 5 * DAY_SECONDS else 0))
    assert here.worker.metrics.counts["time stopped"] == 0
    assert here.broker.dead_letters == {}
    assert facts(here.broker.alerts) == undisturbed(dataset(), NOW + DAYS * DAY_MS - HOUR_MS)


def test_while_the_broker_is_away_time_stands_still() -> None:
    async def live() -> Scene:
        async with scene(dataset(), rules=RULES, live=True, turn_seconds=TURN_SECONDS) as here:
            await watch(here, 4)
            here.worker.feed.down = True
            await watch(here, 0.01)
            stands_at = here.partition.watermark
            await watch(here, 1)
            assert here.partition.watermark == stands_at
            here.worker.feed.down = False
            await watch(here, DAYS - 5.01)
        return here

    here = run(live())
    assert facts(here.broker.alerts) == undisturbed(dataset(), NOW + DAYS * DAY_MS - HOUR_MS)


def test_a_feed_that_has_gone_silent_stands_still_and_says_so() -> None:
    """Shops close for good on day 3: 36 h after their last purchase silence is the feed's, nobody else's."""
    written = dataset(shops_close_after_days=3)

    async def live() -> Scene:
        async with scene(written, rules=RULES, live=True, turn_seconds=TURN_SECONDS) as here:
            await watch(here, 4)
            assert here.worker.metrics.shown[0].stalled == {TX: False, CT: False}
            await watch(here, 2)
            assert here.worker.metrics.shown[0].stalled == {TX: True, CT: False}
            ended = here.partition.newest_of(TX) + STALE_MS - LATENESS_MS
            assert ended - BEHIND_MS < here.partition.watermark <= ended
        return here

    here = run(live())
    assert facts(here.broker.alerts) == undisturbed(written, here_until(written))


def here_until(written: Dataset) -> int:
    """Return the time (ms) at which a feed that ended so is stale."""
    seconds, _ = written[TX][-1]
    return NOW + round(seconds * 1000) + STALE_MS - LATENESS_MS
