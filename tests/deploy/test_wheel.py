"""The wheel has the compiled hot path where there is one, and is of pure Python else."""

import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.deploy.wheels import run, tree, wheel

pytestmark = pytest.mark.slow

EXTENSION = "streams/native/_native.abi3.so"
ASKED = """
import pathlib, sys, streams.native, streams.runtime.partition.decode as decode
assert pathlib.Path(streams.__file__).is_relative_to(sys.argv[1]), streams.__file__
print(bool(streams.native.LAYOUT), decode.FITS)
"""


def installed(found: Path, place: Path) -> str:
    """Install a wheel by itself, and return whether the hot path is there, and whether it fits."""
    run(
        *("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(place), str(found)),
        at=place.parent,
    )
    return run("-c", ASKED, str(place), at=place.parent, PYTHONPATH=str(place)).strip()


@pytest.mark.usefixtures("compiled")
def test_a_wheel_with_the_hot_path_is_one_of_its_platform(tmp_path: Path) -> None:
    found = wheel(tree(tmp_path / "project", compiled=True), tmp_path / "wheels")
    assert "-cp311-abi3-" in found.name
    assert installed(found, tmp_path / "site") == "True True"
    names = ZipFile(found).namelist()
    assert EXTENSION in names
    assert {name.rpartition(".")[2] for name in names if "/native/" in name} == {"py", "so"}


def test_without_it_a_wheel_is_one_of_python(tmp_path: Path) -> None:
    found = wheel(tree(tmp_path / "project", compiled=False), tmp_path / "wheels")
    assert found.name.endswith("-py3-none-any.whl")
    assert installed(found, tmp_path / "site") == "False False"


def test_the_sources_have_those_of_the_hot_path_and_nothing_that_was_built(tmp_path: Path) -> None:
    project = tree(tmp_path / "project", compiled=True)
    (project / "streams/native/target").mkdir()
    (project / "streams/native/target/left").touch()
    run("-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path), at=project)
    (found,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    ours = {name for name in names if name.startswith("streams/native/")}
    assert {"streams/native/Cargo.lock", "streams/native/src/lib.rs", "streams/native/build.rs"} <= ours
    assert "deploy/native_hook.py" in names
    assert not [name for name in ours if "/target" in name or name.endswith(".so")]
