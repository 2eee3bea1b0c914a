"""The desk of the demo: it fills up while the history is published, and stays until somebody has seen it."""

import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import typer
from prometheus_client.parser import text_string_to_metric_families

from streams.crm_settings import CRM_PREFIX
from streams.demo.broker import environment
from streams.demo.processes import DemoError, Process, stop
from streams.demo.workers import WorkerProcess
from streams.desk_settings import DESK_PREFIX
from streams.extras import is_here
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings, variable

_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.2
_EXTRA: Final = "crm"


class Desk:
    """A desk that runs."""

    def __init__(
        self, settings: Settings, workers: Sequence[WorkerProcess], folder: Path, *, synthetic: bool
    ) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}/"
        told = {
            name: value
            for name, value in environment(settings, port).items()
            if not name.upper().startswith((CRM_PREFIX, DESK_PREFIX))
        } | {variable("worker_addresses"): ",".join(one.host for one in workers)}
        options = ["--synthetic"] if synthetic else []
        self.process = Process("the desk", ["desk", *options], told, folder / "desk.log")

    def show(self) -> None:
        """Say where it is and what it shows; on a terminal wait until somebody has seen it.

        Raises DemoError.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (figures := self._figures()) or figures["retention_desk_lag_records"]:
            _ = self.process.running
            if time.monotonic() > deadline:
                raise DemoError("the desk takes too long; desk.log may say why")
            time.sleep(_LOOK_SECONDS)
        records, open_ones = (round(figures[name]) for name in ("retention_desk_records_total", "open"))
        typer.echo(
            f"\nThe desk has read {records:,} alert records, {open_ones:,} alerts are open: {self.address}"
        )
        if sys.stdin.isatty() and sys.stdout.isatty():
            typer.echo("It stays for you to look at. Enter, or Ctrl-C, ends it.")
            with suppress(KeyboardInterrupt, EOFError):
                input()

    def _figures(self) -> Mapping[str, float]:
        """Return what it tells Prometheus, `open` alerts among it; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.address}metrics", timeout=5) as answer:  # noqa: S310 - loopback
                text = answer.read().decode()
        except OSError:
            return {}
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        return {one.labels.get("view", one.name): one.value for one in samples}


@contextmanager
def desk(
    settings: Settings, workers: Sequence[WorkerProcess], folder: Path, *, synthetic: bool
) -> Iterator[Desk | None]:
    """Give a desk, its log in a folder; it has ended when the context has.

    None without the extra that it needs.
    """
    if not is_here(_EXTRA):
        yield None
        return
    one = Desk(settings, workers, folder, synthetic=synthetic)
    try:
        one.process.start()
        yield one
    finally:
        stop([one.process])
