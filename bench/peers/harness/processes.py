"""A program as a process of its own: started, timed from outside, and ended whatever happens."""

import os
import queue
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Any, Final

from bench.peers.harness.answers import Committed, Ready, Result, answer

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")
_LAST_LINES: Final = 12
_END_SECONDS: Final = 60.0


class ProgramError(Exception):
    """A program that did not do what README.md says; the message says what it did, with its last words."""


@dataclass(frozen=True)
class Measured:
    """What a program did: wall and CPU seconds from its first record to its last commit, and its result."""

    wall: float
    cpu: float
    peak_bytes: int
    """Most memory (RSS) that its processes ever held, added up."""
    result: Result


def measure(command: Sequence[str], folder: Path, patience: float) -> Measured:
    """Run a program to its end, which may take so many seconds. Raises ProgramError."""
    log = folder / "log"
    with log.open("w", encoding="utf-8") as errors, _running(command, errors) as process:
        try:
            return _measure(process, time.monotonic() + patience)
        except ProgramError as error:
            errors.flush()
            words = "\n    ".join(
                log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
            )
            raise ProgramError(f"{error}; its last words:\n    {words or 'none'}") from None


def _measure(process: "subprocess.Popen[str]", deadline: float) -> Measured:
    lines = _lines(process, deadline)
    ready = _next(lines, Ready)
    pid = ready.pid or process.pid
    started, before = time.perf_counter(), cpu_seconds(pid)
    end: Committed | Result = _next(lines, Committed | Result)
    wall, cpu, peak = time.perf_counter() - started, cpu_seconds(pid) - before, peak_bytes(pid)
    result = end if isinstance(end, Result) else _next(lines, Result)
    try:
        code = process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        raise ProgramError(f"it did not end in {_END_SECONDS:.0f} s after its result") from None
    if code:
        raise ProgramError(f"it ended with exit code {code} after its result")
    return Measured(wall, cpu, peak, result)


def _next(lines: Iterator[Any], kind: Any) -> Any:
    found = next(lines)
    if not isinstance(found, kind):
        raise ProgramError(f"it said {found} out of turn")
    return found


def _lines(process: "subprocess.Popen[str]", deadline: float) -> Iterator[Ready | Committed | Result]:
    """Yield what a process answers, as it does. Raises ProgramError where it ends, or when time is up."""
    said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    assert process.stdout is not None
    Thread(target=_pump, args=(process.stdout, said), daemon=True).start()
    while True:
        try:
            line = said.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise ProgramError("it did not end in time") from None
        if line is None:
            raise ProgramError(f"it ended with exit code {process.wait()} before its result")
        if line.startswith("{"):
            try:
                yield answer(line)
            except ValueError as error:
                raise ProgramError(f"it said {line.strip()[:200]}: {error}") from None


def _pump(stream: IO[str], said: "queue.SimpleQueue[str | None]") -> None:
    with suppress(ValueError):  # closed by us, as the harness ends
        for line in stream:
            said.put(line)
    said.put(None)


@contextmanager
def _running(command: Sequence[str], errors: IO[str]) -> Iterator["subprocess.Popen[str]"]:
    """Give a process that leads a group of its own; at the end nothing of the group is left."""
    process = subprocess.Popen(  # noqa: S603 - the commands are those of peers.py
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )
    try:
        with process:
            try:
                yield process
            finally:
                _end_group(process.pid)
    finally:
        _end_group(process.pid)


def _end_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its children, those that it waited for among them."""
    used = 0
    for one in _tree(pid):
        with suppress(OSError):
            used += sum(map(int, _stat(one)[11:15]))
    return used / _TICKS


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process and the children that it has now ever held, in bytes."""
    found = 0
    for one in _tree(pid):
        with suppress(OSError):
            for line in (_PROC / str(one) / "status").read_text(encoding="utf-8").splitlines():
                if line.startswith("VmHWM:"):
                    found += int(line.split()[1]) * 1024
    return found


def _tree(pid: int) -> Iterator[int]:
    """Yield the ids of a process, its children, their children."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                children[int(_stat(int(entry.name))[1])].append(int(entry.name))
    left = [pid]
    while left:
        one = left.pop()
        yield one
        left += children[one]


def _stat(pid: int) -> list[str]:
    """Return the fields of a process that follow its name: state, parent, and so on."""
    return (
        (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    )
