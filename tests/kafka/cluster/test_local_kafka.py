"""A local Kafka: started, found again, ended, and only ever its own; or in words what is missing."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from streams.runtime.commands.kafka import kafka as app
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan, read
from streams.runtime.local_kafka.broker import FragileBroker, LocalKafka, Running, answers
from streams.runtime.local_kafka.distribution import (
    KAFKA_VERSION,
    LocalKafkaError,
    fetch_jars,
    find_java,
    jar_folder,
)
from streams.runtime.local_kafka.engine import free_port, is_free
from tests.kafka.commands import until
from tests.kafka.conftest import settings_for

Tool = Callable[[str, str], None]


def run(folder: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [command, "--folder", str(folder), *arguments])


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Leave a machine with nothing but what is given it: name and shell script."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    def add(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return add


@pytest.mark.kafka
def test_up_status_down_and_each_again(jars: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kafka"
    if jar_folder(jars).is_dir():
        folder.mkdir()
        jar_folder(folder).symlink_to(jar_folder(jars))
    assert run(folder, "status").exit_code == 69
    assert run(folder, "down").stdout == "Kafka was not running\n"
    port = free_port()
    first = run(folder, "up", "--port", str(port))
    try:
        address = f"127.0.0.1:{port}"
        assert first.exit_code == 0, first.output
        assert f"Kafka is up at {address}" in first.stdout
        last = f"export RETENTION_BOOTSTRAP_SERVERS={address} RETENTION_REPLICATION_FACTOR=1"
        assert first.stdout.splitlines()[-1] == last
        again = run(folder, "up", "--port", str(free_port()))
        assert f"Kafka runs already at {address}" in again.stdout
        status = run(folder, "status")
        assert (status.exit_code, status.stdout.startswith(f"Kafka answers at {address}")) == (0, True)
    finally:
        down = run(folder, "down", "--erase")
    assert down.stdout.startswith(f"stopped Kafka at {address}")
    assert is_free(port)
    assert not (folder / "data").exists()
    assert LocalKafka(folder).running() is None


@pytest.mark.kafka
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_broker_ends_with_the_bench_it_is_for(jars: Path, tmp_path: Path, how: signal.Signals) -> None:
    """However that ends: nothing of it runs on."""
    code = (
        "import sys, time, pathlib\n"
        "from streams.runtime.local_kafka.broker import local_kafka\n"
        "with local_kafka(pathlib.Path(sys.argv[1]), jars=pathlib.Path(sys.argv[2])) as own:\n"
        "    print(own.bootstrap, flush=True)\n"
        "    time.sleep(600)\n"
    )
    folder = tmp_path / "kafka"
    with subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", code, folder, jars], stdout=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stdout is not None
        bootstrap = bench.stdout.readline().strip()
        assert answers(bootstrap)
        bench.send_signal(how)
        assert bench.wait(10) == -how
    until(lambda: LocalKafka(folder).running() is None and not (folder / "data").exists())
    assert not answers(bootstrap)


@pytest.mark.kafka
def test_a_broker_comes_back_after_a_crash_where_it_was_with_what_it_kept(own_broker: FragileBroker) -> None:
    settings = settings_for(own_broker)
    with admin_client(settings) as admin:
        create(admin, plan(settings))
    own_broker.kill()
    assert not answers(own_broker.bootstrap)
    own_broker.restart()
    with admin_client(settings) as admin:
        assert len(read(admin, plan(settings))) == 9
    own_broker.stop()
    assert not answers(own_broker.bootstrap)


@pytest.mark.kafka
def test_a_broker_that_hangs_is_told_apart_from_one_that_answers(jars: Path, tmp_path: Path) -> None:
    local = LocalKafka(tmp_path / "kafka", jars=jars)
    broker = local.up(free_port())
    if broker.engine != "Java":
        local.down(erase=True)
        pytest.skip("a container is not ours to halt")
    try:
        os.kill(int(broker.identity), signal.SIGSTOP)
        status = run(local.folder, "status")
        assert status.exit_code == 69
        assert status.stderr.startswith(f"error: Kafka runs but does not answer at {broker.bootstrap}")
    finally:
        assert local.down(erase=True, kill=True) == broker


def test_a_process_that_took_the_place_of_the_broker_is_left_alone(tmp_path: Path) -> None:
    other = Running("Java", str(os.getpid()), free_port())
    (tmp_path / "broker.json").write_bytes(msgspec.json.encode(other))
    local = LocalKafka(tmp_path)
    assert local.running() is None
    assert local.down(kill=True) is None
    (tmp_path / "broker.json").write_bytes(b'{"engine"')
    assert local.running() is None


def test_without_docker_java_and_maven_it_says_so(tools: Tool, tmp_path: Path) -> None:
    tools("docker", "exit 1")
    up = run(tmp_path, "up")
    assert up.exit_code == 69
    assert up.stderr == (
        "error: no Docker daemon answers; Java 17 or newer is missing; "
        "Maven (mvn) is missing, which fetches Apache Kafka once\n"
    )


@pytest.mark.parametrize(
    ("told", "accepted"),
    [
        ('openjdk version "1.8.0_402"', False),
        ('java version "16.0.2"', False),
        ('openjdk version "17" 2021-09-14', True),
        ('openjdk version "25.0.1"', True),
        ("garbage", False),
    ],
)
def test_java_is_taken_from_17_on(tools: Tool, told: str, accepted: bool) -> None:
    tools("java", f"echo '{told}' >&2")
    if accepted:
        assert find_java().endswith("/bin/java")
    else:
        with pytest.raises(LocalKafkaError, match=r"Java 17 or newer is missing: .* is version"):
            find_java()


def test_jars_that_are_there_need_no_maven_and_no_network(tools: Tool, tmp_path: Path) -> None:
    tools("mvn", "exit 1")
    jar_folder(tmp_path).mkdir()
    assert fetch_jars(tmp_path) == jar_folder(tmp_path)


def test_a_download_that_fails_is_one_sentence_and_leaves_nothing(tools: Tool, tmp_path: Path) -> None:
    tools("mvn", 'echo "[ERROR] Could not transfer artifact: Unknown host"; exit 1')
    with pytest.raises(LocalKafkaError, match=r"^Maven cannot fetch Apache Kafka: Could not transfer"):
        fetch_jars(tmp_path / "kafka")
    assert list((tmp_path / "kafka").iterdir()) == []


def test_a_broker_that_ends_as_it_begins_leaves_its_last_words(tools: Tool, tmp_path: Path) -> None:
    tools("java", 'case "$*" in -version) echo \'version "17"\' >&2;; *) echo "ERROR no memory";; esac')
    jar_folder(tmp_path).mkdir()
    with pytest.raises(LocalKafkaError, match=r"Kafka ended as it began: ERROR no memory \(all of it in "):
        LocalKafka(tmp_path).up(free_port())


def test_docker_is_used_when_its_daemon_answers(tools: Tool, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    tools(
        "docker",
        f'echo "$*" >>{calls}\ncase "$1 $2" in "run "*) echo c0ffee;; "logs "*) echo the end;; esac',
    )
    port = free_port()
    with pytest.raises(LocalKafkaError, match="Kafka ended as it began: the end"):
        LocalKafka(tmp_path / "kafka").up(port)
    started = next(line for line in calls.read_text().splitlines() if line.startswith("run "))
    assert f"--publish=127.0.0.1:{port}:{port} " in started
    assert "--env=KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1 " in started
    assert "--env=KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0 " in started
    assert "--env=KAFKA_HEAP_OPTS=-Xmx1g " in started
    assert started.endswith(f" apache/kafka:{KAFKA_VERSION}")
