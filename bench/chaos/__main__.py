"""Faults on a real Kafka, row by row: what was lost, doubled or made up, how often each really happened.

Each row hurts workers, brokers, records or the CRM while events come in, waits in quiet until all is worked
off, and compares the state of every customer and every alert with a plain recomputation of what was sent. A
row whose faults never happened has shown nothing, so it fails like one that lost an event.

Results are lines of JSON in a file. A row that the file has, and that found nothing, is not run again: what
was broken off goes on where it ended. `python -m bench.chaos.table` makes docs/reliability.md of them.
"""

import logging
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from bench.chaos.outcome import Outcome, Result, newest, read, told
from bench.chaos.place import Place, Scale, SharedBroker
from bench.chaos.rows import Row, rows
from bench.shared.machine import machine
from streams.settings import ENV_PREFIX

_PACKAGES: Final = ("aiokafka", "faust-streaming", "msgspec")
_EXAMPLES: Final = """\
examples:
  python -m bench.chaos                               every row at full length, an hour and more
  python -m bench.chaos --only R2 R5                  two of them
  python -m bench.chaos --scale small --out /tmp/x    whether they work: a few seconds each
  python -m bench.chaos --only R2 --again --seed 7    once more, with the seed that a failure showed
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the rows that are missing; return 1 if any found anything, or could not be judged."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    known = rows()
    if strange := set(asked.only or ()) - known.keys():
        parser.error(f"no such row: {', '.join(sorted(strange))}; there are {', '.join(known)}")
    if asked.list:
        for row in known.values():
            print(f"{row.name:6} {row.what}{'' if row.run else ' (in tests at every change)'}")
        return 0
    wanted = [row for row in known.values() if row.run and (not asked.only or row.name in asked.only)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # brokers and workers end with it
    for name in [one for one in os.environ if one.upper().startswith(ENV_PREFIX)]:
        del os.environ[name]  # settings of whoever runs this count for nothing
    logging.getLogger("librdkafka").disabled = True  # that a broker is away is on purpose
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    return _run(wanted, asked.scale, asked.out, asked.seed, again=asked.again)


def _parser() -> ArgumentParser:
    found = ArgumentParser(
        "python -m bench.chaos",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    found.add_argument("--only", nargs="+", metavar="ROW", help="names of rows, like R2")
    found.add_argument("--list", action="store_true", help="show the names of the rows, run nothing")
    found.add_argument(
        "--scale", type=Scale, choices=list(Scale), default=Scale.LONG, help="%(default)s if not said"
    )
    found.add_argument(
        "--out", type=Path, default=Path("out/chaos.jsonl"), help="results, %(default)s if not said"
    )
    found.add_argument("--seed", type=int, help="of all that is drawn; a new one for each row if not said")
    found.add_argument("--again", action="store_true", help="run also what the results have")
    return found


def _run(wanted: list[Row], scale: Scale, out: Path, seed: int | None, *, again: bool) -> int:
    before = {} if again else newest(read([out]), scale)
    failed = False
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="chaos-")))
        shared = SharedBroker(folder / "kafka", stack)
        file = stack.enter_context(out.open("ab", buffering=0))
        for row in wanted:
            if row.name in before and not before[row.name].outcome.wrong:
                print(f"{row.name}: the results have it", flush=True)
                continue
            drawn = random.randrange(1 << 32) if seed is None else seed
            outcome = _outcome(row, Place(folder / row.name, drawn, shared), scale)
            failed = failed or outcome is None or bool(outcome.wrong)
            if outcome is not None:
                file.write(msgspec.json.encode(_result(outcome, scale, drawn)) + b"\n")
                print(_line(outcome), flush=True)
    return int(failed)


def _outcome(row: Row, place: Place, scale: Scale) -> Outcome | None:
    """Return what a row came to, None if it could not be judged."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{row.name} {time.monotonic() - began:5.0f} s: {text}", flush=True)

    say(f"{row.what} ({scale}, seed {place.seed})")
    assert row.run is not None
    try:
        found = row.run(place, scale, say)
    except Exception:  # noqa: BLE001 - the other rows are still to be run
        traceback.print_exc()
        say("NOT JUDGED: it failed by itself, as above")
        return None
    seconds = found.seconds or time.monotonic() - began
    return replace(found, row=row.name, what=row.what, seconds=round(seconds, 1))


def _result(outcome: Outcome, scale: Scale, seed: int) -> Result:
    commit = subprocess.run(["git", "describe", "--always"], capture_output=True, text=True, check=False)  # noqa: S607
    versions = [f"revision {commit.stdout.strip()}", *(f"{one} {version(one)}" for one in _PACKAGES)]
    today = datetime.now(tz=UTC).date().isoformat()
    return Result(
        outcome=outcome,
        scale=scale,
        seed=seed,
        at=today,
        machine=machine(),
        versions=", ".join(versions),
    )


def _line(one: Outcome) -> str:
    faults = ", ".join(f"{times:,} x {what}" for what, times in one.faults.items())
    figures = "".join(f"; {what} {told(value)}" for what, value in one.figures.items())
    verdict = f"WRONG: {'; '.join(one.wrong)}" if one.wrong else "nothing lost, doubled or made up"
    return f"{one.row} ({one.seconds:.0f} s): {verdict}; {one.events:,} events; {faults}{figures}"


if __name__ == "__main__":
    sys.exit(main())
