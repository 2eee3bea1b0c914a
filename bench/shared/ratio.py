"""Throughput beside its limit: runs in pairs, their rates, and what the ratios come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Run:
    """One run: wall seconds, the records that it read, and CPU seconds of its process if measured."""

    seconds: float
    records: int
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


Pair = tuple[Run, Run]
"""A run of the limit, and one of what is measured."""


def header(name: str) -> str:
    """Return the head of a table of pairs."""
    return f"{'round':>5} {'limit':>14} {name:>14}  ratio"


def row(number: int, pair: Pair) -> str:
    """Return the line of a round."""
    limit, measured = pair
    ratio = measured.rate / limit.rate
    return f"{number:>5} {limit.rate:>12,.0f}/s {measured.rate:>12,.0f}/s  {ratio:.3f}"


def print_summary(name: str, unit: str, pairs: Sequence[Pair]) -> None:
    """Print the median ratio with its range, and the median rates."""
    ratios = [measured.rate / limit.rate for limit, measured in pairs]
    rates = [median(run.rate for run in runs) for runs in zip(*pairs, strict=True)]
    print(f"ratio {name} / limit: median {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"{unit}/s, median: limit {rates[0]:,.0f}, {name} {rates[1]:,.0f}")
