"""Exactly-once, simulated: the processor of production over a log in memory that fails wherever it can.

RETENTION_SIMULATIONS sets how many seeds are run, RETENTION_SIMULATIONS_FROM the first one, and
RETENTION_SIMULATION_STEPS for how many steps each is disturbed.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.lab.recomputed.test_against_recomputation import NOW, PLAIN_SMALL, of_core, of_plain
from tests.recompute.recompute import recompute
from tests.runtime.fake_log import POINTS
from tests.runtime.history import WORLDS, histories, history
from tests.runtime.processes import AWAY, BETWEEN, TAKEN, Simulation
from tests.runtime.truth import assert_true

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("RETENTION_SIMULATIONS", "100"))
FIRST = int(os.environ.get("RETENTION_SIMULATIONS_FROM", "0"))
STEPS = int(os.environ.get("RETENTION_SIMULATION_STEPS", "500"))
FAULTS = (
    *(f"killed {point}" for point in (*POINTS, BETWEEN, TAKEN, AWAY)),
    *(f"failed {point}" for point in POINTS),
    "a zombie was fenced",
    "dead letters in flight at a crash",
    "an older batch was offered",
    "a newer batch was offered",
    "a batch was delivered twice",
    "batches were split anew",
    "a position moved without a record",
    "side inputs came while opening",
    "facts waited for side inputs",
    "a customer was erased",
    "time passed between batches",
    "came back warm",
    "came back, and others had written",
    "another ruleset was refused",
    "another ruleset was adopted",
)
ENOUGH = 100
"""With as many seeds each fault must happen, on the average with each fiftieth."""


def test_the_undisturbed_fold_gives_what_the_recomputation_gives(tmp_path: Path) -> None:
    """What the simulation compares with is right, in parts as it is, alerts and all."""
    found = 0
    for seed in WORLDS:
        whole = history(tmp_path / str(seed), seed)
        expected = recompute(tmp_path / str(seed), ruleset=PLAIN_SMALL, partitions=1, now_ms=NOW)
        fold = whole.fold()
        assert sorted(map(of_core, fold.alerts)) == sorted(map(of_plain, expected))
        found += len(expected)
    assert found > 50


@pytest.mark.timeout(60 + SEEDS)
def test_everything_is_written_once_whatever_fails(tmp_path: Path) -> None:
    """Alerts, dead letters and state are those of the undisturbed fold."""
    worlds, faults = histories(tmp_path), Counter[str]()
    for seed in range(FIRST, FIRST + SEEDS):
        chosen = worlds[seed % len(worlds)]
        print(f"seed {seed}, {chosen.name}")
        simulation = Simulation(chosen, seed, STEPS)
        simulation.run()
        assert_true(simulation.broker)
        faults += simulation.faults
    print(*(f"{count:9,} {fault}" for fault, count in faults.most_common()), sep="\n")
    if SEEDS >= ENOUGH:
        assert [fault for fault in FAULTS if faults[fault] < SEEDS // 50] == []
