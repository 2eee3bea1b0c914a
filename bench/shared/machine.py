"""What a figure was measured on: no two machines give the same."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

_CPU = Path("/proc/cpuinfo")


def machine() -> str:
    """Return one line: processor, cores that may be used, load, Python, packages that matter."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("msgspec", "numpy", "polars", "xxhash"))
    load = os.getloadavg()[0]
    return (
        f"{next(_models(), platform.machine())}, {_cores()} cores (load {load:.1f} before), "
        f"{platform.python_implementation()} {platform.python_version()}, {packages}"
    )


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows which cores are ours
        return os.cpu_count() or 1


def _models() -> Iterator[str]:
    if _CPU.is_file():
        for line in _CPU.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                yield line.partition(":")[2].strip()
