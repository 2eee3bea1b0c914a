"""A supervisor among inputs that come apart from one another, in simulated time."""

import asyncio

import pytest
from typing_extensions import override

from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from streams.runtime.partition.processor import SIDE_INPUTS
from streams.runtime.partition.supervisor import PAUSE_SECONDS, GaveUpError, PartitionSupervisor, Phase
from streams.runtime.partition.work_loop import MOST_QUEUED
from streams.runtime.ports import Fetched
from tests.runtime.fake_log import COMMITTED, IN_TRANSACTION, POINTS
from tests.runtime.group import FakeWorker
from tests.runtime.history import NOW
from tests.runtime.inputs import Arrivals, RightClock, scene, true_ms
from tests.runtime.lines import contact, disposition, profile, purchase, tick
from tests.runtime.virtual_time import run

TX, CT, CUSTOMERS = Input.TRANSACTIONS, Input.CONTACTS, Input.CUSTOMERS
FIRST = NOW - 100 * DAY_MS
STOPPED = (
    "1,000 records in a row were refused; when that is put right: `retention-signals redrive --execute`, or "
    "`retention-signals worker --resume-partition "
)
NIL = "00000000-0000-5000-8000-000000000000"


def facts(at: float, many: int = 100) -> dict[Input, Arrivals]:
    """Return purchases, and a contact after them, all appended at a time."""
    bought = [(at, purchase(f"c{one % 10}", FIRST + one * DAY_MS)) for one in range(many)]
    return {TX: bought, CT: [(at, contact("c1", FIRST + many * DAY_MS))]}


def test_it_takes_no_more_than_a_few_batches_while_it_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of facts, and as many of the side inputs: one commit does not end for a while."""
    most: list[int] = []
    offer = PartitionSupervisor.offer

    def counting(self: PartitionSupervisor, batch: Fetched) -> None:
        offer(self, batch)
        work = self._work
        if work is not None:
            most.append(sum(one.source in FACTS for one in work.inbox))

    monkeypatch.setattr(PartitionSupervisor, "offer", counting)

    async def busy() -> None:
        trickle = [(1.0 + one * 0.02, purchase("a", FIRST + one)) for one in range(500)]
        async with scene({TX: trickle}) as here:
            await asyncio.sleep(2)
            here.slow = dict.fromkeys(POINTS, 5.0)
            await asyncio.sleep(5)
            here.slow.clear()
            await here.until_read(30)

    run(busy())
    assert MOST_QUEUED <= max(most) <= MOST_QUEUED + 1


@pytest.mark.parametrize("profiles", [19_000, 25_000])
def test_side_inputs_as_long_as_may_be_do_not_hold_up_the_facts_after_them(profiles: int) -> None:
    """A history is published to a worker that waits for one: more profiles than facts may wait."""
    known = [(5.0, profile(f"p{one}", FIRST + one)) for one in range(profiles)]

    async def publish() -> None:
        async with scene({CUSTOMERS: known, **facts(6.0)}) as here:
            await asyncio.sleep(7)
            await here.until_read(60)

    run(publish())


def test_facts_wait_for_the_side_inputs_written_before_they_were_asked_for() -> None:
    """Whichever is fetched first; a fetch takes up to 0.05 s."""

    async def publish(seed: int) -> int:
        known = [(5.0, profile(f"c{one}", FIRST, "gold")) for one in range(600)]
        waited = 0
        async with scene({CUSTOMERS: known, **facts(5.051)}, seed=seed) as here:
            await asyncio.sleep(4.99)
            while not here.broker.read or here.broker.published[TX] == 0:
                processor = here.supervisor.processor
                assert processor is not None
                assert processor.positions[TX] == 0 or processor.positions[CUSTOMERS] == len(known)
                waited += any(batch.source is TX for batch in here.inbox)
                await asyncio.sleep(0.001)
        return waited

    assert sum(run(publish(seed)) for seed in range(20))


def test_a_wall_clock_set_back_does_not_hold_up_anything() -> None:
    """On the event clock, what was fetched before is not waited for until that time comes again."""

    class SetBack(RightClock):
        at = 0.0

        @override
        def now_ms(self) -> int:
            return true_ms() - (3_600_000 if asyncio.get_running_loop().time() > self.at else 0)

    async def go(at: float) -> None:
        clock = SetBack()
        clock.at = at
        trickle = [(one * 0.01, purchase("a", FIRST + one)) for one in range(600)]
        async with scene({TX: trickle, CT: [(0.0, tick(FIRST))]}, clock=clock) as here:
            await asyncio.sleep(6)
            await here.until_read(10)

    for at in range(20):
        run(go(5 + at * 0.007))


def test_a_partition_is_ready_once_the_side_inputs_are_read() -> None:
    async def go() -> list[Phase]:
        phases: list[Phase] = []
        known = [(0.0, profile(f"c{one}", FIRST)) for one in range(20_000)]
        async with scene({CUSTOMERS: known}) as here:
            here.slow = dict.fromkeys(POINTS, 0.1)
            while not phases or phases[-1] is not Phase.READY:
                phase, why = here.supervisor.phase
                assert (why is None) is (phase is Phase.READY or here.supervisor.processor is None)
                assert (here.supervisor.waiting_since == 0.0) is (here.supervisor.processor is None)
                if phase not in phases:
                    phases.append(phase)
                await asyncio.sleep(0.01)
            assert here.supervisor.processor is not None
            assert here.supervisor.processor.positions[CUSTOMERS] == len(known)
        return phases

    assert run(go()) == [Phase.OPENING, Phase.READY]


def test_a_flood_of_poison_stops_it_with_everything_written() -> None:
    async def go() -> None:
        poison = [(0.0, b"poison")] * 1_500
        async with scene({TX: poison}) as here:
            await asyncio.sleep(5)
            phase, why = here.supervisor.phase
            assert phase is Phase.STOPPED
            assert why == STOPPED + "0@0`"
            assert not any(map(here.supervisor.wants, Input))
            written = sum(here.broker.dead_letters.values())
            assert 1_000 <= written <= 1_500
            assert here.broker.positions[TX] == written
            assert here.worker.metrics.shown[0].stopped

    run(go())


def test_the_lag_goes_on_counting_while_it_is_stopped() -> None:
    """Nothing is fetched then, so no answer to a fetch tells where the inputs end."""
    more = [(20.0, b"poison")] * 3_000

    async def go() -> None:
        async with scene({TX: [(0.0, b"poison")] * 1_500 + more}) as here:
            await asyncio.sleep(15)
            before = here.worker.metrics.shown[0].lag[TX]
            assert before < 500
            await asyncio.sleep(10)
            assert here.supervisor.phase[0] is Phase.STOPPED
            assert here.worker.metrics.shown[0].lag[TX] == before + 3_000
            here.worker.feed.down = True
            await asyncio.sleep(10)
            assert here.supervisor.phase[0] is Phase.STOPPED, "who can't be asked ends nothing"

    run(go())


def test_a_stop_outlasts_rebalances_and_restarts_and_nothing_more_is_read() -> None:
    async def go() -> None:
        async with scene({TX: [(0.0, b"poison")] * 5_000}) as here:
            await asyncio.sleep(5)
            dead_letters = here.broker.dead_letters
            await here.worker.revoked()
            here.worker.assigned({0})
            await asyncio.sleep(5)
            assert here.supervisor.phase == (Phase.STOPPED, STOPPED + "0@0`")
            await here.worker.revoked()
            other = FakeWorker(here.around)
            other.assigned({0})
            await asyncio.sleep(5)
            assert other.supervisors[0].phase == (Phase.STOPPED, STOPPED + "0@0`")
            assert here.broker.dead_letters == dead_letters
            await other.killed()

    run(go())


def test_a_redrive_ends_a_stop_for_all_that_is_there_and_for_no_more() -> None:
    poison = [(0.0, b"poison")] * 20_000 + [(100.0, b"more poison")] * 3_000

    async def go() -> None:
        async with scene({TX: poison}) as here:
            await asyncio.sleep(5)
            assert here.supervisor.phase[0] is Phase.STOPPED
            here.worker.feed.down = True
            here.worker.feed.redrives[0] = 1
            await asyncio.sleep(5)
            assert here.supervisor.phase[0] is Phase.STOPPED, "nobody can be asked"
            here.worker.feed.down = False
            await here.until_read(60)
            assert here.supervisor.phase == (Phase.READY, None)
            assert sum(here.broker.dead_letters.values()) == 20_000
            assert asyncio.get_running_loop().time() < 90
            await asyncio.sleep(100 - asyncio.get_running_loop().time() + 30)
            why = here.supervisor.phase[1]
            assert why is not None
            assert why.startswith(STOPPED + "0@20"), "the name of another stop"
            assert 1_000 <= sum(here.broker.dead_letters.values()) - 20_000 <= 1_500

    run(go())


def test_side_inputs_go_on_while_facts_wait() -> None:
    """As many batches of either may wait, so that neither can keep the other out."""

    async def go() -> None:
        known = [(at * 0.01, profile(f"c{at}", FIRST)) for at in range(1_000)]
        bought = [(at * 0.01, purchase("a", FIRST + at)) for at in range(1_000)]
        async with scene({CUSTOMERS: known, TX: bought}) as here:
            await asyncio.sleep(11)
            await here.until_read(10)
            assert all(here.supervisor.wants(source) for source in (*SIDE_INPUTS, *FACTS))

    run(go())


# Coming and going


def bought(many: int) -> dict[Input, Arrivals]:
    """Return a purchase every tenth of a second, and a tick so that time can pass."""
    return {
        TX: [(at * 0.1, purchase("a", FIRST + at * DAY_MS)) for at in range(many)],
        CT: [(0.0, tick(FIRST))],
    }


def test_a_pause_commits_what_was_taken_and_coming_back_goes_on_with_it() -> None:
    async def go() -> None:
        async with scene(bought(100)) as here:
            await asyncio.sleep(5)
            processor = here.supervisor.processor
            assert processor is not None
            await here.worker.revoked()
            assert here.broker.positions == processor.positions
            assert not any(map(here.supervisor.wants, Input))
            await asyncio.sleep(10)
            here.worker.assigned({0})
            await here.until_read(5)
            assert here.supervisor.processor is processor
            assert here.worker.metrics.counts["opened"] == 1

    run(go())


def test_what_others_wrote_meanwhile_is_read_from_the_log() -> None:
    async def go() -> None:
        async with scene(bought(100)) as here:
            await asyncio.sleep(3)
            processor = here.supervisor.processor
            await here.worker.revoked()
            other = FakeWorker(here.around)
            other.assigned({0})
            await asyncio.sleep(3)
            await other.killed()
            here.worker.assigned({0})
            await here.until_read(10)
            assert here.supervisor.processor is not processor
            assert here.worker.metrics.counts["opened again: stale"] == 1
            assert here.worker.metrics.counts["opened again: fenced"] == 0

    run(go())


@pytest.mark.parametrize("point", [IN_TRANSACTION, COMMITTED])
def test_a_pause_does_not_wait_long_for_a_commit(point: str) -> None:
    """What became of it is known from the log by whoever opens the partition next."""

    async def go() -> None:
        async with scene(bought(100)) as here:
            await asyncio.sleep(3)
            here.slow[point] = 1_000.0
            await asyncio.sleep(1)
            before = asyncio.get_running_loop().time()
            await here.worker.revoked()
            assert asyncio.get_running_loop().time() - before == pytest.approx(PAUSE_SECONDS, abs=0.1)
            assert here.supervisor.processor is None
            here.slow.clear()
            here.worker.assigned({0})
            await here.until_read(10)

    run(go())


def test_the_last_batch_lost_on_its_way_is_sought_anew() -> None:
    """Faust drops what comes in a rebalance; nothing that comes later tells of it."""

    async def go() -> None:
        async with scene({TX: [(5.0, purchase("a", FIRST))]}) as here:
            await asyncio.sleep(4.9)
            here.around.dropping[0] = 1.0
            await asyncio.sleep(1)
            here.around.dropping[0] = 0.0
            assert here.worker.metrics.counts["a batch was dropped on its way"] == 1
            await here.until_read(1)
            assert here.worker.metrics.counts["sought anew"] == 1

    run(go())


@pytest.mark.parametrize("side", SIDE_INPUTS)
def test_facts_do_not_wait_for_a_side_input_that_was_lost_on_its_way(side: Input) -> None:
    lost = profile("a", FIRST) if side is CUSTOMERS else disposition("a", FIRST, NIL)

    async def go() -> None:
        async with scene({side: [(5.0, lost)], TX: [(5.2, purchase("a", FIRST))]}) as here:
            await asyncio.sleep(4.95)
            here.around.dropping[0] = 1.0
            await asyncio.sleep(0.2)
            here.around.dropping[0] = 0.0
            assert here.worker.metrics.counts["a batch was dropped on its way"] == 1
            await here.until_read(2)
            assert here.worker.metrics.counts["sought anew"] == 1

    run(go())


def test_an_input_with_nothing_to_read_is_not_sought_and_nothing_is_committed_for_it() -> None:
    async def go() -> None:
        async with scene(bought(10)) as here:
            await asyncio.sleep(5)
            committed = len(here.broker.committed)
            await asyncio.sleep(60)
            assert len(here.broker.committed) == committed
            assert here.worker.metrics.counts["sought anew"] == 0

    run(go())


def test_a_zombie_learns_of_it_when_it_writes_and_waits_to_be_told() -> None:
    async def go() -> None:
        async with scene(bought(200)) as here:
            await asyncio.sleep(3)
            here.worker.feed.member = False
            other = FakeWorker(here.around)
            other.assigned({0})
            await asyncio.sleep(10)
            assert here.broker.faults["a zombie was fenced"] == 1
            assert here.supervisor.processor is None
            await here.worker.revoked()
            assert here.worker.metrics.counts["opened"] == 2, "the zombie did not open it again"
            await asyncio.sleep(10)
            await here.until_read(5)
            await other.killed()

    run(go())


def test_a_zombie_that_learns_of_it_when_it_is_told_does_not_keep_the_group_waiting() -> None:
    async def go() -> None:
        async with scene(bought(200)) as here:
            await asyncio.sleep(3)
            here.worker.feed.member = False
            here.slow[IN_TRANSACTION] = 1.0
            other = FakeWorker(here.around)
            await asyncio.sleep(0.5)
            other.assigned({0})
            await asyncio.sleep(0.1)
            before = asyncio.get_running_loop().time()
            await here.worker.revoked()
            assert here.broker.faults["a zombie was fenced"] == 1
            assert asyncio.get_running_loop().time() - before < PAUSE_SECONDS / 2
            here.slow.clear()
            await here.until_read(30)
            await other.killed()

    run(go())


def test_a_partition_that_cannot_be_opened_ends_the_worker() -> None:
    async def go() -> None:
        async with scene(bought(10)) as here:
            here.broker.trouble = 1.0
            await asyncio.sleep(600)
            assert isinstance(here.supervisor.failure.result(), GaveUpError)
            here.worker.supervisors.clear()

    run(go())
