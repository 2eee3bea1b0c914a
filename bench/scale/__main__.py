"""The cells of docs/performance.md, measured one by one, each a line of JSON in a file.

What the file already has is not measured again: a run that was broken off goes on where it ended. A round
measures every cell once, so what disturbs the machine for a while touches few rounds of each.
"""

import re
import signal
import subprocess
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.scale import others, work
from bench.scale.cells import Cell, plan
from bench.scale.results import Result, read
from bench.shared.command_line import parser
from bench.shared.machine import machine
from bench.shared.topics import Broker, watched_broker

NEED_NO_BROKER: Final = {"memory", "replay"}
"""Kinds of cells."""
_PACKAGES: Final = ("aiokafka", "faust-streaming", "msgspec", "numpy")


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, a line each."""
    asked = _parser().parse_args(arguments)
    cells = [one for one in plan(everything=asked.all, quick=asked.quick) if re.search(asked.cells, one.name)]
    if asked.list:
        print("\n".join(one.name for one in cells))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # broker and workers end with it
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    known = {(one.cell, one.round) for one in read(asked.out)}
    wanted = [
        (number, cell)
        for number in range(1, asked.rounds + 1)
        for cell in cells
        if (cell, number) not in known
    ]
    with asked.out.open("ab", buffering=0) as file:
        for result in _measured(wanted, asked.events, note=asked.note):
            file.write(msgspec.json.encode(result) + b"\n")
            print(_line(result), flush=True)


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--out", type=Path, default=Path("out/scale.jsonl"))
    found.add_argument("--cells", default="", help="a regular expression for the names of cells")
    found.add_argument("--list", action="store_true", help="show the names of the cells, measure nothing")
    found.add_argument("--quick", action="store_true", help="up to 100,000 customers and 16 partitions")
    found.add_argument("--all", action="store_true", help="every combination, not along each axis")
    found.add_argument("--events", type=int, default=1_000_000)
    found.add_argument("--rounds", type=int, default=1)
    found.add_argument(
        "--note", default="", help="what readers must know of the machine; kept with each line"
    )
    return found


def _measured(wanted: Iterable[tuple[int, Cell]], events: int, *, note: str) -> Iterator[Result]:
    """Yield the results, one by one; a broker is started when the first cell needs it."""
    where, versions = machine(), _versions()
    with ExitStack() as stack:
        broker: Broker | None = None
        bases: dict[int, int] = {}
        for number, cell in wanted:
            if broker is None and cell.kind not in NEED_NO_BROKER:
                broker = stack.enter_context(watched_broker())
            began = time.monotonic()
            figures = _figures(broker, cell, events, bases)
            yield Result(
                cell=cell,
                round=number,
                figures=figures,
                took_seconds=round(time.monotonic() - began, 1),
                at=datetime.now(tz=UTC).date().isoformat(),
                machine=where,
                versions=versions,
                note=note,
            )


def _figures(broker: Broker | None, cell: Cell, events: int, bases: dict[int, int]) -> dict[str, float]:
    """Return the figures of a cell; `bases` remembers what a worker without customers takes."""
    if cell.kind == "memory":
        return others.memory_at_rest(cell)
    if cell.kind == "replay":
        return others.replay(cell, events)
    assert broker is not None
    if cell.kind == "latency":
        return others.latencies(broker, cell)
    if cell.kind == "limit":
        return others.limit(broker, cell, events)
    if cell.partitions not in bases:
        bases[cell.partitions] = work.base(broker, cell.partitions)
    return {"base_bytes": bases[cell.partitions], **work.measure(broker, cell, events)}


def _versions() -> str:
    commit = subprocess.run(["git", "describe", "--always"], capture_output=True, text=True, check=False)  # noqa: S607
    return ", ".join([f"revision {commit.stdout.strip()}", *(f"{one} {version(one)}" for one in _PACKAGES)])


def _line(result: Result) -> str:
    figures: dict[str, Any] = result.figures
    shown = ", ".join(f"{name} {value:,.4g}" for name, value in figures.items())
    return f"{result.cell.name} round {result.round} ({result.took_seconds:.0f} s): {shown}"


if __name__ == "__main__":
    main()
