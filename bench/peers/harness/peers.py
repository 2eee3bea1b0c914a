"""The programs that are measured: how each is started, how much it is given, what it needs to be there."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[3]
_JAVA: Final = Path(__file__).parents[1] / "java"
_RUN_JAVA: Final = _JAVA / "run"
_OTHER_PYTHON: Final = _ROOT / ".venv-peers" / "bin" / "python"
_BUILD_SECONDS: Final = 900.0
_PROGRAMS: Final = "bench.peers.programs"


@dataclass(frozen=True)
class Peer:
    """A program. `share` is the part of the purchases that it is given, as it would take too long else."""

    name: str
    guarantee: str
    command: Sequence[str]
    missing: Callable[[], str | None]
    """Returns why it can't run here, or None."""
    share: int = 1
    """One in so many."""


def _nothing() -> str | None:
    return None


def _other_python() -> str | None:
    if not _OTHER_PYTHON.is_file():
        return "its environment is missing: `make .venv-peers` makes it, and says what has no wheel here"
    return None


def _package(name: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        reason = _other_python()
        if reason is None:
            tried = [str(_OTHER_PYTHON), "-c", f"import {name}"]
            if subprocess.run(tried, capture_output=True, check=False).returncode:  # noqa: S603 - our own
                reason = f"{name} can't be imported in .venv-peers"
        return reason

    return missing


def _java() -> str | None:
    """Return what building or running the programs in Java needs and is missing."""
    missing = next((tool for tool in ("java", "mvn") if shutil.which(tool) is None), None)
    if missing is None and not _RUN_JAVA.is_file():
        missing = "bench/peers/java"
    return missing and f"{missing} is missing"


OURS: Final = "ours"
PEERS: Final = tuple(
    Peer(name, guarantee, command, missing, share)
    for name, guarantee, command, missing, share in (
        (OURS, "exactly once", (sys.executable, "-m", f"{_PROGRAMS}.ours"), _nothing, 1),
        ("limit", "none", (sys.executable, "-m", f"{_PROGRAMS}.limit"), _nothing, 1),
        ("kafka-streams", "exactly once", (str(_RUN_JAVA), "kafka-streams"), _java, 1),
        ("flink", "exactly once", (str(_RUN_JAVA), "flink"), _java, 1),
        ("quix", "exactly once", (str(_OTHER_PYTHON), "-m", f"{_PROGRAMS}.quix"), _package("quixstreams"), 5),
        (
            "bytewax",
            "state exactly once",
            (str(_OTHER_PYTHON), "-m", f"{_PROGRAMS}.bytewax_flow"),
            _package("bytewax"),
            5,
        ),
        ("faust", "at least once", (sys.executable, "-m", f"{_PROGRAMS}.faust_plain"), _nothing, 50),
    )
)
"""In the order in which they run in a round."""


def build_java() -> str | None:
    """Build the programs in Java; return why that failed, or None."""
    command = ["mvn", "-q", "-B", "-f", str(_JAVA / "pom.xml"), "package"]
    try:
        done = subprocess.run(  # noqa: S603 - our own
            command, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"Maven did not end in {_BUILD_SECONDS:.0f} s"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return "Maven failed: " + " ".join(lines[:3])[:400] if done.returncode else None
