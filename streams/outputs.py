"""Files that a command writes: checked before the work, written beside their place, put there at the end.

So no output destroys an input, another output, or somebody else's file; a crash or Ctrl-C leaves what was
there before.
"""

import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from streams.console import Exit, failed

Force = Annotated[
    bool,
    typer.Option("--force", help="Replace what is there, also a file that this command did not write."),
]

PAGE: Final = re.compile(rb'\s*<!doctype html>[^\0]*?<meta name="generator" content="retention-signals">')
"""The mark of every page."""

_HEAD_BYTES: Final = 4096
_STANDARD: Final = {"/dev/stdout": 1, "/dev/stderr": 2}


class OutputError(Exception):
    """An output that can't be written where it was asked for; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file to be written."""

    path: Path
    option: str
    """The option or argument that names it, for messages."""
    mark: re.Pattern[bytes]
    """What every file of this kind that we wrote begins with."""

    @property
    def named(self) -> str:
        """Return how messages call it."""
        return f"{self.option} {self.path}".lstrip()


def check(outputs: Iterable[Output], inputs: Iterable[Path], *, force: bool = False) -> None:
    """Raise OutputError unless every output can be written without a loss; touch nothing.

    An output must not be one of the inputs or another output, by whatever path or link, nor a directory. A
    file that is there is replaced if it is empty, or we wrote it, or with `force`. What is no plain file
    (a pipe, /dev/stdout) is taken as it is.
    """
    inputs = list(inputs)
    checked: list[Output] = []
    for output in outputs:
        try:
            _check_one(output, inputs, checked, force=force)
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "no such file is open"
            raise OutputError(f"{output.named} cannot be written: {why}") from error
        if not _is_special(output.path):
            checked.append(output)


def _check_one(output: Output, inputs: list[Path], checked: list[Output], *, force: bool) -> None:
    _check_place(output)
    for other in inputs:
        if _same(output.path, other):
            raise OutputError(f"{output.named} is an input of this command: nothing was written")
    for one in checked:
        if _same(output.path, one.path):
            raise OutputError(f"{output.named} is the same file as {one.named}: nothing was written")
    if not force:
        _check_whose(output)


def _check_place(output: Output) -> None:
    path = output.path
    number = _descriptor(path)
    if number is not None:
        os.fstat(number)
        return
    if path.is_dir():
        raise OutputError(f"{output.named} cannot be written: it is a directory")
    if path.is_symlink() and _target(path) == path.absolute():
        raise OutputError(f"{output.named} cannot be written: it is a link to itself")
    folder = _target(path).parent
    if not folder.is_dir():
        raise OutputError(f"{output.named} cannot be written: no such directory")
    if not _is_special(path) and not os.access(folder, os.W_OK):
        raise OutputError(f"{output.named} cannot be written: no right to write into its directory")


def _check_whose(output: Output) -> None:
    if _is_special(output.path) or not output.path.is_file():
        return
    try:
        with output.path.open("rb") as there:
            head = there.read(_HEAD_BYTES)
    except OSError as error:
        raise OutputError(f"{output.named} cannot be read, so it is left alone: {error.strerror}") from error
    if head and not output.mark.match(head):
        raise OutputError(
            f"{output.named} is there, and was not written by this command: --force replaces it"
        )


def _is_special(path: Path) -> bool:
    """Return whether a path is no plain file, but a pipe, a device or an open descriptor."""
    return _descriptor(path) is not None or (path.exists() and not path.is_file())


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return _target(one) == _target(other)


def _target(path: Path) -> Path:
    """Return where a path leads; where links go round in a circle, that is the path itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _descriptor(path: Path) -> int | None:
    """Return the number of an open file that a path stands for, as /dev/stdout does; else None."""
    name = str(path)
    if name in _STANDARD:
        return _STANDARD[name]
    number = name.removeprefix("/dev/fd/").removeprefix("/proc/self/fd/")
    return int(number) if number != name and number.isdecimal() else None


@contextmanager
def writing(path: Path, *, private: bool = False) -> Iterator[IO[bytes]]:
    """Yield a binary file that takes the place of `path` when the block ends without an exception.

    Follow links, and keep the permissions of the file that is replaced; only its owner may read a `private`
    one. Raise OSError.
    """
    if _is_special(path):
        sys.stdout.flush()
        number = _descriptor(path)
        # Opened a second time by its name, a file would be written over from its beginning.
        with path.open("wb") if number is None else open(os.dup(number), "wb") as straight:  # noqa: PTH123
            yield straight
        return
    target = _target(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file
            file.flush()
            os.fsync(number)
        if not private and target.exists():
            beside.chmod(target.stat().st_mode)
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


@contextmanager
def writing_or_exit(path: Path) -> Iterator[None]:
    """End the command if the block can't write the file."""
    try:
        yield
    except OSError as error:
        raise failed(f"{path} cannot be written: {error.strerror}", Exit.CANNOT_CREATE) from error


def check_or_exit(outputs: Iterable[Output], inputs: Iterable[Path], *, force: bool = False) -> None:
    """End the command unless every output can be written without a loss, as `check` has it."""
    try:
        check(outputs, inputs, force=force)
    except OutputError as error:
        raise failed(str(error), Exit.CANNOT_CREATE) from error


def write_or_exit(path: Path | None, content: bytes) -> None:
    """Write the whole content to the path, if there is one; end the command if it can't be written."""
    if path is not None:
        with writing_or_exit(path), writing(path) as file:
            file.write(content)
