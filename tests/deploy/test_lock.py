"""requirements.lock is complete, and holds nothing else: it is installed without resolving anything."""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from typing import Final

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.files import TOP

HERE: Final = {key: str(value) for key, value in default_environment().items()}
LINUX: Final = HERE | {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
MAC: Final = HERE | {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")


@dataclass(frozen=True)
class Asked:
    """A package with the extras that are asked of it."""

    name: str
    extras: frozenset[str]


def locked() -> list[Requirement]:
    lines = (TOP / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]


def project(*extras: str) -> list[str]:
    """Return what the project asks for, with these extras; of itself it asks for extras only."""
    read = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [
        *read["dependencies"],
        *(one for extra in extras for one in read["optional-dependencies"][extra]),
    ]
    return [one for one in found if Requirement(one).name != read["name"]]


def holds(one: Requirement, environment: dict[str, str], extras: Iterable[str] = ()) -> bool:
    return one.marker is None or any(one.marker.evaluate(environment | {"extra": e}) for e in ("", *extras))


def needed(environment: dict[str, str]) -> Iterator[Requirement]:
    """Yield all that the project asks for with its extras, and what that asks for, as far as known here."""
    todo = [Requirement(one) for one in project("crm", "lab", "ingest", "dev")]
    seen = set()
    while todo:
        one = todo.pop()
        yield one
        asked = Asked(canonicalize_name(one.name), frozenset(one.extras))
        if asked in seen:
            continue
        seen.add(asked)
        inner = map(Requirement, metadata_of(asked.name))
        todo += [each for each in inner if holds(each, environment, one.extras)]


def metadata_of(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # of another platform
        return []


def is_met(one: Requirement, environment: dict[str, str]) -> bool:
    return any(
        canonicalize_name(pin.name) == canonicalize_name(one.name)
        and holds(pin, environment)
        and all(one.specifier.contains(each.version, prereleases=True) for each in pin.specifier)
        for pin in locked()
    )


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", [LINUX, MAC], ids=["linux", "mac"])
def test_every_requirement_is_met_by_the_lock(platform: dict[str, str], python: str) -> None:
    environment = platform | {"python_version": python, "python_full_version": f"{python}.1"}
    missing = [str(one) for one in set(needed(environment)) if not is_met(one, environment)]
    assert missing == []


def test_the_lock_holds_nothing_that_nobody_asks_for() -> None:
    asked = {canonicalize_name(one.name) for one in needed(HERE)}
    assert {canonicalize_name(one.name) for one in locked() if holds(one, HERE)} <= asked


def test_every_package_is_pinned_to_one_version() -> None:
    assert all([each.operator for each in one.specifier] == ["=="] for one in locked())


def test_what_builds_the_project_is_in_the_lock() -> None:
    """It is installed without isolation: nothing is fetched to build it."""
    read = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert all(is_met(Requirement(one), HERE) for one in read)
