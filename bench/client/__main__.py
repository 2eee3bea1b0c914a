"""librdkafka's client against aiokafka as a worker uses it, in turn, each in a process of its own.

Reading: microseconds of the clock and of CPU a record, with all its threads, and what the broker used
meanwhile. Committing: milliseconds of a commit of all partitions. Medians of the rounds, with their range.
"""

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

from bench.client import committing, fetching
from bench.shared.alone import alone
from bench.shared.command_line import parser
from bench.shared.load import Load, stream
from bench.shared.machine import machine
from bench.shared.topics import Broker, ends, fresh_settings, watched_broker
from streams.core.watermark import Input
from streams.lab.generate import Weights
from streams.settings import Settings

READERS: dict[str, Callable[..., fetching.Reading]] = {
    "aiokafka, getmany": fetching.getmany,
    "aiokafka, as we use it": fetching.batches,
    "  the same, no CRC": partial(fetching.batches, check=False),
    "  the same, batches left packed": fetching.raw_batches,
    "librdkafka, consume": fetching.consumed,
    "decode + add: aiokafka, as we use it": fetching.batches_beside_work,
    "decode + add: librdkafka, consume": fetching.consumed_beside_work,
}
COMMITTERS: dict[str, Callable[..., committing.Committing]] = {
    "aiokafka, a producer each": committing.aiokafka_each,
    "aiokafka, one producer": committing.aiokafka_one,
    "librdkafka, a producer each": committing.librdkafka_each,
    "librdkafka, one producer": committing.librdkafka_one,
    "librdkafka, one producer, produce_batch": partial(committing.librdkafka_one, listed=True),
}


def main(arguments: list[str] | None = None) -> None:
    """Fill a topic, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with watched_broker() as own:
        settings = fresh_settings(own.bootstrap, clock="event")
        if asked.records:
            load = Load(asked.customers, asked.records, Weights.UNIFORM, contact_every=0)
            with stream(settings, load) as visible:
                visible()
            _read(own, settings, asked.rounds)
        for size in asked.commit_records:
            _commit(own, settings, size, asked)


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--records", type=int, default=1_000_000, help="to read; 0 to leave that out")
    found.add_argument("--customers", type=int, default=100_000)
    found.add_argument("--commit-records", type=int, nargs="*", default=[10_000, 300], help="of one commit")
    found.add_argument("--bytes", type=int, default=450, help="of a state record, key and value")
    found.add_argument("--commits", type=int, default=30, help="in a round")
    found.add_argument("--rounds", type=int, default=5)
    return found


def _read(own: Broker, settings: Settings, rounds: int) -> None:
    purchases = settings.topic_prefix + Input.TRANSACTIONS.value
    markers = settings.partitions
    records = sum(end for tp, end in ends(settings).items() if tp.topic == purchases) - markers
    found: defaultdict[str, list[tuple[fetching.Reading, float]]] = defaultdict(list)
    for _ in range(rounds):
        for name, read in READERS.items():
            found[name].append(_beside(own, read, settings, records))
    print(f"\nreading {records:,} records, {rounds} rounds, us a record")
    print(f"{'':<38} {'clock':>18} {'CPU':>18} {'its first thread':>17} {'broker':>7}")
    for name, runs in found.items():
        per = [(one, 1e6 / one.records, used) for one, used in runs]
        wall = [one.seconds * share for one, share, _ in per]
        cpu = [one.cpu * share for one, share, _ in per]
        first = median(one.first * share for one, share, _ in per)
        used = median(used * share for _, share, used in per)
        print(f"{name:<38} {_spread(wall):>18} {_spread(cpu):>18} {first:>17.2f} {used:>7.2f}")


def _commit(own: Broker, settings: Settings, records: int, asked: Any) -> None:
    found: defaultdict[str, list[tuple[committing.Committing, float]]] = defaultdict(list)
    for _ in range(asked.rounds):
        for name, commit in COMMITTERS.items():
            found[name].append(_beside(own, commit, settings, records, asked.bytes, asked.commits))
    print(
        f"\na commit of {records:,} records of {asked.bytes} bytes on {settings.partitions} partitions, "
        f"{asked.rounds} rounds of {asked.commits}, ms"
    )
    print(f"{'':<40} {'clock':>21} {'CPU':>21} {'broker':>7}")
    for name, runs in found.items():
        wall = [one.seconds * 1e3 for one, _ in runs]
        cpu = [one.cpu * 1e3 for one, _ in runs]
        used = median(used * 1e3 / asked.commits for _, used in runs)
        print(f"{name:<40} {_spread(wall):>21} {_spread(cpu):>21} {used:>7.1f}")


def _beside(own: Broker, function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Return what a function gives in a process of its own, and the CPU seconds of the broker meanwhile."""
    before = own.cpu()
    found = alone(function, *arguments)
    return found, own.cpu() - before


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    main()
