"""A local broker in a Docker container, its data in a volume named after the folder."""

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Final

from typing_extensions import override

from streams.runtime.local_kafka.distribution import KAFKA_VERSION, LocalKafkaError
from streams.runtime.local_kafka.engine import Engine

IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"
_DATA: Final = "/var/lib/kafka/data"
_PULL_SECONDS: Final = 900


class Docker(Engine):
    """The image of Apache Kafka; the volume outlives the container."""

    name = "Docker"

    def __init__(self, folder: Path) -> None:
        self._name = f"retention-signals-{sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"

    @override
    def start(self, port: int) -> str:
        self._remove()
        settings = (f"--env=KAFKA_{name}={value}" for name, value in _environment(port).items())
        return _docker(
            "run",
            "--detach",
            f"--name={self._name}",
            f"--publish=127.0.0.1:{port}:{port}",
            f"--volume={self._name}:{_DATA}",
            *settings,
            IMAGE,
        )

    @override
    def is_running(self, identity: str) -> bool:
        return bool(_docker("ps", "--quiet", "--no-trunc", f"--filter=id={identity}"))

    @override
    def stop(self, identity: str) -> None:
        if self.is_running(identity):
            _docker("stop", "--time=30", identity)

    @override
    def kill(self, identity: str) -> None:
        if self.is_running(identity):
            _docker("kill", identity)
            _docker("wait", identity)

    @override
    def erase(self) -> None:
        self._remove()
        _docker("volume", "rm", "--force", self._name)

    @override
    def last_words(self, identity: str) -> str:
        lines = _docker("logs", "--tail=1", identity).splitlines() or ["it said nothing"]
        return f"{lines[-1][:300]} (all of it: docker logs {self._name})"

    def _remove(self) -> None:
        if _docker("ps", "--all", "--quiet", f"--filter=name=^{self._name}$"):
            _docker("rm", "--force", self._name)


def docker_answers() -> bool:
    """Return whether there is a Docker daemon to talk to."""
    if shutil.which("docker") is None:
        return False
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0  # noqa: S603
    except subprocess.TimeoutExpired:
        return False


def _environment(port: int) -> dict[str, str | int]:
    """Return the broker's settings: inside the container it listens everywhere, outside only on loopback.

    It has one port inside and outside, because it also connects to itself under the address it advertises.
    """
    controller = 9093 if port != 9093 else 9094
    return {
        "PROCESS_ROLES": "broker,controller",
        "NODE_ID": 1,
        "CONTROLLER_QUORUM_VOTERS": f"1@localhost:{controller}",
        "LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:{controller}",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "LOG_DIRS": _DATA,
        "OFFSETS_TOPIC_REPLICATION_FACTOR": 1,
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": 1,
        "TRANSACTION_STATE_LOG_MIN_ISR": 1,
        "SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": 1,
        "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": 1,
        "GROUP_INITIAL_REBALANCE_DELAY_MS": 0,
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "HEAP_OPTS": "-Xmx1g",
    }


def _docker(*arguments: str) -> str:
    """Return what `docker` prints. Raises LocalKafkaError with its last line."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
            ["docker", *arguments],  # noqa: S607 - Docker is where PATH has it
            capture_output=True,
            text=True,
            check=False,
            timeout=_PULL_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LocalKafkaError(f"docker {arguments[0]} does not answer") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise LocalKafkaError(f"docker {arguments[0]}: {said[-1][:300]}")
    return done.stdout.strip()
