"""What an output must leave alone: paths in disguise, pictures of files, commands stopped half-way."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streams.lab.generate import GenerateOptions, Population, generate
from tests.lab.towns import Done

OTHERS: Final = b"somebody else's notes\n"
ROOT: Final = Path(__file__).parents[1]

Disguise = Callable[[Path, Path], Path]
"""Returns another path to a file, given a directory for what that takes."""


def picture(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return inode, time of change and content of every file below a directory."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def refused(done: Done, named: str = "") -> None:
    """Check that a command said in a sentence that it can't write there."""
    assert done.code == 73, done
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    assert named in done.err


def as_it_is(path: Path, _beside: Path) -> Path:
    return path


def symlink(path: Path, beside: Path) -> Path:
    link = beside / "link"
    link.symlink_to(path)
    return link


def link_to_a_link(path: Path, beside: Path) -> Path:
    second = beside / "second"
    second.symlink_to(symlink(path, beside))
    return second


def hard_link(path: Path, beside: Path) -> Path:
    link = beside / "hard"
    link.hardlink_to(path)
    return link


def through_a_linked_directory(path: Path, beside: Path) -> Path:
    link = beside / "linked"
    link.symlink_to(path.parent)
    return link / path.name


def relative(path: Path, _beside: Path) -> Path:
    return Path(os.path.relpath(path))


def up_and_down(path: Path, _beside: Path) -> Path:
    return path.parent / ".." / path.parent.name / path.name


DISGUISES: Final = (
    as_it_is,
    symlink,
    link_to_a_link,
    hard_link,
    through_a_linked_directory,
    relative,
    up_and_down,
)


def write_town_of(directory: Path, customers: int) -> Path:
    town = directory / "town"
    options = GenerateOptions(
        population=Population.SYNTHETIC, customers=customers, days=300, seed=5, contact_rate=5.0
    )
    generate(town, options)
    return town


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "streams", *(str(one) for one in arguments)]


STOPPED: Final = """
import os, sys, threading
from streams.cli import app
threading.Timer(0.5, os.kill, (os.getpid(), int(sys.argv.pop(1)))).start()
app()
"""
"""Runs a command, which gets a signal half a second after all that it is made of was loaded."""


def stopped(stop: signal.Signals, *arguments: object) -> tuple[int, str]:
    """Run a command, stop it half-way, and return its exit code and its errors."""
    whole = [sys.executable, "-c", STOPPED, str(int(stop)), *(str(one) for one in arguments)]
    done = subprocess.run(whole, cwd=ROOT, capture_output=True, check=False)  # noqa: S603 - ourselves
    assert done.returncode != 0, "too small to be stopped half-way"
    return done.returncode, done.stderr.decode()
