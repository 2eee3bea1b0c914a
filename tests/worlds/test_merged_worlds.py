"""Merges in drawn worlds: no alert depends on batches, crashes, or which partition an id is in.

Not beside the core's other tests of merged customers: to measure what it covers would double its time.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from schemas.alert import Alert
from schemas.events import Merge, Transaction
from streams.core.partition.exchange import decide_together
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.time import HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import SILENT, SMALL, Log, State, in_order, keep, restored, time_of, world

pytestmark = pytest.mark.slow

TX = Input.TRANSACTIONS


def merge(old: str, new: str, time: int, name: str) -> Merge:
    return Merge(old, "crm", name, time, new)


def merges_of(rng: Random, names: list[str], first: int, last: int) -> list[Merge]:
    """Draw merges: pairs, chains, and some that are taken back."""
    found = []
    for number in range(8):
        old, new = rng.sample(names, 2)
        time = rng.randrange(first, last)
        found.append(merge(old, new, time, f"m{number}"))
        if rng.random() < 0.3:
            found.append(
                merge(
                    new,
                    rng.choice([old, *names[:3]]),
                    min(last, time + rng.randrange(10 * HOUR_MS)),
                    f"b{number}",
                )
            )
    return [one for one in found if one.customer_id != one.into]


def run(
    log: Log, rules: Ruleset, count: int, cut: Callable[[int], bool], crash: Callable[[], bool]
) -> list[str]:
    """Feed partitions by time; decide where `cut` says, restore all of them where `crash` does."""
    here = [Partition(rules) for _ in range(count)]
    states: list[State] = [{} for _ in here]

    def home(customer_id: str) -> int:
        return sum(customer_id.encode()) % count

    alerts: list[Alert] = []
    for at, (source, record) in enumerate(log):
        targets = [home(record.customer_id)] if hasattr(record, "customer_id") else range(count)
        for number in targets:
            alerts += here[number].apply(source, [record]).alerts
        if source in FACTS and cut(at):
            alerts += [one for many in decide_together(here, home).alerts for one in many]
            if crash():
                for number, one in enumerate(here):
                    keep(states[number], one)
                    here[number] = restored(rules, states[number])
    newest = max(one.newest for one in here)
    for one in here:
        one.move(dict.fromkeys(FACTS, newest + 1))
    alerts += [one for many in decide_together(here, home).alerts for one in many]
    assert all(one.next_move is None or one.next_move > newest for one in here)
    return sorted(one.model_dump_json(exclude={"backfill"}) for one in alerts)


@pytest.mark.parametrize("seed", range(3))
def test_batches_and_crashes_change_no_alert(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    inputs: dict[Input, list[Record]] = world(tmp_path, seed, customers=24, days=250)
    names = sorted({one.customer_id for one in inputs[TX] if isinstance(one, Transaction)})
    times = [time_of(one) for one in inputs[TX]]
    merges = merges_of(rng, names, min(times) + (max(times) - min(times)) // 3, max(times))
    inputs[TX] = sorted([*inputs[TX], *merges], key=time_of)
    rules = Ruleset.from_mapping(VERSIONS["4"].as_mapping() | SMALL | (SILENT if seed % 2 else {}))
    count = 1 + seed % 3
    log = in_order(inputs)
    wanted = run(log, rules, count, lambda _: True, lambda: False)
    assert len(wanted) > 3
    for _ in range(3):
        often = rng.choice((0.3, 0.02, 0.002))
        assert run(log, rules, count, lambda _: rng.random() < often, lambda: rng.random() < 0.5) == wanted  # noqa: B023
