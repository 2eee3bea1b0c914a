"""What a CRM reads from a real Kafka: what was committed, all of it, and nothing else."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from schemas.alert import Alert
from schemas.partitioner import partition_of
from schemas.topics import ALERTS
from streams import rulesets
from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset
from streams.lab.replay import replay_directory
from streams.runtime.commands.alerts import alerts_command
from streams.runtime.kafka.clients import aiokafka_options
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.ports import Transaction
from streams.settings import Settings
from tests.kafka.commands import environment, run_command, until
from tests.lab.datasets import NOW, RULES, write_dataset

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[3]


@pytest.fixture(name="alerts", scope="module")
def alerts_fixture(tmp_path_factory: pytest.TempPathFactory) -> list[Alert]:
    """Give a dataset's alerts, of both arms, by time."""
    directory = tmp_path_factory.mktemp("dataset")
    write_dataset(directory)
    rules = replace(RULES, holdout_share=0.3, holdout_salt="s")
    replayed = replay_directory(directory, ruleset=rules, now_ms=NOW)
    found = sorted(replayed.alerts + replayed.holdout, key=lambda alert: alert.time)
    assert {alert.arm for alert in found} == {"treated", "holdout"}
    return found


def treated(alerts: list[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.arm == "treated"]


def commit(settings: Settings, alerts: list[Alert]) -> None:
    """Write alerts as the workers do, in a few transactions."""

    async def write(number: int) -> None:
        mine = [one for one in alerts if partition_of(one.customer_id, settings.partitions) == number]
        log = TransactionalLog(settings, number)
        await log.fence()
        for at in range(0, len(mine), 5):
            await log.commit(Transaction(alerts=mine[at : at + 5]))
        await log.close()

    async def write_all() -> None:
        for number in range(settings.partitions):
            await write(number)

    asyncio.run(write_all())


def send(settings: Settings, *values: bytes | None, take_back: bool = False) -> None:
    """Write values to partition 1 of the alerts topic, in a transaction that is perhaps aborted."""

    async def write() -> None:
        producer = AIOKafkaProducer(**aiokafka_options(settings), transactional_id=settings.application_id)
        await producer.start()
        await producer.begin_transaction()
        for value in values:
            topic = settings.topic_prefix + ALERTS.name
            await (await producer.send(topic, value, key=b"c", partition=1))
        await (producer.abort_transaction() if take_back else producer.commit_transaction())
        await producer.stop()

    asyncio.run(write())


@contextmanager
def running(settings: Settings, log: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program of Python that writes to a file."""
    with log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, *arguments],
            env=dict(os.environ) | environment(settings) | {"PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ids(log: Path) -> list[str]:
    return [json.loads(line)["event_id"] for line in log.read_text().splitlines() if line.startswith("{")]


def test_it_prints_what_was_committed_by_time_and_nothing_else(topics: Settings, alerts: list[Alert]) -> None:
    commit(topics, alerts[:-1])
    send(topics, alerts[-1].model_dump_json().encode(), take_back=True)
    told = run_command(alerts_command, topics, "--json")
    assert (told.exit_code, told.stderr) == (0, "")
    printed = told.stdout.splitlines()
    assert printed == sorted(printed, key=lambda line: str(json.loads(line)["time"]))
    assert sorted(printed) == sorted(alert.model_dump_json() for alert in treated(alerts[:-1]))


def test_the_hold_out_arm_is_shown_only_when_asked_for(topics: Settings, alerts: list[Alert]) -> None:
    commit(topics, alerts)
    told = run_command(alerts_command, topics, "--json", "--holdout")
    assert told.exit_code == 0
    held_out = [alert.model_dump_json() for alert in alerts if alert.arm == "holdout"]
    assert sorted(told.stdout.splitlines()) == sorted(held_out)


def test_the_table_has_a_line_an_alert(topics: Settings, alerts: list[Alert]) -> None:
    shown = [*treated(alerts)[:3], treated(alerts)[3].model_copy(update={"customer_id": "\x1b[2Jevil[red]"})]
    commit(topics, shown)
    told = run_command(alerts_command, topics)
    assert told.exit_code == 0
    head, rule, *lines, end = [line for line in told.stdout.splitlines() if line.strip()]
    columns = "customer level state P at risk usual/day since days what happened"
    assert (head.split(), end) == (columns.split(), "4 alert records")
    assert set(rule.strip()) == {"─"}
    for row, alert in zip(lines, shown[:3], strict=False):
        assert row.split()[:4] == [
            alert.customer_id,
            alert.level,
            alert.state,
            f"{alert.probability:.2f}",
        ]
        assert alert.summary[:20] in row
    assert "\\u001b[2Jevil[r" in told.stdout
    assert "\x1b" not in told.stdout


def test_the_table_says_what_the_probability_is_worth(topics: Settings, alerts: list[Alert]) -> None:
    """Once for each ruleset that decided what is shown, whatever the settings say now."""
    decided_by = [f"3+{DEFAULT.hash}", f"3+{DEFAULT.hash}", f"1+{VERSIONS['1'].hash}", "\x1b[2Jours+[red]"]
    shown = [
        one.model_copy(update={"ruleset": name})
        for one, name in zip(treated(alerts), decided_by, strict=False)
    ]
    commit(topics, shown)
    told = run_command(alerts_command, topics, ruleset_file="1").stdout
    notes = " ".join(told.split("P of ruleset", 1)[1].split()).split("P of ruleset ")
    known = {name: rulesets.calibration_note_of(name) for name in decided_by[1:3]}
    assert notes[0].strip() == f"\\u001b[2Jours+[red]: {rulesets.calibration_note(Ruleset(version='ours'))}"
    assert notes[1].strip() == f"{decided_by[2]}: {known[decided_by[2]]}"
    assert notes[2].strip() == f"{decided_by[1]}: {known[decided_by[1]]} 4 alert records"
    assert "P of ruleset" not in run_command(alerts_command, topics, "--json").stdout


def test_none_is_said(topics: Settings) -> None:
    told = run_command(alerts_command, topics)
    assert (told.exit_code, told.stdout) == (0, "0 alert records\n")


def test_a_record_that_is_no_alert_is_told_without_its_value(topics: Settings, alerts: list[Alert]) -> None:
    good = treated(alerts)[0].model_dump_json()
    wrong = json.dumps(json.loads(good) | {"level": "secret"})
    send(topics, wrong.encode(), good.encode(), b"secret", None)
    told = run_command(alerts_command, topics, "--json")
    assert (told.exit_code, told.stdout) == (65, good + "\n")
    place = f"no alert: {topics.topic_prefix}alerts, partition 1, offset"
    assert told.stderr.splitlines() == [
        f"{place} 0: level: literal_error",
        f"{place} 2: json_invalid",
        f"{place} 3: json_invalid",
    ]


def test_following_begins_now_and_goes_on_until_ctrl_c(
    topics: Settings, alerts: list[Alert], tmp_path: Path
) -> None:
    first, second, third = treated(alerts)[:3]
    commit(topics, [first])
    log = tmp_path / "out"
    with running(topics, log, "-m", "streams", "alerts", "--follow", "--json") as process:

        def begun() -> bool:
            commit(topics, [second])
            return bool(ids(log))

        until(begun)
        commit(topics, [third])
        until(lambda: ids(log)[-1] == third.event_id)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == ""
        assert process.returncode == 0
    assert set(ids(log)) == {second.event_id, third.event_id}


def test_following_from_the_beginning_shows_both(
    topics: Settings, alerts: list[Alert], tmp_path: Path
) -> None:
    first, second = treated(alerts)[:2]
    commit(topics, [first])
    log = tmp_path / "out"
    with running(topics, log, "-m", "streams", "alerts", "--follow", "--from-beginning", "--json"):
        until(lambda: ids(log) == [first.event_id])
        commit(topics, [second])
        until(lambda: ids(log) == [first.event_id, second.event_id])


def test_a_missing_topic_is_one_line(settings: Settings) -> None:
    told = run_command(alerts_command, settings)
    name = f"{settings.topic_prefix}alerts"
    assert told.exit_code == 78
    assert told.stderr == f"error: {name}: missing; `retention-signals topics create` makes it\n"


def test_no_kafka_is_one_line(settings: Settings) -> None:
    away = f"127.0.0.1:{free_port()}"
    told = run_command(alerts_command, settings, bootstrap_servers=(away,))
    assert told.exit_code == 69
    assert told.stderr == f"error: Kafka at {away} does not answer: Connection refused\n"


def leads(database: Path) -> dict[str, int]:
    """Return the revision of each lead."""
    if not database.exists():
        return {}
    with closing(sqlite3.connect(database)) as crm:
        try:
            return dict(crm.execute("SELECT alert_id, revision FROM leads"))
        except sqlite3.OperationalError:  # not made yet
            return {}


def newest(alerts: Iterable[Alert]) -> dict[str, int]:
    """Return the newest revision of each alert."""
    found: dict[str, int] = {}
    for alert in alerts:
        found[alert.alert_id] = max(alert.revision, found.get(alert.alert_id, 0))
    return found


def test_the_lines_for_a_crm_make_one_lead_of_each_alert(
    topics: Settings, alerts: list[Alert], tmp_path: Path
) -> None:
    """Also when it is killed, and when an alert is handled whose reading was not committed."""
    first, later = treated(alerts)[:8], treated(alerts)[8:]
    asked = {"do_not_contact": True, "summary": "left alone"}
    later[-1] = later[-1].model_copy(update=asked)
    database = tmp_path / "crm.db"
    reader = ("docs/crm_reader.py", *topics.bootstrap_servers, f"{topics.topic_prefix}alerts", str(database))
    commit(topics, first)
    send(topics, later[0].model_dump_json().encode(), take_back=True)
    with running(topics, tmp_path / "out", *reader):
        until(lambda: leads(database) == newest(first))
    commit(topics, [*first[:2], *later])  # two of them come again
    with running(topics, tmp_path / "out", *reader):
        until(lambda: leads(database) == newest(first + later))
    assert len(leads(database)) < len(first + later)  # some have several revisions
    with closing(sqlite3.connect(database)) as crm:
        told = crm.execute(
            "SELECT do_not_contact, summary FROM leads WHERE alert_id = ?", (later[-1].alert_id,)
        )
        assert told.fetchall() == [(True, "left alone")]
