"""A worker process, as it is deployed, seen from outside: its log, its metrics, its CPU seconds."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO, Final
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from bench.shared.topics import PARTITIONS, committed, ends
from streams.runtime.kafka.admin import admin_client
from streams.settings import Settings, variable

WORKER: Final = ("-m", "streams", "worker")
_START_SECONDS: Final = 600.0
_WORK_SECONDS: Final = 1_800.0
_STOP_SECONDS: Final = 20.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """CPU seconds of a process: of its first thread, where the partitions live, and of all others."""

    first: float
    others: float

    def since(self, before: "Cpu") -> "Cpu":
        """Return what was used since."""
        return Cpu(self.first - before.first, self.others - before.others)


class Running:
    """A worker process; times are those of `time.time`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        self.started = time.time()
        self.lines: list[tuple[float, str]] = []
        assert process.stderr is not None
        self.listener = Thread(target=self._listen, args=(process.stderr,), daemon=True)
        self.listener.start()

    def _listen(self, stream: IO[str]) -> None:
        self.lines.extend((time.time(), line) for line in stream)

    def opened(self, partitions: int = PARTITIONS) -> list[tuple[float, float]]:
        """Wait until so many partitions are open; return when each was, and the seconds that it took."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            found = [
                (at, float(match[1]))
                for at, line in list(self.lines)
                if (match := re.search(r"open after ([\d.]+) s", line))
            ]
            if len(found) >= partitions:
                return found
            self.check(deadline)
            time.sleep(0.005)

    def until_committed(self, settings: Settings) -> None:
        """Wait until all that the inputs hold is committed."""
        self.opened(1)  # before it has joined, the broker knows of no group
        deadline, wanted = time.monotonic() + _WORK_SECONDS, ends(settings)
        with admin_client(settings) as admin:
            while any(committed(admin, settings).get(tp, 0) < end for tp, end in wanted.items()):
                self.check(deadline)
                time.sleep(0.2)

    def metrics(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the values of a metric by its labels."""
        found = next(match[1] for _, line in self.lines if (match := re.search(r"(http://\S+)", line)))
        with urlopen(f"{found}/metrics") as answer:  # noqa: S310 - its own address
            text = answer.read().decode()
        return {
            tuple(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        }

    def cpu(self) -> Cpu:
        """Return the CPU seconds so far; on Linux alone."""
        used = {}
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            fields = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
            used[task.name] = (int(fields[11]) + int(fields[12])) / _TICKS
        first = used.pop(str(self._process.pid))
        return Cpu(first, sum(used.values()))

    def stop(self) -> None:
        """End it as an orchestrator does."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_STOP_SECONDS)

    def check(self, deadline: float) -> None:
        """Fail if it ended, or if a deadline (of `time.monotonic`) has passed."""
        said = "".join(line for _, line in self.lines[-20:])
        assert self._process.poll() is None, f"the worker ended: {said}"
        assert time.monotonic() < deadline, f"the worker is too slow: {said}"


@contextmanager
def running(
    settings: Settings, command: Sequence[str] = WORKER, told: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run a worker, told of settings and of more variables; it is stopped at the end, whatever happened."""
    environment = _environment(settings) | dict(told or {})
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, *command], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        worker = Running(process)
        try:
            yield worker
            worker.stop()
        finally:
            process.kill()
            worker.listener.join()


def _environment(settings: Settings) -> dict[str, str]:
    values = settings.model_dump(exclude_defaults=True)
    spelled = {
        variable(name): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }
    return {**os.environ, **spelled}
