"""R2 and R3: workers that crash, and workers that are asked to end, while events come in."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bench.chaos.history import Feed, feeding, history
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
_TESTS: Final = "tests/kafka/worker/test_worker_faults.py"


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
        trials=working,  # one that has just started has nothing yet that could be lost
        events=len(records),
        faults={"SIGKILL of a worker": done, "of these with partitions": working},
        **found.differs._asdict(),
        figures={"drained after, s": drained, "alert records": found.alerts, "panes compared": found.panes},
    )


def stopped_and_killed(place: Place, scale: Scale, say: Say) -> Outcome:
    """End a worker by SIGTERM and by SIGKILL in turns, each time at work; count what its successor reads."""
    events, pairs, rate = scale.of(small=(2_000, 1, 500), long=(200_000, 20, 1_250))
    settings = place.settings()
    records = history(place, settings, events)
    share = len(records) // (2 * pairs)
    with Deployment(settings, place.folder) as deployment:
        deployment.start_ready()
        turns = _Turns(settings, deployment, rate, place.rng)
        for at in range(2 * pairs):
            last = at == 2 * pairs - 1
            chunk = records[at * share : None if last else (at + 1) * share]
            (turns.kill if at % 2 else turns.stop)(chunk)
            say(
                f"{turns.stops} stopped, {turns.kills} killed, {turns.again} records read again after SIGTERM"
            )
    found = compare(settings, place.folder / "truth")
    limits = {
        f"{turns.again} records were read again after SIGTERM": turns.again,
        f"{turns.unread} records were read by nobody after SIGTERM": turns.unread,
    }
    return Outcome(
        row="R3",
        what="",
        trials=turns.stops + turns.kills,
        events=len(records),
        faults={"SIGTERM at work": turns.stops, "SIGKILL at work": turns.kills},
        **found.differs._asdict(),
        figures={
            "records read again after SIGTERM": turns.again,
            "longest SIGTERM, s": turns.longest,
            "alert records": found.alerts,
        },
        missed=tuple(text for text, wrong in limits.items() if wrong),
    )


@dataclass
class _Turns:
    """One worker after the other, each ended while records come in; those with nothing to do don't count."""

    settings: Settings
    deployment: Deployment
    rate: float
    rng: random.Random
    stops: int = 0
    kills: int = 0
    again: int = 0
    """Records that were read again after a SIGTERM."""
    unread: int = 0
    """Records that were left by a SIGTERM, and not read after it."""
    longest: float = 0.0
    """Seconds that a SIGTERM took."""

    def stop(self, chunk: Sequence[Raw]) -> None:
        """Ask the worker to end, and count what the next one reads."""
        with self._at_work(chunk) as feed:
            busy = feed.busy
            self.longest = max(self.longest, self.deployment.stop(self.deployment.workers[0]))
        left = lag(self.settings)
        after = self._next()
        if left:
            self.deployment.when(lambda: after.metric("retention_events_total") >= left, 10)
        read = round(after.metric("retention_events_total"))
        self.again, self.unread = self.again + max(0, read - left), self.unread + max(0, left - read)
        self.stops += busy and left > 0

    def kill(self, chunk: Sequence[Raw]) -> None:
        """Kill the worker."""
        with self._at_work(chunk) as feed:
            busy = feed.busy
            self.deployment.kill(self.deployment.workers[0])
        self.kills += busy and lag(self.settings) > 0
        self._next()

    @contextmanager
    def _at_work(self, chunk: Sequence[Raw]) -> Iterator[Feed]:
        """Feed the worker, and go on once it has committed some of it, at any moment."""
        so_far = progress(self.settings)
        with feeding(self.settings, chunk, self.rate) as feed:
            self.deployment.when_it_comes_on(since=so_far)
            time.sleep(self.rng.random() / 2)
            yield feed

    def _next(self) -> WorkerProcess:
        """Start another worker, and let it work off what is there."""
        one = self.deployment.start_ready()
        self.deployment.when_drained()
        return one


ROWS: Final = (
    Row(
        "R2",
        "SIGKILL of random workers of two, at work, restoring, while the group forms",
        killed,
        (f"{_TESTS}::test_killed_workers_lose_and_double_nothing",),
    ),
    Row(
        "R3",
        "SIGTERM and SIGKILL in turns; after SIGTERM nothing is read again",
        stopped_and_killed,
        (f"{_TESTS}::test_a_stopped_worker_leaves_at_once_and_nothing_is_read_again",),
    ),
)
