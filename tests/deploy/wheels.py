"""A wheel of the project, as a release has it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.deploy.files import TOP

MADE_OF: Final = ("LICENSE", "README.md", "pyproject.toml", "schemas", "streams", "deploy/native_hook.py")


def run(*command: str, at: Path, **environment: str) -> str:
    """Run this Python in a folder, and return what it printed."""
    done = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [sys.executable, *command],
        cwd=at,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(folder: Path, *, compiled: bool) -> Path:
    """Copy what the project is made of, with the extension or without."""
    for name in MADE_OF:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (TOP / name).is_dir():
            left_out = ["__pycache__", "target", *([] if compiled else ["*.so"])]
            shutil.copytree(TOP / name, folder / name, ignore=shutil.ignore_patterns(*left_out))
        else:
            shutil.copy(TOP / name, folder / name)
    return folder


def wheel(project: Path, place: Path) -> Path:
    """Build a wheel of what is in a folder."""
    run("-m", "hatchling", "build", "-t", "wheel", "-d", str(place), at=project)
    (found,) = place.glob("*.whl")
    return found
