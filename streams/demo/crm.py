"""The CRM's side of the demo: a bridge and a sandbox for a CRM, and a disposition on its way back."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import typer
from prometheus_client.parser import text_string_to_metric_families

from schemas.alert import Alert
from schemas.topics import ALERTS
from streams.crm_settings import CRM_PREFIX, crm_variable
from streams.demo.broker import environment
from streams.demo.processes import DemoError, Process, stop
from streams.demo.workers import WorkerProcess
from streams.extras import is_here, needs
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.tools.alert_reader import alert_reader
from streams.settings import Settings, variable

_PATIENCE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.2
_SHOWN: Final = 10
_EXTRA: Final = "crm"


class Crm:
    """A bridge and a sandbox that run."""

    def __init__(
        self, settings: Settings, workers: Sequence[WorkerProcess], folder: Path, *, synthetic: bool
    ) -> None:
        self._settings = settings
        port, self._bridge_port = free_port(), free_port()
        self.address = f"http://127.0.0.1:{port}"
        self._cases, secret = folder / "crm.sqlite3", folder / "crm.secret"
        for old in folder.glob("crm.sqlite3*"), folder.glob("bridge.ledger*"):
            for path in old:
                path.unlink()
        own = {
            "secret_file": secret,
            "url": f"{self.address}/webhook",
            "bridge_url": f"http://127.0.0.1:{self._bridge_port}",
            "ledger": folder / "bridge.ledger",
            "backfill": True,  # what the demo shows is history
            "requests_per_second": 200,
            "refresh_hours": 0.002,  # a day of the history takes a fraction of a second
        }
        addresses = ",".join(one.host for one in workers)
        # What a user has set for a CRM of their own is not for the demo.
        self._environment = {
            name: value
            for name, value in environment(settings, self._bridge_port).items()
            if not name.upper().startswith(CRM_PREFIX)
        } | {crm_variable(name): str(value) for name, value in own.items()}
        self._environment[variable("worker_addresses")] = addresses
        secret.write_text(self._told("crm-sandbox", "secret"), encoding="utf-8")
        secret.chmod(0o600)
        sandbox = ["crm-sandbox", "--port", str(port), "--db", str(self._cases), *self._desk()]
        sandbox += ["--synthetic"] if synthetic else []
        self.processes = [
            Process("the CRM sandbox", sandbox, self._environment, folder / "crm-sandbox.log"),
            Process("the bridge", ["bridge"], self._environment, folder / "bridge.log"),
        ]

    def show(self) -> None:
        """Wait until all is delivered, print the cases, and close one of them. Raises DemoError."""
        self._until(self._is_quiet, "delivering to the CRM")
        typer.echo("\nIn the CRM (a sandbox), delivered by the bridge: open cases first, by value at risk\n")
        typer.echo(self._told("crm-sandbox", "cases", "--db", str(self._cases), "--limit", str(_SHOWN)))
        open_cases = [one["alert_id"] for one in self._listed().values() if one["state"] == "open"]
        if open_cases:
            self._close(open_cases[0])

    def _listed(self) -> dict[str, Any]:
        """Return the cases by alert, ranked."""
        lines = self._told("crm-sandbox", "cases", "--db", str(self._cases), "--json").splitlines()
        return {one["alert_id"]: one for one in map(json.loads, lines)}

    def _close(self, alert_id: str) -> None:
        began = time.monotonic()
        said = ("--status", "closed", "--outcome", "benign", "--db", str(self._cases), *self._desk())
        self._told("crm-sandbox", "dispose", alert_id, *said)
        self._until(lambda: self._resolution(alert_id) == "closed", "resolving an alert")
        seconds = time.monotonic() - began
        self._until(lambda: self._listed()[alert_id]["state"] == "resolved", "closing a case")
        typer.echo(
            "one disposition was posted there: the first case is closed, benign. Its alert was resolved on "
            f"the topic {seconds:.1f} s later, and the case closed itself"
        )

    def _desk(self) -> list[str]:
        """Return the options of a desk that lives in the time of the history."""
        return ["--bridge", f"http://127.0.0.1:{self._bridge_port}", "--time-of-case"]

    def _told(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", "streams", *arguments],
            env=self._environment | {"COLUMNS": os.environ.get("COLUMNS", "110")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"{' '.join(arguments[:2])} failed: {done.stderr.strip()}")
        return done.stdout

    def _is_quiet(self) -> bool:
        """Return whether the bridge has read all alerts, and has nothing left to deliver."""
        figures = self._figures()
        waits = ("retention_bridge_lag_records", "retention_bridge_queued_messages")
        return bool(figures) and all(figures[name] == 0 for name in waits)

    def _figures(self) -> Mapping[str, float]:
        """Return what the bridge tells Prometheus; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._bridge_port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        families = text_string_to_metric_families(text)
        return {sample.name: sample.value for family in families for sample in family.samples}

    def _resolution(self, alert_id: str) -> Any:
        topic = self._settings.topic_prefix + ALERTS.name
        with alert_reader(self._settings, topic, self._settings.partitions, new=False) as reader:
            found = [one for one in reader.existing() if isinstance(one, Alert) and one.alert_id == alert_id]
        return max(found, key=lambda one: one.revision).resolution

    def _until(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not holds():
            for one in self.processes:
                _ = one.running
            if time.monotonic() > deadline:
                raise DemoError(f"{what} takes too long; bridge.log and crm-sandbox.log may say why")
            time.sleep(_LOOK_SECONDS)


@contextmanager
def crm(
    settings: Settings, workers: Sequence[WorkerProcess], folder: Path, *, synthetic: bool
) -> Iterator[Crm | None]:
    """Give a CRM with its bridge, their logs in a folder; both have ended when the context has.

    `synthetic` says of each case that it is so.

    None without the extra that they need, with a line that says so.
    """
    if not is_here(_EXTRA):
        typer.echo(f"no CRM in this demo: {needs('the bridge', _EXTRA)}")
        yield None
        return
    one = Crm(settings, workers, folder, synthetic=synthetic)
    try:
        for process in one.processes:
            process.start()
        yield one
    finally:
        stop(one.processes)
