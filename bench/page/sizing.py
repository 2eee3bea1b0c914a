"""The sizing rule: what a worker takes, as few round numbers, from the measured cells."""

import math
from typing import Final

from msgspec import Struct

from bench.scale.cells import USUAL, WEIGHTS, Cell
from bench.scale.results import Table

FACTOR: Final = 2.0
"""Within this the rule tells every measured cell that it is made for."""
MANY: Final = 1_000_000
"""With more customers than these, most of an event's time is waiting for memory."""
TAIL_BYTES: Final = 31
"""Memory for each purchase of the last 8 days: its place in the record, and its id (decision 11)."""


class Rule(Struct, frozen=True):
    """What one worker takes."""

    events: int
    """A second, with even keys as with Zipf's, while it catches up; of at most `MANY` customers."""
    events_of_many: int
    """The same of more customers."""
    base_megabytes: int
    customer_bytes: int
    """Of memory at the worst moment, the end of a restore."""
    restored: int
    """Customers a second."""
    state_bytes: int
    """Of the changelog for a customer, compacted."""
    changelog_bytes: int
    """Written for an event before compaction."""

    def events_a_second(self, customers: int) -> int:
        """Return how many events a second a worker with so many customers takes in."""
        return self.events if customers <= MANY else self.events_of_many

    def megabytes(self, customers: int) -> float:
        """Return the memory of a worker with so many customers."""
        return self.base_megabytes + customers * self.customer_bytes / 1e6

    def restore_seconds(self, customers: int) -> float:
        """Return how long a worker with so many customers restores."""
        return customers / self.restored


def rule(measured: Table) -> Rule:
    """Return the rule that the measured cells give: of their medians the worse one, rounded."""
    usual = [figures for cell, figures in measured.items() if is_usual(cell)]
    speeds = [
        (cell.customers, one["events"].median / one["seconds"].median)
        for cell, one in measured.items()
        if is_usual(cell)
    ]
    large = [(cell, figures) for cell, figures in measured.items() if is_usual(cell) and is_large(cell)]
    work = [(cell, figures) for cell, figures in measured.items() if cell.kind == "work"]
    return Rule(
        events=_down(min(speed for customers, speed in speeds if customers <= MANY)),
        events_of_many=_down(min(speed for _, speed in speeds)),
        base_megabytes=_up(max(one["base_bytes"].median for one in usual) / 1e6),
        customer_bytes=_up(
            max(
                (one["most_resident_bytes"].median - one["base_bytes"].median) / cell.customers
                for cell, one in large
            )
        ),
        restored=_down(min(cell.customers / one["restore_seconds"].median for cell, one in large)),
        state_bytes=_up(max(one["state_bytes"].median / cell.customers for cell, one in work)),
        changelog_bytes=_up(max(one["changelog_bytes"].median / one["events"].median for one in usual)),
    )


def is_usual(cell: Cell) -> bool:
    """Return whether the rule is made from a cell: one worker with a few partitions."""
    return cell.kind == "work" and (cell.partitions, cell.workers) == (4, 1) and cell.weights in WEIGHTS


def is_large(cell: Cell) -> bool:
    """Return whether there are enough customers in a cell to tell what one of them takes."""
    return cell.customers >= USUAL


def _down(value: float) -> int:
    """Return a value with two digits, rounded down."""
    step = _step(value)
    return math.floor(value / step) * step


def _up(value: float) -> int:
    """Return a value with two digits, rounded up."""
    step = _step(value)
    return math.ceil(value / step) * step


def _step(value: float) -> int:
    return max(1, int(10 ** (math.floor(math.log10(value)) - 1)))
