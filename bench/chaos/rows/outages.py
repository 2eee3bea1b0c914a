"""R6: a broker that crashes, that is restarted, and that is away for a minute, under load."""

import time
from collections.abc import Callable
from typing import Final

from bench.chaos.history import feeding, history
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from bench.shared.processes import resident
from tests.kafka.deployment import Deployment
from tests.kafka.held import lag

_BACK_SECONDS: Final = 30.0
_GROWTH: Final = 1.1
"""Memory may grow so many fold between the first third of the outages and the last: the state grows too."""
_PATIENCE: Final = 300.0


def run(place: Place, scale: Scale, say: Say) -> Outcome:
    """Crash, restart and take away the broker, in turns; see how soon the worker works again."""
    events, crashes, restarts, absences = scale.of(small=(2_000, 1, 1, 0), long=(200_000, 10, 10, 5))
    away = 60.0
    with place.own_broker() as broker:
        settings = place.settings(broker)
        records = history(place, settings, events)
        faults: list[tuple[str, Callable[[], None], float]] = [
            *[("kill -9", broker.kill, 1.0)] * crashes,
            *[("clean restart", broker.stop, 0.0)] * restarts,
            *[("away for 60 s", broker.kill, away)] * absences,
        ]
        place.rng.shuffle(faults)
        happened = dict.fromkeys(dict.fromkeys(name for name, _, _ in faults), 0)
        back: list[float] = []
        memory: list[int] = []
        with Deployment(settings, place.folder) as deployment:
            worker = deployment.start_ready()
            with feeding(settings, records, rate=scale.of(small=100, long=200)) as feed:
                for name, end, seconds in faults:
                    deployment.when_it_comes_on()
                    time.sleep(place.rng.random() * 2)
                    assert feed.busy, "all was sent before the last outage"
                    end()
                    time.sleep(seconds)
                    broker.restart()
                    began = time.monotonic()
                    deployment.when_it_comes_on()
                    back.append(time.monotonic() - began)
                    happened[name] += 1
                    memory.append(resident(worker.pid)[0])
                    say(f"{name}: back after {back[-1]:.1f} s; {memory[-1] / 1e6:.0f} MB; {feed.sent:,} sent")
            drained = deployment.when_drained(_PATIENCE)
            assert lag(settings) == 0
        found = compare(settings, place.folder / "truth")
    third = max(1, len(memory) // 3)
    growth = max(memory[-third:]) / max(memory[:third])
    limits = {
        f"working again only after {max(back):.1f} s": max(back) > _BACK_SECONDS,
        f"memory grew {growth:.2f} fold": growth > _GROWTH and scale is Scale.LONG,
    }
    return Outcome(
        row="R6",
        what="",
        trials=len(back),
        events=len(records),
        faults=happened,
        **found.differs._asdict(),
        figures={
            "working again after, most s": max(back),
            "drained after, s": drained,
            "memory after the first outage, MB": memory[0] / 1e6,
            "after the last, MB": memory[-1] / 1e6,
            "alert records": found.alerts,
        },
        missed=tuple(text for text, wrong in limits.items() if wrong),
    )


ROWS: Final = (
    Row(
        "R6",
        "a broker that crashes, is restarted, is away for 60 s, under load",
        run,
        ("tests/kafka/worker/test_worker_faults.py::test_a_broker_that_crashes_is_waited_for",),
    ),
)
