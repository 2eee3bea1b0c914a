"""The commands of README and of the guide for operators, run as they stand there.

`test_acls` runs those for which it matters who runs them.
"""

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from streams.core.watermark import Input
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings
from tests.documented import OPERATIONS, TOP, of_scenario
from tests.kafka.commands import until
from tests.kafka.deployment import Deployment
from tests.kafka.documented.shell import Shell
from tests.kafka.feeds import Raw, contact, purchase, raw, send, ticks
from tests.lab.datasets import write_dataset, write_rules
from tests.worlds.worlds import FIRST

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SCENARIOS: Final = frozenset(
    {
        "files",
        "start",
        "operate",
        "acls",
        "login",
        "backfill",
        "upgrade",
        "ruleset",
        "backup",
        "repartition",
        "erase",
    }
)
KNOWN: Final = ("1081", "c-1042", *(f"c-{at}" for at in range(30)))
"""Customers who bought."""


@pytest.fixture
def shell(settings: Settings, jars: Path, tmp_path: Path) -> Shell:
    """Give a shell with the settings of the shared broker; no topics yet."""
    return Shell(tmp_path, settings, jars, free_port())


@pytest.fixture
def fed(topics: Settings, tmp_path: Path) -> Settings:
    """Give settings of topics that a worker has read: customers who bought, and a record that was refused."""
    with Deployment(topics, tmp_path, clock="event") as deployment:
        worker = deployment.start_ready()
        bought = (raw(topics, Input.TRANSACTIONS, purchase(one, FIRST + at)) for at, one in enumerate(KNOWN))
        told = (raw(topics, Input.CONTACTS, contact(one, FIRST)) for one in KNOWN[:2])
        send(
            topics, [*bought, *told, Raw(Input.CONTACTS, 0, b"c-1", b"{"), *ticks(topics, FIRST + 86_400_000)]
        )
        deployment.when_drained()
        deployment.stop(worker)  # of one that was killed Kafka believes for 10 s that it runs
    return topics


def is_ready(shell: Shell) -> bool:
    """Return whether the worker of a shell is."""
    try:
        with urlopen(f"http://127.0.0.1:{shell.port}/ready", timeout=5) as answer:
            return bool(json.loads(answer.read())["ready"])
    except URLError:
        return False


def customers(shell: Shell) -> int:
    """Return how many customers the worker of a shell knows."""
    with urlopen(f"http://127.0.0.1:{shell.port}/metrics", timeout=5) as answer:
        found = re.findall(rb"^retention_customers\{.*\} (\S+)$", answer.read(), re.MULTILINE)
    return round(sum(map(float, found)))


@pytest.mark.parametrize("page", [TOP / "README.md", OPERATIONS[0]], ids=lambda page: page.name)
def test_start(shell: Shell, page: Path) -> None:
    write_dataset(shell.folder / "out" / "demo" / "data")
    with shell.running(of_scenario("start", page)):
        until(lambda: is_ready(shell))


def test_files(shell: Shell) -> None:
    """A year of orders and some calls in CSV; and the demo's directory, in small."""
    write_dataset(shell.folder / "out" / "demo" / "data")
    lines = (shell.folder / "out" / "demo" / "data" / "transactions.jsonl").read_text().splitlines()
    somebody = json.loads(lines[0])["customer_id"]
    _write_csv(shell.folder / "export")
    commands = [
        one.replace("--customer 1081", f"--customer {somebody}")
        for one in of_scenario("files", TOP / "README.md")
    ]
    said = shell.run(commands)
    assert "alert records" in said
    assert (shell.folder / "report.html").stat().st_size > 10_000


def test_operate(fed: Settings, shell: Shell) -> None:
    with Deployment(fed, shell.folder, clock="event") as deployment:
        deployment.start_ready(web_port=shell.port)
        said = shell.run(of_scenario("operate", *OPERATIONS))
    assert '{"live": true}' in said
    assert '"ready": true' in said
    assert "no event of this customer was accepted" in said


def test_backfill(shell: Shell) -> None:
    write_dataset(shell.folder / "history", customers=200)  # enough for each partition, says `check`
    with shell.running(of_scenario("backfill", *OPERATIONS)):
        until(lambda: is_ready(shell))
        until(lambda: customers(shell) > 0)


@pytest.mark.usefixtures("fed")
def test_upgrade(shell: Shell) -> None:
    before = (
        f"retention-signals worker & OLD=$!\nuntil curl -sf 127.0.0.1:{shell.port}/ready; do sleep 0.2; done"
    )
    with shell.running(of_scenario("upgrade", *OPERATIONS), before):
        assert is_ready(shell)
        assert customers(shell) == len(KNOWN)


@pytest.mark.usefixtures("fed")
def test_ruleset(shell: Shell) -> None:
    write_rules(shell.folder).rename(shell.folder / "my-rules.toml")
    with shell.running(of_scenario("ruleset", *OPERATIONS)):
        until(lambda: is_ready(shell))


def test_login(shell: Shell) -> None:
    for name in ("kafka-password", "kafka-ca.pem", "kafka-client.pem", "kafka-client-key.pem", "kafka-token"):
        (shell.folder / name).write_text("secret\n")
    for command in of_scenario("login", *OPERATIONS):
        said = shell.run([f"unset RETENTION_BOOTSTRAP_SERVERS\n{command}"])
        assert "kafka-1.example.com:9093" in said
        assert "SSL" in said
        assert "secret" not in said.replace("secrets", "")


def _write_csv(folder: Path) -> None:
    folder.mkdir()
    first = datetime(2024, 1, 1, 9, tzinfo=UTC)
    with (folder / "orders.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("order_id", "customer", "ordered_at", "total", "currency"))
        for day in range(400):
            for customer in range(day % 3, 150, 3):
                at = first + timedelta(days=day, minutes=customer)
                rows.writerow(
                    (f"o-{day}-{customer}", f"c-{customer}", f"{at:%Y-%m-%d %H:%M:%S}", "20.50", "USD")
                )
    with (folder / "calls.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("call_id", "customer", "started_at", "result"))
        for number in range(40):
            at = first + timedelta(days=280 + number)
            rows.writerow((f"k-{number}", f"c-{number}", f"{at:%Y-%m-%d %H:%M:%S}", "unresolved"))
