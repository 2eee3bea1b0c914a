"""What workers share in simulations that read history."""

from collections import Counter
from collections.abc import Mapping
from random import Random

from streams.runtime.partition.processor import Identity
from streams.runtime.partition.work_loop import PartitionOptions
from tests.runtime.fake_feed import Surroundings
from tests.runtime.fake_log import Broker
from tests.runtime.history import RULES
from tests.runtime.inputs import RightClock


def surroundings(brokers: Mapping[int, Broker], rng: Random, faults: Counter[str]) -> Surroundings:
    """Return those of workers that read history, on a clock that is right."""
    return Surroundings(
        brokers=brokers,
        rng=rng,
        options=PartitionOptions(
            commit_seconds=lambda: 0.25, live=False, quiet_ms={}, lateness_ms=RULES.lateness_ms
        ),
        clock=RightClock(),
        make_identity=lambda _: Identity("test", RULES, "USD", 0, 1),
        faults=faults,
    )
