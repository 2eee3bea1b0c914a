"""What processes use, as Linux tells it."""

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> tuple[int, int]:
    """Return the bytes of a process that are in memory now, and the most that ever were."""
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    )
    now, most = (int(lines[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
    return now, most
