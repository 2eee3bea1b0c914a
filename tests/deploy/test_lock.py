"""requirements.lock is complete, and holds nothing else: it is installed without resolving anything."""

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.release.lock import HERE, LINUX, MAC, PYTHONS, SHIPPED, TOP, holds, needed, part, pins

ALL = (*SHIPPED, "dev")


def is_met(one: Requirement, environment: dict[str, str]) -> bool:
    return any(
        pin.name == canonicalize_name(one.name)
        and holds(pin.requirement, environment)
        and one.specifier.contains(pin.version, prereleases=True)
        for pin in pins()
    )


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", [LINUX, MAC], ids=["linux", "mac"])
def test_every_requirement_is_met_by_the_lock(platform: dict[str, str], python: str) -> None:
    environment = platform | {"python_version": python, "python_full_version": f"{python}.1"}
    missing = [str(one) for one in set(needed(environment, *ALL)) if not is_met(one, environment)]
    assert missing == []


def test_the_lock_holds_nothing_that_nobody_asks_for() -> None:
    asked = {canonicalize_name(one.name) for one in needed(HERE, *ALL)}
    assert {one.name for one in pins() if holds(one.requirement, HERE)} <= asked


def test_every_package_is_pinned_to_one_version() -> None:
    assert all([each.operator for each in one.requirement.specifier] == ["=="] for one in pins())


def test_what_builds_the_project_is_in_the_lock() -> None:
    """It is installed without isolation: nothing is fetched to build it."""
    read = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert all(is_met(Requirement(one), HERE) for one in read)


def test_a_part_of_the_lock_is_taken_over_as_it_stands() -> None:
    lock = (TOP / "requirements.lock").read_text(encoding="utf-8")
    worker = part()
    assert {"aiokafka", "faust-streaming", "numpy"} <= {one.name for one in worker}
    assert not {"polars", "jinja2", "confluent-kafka", "ruff"} & {one.name for one in worker}
    assert all(one.text in lock and "--hash=" in one.text for one in worker)
    assert "".join(one.text for one in pins()) == lock
