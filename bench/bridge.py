"""Whether a bridge with a slow CRM slows the worker: the worker alone, and with them beside it, in turn.

The CRM answers 50 requests a second, fails and hangs now and then. The bridge delivers every alert of the
history, and asks the worker how things stand for each. On a machine with few cores all share them, so the
CPU seconds of the worker tell more than the clock on the wall.
"""

import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench.shared.command_line import parser
from bench.shared.histories import line_counts, options
from bench.shared.machine import machine
from bench.shared.running import running
from bench.shared.topics import broker, emptied, ends, fresh_settings, publish
from streams.crm_settings import crm_variable
from streams.lab.generate import Weights, generate
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings, variable

BRIDGE: Final = ("-m", "streams", "bridge")
_FAULTS: Final = ("--rate", "50", "--fail", "0.05", "--hang", "0.01", "--after-effect")


@dataclass(frozen=True)
class Work:
    """What a worker did from its first open partition to its last commit, and how often it was asked."""

    seconds: float
    cpu: float
    records: int
    lookups: int = 0


def main(arguments: list[str] | None = None) -> None:
    """Generate, publish, measure, print."""
    asked = _parser().parse_args(arguments)
    print(machine())
    with broker() as bootstrap, TemporaryDirectory() as name:
        settings = fresh_settings(bootstrap, clock="event").model_copy(update={"web_port": free_port()})
        history = options(asked.customers, asked.transactions, Weights.UNIFORM)
        made = generate(Path(name), history)
        print(f"{line_counts(made)}; {publish(settings, Path(name)):,} records with ticks")
        print(f"{'round':>5} {'alone':>12} {'beside':>12}  ratio  CPU s alone, beside  ratio  lookups")
        pairs = []
        for number in range(1, asked.rounds + 1):
            alone, beside = _work(settings), _work(settings, Path(name) / f"crm-{number}")
            pairs.append((alone, beside))
            rates = " ".join(f"{one.records / one.seconds:>10,.0f}/s" for one in (alone, beside))
            cpu = f"{alone.cpu:.2f}, {beside.cpu:.2f}  {alone.cpu / beside.cpu:.3f}"
            ratio = alone.seconds / beside.seconds
            print(f"{number:>5} {rates}  {ratio:.3f}  {cpu}  {beside.lookups:,}", flush=True)
    for what, ratios in (
        ("throughput", [one.seconds / other.seconds for one, other in pairs]),
        ("by CPU seconds", [one.cpu / other.cpu for one, other in pairs]),
    ):
        print(f"beside / alone, {what}: median {median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


def _parser() -> ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--customers", type=int, default=20_000)
    found.add_argument("--transactions", type=int, default=400_000)
    found.add_argument("--rounds", type=int, default=5)
    return found


def _work(settings: Settings, crm: Path | None = None) -> Work:
    """Let a worker read all inputs, with a state of its own; beside a bridge if there is a folder for it."""
    own = emptied(settings)
    with ExitStack() as stack:
        bridge = None
        if crm is not None:
            crm.mkdir()
            told = stack.enter_context(_crm(crm, own))
            bridge = stack.enter_context(running(own.model_copy(update={"web_port": 0}), BRIDGE, told))
        worker = stack.enter_context(running(own))
        started, _ = min(worker.opened())
        before = worker.cpu()
        worker.until_committed(own)
        used = worker.cpu().since(before)
        ended = max(worker.metrics("retention_last_commit_timestamp_seconds").values())
        asked = 0 if bridge is None else sum(bridge.metrics("retention_bridge_lookups_total").values())
    return Work(ended - started, used.first + used.others, sum(ends(own).values()), round(asked))


@contextmanager
def _crm(folder: Path, settings: Settings) -> Iterator[dict[str, str]]:
    """Run a CRM that is slow, and give what a bridge has to be told of it and of the worker."""
    port, secret = free_port(), folder / "secret"
    command = [sys.executable, "-m", "streams", "crm-sandbox"]
    secret.write_bytes(subprocess.run([*command, "secret"], check=True, capture_output=True).stdout)  # noqa: S603
    told = {
        "url": f"http://127.0.0.1:{port}/webhook",
        "secret_file": secret,
        "ledger": folder / "ledger",
        "backfill": True,
        "timeout_seconds": 1,
        "requests_per_second": 80,
        "concurrency": 16,
    }
    arguments = ["--port", str(port), "--db", str(folder / "cases"), "--secret-file", str(secret), *_FAULTS]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL) as sandbox:  # noqa: S603
        try:
            yield {crm_variable(name): str(value) for name, value in told.items()} | {
                variable("worker_addresses"): f"127.0.0.1:{settings.web_port}"
            }
        finally:
            sandbox.terminate()


if __name__ == "__main__":
    main()
