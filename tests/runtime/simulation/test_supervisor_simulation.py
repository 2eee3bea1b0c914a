"""Exactly-once, one level up: supervisors of several workers over one broker, on a simulated clock.

RETENTION_SUPERVISOR_SIMULATIONS sets how many seeds are run, RETENTION_SIMULATIONS_FROM the first one.
"""

import asyncio
import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from streams.runtime.partition.states import TRANSITIONS, Event, State
from streams.runtime.ports import LogError
from tests.runtime.fake_log import Broker
from tests.runtime.group import Group, transition_name
from tests.runtime.history import History, histories
from tests.runtime.surroundings import surroundings
from tests.runtime.truth import assert_true
from tests.runtime.virtual_time import run

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("RETENTION_SUPERVISOR_SIMULATIONS", "40"))
FIRST = int(os.environ.get("RETENTION_SIMULATIONS_FROM", "0"))
PARTITIONS = 2
FAULTY_SECONDS = 40.0
MOST_SECONDS = 90.0
"""When the faults have ended, everything is committed in as long."""
COMMIT_DEADLINE_SECONDS = 20.0
ENOUGH = 40
"""With as many seeds each fault must happen."""
FAULTS = (
    "a rebalance",
    "a worker was killed",
    "two processors at once",
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


TAKEN_ELSEWHERE = {
    (state, event)
    for state, event in TRANSITIONS
    if state is State.FAILED or event in {Event.CRASHED, Event.CLOSED}
} | {(State.OPENING, Event.FENCED)}
"""Transitions that end a worker, or that no fake causes; test_supervisor_states.py takes them."""


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
        while made.history.erases and not made.read:  # noqa: ASYNC110 - time is simulated
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
    around = surroundings(brokers, rng, faults)
    group = Group(around, workers=rng.choice((1, 2, 3)))
    await group.rebalance()
    publishing = [asyncio.create_task(publish(one, rng)) for one in brokers.values()]
    await group.disturb(asyncio.get_running_loop().time() + FAULTY_SECONDS)
    for one in brokers.values():
        one.trouble = 0.0
    async with asyncio.timeout(MOST_SECONDS):
        await asyncio.gather(*publishing)
        while not all(one.read for one in brokers.values()):  # noqa: ASYNC110 - time is simulated
            await asyncio.sleep(0.1)
    group.fail_if_failed()
    await group.end()
    return list(brokers.values()), faults


def test_everything_is_written_once_whatever_fails(tmp_path: Path) -> None:
    """Nothing hangs, and alerts, dead letters and state are those of the undisturbed fold."""
    worlds, faults = histories(tmp_path), Counter[str]()
    for seed in range(FIRST, FIRST + SEEDS):
        chosen = [worlds[(seed + 5 * number) % len(worlds)] for number in range(PARTITIONS)]
        print(f"seed {seed}, {', '.join(one.name for one in chosen)}")
        brokers, happened = run(simulate(chosen, seed))
        for one in brokers:
            assert_true(one)
        faults += happened
    print(*(f"{count:9,} {fault}" for fault, count in faults.most_common()), sep="\n")
    if SEEDS >= ENOUGH:
        assert [fault for fault in FAULTS if not faults[fault]] == []
    names = {transition_name(*one): one for one in TRANSITIONS}
    possible = {transition_name(state, event) for state in State for event in Event}
    assert possible & faults.keys() <= names.keys(), "a transition that is not in the table"
    never = [one for name, one in names.items() if not faults[name]]
    print("never taken:", *(transition_name(*one) for one in never), sep="\n  ")
    if SEEDS >= ENOUGH:
        assert [one for one in never if one not in TAKEN_ELSEWHERE] == []
