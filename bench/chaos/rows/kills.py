"""R2 and R3: workers that crash, and workers that are asked to end, while events come in."""

import random
import signal
import time
from collections.abc import Sequence
from typing import Final

from bench.chaos.history import feeding, history
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from streams.settings import Settings
from tests.kafka.deployment import Deployment, WorkerProcess
from tests.kafka.feeds import Raw
from tests.kafka.held import lag, progress

_BURST: Final = 5
"""So many crashes at most follow one another before the workers are let come on once."""
_PATIENCE: Final = 300.0


def killed(place: Place, scale: Scale, say: Say) -> Outcome:
    """Kill one or both of two workers, again and again: at work, as they restore, as the group forms."""
    events, kills, rate = scale.of(small=(2_000, 2, 300), long=(500_000, 100, 650))
    settings = place.settings()
    records = history(place, settings, events)
    done = working = 0
    with Deployment(settings, place.folder) as deployment:
        for _ in range(2):
            deployment.start()
        deployment.when_ready()
        with feeding(settings, records, rate) as feed:
            while done < kills:
                deployment.when_it_comes_on()
                for _ in range(place.rng.randint(1, _BURST)):
                    time.sleep(place.rng.random() * 2)
                    assert feed.busy, f"all was sent before the {done + 1}th kill"
                    for victim in place.rng.sample(deployment.workers, place.rng.choice((1, 1, 2))):
                        working += bool(victim.partitions())
                        deployment.kill(victim)
                        deployment.start()
                        done += 1
                say(f"{done} of {kills} killed, {feed.sent:,} of {len(records):,} sent")
        drained = deployment.when_drained(_PATIENCE)
    say(f"drained {drained:.1f} s after the last record; now recomputed plainly")
    found = compare(settings, place.folder / "truth")
    return Outcome(
        row="R2",
        what="",
        trials=done,
        events=len(records),
        faults={"SIGKILL of a worker": done, "of these with partitions": working},
        **found.differs._asdict(),
        figures={"drained after, s": drained, "alert records": found.alerts, "panes compared": found.panes},
    )


def stopped_and_killed(place: Place, scale: Scale, say: Say) -> Outcome:
    """End a worker by SIGTERM and by SIGKILL in turns, each time at work; count what its successor reads."""
    events, pairs, rate = scale.of(small=(2_000, 1, 500), long=(200_000, 20, 2_500))
    settings = place.settings()
    records = history(place, settings, events)
    share = len(records) // (2 * pairs)
    stops = kills = again = unread = 0
    longest = 0.0
    with Deployment(settings, place.folder) as deployment:
        worker = deployment.start_ready()
        for at in range(2 * pairs):
            last = at == 2 * pairs - 1
            chunk = records[at * share : None if last else (at + 1) * share]
            if at % 2 == 0:
                seconds, read, left = _stopped(settings, deployment, worker, chunk, rate, place.rng)
                longest = max(longest, seconds)
                again, unread = again + max(0, read - left), unread + max(0, left - read)
                stops += 1
            else:
                _killed(settings, deployment, worker, chunk, rate, place.rng)
                kills += 1
            worker = deployment.workers[-1]
            say(f"{stops} stopped, {kills} killed, {again} records read again after SIGTERM")
    found = compare(settings, place.folder / "truth")
    return Outcome(
        row="R3",
        what="",
        trials=stops + kills,
        events=len(records),
        faults={"SIGTERM at work": stops, "SIGKILL at work": kills},
        **found.differs._asdict(),
        figures={
            "records read again after SIGTERM": again,
            "longest SIGTERM, s": longest,
            "alert records": found.alerts,
        },
        missed=tuple(
            [f"{again} records were read again after SIGTERM"] * bool(again)
            + [f"{unread} records were read by nobody after SIGTERM"] * bool(unread)
        ),
    )


def _stopped(
    settings: Settings,
    deployment: Deployment,
    worker: WorkerProcess,
    chunk: Sequence[Raw],
    rate: float,
    rng: random.Random,
) -> tuple[float, int, int]:
    """Return how long a SIGTERM took, how many records the next worker read, and how many were left to it."""
    with feeding(settings, chunk, rate) as feed:
        deployment.when_it_comes_on()
        time.sleep(rng.random() / 2)
        assert feed.busy, "all was sent before the SIGTERM"
        seconds = deployment.stop(worker)
    left = lag(settings)
    assert left > 0, "nothing was left to the next one"
    after = deployment.start_ready()
    deployment.when_drained()
    deployment.when(lambda: after.metric("retention_events_total") >= left, 10)
    return seconds, round(after.metric("retention_events_total")), left


def _killed(
    settings: Settings,
    deployment: Deployment,
    worker: WorkerProcess,
    chunk: Sequence[Raw],
    rate: float,
    rng: random.Random,
) -> None:
    so_far = progress(settings)
    with feeding(settings, chunk, rate) as feed:
        deployment.when_it_comes_on(since=so_far)
        time.sleep(rng.random() / 2)
        assert feed.busy, "all was sent before the SIGKILL"
        worker.signal(signal.SIGKILL)
        deployment.kill(worker)
    assert lag(settings) > 0
    deployment.start_ready()
    deployment.when_drained()


ROWS: Final = (
    Row(
        "R2",
        "SIGKILL of random workers of two, at work, restoring, while the group forms",
        killed,
        ("tests/kafka/worker/test_worker_faults.py::test_killed_workers_lose_and_double_nothing",),
    ),
    Row(
        "R3",
        "SIGTERM and SIGKILL in turns; after SIGTERM nothing is read again",
        stopped_and_killed,
        (
            "tests/kafka/worker/test_worker_faults.py"
            "::test_a_stopped_worker_leaves_at_once_and_nothing_is_read_again",
        ),
    ),
)
