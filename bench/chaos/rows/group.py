"""R4 and R5: a group that never rests, and members that wake up after the group has given them up."""

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from bench.chaos.history import feeding, history, text_of
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from tests.kafka.deployment import Deployment, WorkerProcess
from tests.kafka.held import progress

_STORM_SECONDS: Final = 5.0
_WORKERS: Final = 3
_PATIENCE: Final = 300.0


def stormed(place: Place, scale: Scale, say: Say) -> Outcome:
    """Let a worker leave, and another join, every few seconds, whether the group is done or not."""
    events, wanted, rate = scale.of(small=(2_000, 2, 200), long=(200_000, 60, 600))
    settings = place.settings()
    records = history(place, settings, events)
    changes = seen = 0
    with Deployment(settings, place.folder) as deployment:
        for _ in range(_WORKERS):
            deployment.start()
        deployment.when_ready()
        with feeding(settings, records, rate) as feed:
            feed.allow(1 / wanted)
            began = time.monotonic()
            while changes < wanted:
                assert feed.busy, f"all was sent before the {changes + 1}th change"
                if len(deployment.workers) == _WORKERS:
                    leaving = place.rng.choice(deployment.workers)
                    # One that has just started may have no partitions yet, nor heard of a group.
                    # Before it has said anything it may not know yet what SIGTERM asks of it.
                    deployment.when(lambda leaving=leaving: bool(leaving.log))  # type: ignore[misc]
                    seen += int(leaving.metric("retention_rebalances_total")) if leaving.partitions() else 0
                    deployment.stop(leaving)
                else:
                    deployment.start()
                changes += 1
                feed.allow((changes + 1) / (wanted + 1))
                time.sleep(max(0.0, began + changes * _STORM_SECONDS - time.monotonic()))
                if changes % 10 == 0:
                    say(f"{changes} of {wanted} joined or left, {feed.sent:,} of {len(records):,} sent")
        drained = deployment.when_drained(_PATIENCE)
        deployment.when_ready()
        seen += sum(int(one.metric("retention_rebalances_total")) for one in deployment.workers)
    found = compare(settings, place.folder / "truth")
    return Outcome(
        row="R4",
        what="",
        trials=changes,
        events=len(records),
        faults={"worker joined or left": changes, "assignment that a worker was given": seen},
        **found.differs._asdict(),
        figures={"drained after, s": drained, "alert records": found.alerts},
    )


def frozen(place: Place, scale: Scale, say: Say) -> Outcome:
    """Freeze one or two of three workers at work until others have their partitions, then thaw them."""
    events, wanted, rate = scale.of(small=(2_000, 1, 100), long=(150_000, 30, 400))
    settings = place.settings()
    records = history(place, settings, events)
    zombies = 0
    longest = 0.0
    with Deployment(settings, place.folder) as deployment:
        for _ in range(_WORKERS):
            deployment.start()
        deployment.when_ready()
        with feeding(settings, records, rate) as feed:
            while zombies < wanted:
                deployment.when_ready()
                feed.allow((zombies + 0.5) / (wanted + 1))
                deployment.when_it_comes_on()
                time.sleep(place.rng.random())
                assert feed.busy, f"all was sent before the {zombies + 1}th zombie"
                # Of three that share four partitions one may have none: it is no zombie.
                owners = [one for one in deployment.workers if one.partitions()]
                asleep = place.rng.sample(owners, min(2, wanted - zombies, len(owners)))
                zombies += len(asleep)
                longest = max(
                    longest, _freeze(deployment, asleep, partial(feed.allow, zombies / (wanted + 1)))
                )
                say(f"{zombies} of {wanted} woken up, {feed.sent:,} of {len(records):,} sent")
        drained = deployment.when_drained(_PATIENCE)
        deployment.when_ready()
        alive = sum(one.runs for one in deployment.workers)
    told = text_of(place.folder).count("another owner opened it")
    found = compare(settings, place.folder / "truth")
    return Outcome(
        row="R5",
        what="",
        trials=zombies,
        events=len(records),
        faults={"SIGSTOP of an owner for longer than the session, then SIGCONT": zombies},
        **found.differs._asdict(),
        figures={
            "longest take-over, s": longest,
            "drained after, s": drained,
            "a worker found its partition fenced, times": told,
            "alert records": found.alerts,
        },
        missed=("a zombie ended",) * (alive != _WORKERS),
    )


def _freeze(deployment: Deployment, asleep: list[WorkerProcess], feed_on: Callable[[], None]) -> float:
    """Freeze workers until the others have all partitions and have come on; return after how long."""
    for one in asleep:
        one.signal(signal.SIGSTOP)
        deployment.workers.remove(one)
    try:
        waited = deployment.when_ready()
        so_far = progress(deployment.settings)
        feed_on()
        deployment.when_it_comes_on(since=so_far)
    finally:
        for one in asleep:
            one.signal(signal.SIGCONT)
            deployment.workers.append(one)
    return waited


ROWS: Final = (
    Row("R4", "three workers, one of which leaves or joins every 5 s", stormed),
    Row(
        "R5",
        "zombies: workers frozen for longer than their session, awake when others have their partitions",
        frozen,
        ("tests/kafka/worker/test_worker_faults.py::test_a_zombie_writes_nothing",),
    ),
)
