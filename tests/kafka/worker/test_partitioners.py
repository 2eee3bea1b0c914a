"""Inputs whose producers have another partitioner, and fields that the contract does not have."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams.core.watermark import Input
from streams.lab.generate import GenerateOptions, Population, generate
from streams.lab.replay import replay_directory
from streams.runtime.commands.lookup import lookup_command
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.settings import Settings
from tests.kafka.commands import run, run_command
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, planned, send, spread
from tests.kafka.truth import assert_alerts
from tests.kafka.worker.test_worker_refusals import check

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a year of synthetic purchases, with alerts."""
    directory = tmp_path_factory.mktemp("dataset")
    generate(
        directory,
        GenerateOptions(
            population=Population.SYNTHETIC,
            customers=150,
            transactions=20_000,
            contact_rate=5.0,
            severe_share=0.5,
        ),
    )
    return directory


def grown(one: Raw) -> Raw:
    """Return a record with a field that the contract does not have, if it is a contact."""
    if one.source is not Input.CONTACTS or one.key is None or one.value is None:
        return one
    event: dict[str, Any] = json.loads(one.value)
    return one._replace(value=json.dumps(event | {"escalation_requestd": True}).encode())


def test_what_librdkafka_places_is_refused_at_the_start_or_read_as_replay_reads_it(
    event_clock: Settings, dataset: Path, tmp_path: Path
) -> None:
    crc32 = event_clock.model_copy(update={"partitioner": "crc32"})
    records = list(map(grown, spread(crc32, planned(crc32, dataset))))
    send(crc32, records)
    cure = "RETENTION_PARTITIONER says murmur2: set RETENTION_PARTITIONER=crc32"
    check(event_clock, tmp_path, f"placed by crc32, {cure}")
    checked = run(event_clock, "check")
    assert checked.exit_code == 78
    assert cure in checked.stderr.replace("\n", " ")

    contacts = sum(one.source is Input.CONTACTS and one.key is not None for one in records)
    wanted = replay_directory(dataset, partitions=crc32.partitions, partitioner="crc32")
    with Deployment(crc32, tmp_path) as deployment:
        worker = deployment.start_ready()
        deployment.when_drained()
        assert worker.metric("retention_unknown_fields_total", input="contacts") == contacts
        assert worker.metric("retention_dead_letters_total") == 0
        assert worker.log.count("unknown fields were left out") == 1
        assert (
            "contacts: 1 unknown fields were left out, of accepted records: escalation_requestd" in worker.log
        )
        deployment.stop(worker)
    assert len(assert_alerts(crc32, wanted.alerts)) > 20
    others = {one.model_dump_json(exclude={"backfill"}) for one in replay_directory(dataset).alerts}
    assert others != {one.model_dump_json(exclude={"backfill"}) for one in wanted.alerts}

    checked = run(crc32, "check")
    assert (checked.exit_code, checked.stderr) == (0, "")
    contacts_topic = f"{crc32.topic_prefix}contacts: "
    told = [
        line.removeprefix(contacts_topic) for line in checked.stdout.splitlines() if contacts_topic in line
    ]
    assert told[0].endswith("keys looked at, placed by crc32")
    assert told[1].startswith("unknown fields in the newest ")
    assert "escalation_requestd (" in told[1]
    assert told[1].endswith("; did you mean escalation_requested?)")

    unchecked = crc32.model_copy(update={"partitioner": "unchecked"})
    with Deployment(unchecked, tmp_path / "unchecked") as deployment:
        (tmp_path / "unchecked").mkdir()
        worker = deployment.start_ready()
        (address,) = {line.rpartition("http://")[2] for line in worker.log.splitlines() if "http://" in line}
        for one in wanted.alerts[:5]:
            found = run_command(
                lookup_command, unchecked, one.customer_id, "--json", worker_addresses=address
            )
            assert json.loads(found.stdout)["customer_id"] == one.customer_id
        nobody = run_command(lookup_command, unchecked, "nobody", worker_addresses=address)
        assert nobody.exit_code == 66


def test_inputs_that_disagree_are_refused_whatever_the_setting_says(
    event_clock: Settings, dataset: Path, tmp_path: Path
) -> None:
    crc32 = event_clock.model_copy(update={"partitioner": "crc32"})
    bought = [
        one for one in spread(event_clock, planned(event_clock, dataset)) if one.source is Input.TRANSACTIONS
    ]
    troubles = [one for one in spread(crc32, planned(crc32, dataset)) if one.source is Input.CONTACTS]
    send(event_clock, [*bought, *troubles])
    prefix = event_clock.topic_prefix
    named = f"{prefix}transactions by murmur2, {prefix}contacts by crc32"
    for partitioner in ("murmur2", "crc32", "fnv1a"):
        check(event_clock, tmp_path, named, partitioner=partitioner)
    check(event_clock, tmp_path, "`retention-signals ingest`", partitioner="crc32")
    check(
        event_clock,
        tmp_path,
        f"ids in both {prefix}transactions and {prefix}contacts only",
        partitioner="unchecked",
    )
    checked = run(event_clock, "check")
    assert checked.exit_code == 78
    assert named in checked.stderr.replace("\n", " ")


def test_empty_inputs_and_a_few_stray_records_stop_no_start(event_clock: Settings, tmp_path: Path) -> None:
    with admin_client(event_clock) as admin:
        create(admin, plan(event_clock))
    with Deployment(event_clock, tmp_path) as deployment:
        deployment.start_ready(partitioner="fnv1a")
