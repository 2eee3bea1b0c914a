"""The worker processes of the demo."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streams.demo.broker import environment
from streams.demo.processes import Process, stop
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings

WORKERS: Final = 2


class WorkerProcess(Process):
    """`retention-signals worker` with a number, on a port that it keeps when it is started again."""

    def __init__(self, number: int, settings: Settings, folder: Path) -> None:
        port = free_port()
        log = folder / f"worker-{number}.log"
        super().__init__(f"worker {number}", ["worker"], environment(settings, port), log)
        self.number = number
        self.host = f"127.0.0.1:{port}"
        """Where its web server is."""


@contextmanager
def workers(settings: Settings, folder: Path) -> Iterator[Sequence[WorkerProcess]]:
    """Give running workers, their logs in a folder; all have ended when the context has."""
    all_of_them = [WorkerProcess(number, settings, folder) for number in range(1, WORKERS + 1)]
    try:
        for one in all_of_them:
            one.start()
        yield all_of_them
    finally:
        stop(all_of_them)
