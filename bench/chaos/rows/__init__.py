"""The rows of docs/reliability.md: a module for each, or for some that belong together.

A module says `ROWS = (Row(...), ...)` and is found by that. What a row runs gets a place to work in, the
scale and a way to say how far it is, and returns an Outcome. It raises AssertionError if it can't be judged.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass

from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale


@dataclass(frozen=True)
class Row:
    """A kind of fault. Those without `run` are whole in tests that run at every change."""

    name: str
    what: str
    """The faults, in a line that stands in the table."""
    run: Callable[[Place, Scale, Say], Outcome] | None = None
    tests: tuple[str, ...] = ()
    """Tests of it at every change: `tests/...py::test_...`."""


def rows() -> dict[str, Row]:
    """Return all rows by name, in the order of the table."""
    names = [one.name for one in pkgutil.iter_modules(__path__)]
    found = [row for name in names for row in importlib.import_module(f"{__name__}.{name}").ROWS]
    assert len({row.name for row in found}) == len(found), "two rows have one name"
    return {row.name: row for row in sorted(found, key=_place)}


def _place(row: Row) -> tuple[int, str]:
    """Sort R2 before R10, and rows without a number last."""
    number = re.match(r"R(\d+)", row.name)
    return (int(number[1]) if number else 1000, row.name)
