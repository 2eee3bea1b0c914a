"""A Kafka for development and tests: on loopback only, kept in a folder, found again by a file in it."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from streams.runtime.kafka.admin import connected
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.local_kafka.distribution import LocalKafkaError, can_fetch_jars, find_java, jar_folder
from streams.runtime.local_kafka.docker import Docker, docker_answers
from streams.runtime.local_kafka.engine import Engine, free_port, is_free
from streams.runtime.local_kafka.heir import ended_with_us
from streams.runtime.local_kafka.java import Java

USUAL_PORT: Final = 9092
_START_SECONDS: Final = 120.0
_ANSWER_SECONDS: Final = 2.0
_CLOSING_SECONDS: Final = 10.0


class Running(msgspec.Struct, frozen=True):
    """A broker that was started: on what (`Docker` or `Java`), container or process id, port on loopback."""

    engine: str
    identity: str
    port: int

    @property
    def bootstrap(self) -> str:
        """Its address, `host:port`."""
        return f"127.0.0.1:{self.port}"


class LocalKafka:
    """The broker of a folder. Methods raise LocalKafkaError; commands on one folder wait for each other."""

    def __init__(self, folder: Path, *, jars: Path | None = None) -> None:
        self.folder = folder
        self._jars = folder if jars is None else jars
        self._file = folder / "broker.json"

    def up(self, wished_port: int | None = None) -> Running:
        """Start the broker unless it runs, wait until it answers, and return it.

        It takes the wished port, or if none is wished that of last time, or the usual one; where that is
        taken, or 0 is wished, any free one.
        """
        with self._alone():
            before = self._recorded()
            if before is not None and self._engine(before.engine).is_running(before.identity):
                self._wait(before)
                return before
            if wished_port is None:
                wished_port = USUAL_PORT if before is None else before.port
            return self._start(choose_engine(self._jars), free_port(wished_port))

    def running(self) -> Running | None:
        """Return the broker if its process runs, answering or not."""
        found = self._recorded()
        return found if found is not None and self._engine(found.engine).is_running(found.identity) else None

    def down(self, *, erase: bool = False, kill: bool = False) -> Running | None:
        """End the broker, if it is ours, and return what ended; its data stay unless erased."""
        with self._alone():
            found = self.running()
            if found is not None:
                engine = self._engine(found.engine)
                (engine.kill if kill else engine.stop)(found.identity)
                _wait_until_free(found.port)
            recorded = self._recorded()
            if erase and recorded is not None:
                self._engine(recorded.engine).erase()
                self._file.unlink()
            return found

    def _start(self, name: str, port: int) -> Running:
        engine = self._engine(name)
        broker = Running(name, engine.start(port), port)
        self._file.write_bytes(msgspec.json.encode(broker))
        self._wait(broker)
        return broker

    def _wait(self, broker: Running) -> None:
        engine = self._engine(broker.engine)
        deadline = time.monotonic() + _START_SECONDS
        while not answers(broker.bootstrap):
            time.sleep(0.1)
            if not engine.is_running(broker.identity):
                raise LocalKafkaError(f"Kafka ended as it began: {engine.last_words(broker.identity)}")
            if time.monotonic() > deadline:
                raise LocalKafkaError(f"Kafka runs at {broker.bootstrap} but has not answered in 2 min")

    def _recorded(self) -> Running | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Running)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _engine(self, name: str) -> Engine:
        return Docker(self.folder) if name == Docker.name else Java(self.folder, self._jars)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class FragileBroker:
    """A broker that a test may hurt."""

    def __init__(self, kafka: LocalKafka) -> None:
        self._kafka = kafka
        self.bootstrap = kafka.up(0).bootstrap

    def kill(self) -> None:
        """End it as a crash does."""
        self._kafka.down(kill=True)

    def stop(self) -> None:
        """End it cleanly."""
        self._kafka.down()

    def restart(self) -> None:
        """Start it again where it was, with what it kept, and wait until it answers."""
        again = self._kafka.up().bootstrap
        if again != self.bootstrap:
            raise LocalKafkaError(f"the port of {self.bootstrap} was taken meanwhile")


def choose_engine(jars: Path) -> str:
    """Return what a local Kafka can run on here. Raises LocalKafkaError with all that is missing."""
    if docker_answers():
        return Docker.name
    missing = ["no Docker daemon answers"]
    try:
        find_java()
    except LocalKafkaError as error:
        missing.append(str(error))
    if not (jar_folder(jars).is_dir() or can_fetch_jars()):
        missing.append("Maven (mvn) is missing, which fetches Apache Kafka once")
    if len(missing) > 1:
        raise LocalKafkaError("; ".join(missing))
    return Java.name


def _wait_until_free(port: int) -> None:
    """Wait for the sockets of a broker that ended: they outlive its process by a moment."""
    deadline = time.monotonic() + _CLOSING_SECONDS
    while not is_free(port) and time.monotonic() < deadline:
        time.sleep(0.02)


def answers(bootstrap: str) -> bool:
    """Return whether a broker answers there within seconds."""
    try:
        with connected({"bootstrap_servers": [bootstrap]}, _ANSWER_SECONDS) as client:
            return bool(client.describe_cluster()["brokers"])
    except KafkaUnavailableError:
        return False


@contextmanager
def local_kafka(folder: Path, *, jars: Path | None = None) -> Iterator[FragileBroker]:
    """Run a broker on a free port while the context lasts, and this process; its data go with it."""
    kafka = LocalKafka(folder, jars=jars)
    with ended_with_us(folder):
        try:
            yield FragileBroker(kafka)
        finally:
            kafka.down(erase=True, kill=True)
