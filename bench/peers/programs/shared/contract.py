"""What every program is told, and the lines of JSON that it answers with; README.md says it all.

Only the standard library is imported here: some programs run in an environment without ours.
"""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """What a program is to do."""

    bootstrap: str
    prefix: str
    name: str
    job: str
    records: int
    contacts: int
    out: Path

    @property
    def is_full(self) -> bool:
        """Whether contacts, episodes and alerts are asked for."""
        return self.job == "full"

    @property
    def total(self) -> int:
        """How many records are to be read."""
        return self.records + (self.contacts if self.is_full else 0)

    @property
    def transactions(self) -> str:
        """The topic of purchases."""
        return f"{self.prefix}transactions"

    @property
    def contacts_topic(self) -> str:
        """The topic of contacts."""
        return f"{self.prefix}contacts"

    @property
    def alerts_topic(self) -> str:
        """The topic for alerts."""
        return f"{self.name}.alerts"


def asked(description: str | None, arguments: list[str] | None = None) -> Asked:
    """Return what the command line asks for."""
    parser = ArgumentParser(description=description)
    parser.add_argument("--bootstrap", required=True, help="HOST:PORT of a broker")
    parser.add_argument("--prefix", required=True, help="what the names of the topics begin with")
    parser.add_argument("--name", required=True, help="what the names that the program makes begin with")
    parser.add_argument("--job", required=True, choices=("fold", "full"))
    parser.add_argument("--records", required=True, type=int, help="records of the topic of purchases")
    parser.add_argument("--contacts", type=int, default=0, help="records of the topic of contacts")
    parser.add_argument("--out", required=True, type=Path, help="file for the result, in a folder of its own")
    return Asked(**vars(parser.parse_args(arguments)))


class Answer:
    """Writes the lines in their order, and keeps the time from the first record to the last commit."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._first = self._last = 0.0

    def first_record(self, pid: int | None = None) -> None:
        """Say that the first record is about to be read; in another process, if it has an id.

        Later calls count for nothing.
        """
        if not self._first:
            _say({"ready": True} | ({} if pid is None else {"pid": pid}))
            self._first = time.perf_counter()

    def committed(self) -> None:
        """Say that all is processed and committed."""
        self._last = time.perf_counter()
        _say({"committed": True})

    def result(self, version: str, records: int, **found: int | None) -> None:
        """Say how many records were read, and what was found."""
        seconds = round(self._last - self._first, 3)
        line = {"records": records, **found, "seconds": seconds, "version": version}
        self._asked.out.write_text(json.dumps(line), encoding="utf-8")
        _say(line)


def sums(states: Iterable[Sequence[int]]) -> dict[str, int | None]:
    """Return how many customers there are, and the sums of their cents and purchases, which come first."""
    customers = cents = purchases = 0
    for spent, bought, *_ in states:
        customers += 1
        cents += spent
        purchases += bought
    return {"customers": customers, "cents": cents, "purchases": purchases}


def _say(line: object) -> None:
    print(json.dumps(line), flush=True)
