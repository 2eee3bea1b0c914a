"""How near replay comes to its limit: read + hot decode + one dict addition per event.

Both are measured in turn over the same files, each in a process of its own, by wall time. The purchases are
synthetic, and so are the contacts (about one event in a hundred). One more round shows where the time goes.
"""

import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from bench.shared.alone import alone
from bench.shared.command_line import parser
from bench.shared.histories import DAYS, SEED, line_counts, options
from bench.shared.machine import machine
from bench.shared.phases import Spent, timed
from bench.shared.ratio import Run, header, print_summary, row
from schemas.events import Transaction
from schemas.hot import Decoder
from streams.core.partition.partition import Partition
from streams.core.watermark import Input
from streams.files import batches, find
from streams.lab.generate import Weights, generate
from streams.lab.inputs.arrived import Arrived, ArrivedQuickly
from streams.lab.replay import replay


def main(arguments: list[str] | None = None) -> None:
    """Generate, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with TemporaryDirectory() as name:
        directory = Path(name)
        _generate(directory, asked.customers, asked.transactions, Weights(asked.weights))
        pairs = []
        print(header("replay"))
        for number in range(1, asked.rounds + 1):
            pair = alone(limit, directory), alone(replayed, directory)
            pairs.append(pair)
            print(row(number, pair), flush=True)
        print_summary("replay", "events", pairs)
        _phases(alone(profiled, directory))


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--customers", type=int, default=100_000)
    found.add_argument("--transactions", type=int, default=1_000_000)
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--weights", choices=[Weights.UNIFORM.value, Weights.ZIPF.value], default="uniform")
    return found


def _generate(directory: Path, customers: int, transactions: int, weights: Weights) -> None:
    made = generate(directory, options(customers, transactions, weights))
    print(
        f"{line_counts(made)} lines "
        f"({customers:,} customers, {weights.value} weights, seed {SEED}, {DAYS} days)"
    )


def limit(directory: Path) -> Run:
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
    return Run(time.perf_counter() - started, events)


def replayed(directory: Path) -> Run:
    """Replay, alerts and all."""
    started = time.perf_counter()
    result = replay.replay_directory(directory)
    seconds = time.perf_counter() - started
    counted = [counts["applied"] + counts["duplicate"] for counts in result.outcomes.values()]
    assert not result.dead_letters
    assert result.tally["opened"] + result.tally["not_high_value"] + result.tally["undetectable"] > 0
    return Run(seconds, sum(counted))


def profiled(directory: Path) -> dict[str, float]:
    """Return the wall seconds of a replay by phase."""
    spent = Spent(float)
    run = replay._Replay  # noqa: SLF001 - the phases lie inside
    with (
        patch.object(Arrived, "shares", timed(Arrived.shares, spent, "route")),
        patch.object(ArrivedQuickly, "shares", timed(ArrivedQuickly.shares, spent, "route")),
        patch.object(Partition, "apply", timed(Partition.apply, spent, "apply")),
        patch.object(Partition, "decide", timed(Partition.decide, spent, "decide")),
        patch.object(run, "take", timed(run.take, spent, "take")),
        patch.object(run, "finish", timed(run.finish, spent, "finish")),
    ):
        total = replayed(directory).seconds
    # What is done with a batch beside these three is to decode it; counting outcomes is too little to matter.
    inside = spent["take"] + spent["finish"]
    spent["decode"] = inside - spent["route"] - spent["apply"] - spent["decide"]
    spent["read, and the rest"] = total - inside
    return {phase: spent[phase] for phase in ("read, and the rest", "decode", "route", "apply", "decide")}


def _phases(spent: dict[str, float]) -> None:
    total = sum(spent.values())
    shares = ", ".join(f"{phase} {seconds:.2f} s ({seconds / total:.0%})" for phase, seconds in spent.items())
    print(f"where the time goes: {shares}")


if __name__ == "__main__":
    main()
