"""What an output must leave alone: paths in disguise, pictures of files, commands stopped half-way."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from tests.lab.datasets import Done

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


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "streams", *(str(one) for one in arguments)]


HELD: Final = """
import os, signal, sys
step, name, nth = sys.argv.pop(1), sys.argv.pop(1), int(sys.argv.pop(1))
def hold(event, arguments):
    global nth
    if event == step and str(arguments[0]).endswith(name):
        nth -= 1
        if nth == 0:
            os.write(1, b"held")
            signal.pause()
sys.addaudithook(hold)
from streams.cli import app
app()
"""
"""Runs a command as far as a moment, says so, and waits there for a signal."""


class Moment(NamedTuple):
    """Before the n-th step of a kind that a command takes with a file of such a name."""

    step: str
    """`open` or `os.rename`, as Python's audit events have it."""
    name: str
    nth: int


READING: Final = Moment("open", "contacts.jsonl", 1)
WRITING: Final = Moment("open", ".part", 2)
"""One file is written, beside its place."""
PLACING: Final = Moment("os.rename", ".part", 1)
"""None has taken its place yet."""


def stopped(stop: signal.Signals, moment: Moment, *arguments: object) -> tuple[int, str]:
    """Run a command, stop it at a moment, and return its exit code and its errors."""
    whole = [sys.executable, "-c", HELD, *(str(one) for one in (*moment, *arguments))]
    with subprocess.Popen(whole, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603 - ourselves
        try:
            assert child.stdout is not None
            assert child.stdout.read(4) == b"held", "it never came to that moment"
            child.send_signal(stop)
            _, err = child.communicate()
        finally:
            child.kill()
    return child.returncode, err.decode()
