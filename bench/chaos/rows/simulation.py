"""R1: the processor of production over a log in memory that fails wherever it can."""

import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.wire import Differs, differs
from tests.runtime.history import comparable, histories
from tests.runtime.processes import Simulation
from tests.runtime.simulation.test_simulation import FAULTS
from tests.runtime.truth import assert_true

_STEPS: Final = 500
_PROCESSES: Final = 2
_ENOUGH: Final = 100
"""Each fault point is to be met as often."""
_SEEDS: Final = 1 << 31
_TESTS: Final = "tests/runtime/simulation"


@dataclass
class _Run:
    """What some seeds came to."""

    seeds: int = 0
    records: int = 0
    """Read in all, but for what is read again after a crash."""
    faults: Counter[str] = field(default_factory=Counter)
    found: Differs = field(default_factory=Differs)
    wrong: list[str] = field(default_factory=list)
    """The seeds that failed, and how."""


def simulated(place: Place, scale: Scale, say: Say) -> Outcome:
    """Disturb one seed after the other for some minutes, on two cores."""
    seconds = scale.of(small=5.0, long=480.0)
    first = place.rng.randrange(_SEEDS)
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        folders = [place.folder / f"worlds-{number}" for number in range(_PROCESSES)]
        work = [pool.submit(_some, folder, first + at, seconds) for at, folder in enumerate(folders)]
        runs = [one.result() for one in work]
    faults = sum((one.faults for one in runs), Counter[str]())
    found, wrong = Differs(), [text for one in runs for text in one.wrong]
    for one in runs:
        found = found.plus(one.found)
    seldom = [fault for fault in FAULTS if faults[fault] < _ENOUGH and scale is Scale.LONG]
    say(f"seeds from {first}; {'; '.join(wrong) or 'none failed'}")
    seeds = sum(one.seeds for one in runs)
    return Outcome(
        row="R1",
        what="",
        trials=seeds,
        events=sum(one.records for one in runs),
        faults={fault: faults[fault] for fault in FAULTS if scale is Scale.LONG or faults[fault]},
        **found._asdict(),
        figures={
            "seeds": seeds,
            "steps of each": _STEPS,
            "seldomest fault": min(faults[fault] for fault in FAULTS),
        },
        missed=(*wrong, *(f"less than {_ENOUGH} times: {fault}" for fault in seldom)),
        notes=(f"as many seeds as fit into {seconds / 60:.0f} min on {_PROCESSES} cores, of 10,000 wanted",)
        if seeds < 10_000
        else (),
    )


def _some(folder: Path, first: int, seconds: float) -> _Run:
    """Run every second seed until the time is over."""
    worlds, run = histories(folder), _Run()
    deadline = time.monotonic() + seconds
    seed = first
    while time.monotonic() < deadline:
        chosen = worlds[seed // _PROCESSES % len(worlds)]
        simulation = Simulation(chosen, seed, _STEPS)
        try:
            simulation.run()
            assert_true(simulation.broker)
        except AssertionError as error:
            run.wrong.append(f"seed {seed}, {chosen.name}: {str(error)[:200]}")
            alerts = differs(map(repr, comparable(simulation.broker.alerts)), map(repr, chosen.truth.alerts))
            run.found = run.found.plus(alerts)
        run.seeds += 1
        run.records += sum(len(tape.records) for tape in chosen.tapes.values())
        run.faults += simulation.faults
        seed += _PROCESSES
    return run


ROWS: Final = (
    Row(
        "R1",
        "crash, failure, duplicate, reorder, zombie, rebalance at every step of core, log and transactions",
        simulated,
        (
            f"{_TESTS}/test_simulation.py::test_everything_is_written_once_whatever_fails",
            f"{_TESTS}/test_supervisor_simulation.py::test_everything_is_written_once_whatever_fails",
            f"{_TESTS}/test_worker_rebalances.py",
        ),
    ),
)
