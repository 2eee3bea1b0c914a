"""`uplift` on a real Kafka: what it says of a directory's events, from the topics."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

from schemas.alert import Alert
from schemas.partitioner import partition_of
from streams.core.watermark import Input
from streams.lab.replay import replay_directory
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.transactional_log import TransactionalLog
from streams.runtime.ports import Transaction
from streams.settings import Settings
from streams.uplift.command import uplift_command
from tests.kafka.commands import run_command
from tests.kafka.feeds import Raw, raw, send
from tests.lab.datasets import NOW, RULES, lines_of, write_dataset, write_rules

pytestmark = pytest.mark.kafka

HELD = 'holdout_share = 0.4\nholdout_salt = "s"\n'
SAME = ("verdict", "holdout_share", "as_of", "customers", "measures", "balance", "needs", "warnings")


def commit(settings: Settings, alerts: list[Alert]) -> None:
    """Write alerts of both arms as the workers do."""

    async def write_all() -> None:
        for number in range(settings.partitions):
            mine = [one for one in alerts if partition_of(one.customer_id, settings.partitions) == number]
            log = TransactionalLog(settings, number)
            await log.fence()
            await log.commit(Transaction(alerts=mine))
            await log.close()

    asyncio.run(write_all())


def told(settings: Settings, path: Path, *arguments: object) -> dict[str, Any]:
    """Return the figures; there has to be no error."""
    done = run_command(uplift_command, settings, *arguments, "--json", path, "--force")
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["uplift"]
    return found


def test_topics_say_what_a_directory_says(topics: Settings, tmp_path: Path) -> None:
    shop, figures = tmp_path / "shop", tmp_path / "u.json"
    shop.mkdir()
    write_dataset(shop, customers=160)
    rules = write_rules(tmp_path)
    rules.write_text(rules.read_text(encoding="utf-8") + HELD, encoding="utf-8")
    settings = topics.model_copy(update={"ruleset_file": rules})
    held = replace(RULES, holdout_share=0.4, holdout_salt="s")
    result = replay_directory(shop, ruleset=held, partitions=4, now_ms=NOW)
    alerts = [*result.alerts, *result.holdout]
    disposition = {"type": "disposition", "event_id": "d", "customer_id": result.alerts[0].customer_id}
    disposition |= {"time": result.alerts[0].time, "source": "crm", "alert_id": result.alerts[0].alert_id}
    said = json.dumps(disposition | {"status": "contacted"}).encode()
    (shop / "dispositions.jsonl").write_bytes(said + b"\n")
    expected = told(settings, figures, shop, "--ruleset", rules)
    assert expected["verdict"] == "compared"
    assert expected["customers"]["treated"]["contacted"] == 1

    canary = [
        one.model_copy(update={"customer_id": f"retention-canary-{one.alert_id}"}) for one in alerts[:9]
    ]
    commit(settings, [*alerts, *canary])
    lines = [(Input.TRANSACTIONS, line) for line in lines_of(shop / "transactions.jsonl")]
    send(settings, (raw(settings, source, line) for source, line in [*lines, (Input.DISPOSITIONS, said)]))
    send(settings, [Raw(Input.TRANSACTIONS, 0, b"c", None), Raw(Input.TRANSACTIONS, 0, b"c", b"no event")])
    found = told(settings, figures, "--backfill")
    assert {name: found[name] for name in SAME} == {name: expected[name] for name in SAME}
    assert found["notes"] == []
    live = told(settings, figures)
    assert live["left_out"]["backfill"] == len({one.alert_id for one in alerts})  # all of them are
    assert (live["verdict"], live["customers"]["treated"]["raised"]) == ("too_few", 0)

    with admin_client(settings) as admin:  # as Kafka deletes what is older than is kept
        admin.delete_records({TopicPartition(settings.topic_prefix + Input.TRANSACTIONS.value, 1): 500})
    kept = told(settings, figures, "--backfill")
    assert [one.partition(" ")[0] for one in kept["notes"]] == ["Transactions"]
    for arm in ("treated", "holdout"):
        counted = kept["customers"][arm]
        assert min(counted["unseen"], counted["measured"]) > 0
        assert counted["unseen"] + counted["measured"] == expected["customers"][arm]["measured"]
