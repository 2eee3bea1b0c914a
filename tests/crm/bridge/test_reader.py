"""What the topics hold becomes what the ledger takes; the place is the ledger's."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from schemas.times import parse_ms
from streams.crm.bridge import reader as module
from streams.crm.bridge.reader import Batch, RecreatedError, TopicReader
from streams.crm.ledger.rows import AlertRead, ProfileRead
from streams.crm.payload.examples import alert
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.settings import Settings

ALERTS, CUSTOMERS = "p.alerts", "p.customers"
TIME = "2026-05-28T12:00:00.000Z"
APPENDED = 1_779_969_600_007


class _Consumer:
    """A consumer of topics that a test fills: keys and values by partition."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.held: dict[TopicPartition, list[tuple[bytes | None, bytes | None]]] = {}
        self.first: dict[TopicPartition, int] = {}
        self.at: dict[TopicPartition, int] = {}
        self.away = self.closed = False

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.at = dict.fromkeys(partitions, -1)

    def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {one: self.first.get(one, 0) for one in partitions}

    def end_offsets(self, partitions: list[TopicPartition], **_: int | None) -> dict[TopicPartition, int]:
        if self.away:
            raise KafkaTimeoutError("away")
        return {one: self.first.get(one, 0) + len(self.held.get(one, ())) for one in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset

    def position(self, partition: TopicPartition, **_: int) -> int:
        return self.at[partition]

    def highwater(self, _partition: TopicPartition) -> int | None:
        return None

    def poll(self, **_: int) -> Mapping[TopicPartition, list[Any]]:
        found = {}
        for one, at in self.at.items():
            records = self.held.get(one, [])[at - self.first.get(one, 0) :]
            found[one] = [
                SimpleNamespace(
                    topic=one.topic,
                    partition=one.partition,
                    offset=at + place,
                    timestamp=APPENDED,
                    key=key,
                    value=value,
                )
                for place, (key, value) in enumerate(records)
            ]
            self.at[one] = at + len(records)
        return found

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> _Consumer:
    """Give the consumer that the reader will have."""
    one = _Consumer()

    def make(**options: Any) -> _Consumer:
        one.options = options
        return one

    monkeypatch.setattr(module, "KafkaConsumer", make)
    return one


def opened(positions: Mapping[tuple[str, int], int] | None = None) -> TopicReader:
    return TopicReader(Settings(), ALERTS, CUSTOMERS, 2).open(positions or {})


def profile(customer_id: str, **fields: object) -> bytes:
    given = {"type": "profile", "event_id": "p-1", "source": "crm", "time": TIME, "customer_id": customer_id}
    return json.dumps(given | fields).encode()


def test_only_what_is_committed_is_read_and_no_group_keeps_the_place(consumer: _Consumer) -> None:
    opened()
    assert consumer.options["isolation_level"] == "read_committed"
    assert consumer.options["enable_auto_commit"] is False
    assert "group_id" not in consumer.options


def test_records_of_both_topics(consumer: _Consumer) -> None:
    """A record that is none of ours is named by its place, and why; its value is not shown."""
    record = alert()
    wrong = json.loads(record.model_dump_json()) | {"level": "c-secret"}
    key = b"c-1042"
    consumer.held = {
        TopicPartition(ALERTS, 1): [
            (key, record.model_dump_json().encode()),
            (key, json.dumps(wrong).encode()),
            (key, b"c-secret"),
            (key, None),
        ],
        TopicPartition(CUSTOMERS, 0): [
            (b"a", profile("a", account_id="acme", do_not_contact=True)),
            (b"b", profile("b")),
            (b"c", None),
            (b"d", b'{"c-secret": '),
            (b"e", b'["c-secret"]'),
            (b"f", profile("f", time="yesterday")),
            (b"\xff", profile("c-secret")),
            (None, profile("c-secret")),
            (b"g", b"[" * 100_000),
            (b"h", profile("h", account_id="\ud800")),
        ],
    }
    found = opened().poll()
    assert found.alerts == [
        AlertRead(ALERTS, 1, 0, record, appended_ms=APPENDED),
        *(AlertRead(ALERTS, 1, offset, None, appended_ms=APPENDED) for offset in (1, 2, 3)),
    ]
    at = parse_ms(TIME)
    assert found.profiles == [
        ProfileRead(CUSTOMERS, 0, 0, "a", "acme", do_not_contact=True, time_ms=at, appended_ms=APPENDED),
        ProfileRead(CUSTOMERS, 0, 1, "b", time_ms=at, appended_ms=APPENDED),
        ProfileRead(CUSTOMERS, 0, 2, "c", erased=True, appended_ms=APPENDED),
        *(ProfileRead(CUSTOMERS, 0, offset, None, appended_ms=APPENDED) for offset in range(3, 10)),
    ]
    unreadable = {(one.topic, one.partition, one.offset): one.why for one in found.unreadable}
    assert unreadable.keys() == {
        *((ALERTS, 1, offset) for offset in (1, 2, 3)),
        *((CUSTOMERS, 0, offset) for offset in range(3, 10)),
    }
    assert unreadable[ALERTS, 1, 1] == "level: literal_error"
    assert unreadable[CUSTOMERS, 0, 7] == "no key"
    assert "secret" not in repr(unreadable)


def test_it_goes_on_where_the_ledger_ends_or_where_the_topic_begins_by_now(consumer: _Consumer) -> None:
    zero, one = TopicPartition(ALERTS, 0), TopicPartition(ALERTS, 1)
    value = alert().model_dump_json().encode()
    consumer.held = {zero: [(b"k", value)] * 5, one: [(b"k", value)] * 2}
    consumer.first = {one: 40}  # what was there is past its retention
    reader = opened({(ALERTS, 0): 3, (ALERTS, 1): 7})
    assert not reader.caught_up
    assert reader.lag() == 2 + 2
    assert [(each.partition, each.offset) for each in reader.poll().alerts] == [
        (0, 3),
        (0, 4),
        (1, 40),
        (1, 41),
    ]
    assert reader.caught_up
    assert reader.lag() == 0
    consumer.held[zero] += [(b"k", value)]
    assert reader.caught_up  # what comes later is no part of it
    assert reader.poll() == Batch([AlertRead(ALERTS, 0, 5, alert(), appended_ms=APPENDED)], [], [], [])


def test_a_topic_that_was_made_anew_is_refused(consumer: _Consumer) -> None:
    consumer.held = {TopicPartition(CUSTOMERS, 1): [(b"a", None)] * 4}
    with pytest.raises(RecreatedError) as refused:
        opened({(CUSTOMERS, 1): 5})
    assert str(refused.value) == (
        "p.customers [1] ends at 4, the ledger is at 5: the topic was made anew. Begin with a new ledger "
        "file, and keep the old"
    )


def test_a_kafka_that_is_away_is_said_to_be_and_the_lag_is_asked_for_again(
    consumer: _Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ENDS_SECONDS", -1.0)
    reader = opened()
    consumer.away = True
    with pytest.raises(KafkaUnavailableError, match="Kafka does not answer: KafkaTimeoutError"):
        reader.lag()
    consumer.away = False
    assert reader.lag() == 0
    reader.close()
    assert consumer.closed
