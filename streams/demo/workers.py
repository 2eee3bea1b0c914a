"""The worker processes of the demo: started, seen, killed, started again, stopped."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streams.demo.broker import environment
from streams.demo.signals import undisturbed
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings

WORKERS: Final = 2
_STOP_SECONDS: Final = 12.0


class DemoError(Exception):
    """Why the demo can't go on; the message is a sentence for people."""


class WorkerProcess:
    """`retention-signals worker` with a number; what it says goes to a file."""

    def __init__(self, number: int, settings: Settings, log: Path) -> None:
        self.number = number
        self._settings, self._log = settings, log
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        log.unlink(missing_ok=True)
        log.touch()

    @property
    def address(self) -> str:
        """Where its web server is."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Return whether it should run; raises DemoError if it should and does not."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is not None:
            raise DemoError(f"worker {self.number} ended with {code}: {self._last_words()}")
        return True

    def start(self) -> None:
        """Start it, on a port of its own."""
        self._port = free_port()
        with self._log.open("ab") as log:
            # In a session of its own: Ctrl-C in the terminal is for us, and we stop the workers.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams", "worker"],
                env=environment(self._settings, self._port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a crash does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def ask_to_stop(self) -> None:
        """Ask it to end as an orchestrator does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Wait until it ended; one that takes too long is killed."""
        if self._process is not None:
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (all of it in {self._log})"


@contextmanager
def workers(settings: Settings, folder: Path) -> Iterator[Sequence[WorkerProcess]]:
    """Give running workers, their logs in a folder; all have ended when the context has."""
    all_of_them = [
        WorkerProcess(number, settings, folder / f"worker-{number}.log") for number in range(1, WORKERS + 1)
    ]
    try:
        for one in all_of_them:
            one.start()
        yield all_of_them
    finally:
        with undisturbed():
            for one in all_of_them:
                one.ask_to_stop()
            for one in all_of_them:
                one.wait()
