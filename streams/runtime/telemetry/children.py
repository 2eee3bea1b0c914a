"""Counters with labels whose values are known beforehand."""

from collections.abc import Iterable
from itertools import product

from prometheus_client import Counter


def children(counter: Counter, *values: Iterable[str]) -> dict[tuple[str, ...], Counter]:
    """Return a counter for each combination of label values: each is there, at 0, from the start."""
    return {one: counter.labels(*one) for one in product(*values)}
