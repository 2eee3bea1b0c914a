"""`check topics` on a real Kafka: what it says of a directory's events, and what only topics have."""

import json
from typing import Any

import pytest

from schemas.partitioner import partition_of
from streams.check.command import check_command
from streams.check.readers import topics as reader
from streams.core.watermark import FACTS, Input
from streams.settings import Settings
from tests.check.feed import asked, encoded, healthy
from tests.kafka.commands import run_command
from tests.kafka.feeds import Raw, raw, send

pytestmark = pytest.mark.kafka


def told(settings: Settings, *options: str) -> dict[str, Any]:
    """Return what `check topics --json` prints."""
    found: dict[str, Any] = json.loads(
        run_command(check_command, settings, "topics", "--json", *options).stdout
    )
    return found


def test_topics_get_the_answers_of_a_directory(topics: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = encoded(healthy())
    send(topics, (raw(topics, source, line) for source in FACTS for line in lines[source]))
    found = told(topics, "--all")
    assert found["records"] == {source.value: len(lines[source]) for source in FACTS}
    expected = asked(lines, partitions=topics.partitions)
    assert [(one["verdict"], one["figure"]) for one in found["questions"]] == [
        (one.verdict.value, one.figure) for one in expected
    ]
    assert told(topics)["sampled"] is False  # the newest are all
    monkeypatch.setattr(reader, "SAMPLE", 400)
    sample = told(topics)
    assert sample["sampled"] is True
    assert sample["records"] == {"transactions": 400, "contacts": len(lines[Input.CONTACTS])}


def test_a_record_in_the_wrong_place_is_looked_at_and_told(topics: Settings) -> None:
    lines = encoded(healthy())[Input.TRANSACTIONS][:50]
    elsewhere = (
        Raw(one.source, (one.partition + 1) % topics.partitions, one.key, one.value)
        for one in (raw(topics, Input.TRANSACTIONS, line) for line in lines)
    )
    send(topics, elsewhere)
    send(topics, [Raw(Input.TRANSACTIONS, 0, b"t-1", lines[0]), Raw(Input.TRANSACTIONS, 0, b"c", None)])
    found = told(topics, "--all")
    refused = {one["reason"]: one["count"] for one in found["questions"][9]["details"]}
    assert refused == {"wrong_partition": 50, "key_mismatch": 1, "schema": 1}
    assert found["questions"][9]["verdict"] == "bad"
    assert found["questions"][6]["details"] != []  # they were looked at all the same
    assert {partition_of(json.loads(line)["customer_id"], topics.partitions) for line in lines} == {
        0,
        1,
        2,
        3,
    }
