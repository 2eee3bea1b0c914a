"""How near replay comes to its limit: read + hot decode + one dict addition per event.

Both are measured in turn over the same files, each in a process of its own, by wall time. The purchases are
synthetic, and so are the contacts (about one event in a hundred). One more round shows where the time goes.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from bench.alone import alone
from bench.machine import machine
from schemas.events import Transaction
from schemas.hot import Decoder
from streams.core.partition.partition import Partition
from streams.core.watermark import Input
from streams.files import batches, find
from streams.lab.generate import GenerateOptions, Population, Weights, generate
from streams.lab.replay import replay

SEED = 1
DAYS = 400
CONTACTS_PER_TRANSACTION = 0.01
CONTACTS_PER_JOURNEY = 1.72
"""Mean of `generate`, further versions and notices included."""


@dataclass(frozen=True)
class Measured:
    """One run: wall seconds, and the events it read."""

    seconds: float
    events: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def main(arguments: list[str] | None = None) -> None:
    """Generate, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with TemporaryDirectory() as name:
        directory = Path(name)
        _generate(directory, asked.customers, asked.transactions, Weights(asked.weights))
        pairs = []
        print(f"{'round':>5} {'limit':>14} {'replay':>14}  ratio")
        for number in range(1, asked.rounds + 1):
            pair = alone(limit, directory), alone(replayed, directory)
            pairs.append(pair)
            print(_row(str(number), *pair), flush=True)
        _summary(pairs)
        _phases(alone(profiled, directory))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", choices=[Weights.UNIFORM.value, Weights.ZIPF.value], default="uniform")
    return parser


def _generate(directory: Path, customers: int, transactions: int, weights: Weights) -> None:
    years = customers * DAYS / 365.25
    made = generate(
        directory,
        GenerateOptions(
            population=Population.SYNTHETIC,
            seed=SEED,
            customers=customers,
            days=DAYS,
            transactions=transactions,
            weights=weights,
            contact_rate=transactions * CONTACTS_PER_TRANSACTION / CONTACTS_PER_JOURNEY / years,
        ),
    )
    counts = ", ".join(f"{lines:,} {path.stem}" for path, lines in made.lines.items() if path.stem != "truth")
    print(f"{counts} lines ({customers:,} customers, {weights.value} weights, seed {SEED}, {DAYS} days)")


def limit(directory: Path) -> Measured:
    """Read every line, decode it, add to a dict: what no replay can do without."""
    decoder = Decoder()
    decoders = {
        Input.TRANSACTIONS: decoder.transactions,
        Input.CONTACTS: decoder.contacts,
        Input.CUSTOMERS: decoder.customers,
    }
    sums: defaultdict[str, int] = defaultdict(int)
    started, events = time.perf_counter(), 0
    for one, path in find(directory).items():
        decode: Callable[[bytes], Any] = decoders[one]
        for batch in batches(path):
            for event in map(decode, batch.lines):
                sums[event.customer_id] += event.cents if event.__class__ is Transaction else 1
            events += len(batch.lines)
    return Measured(time.perf_counter() - started, events)


def replayed(directory: Path) -> Measured:
    """Replay, alerts and all."""
    started = time.perf_counter()
    result = replay.replay_directory(directory)
    seconds = time.perf_counter() - started
    counted = [counts["applied"] + counts["duplicate"] for counts in result.outcomes.values()]
    assert not result.dead_letters
    assert result.tally["opened"] + result.tally["not_high_value"] + result.tally["undetectable"] > 0
    return Measured(seconds, sum(counted))


def profiled(directory: Path) -> dict[str, float]:
    """Return the wall seconds of a replay by phase."""
    spent: defaultdict[str, float] = defaultdict(float)
    run = replay._Replay  # noqa: SLF001 - the phases lie inside
    with (
        _timed(spent, "route", run, "_route"),
        _timed(spent, "apply", Partition, "apply"),
        _timed(spent, "decide", Partition, "decide"),
        _timed(spent, "take", run, "take"),
        _timed(spent, "finish", run, "finish"),
    ):
        total = replayed(directory).seconds
    # What is done with a batch beside these three is to decode it; counting outcomes is too little to matter.
    inside = spent["take"] + spent["finish"]
    spent["decode"] = inside - spent["route"] - spent["apply"] - spent["decide"]
    spent["read, and the rest"] = total - inside
    return {phase: spent[phase] for phase in ("read, and the rest", "decode", "route", "apply", "decide")}


@contextmanager
def _timed(spent: defaultdict[str, float], phase: str, processor: type, name: str) -> Iterator[None]:
    function = getattr(processor, name)

    @wraps(function)
    def timed(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent[phase] += time.perf_counter() - started

    with patch.object(processor, name, timed):
        yield


def _row(label: str, lower: Measured, upper: Measured) -> str:
    return f"{label:>5} {lower.rate:>12,.0f}/s {upper.rate:>12,.0f}/s  {upper.rate / lower.rate:.3f}"


def _summary(pairs: list[tuple[Measured, Measured]]) -> None:
    ratios = [upper.rate / lower.rate for lower, upper in pairs]
    best = [median(run.rate for run in runs) for runs in zip(*pairs, strict=True)]
    print(f"ratio replay / limit: median {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"events/s, median: limit {best[0]:,.0f}, replay {best[1]:,.0f}")


def _phases(spent: dict[str, float]) -> None:
    total = sum(spent.values())
    shares = ", ".join(f"{phase} {seconds:.2f} s ({seconds / total:.0%})" for phase, seconds in spent.items())
    print(f"where the time goes: {shares}")


if __name__ == "__main__":
    main()
