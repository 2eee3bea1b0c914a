"""What is measured: a cell is a kind of measurement with its sizes; the plan is the list of all cells."""

from itertools import product
from typing import Final

from msgspec import Struct

CUSTOMERS: Final = (10_000, 100_000, 1_000_000, 5_000_000)
PARTITIONS: Final = (4, 16, 64)
WORKERS: Final = (1, 2)
WEIGHTS: Final = ("uniform", "zipf")
USUAL: Final = 100_000


class Cell(Struct, frozen=True):
    """One kind of measurement with its sizes; what does not matter for it is 0 or empty."""

    kind: str
    customers: int
    partitions: int = 0
    workers: int = 0
    weights: str = ""

    @property
    def name(self) -> str:
        """Return what it is called on the command line, like `work-100000c-4p-1w-uniform`."""
        sizes = {"c": self.customers, "p": self.partitions, "w": self.workers}
        shown = [f"{size}{letter}" for letter, size in sizes.items() if size]
        return "-".join([self.kind, *shown, *filter(None, [self.weights])])


def plan(*, everything: bool = False, quick: bool = False) -> list[Cell]:
    """Return all cells: along each axis from the usual size, or every combination, or the cheapest few."""
    customers = CUSTOMERS[:2] if quick else CUSTOMERS
    partitions = PARTITIONS[:2] if quick else PARTITIONS
    work = [
        Cell("work", *sizes)
        for sizes in product(customers, partitions, WORKERS, WEIGHTS)
        if everything or sizes[0] == USUAL or sizes[1:3] == (4, 1)
    ]
    return [
        *(Cell("limit", USUAL, 4, 1, weights) for weights in ("uniform-contacts", "zipf-contacts")),
        *work,
        *(Cell("memory", size) for size in customers),
        *(Cell("replay", size, weights=weights) for size in customers for weights in WEIGHTS),
        *(Cell("latency", 5_000, number, 1) for number in partitions),
    ]
