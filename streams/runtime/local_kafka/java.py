"""A local broker as a Java process: started apart from us, known by its id and its command line."""

import base64
import os
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Final

from typing_extensions import override

from streams.runtime.local_kafka.distribution import LocalKafkaError, fetch_jars, find_java
from streams.runtime.local_kafka.engine import Engine, free_port

_STOP_SECONDS: Final = 30.0

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.heartbeat.interval.ms=1000
broker.session.timeout.ms=5000
"""

_OPTIONS: Final = (
    "-Xmx1g",
    # A broker that lives for minutes on a few cores: to compile harder costs more than it ever gives back.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


class Java(Engine):
    """Apache Kafka on Java, its data, log and settings in the folder."""

    name = "Java"

    def __init__(self, folder: Path, jars: Path) -> None:
        self._folder = folder.resolve()
        self._jars = jars
        self._properties = self._folder / "server.properties"
        self._log = self._folder / "broker.log"

    @override
    def start(self, port: int) -> str:
        java, jars = find_java(), fetch_jars(self._jars)
        self._folder.mkdir(parents=True, exist_ok=True)
        data = self._folder / "data"
        self._properties.write_text(self._settings(port, data), encoding="utf-8")
        classes = ["-cp", f"{jars.resolve()}/*"]
        if not (data / "meta.properties").is_file():
            self._format([java, "-XX:TieredStopAtLevel=1", *classes])
        return self._launch([java, *_OPTIONS, *classes, "kafka.Kafka", str(self._properties)])

    @override
    def is_running(self, identity: str) -> bool:
        command = _command_line(int(identity))
        return "kafka.Kafka" in command and str(self._properties) in command

    @override
    def stop(self, identity: str) -> None:
        self._end(identity, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while self.is_running(identity) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.kill(identity)

    @override
    def kill(self, identity: str) -> None:
        self._end(identity, signal.SIGKILL)
        while self.is_running(identity):
            time.sleep(0.02)

    @override
    def erase(self) -> None:
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    @override
    def last_words(self, identity: str) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        wrong = [line for line in lines if "ERROR" in line or "Exception" in line]
        return f"{(wrong or lines or ['it said nothing'])[-1].strip()[:300]} (all of it in {self._log})"

    def _settings(self, port: int, data: Path) -> str:
        return _PROPERTIES.format(port=port, controller=free_port(), data=data)

    def _format(self, java: list[str]) -> None:
        command = [*java, "kafka.tools.StorageTool", "format", "--config", str(self._properties)]
        command.append(f"--cluster-id={_cluster_id()}")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603
        if done.returncode:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if "SLF4J" not in line]
            raise LocalKafkaError(
                f"the data folder cannot be formatted: {lines[0] if lines else 'no reason'}"
            )

    def _launch(self, command: list[str]) -> str:
        # A shell in between lets the broker outlive us without being our child, so nothing is left to reap.
        shell = [
            "/bin/sh",
            "-c",
            'log=$1; shift; "$@" >"$log" 2>&1 </dev/null & echo $!',
            "sh",
            str(self._log),
        ]
        started = subprocess.run(  # noqa: S603 - the command is all ours
            [*shell, *command], stdout=subprocess.PIPE, text=True, check=True, start_new_session=True
        )
        return started.stdout.strip()

    def _end(self, identity: str, sign: signal.Signals) -> None:
        if self.is_running(identity):
            os.kill(int(identity), sign)


def _cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _command_line(pid: int) -> str:
    """Return the command line of a process, empty if there is none (or it is a zombie)."""
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
