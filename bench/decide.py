"""What a partition's core costs by phase: taking records in, deciding, packing what changed; CPU seconds.

No broker, no decoder: synthetic events are decoded before, and given to the partitions in slices of the
history, each of which is applied, decided and drained as a worker does with a backlog. The purchases are of
customers drawn evenly or by Zipf's law; one event in a hundred is a contact.

The digest is that of all alert records: it must not depend on the machine, nor on what makes deciding cheap.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, NamedTuple, ParamSpec, TypeVar

from bench.shared.alone import alone
from bench.shared.command_line import parser
from bench.shared.histories import line_counts, options
from bench.shared.machine import machine
from schemas.hot import Decoder
from schemas.partitioner import DEFAULT as PARTITIONER
from schemas.partitioner import Routes
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import DEFAULT
from streams.core.watermark import FACTS, Input
from streams.files import batches, find
from streams.lab.generate import Weights, generate

PARTITIONS = 4
PHASES = ("apply", "decide", "drain")

_P = ParamSpec("_P")
_T = TypeVar("_T")
Shares = list[list[Record]]
"""Events by partition."""


class Measured(NamedTuple):
    """CPU seconds by phase, and the alerts that came of it."""

    seconds: dict[str, float]
    alerts: int
    digest: str


def main(arguments: list[str] | None = None) -> None:
    """Generate, measure each round in a fresh process, print."""
    asked_for = parser(__doc__)
    asked_for.add_argument("--customers", type=int, default=100_000)
    asked_for.add_argument("--transactions", type=int, default=1_000_000)
    asked_for.add_argument("--rounds", type=int, default=5)
    asked_for.add_argument("--slice", type=int, default=20_000, help="transactions between two decisions")
    asked = asked_for.parse_args(arguments)
    print(machine())
    for weights in (Weights.UNIFORM, Weights.ZIPF):
        with TemporaryDirectory() as name:
            history = options(asked.customers, asked.transactions, weights, profile_share=0.3)
            made = generate(Path(name), history)
            runs = [alone(measure, Path(name), asked.slice) for _ in range(asked.rounds)]
        print(f"{weights.value}: {line_counts(made)}; {runs[0].alerts} alerts, digest {runs[0].digest}")
        for phase in PHASES:
            found = [run.seconds[phase] for run in runs]
            print(f"{phase:>8} {median(found):6.2f} s, {min(found):.2f} to {max(found):.2f}")


def measure(directory: Path, size: int) -> Measured:
    """Feed a history to partitions, so many transactions at a time."""
    profiles, slices = _sliced(directory, size)
    partitions = [Partition(DEFAULT) for _ in range(PARTITIONS)]
    seconds: defaultdict[str, float] = defaultdict(float)
    digest, alerts = sha256(), 0

    def timed(phase: str, function: Callable[_P, _T], *given: _P.args, **named: _P.kwargs) -> _T:
        started = process_time()
        try:
            return function(*given, **named)
        finally:
            seconds[phase] += process_time() - started

    for partition, own in zip(partitions, profiles, strict=True):
        timed("apply", partition.apply, Input.CUSTOMERS, own)
    gc.collect()
    gc.freeze()  # as the worker does
    for bought, contacts in slices:
        for partition, own, asked in zip(partitions, bought, contacts, strict=True):
            timed("apply", partition.apply, Input.TRANSACTIONS, own)
            timed("apply", partition.apply, Input.CONTACTS, asked)
            partition.move(dict.fromkeys(FACTS, partition.clock(Input.TRANSACTIONS)))
            for alert in timed("decide", partition.decide):
                digest.update(alert.model_dump_json().encode())
                alerts += 1
            timed("drain", partition.drain_dirty)
    return Measured(dict(seconds), alerts, digest.hexdigest()[:12])


def _sliced(directory: Path, size: int) -> tuple[Shares, list[tuple[Shares, Shares]]]:
    """Return the profiles, and slices of transactions, each with the contacts up to its newest time."""
    decoder, routes = Decoder(), Routes(PARTITIONS, PARTITIONER)
    files = {one: list(_events(decoder, one, path)) for one, path in find(directory).items()}
    contacts, taken, slices = files[Input.CONTACTS], 0, []
    for start in range(0, len(files[Input.TRANSACTIONS]), size):
        bought = files[Input.TRANSACTIONS][start : start + size]
        newest, first = max(event.time for event in bought), taken
        while taken < len(contacts) and contacts[taken].time <= newest:
            taken += 1
        slices.append((_shared_out(bought, routes), _shared_out(contacts[first:taken], routes)))
    return _shared_out(files.get(Input.CUSTOMERS, []), routes), slices


def _events(decoder: Decoder, source: Input, path: Path) -> Iterator[Any]:
    decode = decoder.of(source)
    for batch in batches(path):
        yield from map(decode, batch.lines)


def _shared_out(events: Sequence[Any], routes: Routes) -> Shares:
    shares: Shares = [[] for _ in range(PARTITIONS)]
    for event in events:
        shares[routes[event.customer_id]].append(event)
    return shares


if __name__ == "__main__":
    main()
