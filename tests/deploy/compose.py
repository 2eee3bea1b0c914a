"""docker-compose.yml as `docker compose config` renders it, and its services as processes of this machine.

What a container would have is mapped: the names of services to loopback and free ports, its paths to folders.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from shlex import split
from typing import Any, Final, cast

import yaml

from tests.deploy.files import TOP, instructions

COMPOSE: Final = TOP / "docker-compose.yml"
IMAGE: Final = "retention-signals"
_VARIABLE: Final = re.compile(r"\$(?:\$|\{(\w+)(?::-([^}]*))?\})")


def rendered(environment: Mapping[str, str] | None = None, added: str = "") -> dict[str, Any]:
    """Return the file with its variables filled in, from an environment or by their defaults.

    `added` are services that somebody writes into it.
    """
    told = environment or {}

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else told.get(found[1]) or found[2] or ""

    def filled(node: Any) -> Any:
        # As Compose does it, after the file was parsed: so what was text stays text.
        match node:
            case dict():
                return {name: filled(one) for name, one in node.items()}
            case list():
                return [filled(one) for one in node]
            case str():
                return _VARIABLE.sub(value, node)
            case _:
                return node

    text = COMPOSE.read_text(encoding="utf-8").replace("\nservices:\n", f"\nservices:\n{added}\n")
    return cast(dict[str, Any], filled(yaml.safe_load(text)))


@dataclass(frozen=True)
class Mount:
    """What a container sees at a path: a folder or file of this machine (with a slash), or a volume."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class Service:
    """A service as it is rendered; of ours, what it leaves out is that of the image."""

    name: str
    told: Mapping[str, Any]

    @property
    def is_ours(self) -> bool:
        """Return whether it is of our image."""
        return str(self.told["image"]).startswith(f"{IMAGE}:")

    @property
    def command(self) -> list[str]:
        """Return its whole command line."""
        if not self.is_ours:
            return list(self.told.get("command", []))
        entry = self.told.get("entrypoint") or image_instruction("ENTRYPOINT")
        return [*entry, *(self.told.get("command") or image_instruction("CMD"))]

    @property
    def environment(self) -> dict[str, str]:
        """Return its variables."""
        return dict(self.told.get("environment", {}))

    @property
    def health_check(self) -> list[str] | None:
        """Return the command that tells whether it is well; None if nothing does."""
        check = self.told.get("healthcheck", {})
        if check.get("disable"):
            return None
        if "test" in check:
            kind, *command = check["test"]
            assert kind == "CMD"
            return [str(word) for word in command]
        return image_health_check() if self.is_ours else None

    @property
    def waits_for(self) -> dict[str, str]:
        """Return the services that it waits for, and what they have to be."""
        return {name: one["condition"] for name, one in self.told.get("depends_on", {}).items()}

    @property
    def mounts(self) -> list[Mount]:
        """Return what is mounted."""
        found = [str(one).split(":") for one in self.told.get("volumes", [])]
        return [Mount(one[0], one[1], one[2:] == ["ro"]) for one in found]

    @property
    def ports(self) -> list[tuple[str, int, int]]:
        """Return what is open on this machine: address, port, and port inside."""
        found = [str(one).split(":") for one in self.told.get("ports", [])]
        return [(address, int(outside), int(inside)) for address, outside, inside in found]

    @property
    def stop_seconds(self) -> float:
        """Return how long it has to stop."""
        return float(str(self.told.get("stop_grace_period", "10s")).removesuffix("s"))


def services(environment: Mapping[str, str] | None = None, added: str = "") -> dict[str, Service]:
    """Return all services by name, with those that somebody adds."""
    found = rendered(environment, added)["services"]
    return {name: Service(name, told) for name, told in found.items()}


def start_order(every: Mapping[str, Service]) -> list[Service]:
    """Return services in an order in which each starts after those that it waits for."""
    names = TopologicalSorter({name: set(one.waits_for) for name, one in every.items()}).static_order()
    return [every[name] for name in names]


def image_instruction(name: str) -> list[str]:
    """Return what an instruction of the image's last stage tells in JSON."""
    (line,) = (one for one in instructions() if one.startswith(f"{name} "))
    return cast(list[str], yaml.safe_load(line.removeprefix(f"{name} ")))


def image_health_check() -> list[str]:
    """Return the health check of the image."""
    (line,) = (one for one in instructions() if one.startswith("HEALTHCHECK "))
    return cast(list[str], yaml.safe_load(line.partition(" CMD ")[2]))


def image_folders() -> set[str]:
    """Return the folders that the image makes for its user."""
    (line,) = (one for one in instructions() if one.startswith("RUN install -d "))
    words = split(line)
    return {word for word in words if word.startswith("/")}


class Machine:
    """Maps what a container of a service would have to this machine."""

    def __init__(self, folder: Path, ports: Mapping[tuple[str, int], int]) -> None:
        """Take a folder for volumes, and the port of this machine for each service and port inside."""
        self.folder, self.ports = folder, ports
        names = "|".join(sorted({re.escape(name) for name, _ in ports}, key=len, reverse=True))
        self._address = re.compile(rf"(?<![\w.-])({names}):([0-9]+)\b")

    def addresses(self, text: str) -> str:
        """Return a text with the addresses of services as they are here."""
        return self._address.sub(lambda found: f"127.0.0.1:{self.ports[found[1], int(found[2])]}", text)

    def folder_of(self, mount: Mount) -> Path:
        """Return where a mount is on this machine."""
        if "/" in mount.source:
            return (TOP / mount.source).resolve()
        volume = self.folder / "volumes" / mount.source
        volume.mkdir(mode=0o700, parents=True, exist_ok=True)
        return volume

    def text(self, service: Service, text: str) -> str:
        """Return a value of a variable or an argument as it is here."""
        for mount in sorted(service.mounts, key=lambda one: -len(one.target)):
            if mount.target in text:
                text = text.replace(mount.target, str(self.folder_of(mount)))
                break
        text = self.addresses(text)
        option, _, value = text.rpartition("=")
        if option in {"", "--host"} and value == "0.0.0.0":  # noqa: S104 - which it replaces
            return text.replace(value, "127.0.0.1")
        if option in {"", "--port"} and value.isdigit() and (service.name, int(value)) in self.ports:
            return text.replace(value, str(self.ports[service.name, int(value)]))
        return text

    def environment(self, service: Service) -> dict[str, str]:
        """Return all that a process of a service is told: nothing of whoever runs this."""
        own = {name: self.text(service, value) for name, value in service.environment.items()}
        scratch = self.folder / "tmp" / service.name
        scratch.mkdir(parents=True, exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(scratch), "TMPDIR": str(scratch), **own}

    def command(self, service: Service, command: Sequence[str]) -> list[str]:
        """Return a command of a service as it is here: our programs are those of this environment."""
        bin_folder = Path(sys.executable).parent
        program = {"retention-signals": str(bin_folder / "retention-signals"), "python": sys.executable}
        first, *others = command
        return [program.get(first, first), *(self.text(service, one) for one in others)]

    def start(self, service: Service, log: Path) -> subprocess.Popen[bytes]:
        """Start a service of ours, its output in a file."""
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - ourselves
                self.command(service, service.command),
                env=self.environment(service),
                cwd=self.folder / "tmp" / service.name,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def is_healthy(self, service: Service) -> bool:
        """Return what the health check of a service says."""
        check = service.health_check
        assert check is not None
        command, told = self.command(service, check), self.environment(service)
        return not subprocess.run(command, env=told, cwd=TOP, capture_output=True, check=False).returncode  # noqa: S603


def paths_in(service: Service) -> Iterator[str]:
    """Yield the paths that a service is told, in variables and arguments."""
    for text in (*service.environment.values(), *service.command):
        yield from re.findall(r"(?<![\w:/])/[\w./-]+", text.partition("://")[0] if "://" in text else text)
