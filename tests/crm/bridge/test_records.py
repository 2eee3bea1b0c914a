"""What another release, or a broken feed, writes: nothing of it ends the bridge, nothing is lost by it."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition

from streams.crm.bridge import reader as module
from streams.crm.bridge.reader import Batch, TopicReader
from streams.crm.payload.examples import alert
from streams.settings import Settings

GOOD = {
    "type": "profile",
    "event_id": "p-1",
    "customer_id": "c-1",
    "time": "2026-03-01T12:00:00Z",
    "source": "crm",
}


def read(value: bytes, *, topic: str = "customers", key: bytes = b"c-1") -> Batch:
    """Return what is made of a record."""
    batch = Batch([], [], [], [])
    record = SimpleNamespace(topic=topic, partition=0, offset=7, timestamp=1_700, key=key, value=value)
    (module._add_alert if topic == "alerts" else module._add_profile)(batch, record)
    return batch


def profile(**fields: object) -> bytes:
    return json.dumps(GOOD | fields).encode()


@pytest.mark.parametrize(
    "value",
    [
        profile(do_not_contact="c-secret"),
        profile(account_id=7),
        profile(account_id="\ud800"),
        profile(customer_id="c-secret"),
        profile(time="c-secret"),
        b'{"account_id": "c-secret"}',
        profile(note=[[]]).replace(b"[[]]", b"[" * 20_000 + b"]" * 20_000),
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_profile_that_the_worker_refuses_changes_nothing_here(value: bytes) -> None:
    """Least of all that somebody is not to be contacted."""
    found = read(value)
    assert [one.customer_id for one in found.profiles] == [None]
    (unreadable,) = found.unreadable
    assert "secret" not in unreadable.why


def test_a_profile_as_the_worker_reads_it() -> None:
    (one,) = read(b"\xef\xbb\xbf" + profile(account_id="acme", do_not_contact=True, more=1)).profiles
    assert (one.customer_id, one.account_id, one.do_not_contact) == ("c-1", "acme", True)
    assert one.appended_ms == 1_700
    (one,) = read(profile(account_id="")).profiles
    assert (one.customer_id, one.account_id, one.do_not_contact) == ("c-1", None, None)


def test_fields_that_a_newer_worker_adds_cost_no_alert() -> None:
    known = alert()
    newer = json.loads(known.model_dump_json())
    newer["jane@example.com"] = newer["anchor"]["more"] = 1
    newer["reasons"][0]["more"] = {"a": 1}
    found = read(json.dumps(newer).encode(), topic="alerts")
    assert [one.alert for one in found.alerts] == [known]
    assert found.unreadable == []
    newer["level"] = "panic"
    (unreadable,) = read(json.dumps(newer).encode(), topic="alerts").unreadable
    assert unreadable.why == "level: literal_error"


class _Consumer:
    """Two partitions, of which the first was deleted up to 40."""

    def __init__(self, **options: Any) -> None:
        self.options, self.at = options, dict[TopicPartition, int]()

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.partitions = partitions

    def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {one: 40 if one == ("alerts", 0) else 0 for one in partitions}

    def end_offsets(self, partitions: list[TopicPartition], **_: object) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 50)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset


def test_what_was_deleted_before_it_was_read_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "KafkaConsumer", _Consumer)
    reader = TopicReader(Settings(), "alerts", "customers", 2)
    with caplog.at_level(logging.WARNING):
        reader.open({("alerts", 0): 30, ("alerts", 1): 3})
    assert "alerts [0]: the records from 30 to 39 were deleted" in caplog.text
    assert len(caplog.records) == 1
    consumer: Any = reader._consumer
    assert consumer.at["alerts", 0] == 40
    # While it runs a jump would be silent: records of a topic that was made anew count as known.
    assert consumer.options["auto_offset_reset"] == "none"


def test_a_disposition_is_read_with_what_no_rule_asks_for_and_a_wrong_one_is_left() -> None:
    said = {
        "type": "disposition",
        "event_id": "d-1",
        "customer_id": "c-1",
        "time": "2026-03-20T10:00:00Z",
        "source": "desk",
        "alert_id": "a-1",
        "status": "contacted",
        "action": "call",
        "actor_role": "lead",
        "of_a_newer_release": 1,
    }
    batch = Batch([], [], [], [])
    for value in (json.dumps(said).encode(), b"{}", b""):
        record = SimpleNamespace(topic="dispositions", partition=0, offset=7, key=b"c-1", value=value)
        module._add_disposition(batch, record)
    [one] = batch.dispositions
    assert (one.action, one.actor_role, one.outcome) == ("call", "lead", None)
    assert len(batch.unreadable) == 2
