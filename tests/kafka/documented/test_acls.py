"""The rights in the guide for operators are enough: each part works as a user with these and no more.

So does whoever takes backups, restores, repartitions and erases: those commands are run here.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from tempfile import mkdtemp
from typing import Any, Final

import aiohttp
import pytest
from kafka import KafkaProducer
from kafka.errors import TopicAuthorizationFailedError
from typing_extensions import override

from streams.core.watermark import Input
from streams.desk_settings import desk_variable
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.local_kafka.distribution import LocalKafkaError, find_java
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.local_kafka.java import Java
from streams.settings import Settings, variable
from tests.desk.desk_cases import Client, action_id
from tests.documented import OPERATIONS, of_scenario
from tests.ingest import feeds
from tests.kafka.cluster.test_security import running
from tests.kafka.commands import until
from tests.kafka.crm.processes import Canary, Crm
from tests.kafka.deployment import WorkerProcess
from tests.kafka.desk.test_desk import Desk
from tests.kafka.documented.shell import Shell
from tests.kafka.feeds import Raw, send
from tests.kafka.held import alerts, held
from tests.kafka.ingest.process import IngestProcess
from tests.lab.datasets import run, write_dataset, write_rules

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ADMIN: Final = "admin"
USERS: Final = (
    "retention-worker",
    "retention-ingest",
    "publisher",
    "crm",
    "bridge",
    "desk",
    "canary",
    "operator",
)
"""Those of the page."""
PASSWORD: Final = "correct-horse"  # noqa: S105 - of a broker that lives for a minute
_LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule required"


class GuardedJava(Java):
    """A broker that knows its users, and allows nothing that was not given."""

    @override
    def _settings(self, port: int, data: Path) -> str:
        known = " ".join(f'user_{name}="{PASSWORD}"' for name in (ADMIN, *USERS))
        itself = f'username="{ADMIN}" password="{PASSWORD}"'
        return super()._settings(port, data).replace("PLAINTEXT", "SASL_PLAINTEXT") + (
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT\n"
            "sasl.enabled.mechanisms=PLAIN\n"
            "sasl.mechanism.inter.broker.protocol=PLAIN\n"
            f"listener.name.sasl_plaintext.plain.sasl.jaas.config={_LOGIN} {itself} {known};\n"
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            # Nobody without a password reaches the listener of the controller but the broker itself.
            f"super.users=User:{ADMIN};User:ANONYMOUS\n"
        )


@dataclass
class Guarded:
    """A broker with the page's rights, and what is needed to come as one of its users."""

    settings: dict[str, Any]
    folder: Path
    jars: Path

    def of(self, user: str, **changes: Any) -> Settings:
        """Return the settings of a user."""
        password = self.folder / "password"
        return Settings(**(self.settings | changes), kafka_username=user, kafka_password_file=password)

    def shell(self, user: str) -> Shell:
        """Return a shell in which our commands come as a user."""
        folder = Path(mkdtemp(prefix=f"shell-of-{user}-", dir=self.folder))
        for name in (ADMIN, "operator"):
            (folder / f"{name}.properties").write_text(
                "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
                f'sasl.jaas.config={_LOGIN} username="{name}" password="{PASSWORD}";\n'
            )
        return Shell(folder, self.of(user), self.jars, free_port())

    def run(self, user: str, *arguments: object) -> str:
        """Run a command to its end, and return what it said."""
        log = self.folder / f"{user}-{arguments[0]}.log"
        one = Command(self.of(user), log, *map(str, arguments))
        assert one.wait() == 0, one.log
        return one.log


class Command(WorkerProcess):
    """Any command of ours."""

    @override
    def __init__(self, settings: Settings, log: Path, command: str, *arguments: str) -> None:
        self.command = command
        super().__init__(settings, log, *arguments)


@pytest.fixture
def guarded(jars: Path, tmp_path: Path) -> Iterator[Guarded]:
    """Give a broker with the rights that the page gives; skip where there is only Docker."""
    try:
        find_java()
    except LocalKafkaError as error:
        pytest.skip(f"NOT TESTED: {error}")
    (tmp_path / "password").write_text(PASSWORD)
    login = {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "PLAIN"}
    with running(GuardedJava(tmp_path / "kafka", jars), **login) as fitting:
        one = Guarded(fitting | {"partitions": 1, "clock": "event"}, tmp_path, jars)
        one.shell(ADMIN).run(of_scenario("acls", *OPERATIONS))
        yield one


@pytest.mark.timeout(600)
def test_each_part_does_its_work_with_the_rights_of_the_page_and_no_more(
    guarded: Guarded, tmp_path: Path
) -> None:
    admin = guarded.of(ADMIN)
    guarded.run("operator", "topics", "create", "--ingest")
    guarded.run("operator", "topics", "check")
    write_dataset(tmp_path / "data")
    guarded.run("publisher", "publish", tmp_path / "data")
    send(guarded.of("publisher"), [Raw(Input.CONTACTS, 0, b"c-1", b"{")])
    with ExitStack() as stack:

        def started(kind: type[WorkerProcess], user: str, *arguments: str, **told: object) -> WorkerProcess:
            log = tmp_path / f"{kind.command}.log"
            one = kind(guarded.of(user), log, *arguments, **told)  # type: ignore[arg-type]
            stack.callback(one.kill)
            return one

        rules = write_rules(tmp_path)
        worker = started(WorkerProcess, "retention-worker", ruleset_file=rules)
        until(lambda: worker.metric("retention_dead_letters_total") == 1)
        until(lambda: len(alerts(guarded.of("crm"))) > 0)
        with pytest.raises(TopicAuthorizationFailedError):
            alerts(guarded.of("crm"), "alerts.holdout")
        crm = bridged(guarded, stack)
        acted_at_the_desk(guarded, stack)
        before = len(held(admin, "contacts")[0])
        started(Canary, "canary", told=crm.environment(canary_hours=0.005))
        until(lambda: len(held(admin, "contacts")[0]) > before)
        mapped(guarded, stack)
        ended(worker)
    guarded.run("operator", "tick", "--until", "2025-06-01T00:00:00Z")
    guarded.run("operator", "redrive", "--execute")
    operated(guarded, rules)


def operated(guarded: Guarded, rules: Path) -> None:
    """Run what the page of changes has for an operator, and let a worker go on after each change."""
    shell, told = guarded.shell("operator"), {variable("ruleset_file"): str(rules)}
    shell.run(of_scenario("backup", *OPERATIONS), told=told)
    with working(guarded, shell.port, rules) as worker:
        somebody = held(guarded.of(ADMIN), "transactions")[0][0].key.decode()
        known = worker.metric("retention_customers")
        commands = [one.replace("c-1042", somebody) for one in of_scenario("erase", *OPERATIONS)]
        shell.run([f"retention-signals lookup {somebody}", *commands], told=told)
        until(lambda: worker.metric("retention_customers") == known - 1)
    guarded.shell(ADMIN).run(rights_under("retention-2.", "operator", "retention-worker"))
    shell.run(of_scenario("repartition", *OPERATIONS), told=told)
    with working(guarded, shell.port, rules, topic_prefix="retention-2.", partitions=8) as worker:
        assert worker.metric("retention_customers") == known - 1


@contextmanager
def working(guarded: Guarded, port: int, rules: Path, **changes: object) -> Iterator[WorkerProcess]:
    """Give a worker once it is ready, and let it end well."""
    log = guarded.folder / "again.log"
    worker = WorkerProcess(guarded.of("retention-worker", **changes), log, web_port=port, ruleset_file=rules)
    try:
        until(lambda: worker.get("/ready")[0] == 200)
        yield worker
        ended(worker)
    finally:
        worker.kill()


def ended(worker: WorkerProcess) -> None:
    """End a worker as an operator does; of one that was killed Kafka believes for a while that it runs."""
    worker.signal(SIGTERM)
    assert worker.wait() == 0, worker.log


def rights_under(prefix: str, *users: str) -> list[str]:
    """Return the page's commands for another prefix; to keep it short, for these users alone."""
    script = "\n".join(of_scenario("acls", *OPERATIONS)).replace("\\\n", " ")
    lines = [one for one in script.splitlines() if not one.startswith("allow ") or one.split()[1] in users]
    changed = [re.sub(r"^PREFIX=\S+", f"PREFIX={prefix}", one) for one in lines]
    assert changed != lines
    return ["\n".join(changed)]


def bridged(guarded: Guarded, stack: ExitStack) -> Crm:
    """Let a CRM have the alerts by the bridge, and answer one."""
    folder = guarded.folder / "crm"
    folder.mkdir()
    crm = Crm(guarded.of(ADMIN), folder)
    stack.callback(crm.sandbox.kill)
    bridge = crm.bridge(guarded.of("bridge"), backfill=True)
    stack.callback(bridge.kill)
    until(lambda: bridge.ready and len(crm.messages()) > 0)
    alert_id = crm.messages()[0]["alert_id"]
    done = run("crm-sandbox", "dispose", alert_id, "--status", "contacted", "--time-of-case", *crm.desk)
    assert done.code == 0, done.err
    assert len(held(guarded.of(ADMIN), "dispositions")[0]) == 1
    return crm


def acted_at_the_desk(guarded: Guarded, stack: ExitStack) -> None:
    """Open the queue, and acknowledge what stands first."""
    port, told = free_port(), {desk_variable("undo_seconds"): "1"}
    desk = Desk(guarded.of("desk"), guarded.folder / "desk.log", "--synthetic", told=told, web_port=port)
    stack.callback(desk.kill)
    until(lambda: desk.ready)

    async def act() -> int:
        async with aiohttp.ClientSession() as http:
            client = Client(f"http://127.0.0.1:{port}", http)
            html = "".join((await client.parts("/?view=all")).values())
            found = re.search(r'<tr data-id="([^"]+)" data-seen="([^"]+)"', html)
            assert found is not None, html
            said = {"alert_id": found[1], "seen": found[2], "action_id": action_id("x"), "do": "acknowledged"}
            status, _ = await client.post("/act", said)
            return status

    assert asyncio.run(act()) == 202
    until(lambda: len(held(guarded.of(ADMIN), "dispositions")[0]) == 2)


def mapped(guarded: Guarded, stack: ExitStack) -> None:
    """Let one call become a contact, from the topic that the page names."""
    admin = guarded.of(ADMIN)
    mapping = guarded.folder / "mapping.toml"
    calls = feeds.MAPPING.format(prefix="").partition("[source.calls]")
    mapping.write_text("".join(calls[1:]).replace('"calls"', '"shop.orders"'))
    with admin_client(admin) as kafka:
        kafka.create_topics({"shop.orders": {"num_partitions": 1, "replication_factor": 1}})
    ingest = IngestProcess(guarded.of("retention-ingest"), guarded.folder / "ingest.log", str(mapping))
    stack.callback(ingest.kill)
    call = b'{"call": "k", "caller": "c", "at": "2024-10-01T12:00:00Z", "result": "open"}'
    with closing(KafkaProducer(**kafka_python_options(admin))) as producer:
        producer.send("shop.orders", call)
        producer.flush()
    until(lambda: ingest.events == 1)
