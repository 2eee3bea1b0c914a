"""The processes of the demo: each a command of ours, started, killed, started again, stopped."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from streams.demo.signals import undisturbed

_STOP_SECONDS: Final = 12.0


class DemoError(Exception):
    """Why the demo can't go on; the message is a sentence for people."""


class Process:
    """`retention-signals` with these arguments; what it says goes to a file."""

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name, self._arguments, self._environment, self._log = name, arguments, environment, log
        self._process: subprocess.Popen[bytes] | None = None
        log.unlink(missing_ok=True)
        log.touch()

    @property
    def running(self) -> bool:
        """Return whether it should run; raises DemoError if it should and does not."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is not None:
            raise DemoError(f"{self.name} ended with {code}: {self._last_words()}")
        return True

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            # In a session of its own: Ctrl-C in the terminal is for us, and we stop what we started.
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "streams", *self._arguments],
                env=self._environment,
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


def stop(processes: Sequence[Process]) -> None:
    """End all, whatever the terminal says meanwhile."""
    with undisturbed():
        for one in processes:
            one.ask_to_stop()
        for one in processes:
            one.wait()
