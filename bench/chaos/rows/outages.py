"""R6: a broker that crashes, that is restarted, and that is away for a minute, under load."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from bench.chaos.history import feeding, history
from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.truth import compare
from bench.shared.processes import resident
from streams.runtime.local_kafka.broker import FragileBroker
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw
from tests.kafka.held import lag

_BACK_SECONDS: Final = 30.0
_GROWTH: Final = 1.2
"""So much more memory at most than a worker has that read the same in peace."""
_CALM_RATE: Final = 2_000
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
                for at, (name, end, seconds) in enumerate(faults):
                    feed.allow((at + 0.6) / len(faults))
                    deployment.when_it_comes_on()
                    time.sleep(place.rng.random() * 2)
                    assert feed.busy, "all was sent before the last outage"
                    end()
                    time.sleep(seconds)
                    broker.restart()
                    began = time.monotonic()
                    feed.allow((at + 0.95) / len(faults))
                    deployment.when_it_comes_on()
                    back.append(time.monotonic() - began)
                    happened[name] += 1
                    memory.append(resident(worker.pid)[0])
                    say(f"{name}: back after {back[-1]:.1f} s; {memory[-1] / 1e6:.0f} MB; {feed.sent:,} sent")
            drained = deployment.when_drained(_PATIENCE)
            assert lag(settings) == 0
            memory.append(resident(worker.pid)[0])
        calm = _undisturbed(place, broker, records)
        found = compare(settings, place.folder / "truth")
    growth = memory[-1] / calm
    limits = {
        f"working again only after {max(back):.1f} s": max(back) > _BACK_SECONDS,
        f"{growth:.2f} times the memory of a worker that was left in peace": growth > _GROWTH
        and scale is Scale.LONG,
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
            "at the end, MB": memory[-1] / 1e6,
            "of a worker that read the same in peace, MB": calm / 1e6,
            "alert records": found.alerts,
        },
        missed=tuple(text for text, wrong in limits.items() if wrong),
    )


def _undisturbed(place: Place, broker: FragileBroker, records: Sequence[Raw]) -> int:
    """Return the bytes in memory of a worker that has read the records without any outage."""
    settings = place.settings(broker)
    with Deployment(settings, place.folder) as deployment:
        worker = deployment.start_ready()
        with feeding(settings, records, _CALM_RATE):
            pass
        deployment.when_drained(_PATIENCE)
        return resident(worker.pid)[0]


ROWS: Final = (
    Row(
        "R6",
        "a broker that crashes, is restarted, is away for 60 s, under load",
        run,
        ("tests/kafka/worker/test_worker_faults.py::test_a_broker_that_crashes_is_waited_for",),
    ),
)
