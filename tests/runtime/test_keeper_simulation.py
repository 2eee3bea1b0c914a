"""Exactly-once, one level up: the keepers of several workers over one broker, on a clock that is simulated.

RETENTION_KEEPER_SIMULATIONS sets how many seeds are run, RETENTION_SIMULATIONS_FROM the first one.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from streams.runtime.keeper import Pace
from streams.runtime.log import LogError
from streams.runtime.owner import Identity
from tests.runtime.fake_log import Broker
from tests.runtime.group import Group, Surroundings
from tests.runtime.history import NOW, RULES, History, history
from tests.runtime.truth import assert_true
from tests.runtime.virtual_time import run

SEEDS = int(os.environ.get("RETENTION_KEEPER_SIMULATIONS", "60"))
FIRST = int(os.environ.get("RETENTION_SIMULATIONS_FROM", "0"))
WORLDS = (0, 1, 2, 3, 5, 9, 11, 18)
PARTITIONS = 2
FAULTY_SECONDS = 40.0
MOST_SECONDS = 90.0
"""When the faults have ended, everything is committed in as long."""
COMMIT_DEADLINE_SECONDS = 20.0
FAULTS = (
    "a rebalance",
    "a worker was killed",
    "two owners at once",
    "a batch was dropped on its way",
    "a zombie was fenced",
    "a deadline passed",
    "failed in a transaction",
    "failed after a commit, before its answer",
    "failed before fencing",
    "failed while restoring",
    "sought anew",
    "opened again: fenced",
    "opened again: log",
    "opened again: stale",
    "came back warm",
)


class Ticking:
    """A wall clock that goes with the event loop."""

    stopped = False

    def now_ms(self) -> int:
        """Return the time."""
        return NOW + round(asyncio.get_running_loop().time() * 1000)


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> list[History]:
    directory = tmp_path_factory.mktemp("worlds")
    return [
        history(directory / f"{seed} {erases}", seed, erases=erases)
        for erases in (False, True)
        for seed in WORLDS
    ]


def broker(chosen: History, rng: Random, faults: Counter[str]) -> Broker:
    """Return a broker that answers soon, and now and then not before a deadline has passed."""

    async def pause(_name: str) -> None:
        if made.trouble and rng.random() < 0.01:
            faults["a deadline passed"] += 1
            await asyncio.sleep(COMMIT_DEADLINE_SECONDS)
            raise LogError("no answer in time")
        await asyncio.sleep(rng.random() * 0.02)

    made = Broker(chosen, rng, pause, rng.choice((0.0, 0.02, 0.1)))
    made.faults = faults
    return made


async def publish(made: Broker, rng: Random) -> None:
    """Publish a history over time, side inputs first; where customers are erased, once all before is read."""
    for stage in made.history.stages():
        while made.history.erases and not made.read:
            await asyncio.sleep(0.1)
        for source, published in stage.items():
            while made.published[source] < published:
                await asyncio.sleep(rng.choice((0.0, 2.0)) * rng.random())
                most = made.published[source] + rng.randint(1, 60)
                made.published[source] = min(published, most)


async def simulate(chosen: list[History], seed: int) -> tuple[list[Broker], Counter[str]]:
    """Run workers through faults, and then in peace until everything is committed."""
    rng, faults = Random(seed), Counter[str]()
    brokers = {number: broker(one, rng, faults) for number, one in enumerate(chosen)}
    around = Surroundings(
        brokers=brokers,
        rng=rng,
        pace=Pace(commit_seconds=lambda: 0.25, live=False, stale_ms=0, lateness_ms=RULES.lateness_ms),
        clock=Ticking(),
        make_identity=lambda _: Identity("test", RULES, "USD", 0, 1),
        faults=faults,
    )
    group = Group(around, workers=rng.choice((1, 2, 3)))
    await group.rebalance()
    publishing = [asyncio.create_task(publish(one, rng)) for one in brokers.values()]
    await group.disturb(asyncio.get_running_loop().time() + FAULTY_SECONDS)
    for one in brokers.values():
        one.trouble = 0.0
    async with asyncio.timeout(MOST_SECONDS):
        await asyncio.gather(*publishing)
        while not all(one.read for one in brokers.values()):
            await asyncio.sleep(0.1)
    group.fail_if_failed()
    await group.end()
    return list(brokers.values()), faults


def test_everything_is_written_once_whatever_fails(histories: list[History]) -> None:
    """Nothing hangs, and alerts, dead letters and state are those of the undisturbed fold."""
    faults: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + SEEDS):
        chosen = [histories[(seed + 5 * number) % len(histories)] for number in range(PARTITIONS)]
        print(f"seed {seed}, {', '.join(one.name for one in chosen)}")
        brokers, happened = run(simulate(chosen, seed))
        for one in brokers:
            assert_true(one)
        faults += happened
    print(*(f"{count:9,} {fault}" for fault, count in faults.most_common()), sep="\n")
    assert [fault for fault in FAULTS if not faults[fault]] == []
