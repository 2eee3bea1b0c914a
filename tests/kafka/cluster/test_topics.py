"""Topics in a real Kafka: made as the contract says, and every difference told in one line."""

from typing import Final

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.topics import INPUTS, OUTPUTS
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import differences, plan, read
from streams.runtime.local_kafka.engine import free_port
from streams.settings import Settings
from tests.kafka.commands import run, until

pytestmark = pytest.mark.kafka

DAY_MS: Final = 86_400_000


def alter(settings: Settings, name: str, **changes: str) -> None:
    resource = ConfigResource(
        ConfigResourceType.TOPIC,
        settings.topic_prefix + name,
        {key.replace("_", "."): value for key, value in changes.items()},
    )
    with admin_client(settings) as admin:
        admin.alter_configs([resource])


def delete(settings: Settings, name: str) -> None:
    full = settings.topic_prefix + name
    with admin_client(settings) as admin:
        admin.delete_topics([full])
        until(lambda: full not in admin.list_topics())


def recreate(settings: Settings, name: str, partitions: int) -> None:
    full = settings.topic_prefix + name
    with admin_client(settings) as admin:
        admin.delete_topics([full])
        admin.create_topics({full: {"num_partitions": partitions, "replication_factor": 1}})
        until(lambda: [len(one["partitions"]) for one in admin.describe_topics([full])] == [partitions])


def test_topics_are_made_as_the_contract_says_and_only_once(settings: Settings) -> None:
    names = [settings.topic_prefix + topic.name for topic in (*INPUTS, *OUTPUTS)]
    first = run(settings, "create")
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout.splitlines() == [f"{name}: created" for name in names]
    assert run(settings, "create").stdout.splitlines() == [f"{name}: exists" for name in names]
    checked = run(settings, "check")
    assert (checked.exit_code, checked.stdout) == (0, "9 topics are as the contract has them\n")


def test_what_kafka_holds_is_the_table_of_the_contract(topics: Settings) -> None:
    with admin_client(topics) as admin:
        actual = {
            name.removeprefix(topics.topic_prefix): topic for name, topic in read(admin, plan(topics)).items()
        }
    assert {(topic.partitions, topic.replicas) for topic in actual.values()} == {(4, 1)}
    assert {topic.settings["message.timestamp.type"] for topic in actual.values()} == {"LogAppendTime"}
    kept = {
        name: topic.settings["retention.ms"]
        for name, topic in actual.items()
        if topic.settings["cleanup.policy"] == "delete"
    }
    days = {"transactions": 400, "contacts": 400, "moves": 400, "dispositions": 365}
    days |= {"alerts": 365, "alerts.holdout": 365}
    assert kept == {name: str(many * DAY_MS) for name, many in (days | {"dead-letters": 30}).items()}
    assert {name for name, topic in actual.items() if topic.settings["cleanup.policy"] == "compact"} == {
        *("customers", "state")
    }
    assert actual["customers"].settings["delete.retention.ms"] == str(35 * DAY_MS)
    state = actual["state"].settings
    assert (state["segment.bytes"], state["segment.ms"]) == (str(64 * 2**20), "600000")
    assert float(state["min.cleanable.dirty.ratio"]) == 0.1


def test_check_tells_each_difference_in_a_line(topics: Settings) -> None:
    alter(topics, "state", cleanup_policy="delete")
    alter(topics, "alerts", retention_ms="1000")
    recreate(topics, "contacts", 3)
    delete(topics, "dispositions")
    checked = run(topics, "check")
    prefix = f"error: {topics.topic_prefix}"
    assert checked.exit_code == 78
    assert checked.stderr.splitlines() == [
        f"{prefix}contacts: not co-partitioned: 3 partitions, most topics have 4",
        f"{prefix}contacts: message.timestamp.type is CreateTime, should be LogAppendTime",
        f"{prefix}contacts: retention.ms is {7 * DAY_MS}, should be {400 * DAY_MS}",
        f"{prefix}dispositions: missing",
        f"{prefix}alerts: retention.ms is 1000, should be {365 * DAY_MS}",
        f"{prefix}state: cleanup.policy is delete, should be compact, else state is lost",
    ]
    with admin_client(topics) as admin:
        found = differences(plan(topics), read(admin, plan(topics)))
    fatal = {one.topic.removeprefix(topics.topic_prefix) for one in found if one.fatal}
    assert fatal == {"contacts", "dispositions", "state"}


def test_create_tells_what_it_leaves_as_it_is(topics: Settings) -> None:
    created = run(topics, "create", partitions=6)
    assert created.exit_code == 78
    assert len(created.stderr.splitlines()) == 9
    assert "state: 4 partitions, RETENTION_PARTITIONS says 6" in created.stderr


def test_more_copies_than_brokers_is_one_line(settings: Settings) -> None:
    created = run(settings, "create", replication_factor=3)
    assert created.exit_code == 78
    assert created.stderr == (
        f"error: {settings.topic_prefix}transactions: RETENTION_REPLICATION_FACTOR asks for more copies "
        "than there are brokers; 1 is enough for development\n"
    )


def test_describe_shows_what_there_is(topics: Settings) -> None:
    recreate(topics, "alerts", 2)
    delete(topics, "customers")
    shown = run(topics, "describe")
    rows = {
        row[0].removeprefix(topics.topic_prefix): row[1:]
        for row in map(str.split, shown.stdout.splitlines())
        if row
    }
    assert shown.exit_code == 0
    assert rows["transactions"] == ["4", "1", "1", "delete", "400", "d", "LogAppendTime", "kept"]
    assert rows["state"] == [
        "4",
        "1",
        "1",
        "compact",
        "newest,",
        "erasures",
        "1",
        "d",
        "LogAppendTime",
        "kept",
    ]
    assert (rows["alerts"][0], rows["alerts"][-1]) == ("2", "differs")
    assert rows["customers"] == ["missing"]


@pytest.mark.parametrize("command", ["create", "check", "describe"])
def test_a_bad_broker_is_one_line(settings: Settings, command: str) -> None:
    away = f"127.0.0.1:{free_port()}"
    told = run(settings, command, bootstrap_servers=(away,))
    assert told.exit_code == 69
    assert told.stderr == f"error: Kafka at {away} does not answer: Connection refused\n"


def test_settings_that_cannot_be_used_are_a_line_each(settings: Settings) -> None:
    told = run(settings, "check", partitions="many", clock="sun")
    assert told.exit_code == 78
    assert [line.split(":")[1].strip() for line in told.stderr.splitlines()] == [
        *("RETENTION_PARTITIONS", "RETENTION_CLOCK")
    ]
