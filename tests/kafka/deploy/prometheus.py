"""The Prometheus of Compose as a process of this machine, in a hurry: with its own files, rendered anew."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from urllib.request import urlopen

from tests.deploy.compose import Machine, Service

PORT: Final = 9090
_FOR: Final = re.compile(r"\bfor: \w+")
_INTERVAL: Final = re.compile(r"_interval: \w+")


class PrometheusProcess:
    """Runs with the command line of its service."""

    def __init__(self, machine: Machine, service: Service, log: Path) -> None:
        self._port = machine.ports[service.name, PORT]
        folder = machine.folder / "prometheus"
        files = {mount.target: machine.folder_of(mount) for mount in service.mounts}
        for target, source in files.items():
            if target.startswith("/etc/prometheus/"):
                _render(source, folder / target.removeprefix("/etc/prometheus/"), machine)
        command = [
            word.replace("/etc/prometheus", str(folder)).replace("=/prometheus", f"={files['/prometheus']}")
            for word in service.command
        ]
        with log.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - a program of this machine, on loopback
                ["prometheus", *command, f"--web.listen-address=127.0.0.1:{self._port}"],  # noqa: S607
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )

    def is_ready(self) -> bool:
        """Return what its health check asks."""
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and values of an expression now."""
        found = self._get(f"/api/v1/query?query={quote(expression)}")["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def firing(self) -> set[str]:
        """Return the names of the rules that fire."""
        found = self._get("/api/v1/alerts")["alerts"]
        return {one["labels"]["alertname"] for one in found if one["state"] == "firing"}

    def _get(self, path: str) -> dict[str, Any]:
        with urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
            return data


def _render(source: Path, target: Path, machine: Machine) -> None:
    """Copy files with addresses of this machine; it looks each second, and what lasts, lasts a second."""
    if source.is_dir():
        for one in source.iterdir():
            _render(one, target / one.name, machine)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    text = _FOR.sub("for: 1s", _INTERVAL.sub("_interval: 1s", source.read_text(encoding="utf-8")))
    target.write_text(machine.addresses(text), encoding="utf-8")


def is_here() -> bool:
    """Return whether this machine has a Prometheus."""
    return shutil.which("prometheus") is not None
