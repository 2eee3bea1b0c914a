"""The set-up does not depend on the day: `make setup` and the image ask an index for pinned files only.

The Makefile and the Dockerfile are run as they are, on a small project, against an index on loopback where
every package of the lock has a newer release, and one is asked for with an extra: what pip 23.2.1 falls for.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.fake_index import Index, index_running, wheel_of
from tests.deploy.files import DEPLOY, TOP, instructions

pytestmark = pytest.mark.slow

OURS: Final = "ours-1-py3-none-any.whl"
# Of our own project pip builds nothing here, it is handed the wheel.
BACKEND: Final = f"""
import shutil
def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    shutil.copy("{OURS}", wheel_directory)
    return "{OURS}"
"""
PYPROJECT: Final = """
[build-system]
requires = ["not-on-the-index"]
build-backend = "backend"
backend-path = ["."]
"""
MAKE: Final = shutil.which("make") or "make"
# Without what the make that runs the tests hands down, and without the settings of pip.
CLEAN: Final = {"PATH": os.environ["PATH"]}
PINNED: Final = {
    "/simple/tool/",
    "/simple/plugin/",
    "/files/tool-1-py3-none-any.whl",
    "/files/plugin-1-py3-none-any.whl",
}


@pytest.fixture(name="index")
def _index() -> Iterator[Index]:
    with index_running() as index:
        yield index


@pytest.fixture(name="project")
def _project(index: Index, tmp_path: Path) -> Path:
    """Write a project whose lock is of yesterday: today all in it has a newer release."""
    lock = index.add("tool", "1", extra="toml"), index.add("plugin", "1", "tool[toml]>=1")
    index.add("tool", "2", extra="toml")
    index.add("plugin", "2", "tool[toml]>=1")
    (tmp_path / "requirements.lock").write_text("".join(lock))
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / OURS).write_bytes(wheel_of("ours", "1", "plugin>=1"))
    shutil.copy(TOP / "Makefile", tmp_path)
    return tmp_path


def run(index: Index, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that knows no other index, whatever this machine is set to."""
    pip = {
        "PIP_INDEX_URL": index.url,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "NO_PROXY": "*",
    }
    environment = {**CLEAN, "HOME": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1", **pip}
    return subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def set_up(index: Index, project: Path, uv: str = "") -> subprocess.CompletedProcess[str]:
    return run(index, project, MAKE, "setup", f"PYTHON={sys.executable}", f"UV={uv}")


def test_make_setup_asks_for_pinned_files_only(index: Index, project: Path) -> None:
    """And of a `.venv` that was there nothing is left."""
    left = project / ".venv" / "lib" / "left"
    left.mkdir(parents=True)
    done = set_up(index, project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(index.asked) == PINNED
    assert not left.exists()


def test_make_setup_does_nothing_when_it_is_current(index: Index, project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / ".set-up").touch()
    assert set_up(index, project).returncode == 0
    assert index.asked == []


def test_a_lock_that_is_not_complete_is_no_set_up(index: Index, project: Path) -> None:
    lock = project / "requirements.lock"
    lock.write_text(lock.read_text()[lock.read_text().index("plugin") :])
    done = set_up(index, project)
    assert done.returncode != 0
    assert "plugin 1 requires tool, which is not installed" in done.stdout
    assert not (project / ".venv" / ".set-up").exists()


def test_a_file_that_is_not_that_of_the_lock_is_refused_and_said(index: Index, project: Path) -> None:
    index.add("tool", "1", "something-else", extra="toml")
    done = set_up(index, project)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr


def test_without_an_index_uv_can_reach_pip_does_it(index: Index, project: Path) -> None:
    """A mirror may be known to pip alone. What uv is asked for is what pip is asked for."""
    uv = project / "uv"
    uv.write_text('#!/bin/sh\necho "$@" >> uv.asked\necho "uv: no index" >&2\nexit 2\n')
    uv.chmod(0o755)
    done = set_up(index, project, str(uv))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "uv: no index" in done.stderr
    assert (project / "uv.asked").read_text().endswith(" --no-deps --require-hashes -r requirements.lock\n")
    assert set(index.asked) == PINNED


def test_the_image_downloads_pinned_files_only(index: Index, project: Path) -> None:
    (download,) = (line for line in instructions() if line.startswith("RUN pip download"))
    done = run(index, project, sys.executable, "-m", *shlex.split(download)[1:])
    assert done.returncode == 0, done.stderr
    assert set(index.asked) == PINNED
    assert len(list((project / "wheels").iterdir())) == 2


def test_nothing_from_an_index_is_ever_resolved() -> None:
    """Also where the pip that runs the tests would not fall for it."""
    makefile = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [MAKE, "-nB", "setup", "UV=uv"], cwd=TOP, env=CLEAN, capture_output=True, text=True, check=True
    ).stdout
    texts = makefile, (DEPLOY / "Dockerfile").read_text(), (TOP / ".ci" / "run").read_text()
    text = "\n".join(texts).replace("\\\n", " ")
    calls = re.findall(r"\bpip .*?\b(?:install|download) (.*?)(?:&&|\|\||[;}]|$)", text, re.MULTILINE)
    assert len(calls) == 7
    for call in calls:
        locked = {"--no-deps", "--require-hashes"} <= set(call.split())
        assert locked or "--no-index" in call or call.split()[-2:] == ["-e", "."], call
