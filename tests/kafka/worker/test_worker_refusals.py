"""What a worker must not start on: a clear line, the exit code, and nothing written."""

import re
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

from schemas.topics import OUTPUTS
from streams.core.watermark import Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings
from tests.kafka.cluster.test_security import LockedJava, java, running
from tests.kafka.cluster.test_topics import alter, delete, recreate
from tests.kafka.deployment import Deployment, WorkerProcess
from tests.kafka.feeds import Raw, contact, purchase, raw, send, ticks
from tests.kafka.held import places, progress, reader
from tests.worlds.worlds import FIRST

__all__ = ["java"]
pytestmark = pytest.mark.kafka

HOUR = 3_600_000
Harm = Callable[[Settings], None]


@pytest.fixture
def used(topics: Settings, tmp_path: Path) -> Settings:
    """Give settings under which a worker has already written state."""
    settings = topics.model_copy(update={"clock": "event"})
    customers = [f"c-{at}" for at in range(20)]
    send(settings, (raw(settings, Input.TRANSACTIONS, purchase(one, FIRST + HOUR)) for one in customers))
    send(settings, (raw(settings, Input.CONTACTS, contact(one, FIRST + 2 * HOUR)) for one in customers))
    with Deployment(settings, tmp_path) as deployment:
        worker = deployment.start()
        deployment.when_ready()
        send(settings, ticks(settings, FIRST + 31 * HOUR))
        deployment.when_drained()
        deployment.stop(worker)
    assert progress(settings) > 0
    return settings


def written(settings: Settings) -> dict[TopicPartition, int]:
    """Return the ends of all outputs that exist."""
    with admin_client(settings) as admin:
        there = set(admin.list_topics())
    wanted = [one for one in places(settings, *(topic.name for topic in OUTPUTS)) if one.topic in there]
    with reader(settings, "read_uncommitted") as consumer:
        return dict(consumer.end_offsets(wanted)) if wanted else {}


def refused(settings: Settings, folder: Path, *arguments: str, **changes: Any) -> tuple[int, list[str]]:
    """Return how a worker ends that must not start, and the errors that it tells."""
    one = WorkerProcess(settings, folder / "refused.log", *arguments, **changes)
    try:
        code = one.wait(60)
    finally:
        one.kill()
    assert "Traceback" not in one.log
    return code, [line.removeprefix("error: ") for line in one.log.splitlines() if line.startswith("error: ")]


def check(settings: Settings, folder: Path, said: str, **changes: Any) -> None:
    """Check that a worker is refused for a reason, and leaves what it found."""
    before = written(settings)
    code, lines = refused(settings, folder, **changes)
    print(code, lines)
    assert code == 78
    assert said in lines[0]
    assert len(lines) < 3
    assert written(settings) == before


def delete_what_was_not_read(settings: Settings) -> None:
    more = [raw(settings, Input.TRANSACTIONS, purchase(f"c-{at}", FIRST + 40 * HOUR)) for at in range(200)]
    send(settings, more)
    with admin_client(settings) as admin, reader(settings) as consumer:
        ends = consumer.end_offsets(places(settings, "transactions"))
        admin.delete_records(ends)


HARMS: dict[str, tuple[Harm, str]] = {
    "a recreated input": (
        lambda settings: recreate(settings, "contacts", 4),
        "the topic of contacts was recreated since the state was written",
    ),
    "an input missing": (lambda settings: delete(settings, "dispositions"), "dispositions: missing"),
    "not co-partitioned": (
        lambda settings: recreate(settings, "contacts", 3),
        "contacts: not co-partitioned: 3",
    ),
    "the changelog is not compacted": (
        lambda settings: alter(settings, "state", cleanup_policy="delete"),
        "state: cleanup.policy is delete, should be compact, else state is lost",
    ),
    "records gone before they were read": (delete_what_was_not_read, "what lay between was never read"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_topics_that_state_cannot_go_on_with(used: Settings, tmp_path: Path, harm: str) -> None:
    do, said = HARMS[harm]
    do(used)
    check(used, tmp_path, said)


def test_all_topics_with_more_partitions(used: Settings, tmp_path: Path) -> None:
    """Also when the settings know of it: the customers would live elsewhere."""
    with admin_client(used) as admin:
        names = sorted({one.topic for one in places(used, *Input, *(topic.name for topic in OUTPUTS))})
        admin.create_partitions(dict.fromkeys(names, 6))
    check(used, tmp_path, "4 partitions", partitions=6)


def test_state_of_others(used: Settings, tmp_path: Path) -> None:
    check(used, tmp_path, "another application id", application_id=f"{used.application_id}-other")
    rules = tmp_path / "rules.toml"
    rules.write_text("opening_frustration = 0.5\n")
    check(used, tmp_path, "another ruleset: start with --adopt-ruleset", ruleset_file=rules)
    with Deployment(used, tmp_path) as deployment:
        deployment.stop(deployment.start_ready("--adopt-ruleset", ruleset_file=rules))
        # What has adopted it is all that has changed: it needs no option any more.
        send(used, ticks(used, FIRST + 50 * HOUR))
        deployment.start_ready("--adopt-ruleset", ruleset_file=rules)
        deployment.when_drained()
        deployment.stop(deployment.workers[0])
        deployment.start_ready(ruleset_file=rules)


def test_settings_that_do_not_go(topics: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("opening_frustration = \n")
    check(topics, tmp_path, "RETENTION_RULESET_FILE", ruleset_file=rules)
    check(topics, tmp_path, "off loopback a token is needed", web_host="0.0.0.0")  # noqa: S104 - refused
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        check(topics, tmp_path, f"127.0.0.1:{port} is in use", web_port=port)


def test_no_kafka(settings: Settings, tmp_path: Path) -> None:
    away = f"127.0.0.1:{free_port()}"
    code, lines = refused(settings, tmp_path, bootstrap_servers=(away,))
    assert (code, lines) == (69, [f"Kafka at {away} does not answer: Connection refused"])


def test_a_wrong_password(java: Path, tmp_path: Path) -> None:
    login: dict[str, Any] = {"kafka_sasl_mechanism": "PLAIN", "kafka_username": "worker"}
    secret = tmp_path / "password"
    secret.write_text("right\n")
    with running(LockedJava(tmp_path / "locked", java), kafka_security_protocol="SASL_PLAINTEXT") as fitting:
        settings = Settings(**fitting, **login, kafka_password_file=secret)
        with admin_client(settings) as admin:
            create(admin, plan(settings))
        secret.write_text("wrong-horse\n")
        told = refused(settings, tmp_path)
    address = settings.bootstrap_servers[0]
    assert told == (77, [f"Kafka at {address} refuses user, password or mechanism"])


def test_records_that_go_while_the_worker_stands_still(event_clock: Settings, tmp_path: Path) -> None:
    """What was deleted before it was read is missed at once, not at the next start."""

    def bought(first: int, many: int) -> Iterable[Raw]:
        times = range(FIRST + first, FIRST + first + many)
        return (raw(event_clock, Input.TRANSACTIONS, purchase("c-1", time)) for time in times)

    with Deployment(event_clock, tmp_path) as deployment:
        worker = deployment.start_ready()
        send(event_clock, bought(0, 50))
        deployment.when_drained()
        worker.signal(signal.SIGSTOP)
        send(event_clock, bought(1000, 40_000))  # more than a fetch that is under way brings
        with admin_client(event_clock) as admin, reader(event_clock) as consumer:
            admin.delete_records(consumer.end_offsets(places(event_clock, Input.TRANSACTIONS)))
        worker.signal(signal.SIGCONT)
        deployment.workers.clear()
        send(event_clock, bought(90_000, 50))
        assert worker.wait() == 78
        # A fetch that was under way when the worker was stopped brings the first of those that go.
        line = r"error: the state is at (\d+) of transactions, which holds 40050 to 40100"
        told = re.search(line, worker.log)
        assert told is not None
        assert 50 <= int(told[1]) < 40_050
