"""What requirements.lock holds, and which part of it the project needs with some of its extras.

What a package asks for is read from what is installed: `.venv` is the lock, and nothing else.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, Final, cast

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP: Final = Path(__file__).parents[2]
SHIPPED: Final = ("crm", "ingest", "lab")
"""The extras that users install; `dev` is for those who work on it."""

HERE: Final = {key: str(value) for key, value in default_environment().items()}
LINUX: Final = HERE | {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
MAC: Final = HERE | {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
EVERYWHERE: Final = [
    platform | {"python_version": python, "python_full_version": f"{python}.1"}
    for platform in (LINUX, MAC)
    for python in PYTHONS
]
"""Where it is meant to run."""


@dataclass(frozen=True, slots=True)
class Pin:
    """An entry of the lock: what is pinned, and its text with all hashes."""

    requirement: Requirement
    text: str

    @property
    def name(self) -> str:
        """Return its name as packages are compared by."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """Return the one version that it is pinned to."""
        (one,) = self.requirement.specifier
        return one.version


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    extras: frozenset[str]


def project() -> dict[str, Any]:
    """Return what pyproject.toml says of the project."""
    read = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    return cast(dict[str, Any], read["project"])


@cache
def pins() -> tuple[Pin, ...]:
    """Return the entries of the lock in order."""
    text = (TOP / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)
    return tuple(Pin(Requirement(one.split(" \\")[0]), one) for one in entries if one[:1].isalnum())


def asked_for(*extras: str) -> list[Requirement]:
    """Return what the project asks for, with these extras; of itself it asks for extras only."""
    read = project()
    found = [
        *read["dependencies"],
        *(one for extra in extras for one in read["optional-dependencies"][extra]),
    ]
    return [one for one in map(Requirement, found) if one.name != read["name"]]


def holds(one: Requirement, environment: dict[str, str], extras: Iterable[str] = ()) -> bool:
    """Return whether a requirement counts in an environment, for one of the extras or without."""
    return one.marker is None or any(one.marker.evaluate(environment | {"extra": e}) for e in ("", *extras))


def needed(environment: dict[str, str], *extras: str) -> Iterator[Requirement]:
    """Yield all that the project asks for with these extras, and what that asks for, as far as known here."""
    todo = asked_for(*extras)
    seen = set()
    while todo:
        one = todo.pop()
        yield one
        asked = _Asked(canonicalize_name(one.name), frozenset(one.extras))
        if asked in seen:
            continue
        seen.add(asked)
        todo += [each for each in _metadata_of(asked.name) if holds(each, environment, one.extras)]


@cache
def part(*extras: str) -> tuple[Pin, ...]:
    """Return the entries that the project needs with these extras, wherever it is meant to run."""
    names = {canonicalize_name(one.name) for each in EVERYWHERE for one in needed(each, *extras)}
    return tuple(one for one in pins() if one.name in names)


@cache
def _metadata_of(name: str) -> tuple[Requirement, ...]:
    try:
        return tuple(map(Requirement, requires(name) or []))
    except PackageNotFoundError:  # of another platform
        return ()


def main() -> None:
    """Print the part of the lock for the extras that are named; `pip install --no-deps -r` takes it."""
    sys.stdout.write("".join(one.text for one in part(*sys.argv[1:])))


if __name__ == "__main__":
    main()
