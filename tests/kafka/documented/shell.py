"""A shell in which documented commands run as they stand, against a broker, in a folder of the test."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streams.runtime.local_kafka.distribution import fetch_jars, find_java
from streams.settings import Settings
from tests.kafka.commands import environment

MOST_SECONDS: Final = 120.0
DEFAULT_PREFIX: Final = Settings.model_fields["topic_prefix"].default
_TOOLS: Final = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}
"""Kafka's own tools, which the jars have, and what runs each."""
_BEGIN: Final = """
set -euo pipefail
# What a page says of the exit code holds within seconds.
until_exit() {
    local code wanted=$1; shift
    for _ in $(seq 60); do
        code=0; "$@" || code=$?
        [ "$code" = "$wanted" ] && return 0
        sleep 0.5
    done
    echo "exit code $code, and not $wanted: $*"; return 1
}
"""


class Shell:
    """Runs commands in bash, in one folder, with our command and Kafka's tools in PATH."""

    def __init__(self, folder: Path, settings: Settings, jars: Path, port: int) -> None:
        """Say in which folder, and at which port a worker that is started listens."""
        self.folder, self.port = folder, port
        self._settings = settings
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        _program(bin_folder / "retention-signals", f'exec "{sys.executable}" -m streams "$@"')
        java = f'exec "{find_java()}" -XX:TieredStopAtLevel=1 -Xmx256m -cp "{fetch_jars(jars).resolve()}/*"'
        for name, main in _TOOLS.items():
            _program(bin_folder / name, f'{java} {main} "$@"')
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(bin_folder)
        self._environment = {
            **os.environ,
            **environment(settings, web_port=port, worker_addresses=f"127.0.0.1:{port}"),
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "BROKER": settings.bootstrap_servers[0],
        }

    def run(self, commands: Sequence[str], before: str = "", told: Mapping[str, str] | None = None) -> str:
        """Run commands to their end, and return what they said; what goes on in the background is ended."""
        with self.running(commands, before, told) as log:
            pass
        return log.read_text(encoding="utf-8")

    @contextmanager
    def running(
        self, commands: Sequence[str], before: str = "", told: Mapping[str, str] | None = None
    ) -> Iterator[Path]:
        """Give the log once all commands have run, and end what goes on in the background at last."""
        done, log = self.folder / "done", self.folder / "log"
        done.unlink(missing_ok=True)
        script = "\n".join([_BEGIN, before, *map(self._fitted, commands), f"touch '{done}'", "wait"])
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - what our own pages say
                ["/bin/bash", "-c", script],
                cwd=self.folder,
                env={**self._environment, **(told or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + MOST_SECONDS
            while not done.exists():
                text = log.read_text(encoding="utf-8", errors="replace")
                assert process.poll() is None or done.exists(), f"{script}\n---\n{text[-3000:]}"
                assert time.monotonic() < deadline, f"{script}\n---\n{text[-3000:]}"
                time.sleep(0.1)
            yield log
        finally:
            _end(process)

    def _fitted(self, command: str) -> str:
        """Return a command with the addresses, names and places of this test."""
        prefix = self._settings.topic_prefix
        command = command.replace("127.0.0.1:9092", self._settings.bootstrap_servers[0])
        command = command.replace("localhost:8080", f"127.0.0.1:{self.port}")
        command = command.replace("/run/secrets/", f"{self.folder}/")
        command = re.sub(r"\bretention\.(?!ms\b)(?=[a-z])", prefix, command)
        if prefix != DEFAULT_PREFIX:  # whose rights are by these names
            command = command.replace("=retention-2.", f"={prefix}2.")
        if "--follow" in command:
            command = f"timeout -s INT 10 {command.partition('#')[0]} || test $? = 124"
        code = re.search(r"# exit code (\d+)", command)
        return command if code is None else f"until_exit {code[1]} {command}"


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a shell and all that it started."""
    for one in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, one)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and _group_runs(process):
            time.sleep(0.1)
    process.wait()


def _group_runs(process: "subprocess.Popen[bytes]") -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
