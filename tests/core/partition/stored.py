"""A history of a few customers, and state that was written in its middle, by this release or an earlier one.

A stored state is named after the first release that wrote it so, and stays as it is. When a release writes
another form, `python -m tests.core.partition.stored VERSION` stores that, and it goes to the end of STORED.
"""

import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from unittest.mock import patch

from schemas.alert import Alert
from schemas.events import Merge
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, bad, erasure, profile, purchase

STATES: Final = Path(__file__).parent / "states"
STORED: Final = ("before-journals", "before-newest-purchase", "0.1.0")
"""From the oldest to that which this release writes; every one of them is read."""
RULES: Final = replace(VERSIONS["4"], high_value_quantile=0.2, population_minimum=5, opening_frustration=0.3)
DAYS: Final = 160
WRITTEN: Final = 150
"""The day before which the state was written."""
_DRAIN_DAYS: Final = 10
_PAGE_BYTES: Final = 400
"""Those of a page are fewer while a state is written, so that a small file has some."""


def live(partition: Partition, days: range) -> list[Alert]:
    """Let a partition live through days of the history, and return the alerts."""
    alerts: list[Alert] = []
    for day in days:
        for source, record in _records(day):
            alerts += partition.apply(source, [record]).alerts
        alerts += partition.advance(dict.fromkeys(FACTS, HOME + day * DAY_MS + 11 * HOUR_MS))
    return alerts


def _records(day: int) -> Iterator[tuple[Input, Record]]:
    """Yield what happens on a day; contacts wait for the next one, and one purchase is late."""
    start = HOME + day * DAY_MS
    for number in range(8):
        quits = number < 3 and day > 120 + number
        if (day + number) % 3 == 0 and not quits:
            yield Input.TRANSACTIONS, purchase(f"c{number}", start + (number + 1) * HOUR_MS, 900 + number)
    if day == WRITTEN - 1:
        for at in range(50):
            yield Input.TRANSACTIONS, purchase("Zoë", start + 10 * HOUR_MS + at, 100)
        yield Input.CUSTOMERS, erasure("gone")
    elif day % 4 == 0 and day < WRITTEN:
        yield Input.TRANSACTIONS, purchase("gone", start)
    if day == 20:
        yield Input.CUSTOMERS, profile("c1", start, tier="gold")
    if day == 140:
        yield Input.CUSTOMERS, Merge("c7", "crm", "m", start, "c6")
    if day in {118, 119, 120, WRITTEN - 1}:
        for number in range(4):
            yield Input.CONTACTS, bad(f"c{number}", start + 12 * HOUR_MS, f"k{number}-{day}")
    yield Input.TRANSACTIONS, purchase("c5", start + 3 * HOUR_MS, 50, event_id=f"late-{day}", source="till")


def read(name: str) -> dict[bytes, bytes]:
    """Return the stored state of a name."""
    lines = path_of(name).read_text(encoding="ascii").splitlines()
    pairs = (line.split(" ") for line in lines)
    return {b64decode(key): b64decode(value) for key, value in pairs}


def text() -> str:
    """Return the state of the code that runs, as a compacted changelog has it: a key and a value a line."""
    state: dict[bytes, bytes] = {}
    partition = Partition(RULES)
    partition.drain_dirty()  # of nothing: what comes now is what a worker writes
    with patch("streams.core.customer.customer_codec.PAGE_BYTES", _PAGE_BYTES):
        for first in range(0, WRITTEN, _DRAIN_DAYS):
            live(partition, range(first, first + _DRAIN_DAYS))
            for key, value in partition.drain_dirty():
                state.pop(key, None)
                if value is not None:
                    state[key] = value
    return "".join(f"{b64encode(key).decode()} {b64encode(value).decode()}\n" for key, value in state.items())


def path_of(name: str) -> Path:
    """Return where the stored state of a name is."""
    return STATES / f"{name}.txt"


if __name__ == "__main__":
    path_of(sys.argv[1]).write_text(text(), encoding="ascii")
