"""Dead letters go back once: by reason, input and count, to where their key belongs, whatever fails."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from typer.testing import Result

import streams.runtime.tools.redrive as module
from schemas.dead_letter import Reason
from schemas.partitioner import partition_of
from schemas.topics import DEAD_LETTERS
from streams.core.watermark import Input
from streams.runtime.commands.redrive import redrive_command
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.runtime.kafka.groups import positions_of
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.tools.redrive import Redrive, Selection
from streams.settings import Settings
from tests.kafka.commands import run_command

pytestmark = pytest.mark.kafka

PARTITIONS: Final = 4
Record = tuple[int, bytes | None, bytes | None]
"""Partition, key and value of a record."""


class Office:
    """Where refused records end up; numbers them as if each input had refused them in this order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap_servers))
        self._offset = 0

    def refuse(
        self,
        key: bytes | None,
        value: bytes | None,
        reason: str = "schema",
        source: str = "contacts",
        partition: int = 0,
        **other: str,
    ) -> None:
        """Write a dead letter; `other` replaces headers."""
        self._offset += 1
        headers = {
            "dl_topic": self._settings.topic_prefix + source,
            "dl_partition": str(partition),
            "dl_offset": str(self._offset),
            "dl_timestamp": "1700000000000",
            "dl_reason": reason,
            "dl_detail": "amount: string_pattern_mismatch",
            "dl_version": "0.1.0",
        }
        self._producer.send(
            self._settings.topic_prefix + DEAD_LETTERS.name,
            key=key,
            value=value,
            partition=partition,
            headers=[(name, text.encode()) for name, text in (headers | other).items()],
        ).get(10)

    def close(self) -> None:
        """Let go."""
        self._producer.close()


@pytest.fixture
def office(topics: Settings) -> Iterator[Office]:
    opened = Office(topics)
    yield opened
    opened.close()


def came_back(settings: Settings, source: str = "contacts") -> list[Record]:
    """Return what an input holds, committed."""
    consumer = KafkaConsumer(
        bootstrap_servers=list(settings.bootstrap_servers),
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    try:
        places = [TopicPartition(settings.topic_prefix + source, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        found: list[Record] = []
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(timeout_ms=500).items():
                found += [(place.partition, one.key, one.value) for one in records]
        return found
    finally:
        consumer.close()


def redrive(settings: Settings, *arguments: object) -> Result:
    return run_command(redrive_command, settings, *arguments)


def rows(result: Result) -> list[list[str]]:
    """Return the lines of the first table below its head."""
    lines = [line.split() for line in result.stdout.splitlines()]
    return [line for line in lines if line and line[0] in set(Reason)]


def test_nothing_goes_back_without_execute(topics: Settings, office: Office) -> None:
    office.refuse(b"c-1", b'{"secret":1}')
    office.refuse(b"c-2", b"{", "not_json", "transactions", partition=2)
    office.refuse(b"c-3", b"{", "not_json", "transactions", partition=3)
    looked = redrive(topics, "--show", 2)
    assert (looked.exit_code, looked.stderr) == (0, "")
    assert rows(looked)[:2] == [
        ["not_json", "transactions", "2", "0", "2"],
        ["schema", "contacts", "1", "0", "1"],
    ]
    assert "dead letters that would go back: 3; --execute sends them" in looked.stdout
    assert f"{topics.topic_prefix}contacts" in looked.stdout
    assert "amount: string_pattern_mismatch" in looked.stdout
    assert looked.stdout.count(topics.topic_prefix) == 2
    assert "secret" not in looked.stdout
    assert "c-1" not in looked.stdout
    assert came_back(topics) == came_back(topics, "transactions") == []


def test_bytes_and_key_go_back_unchanged_to_where_the_key_belongs(topics: Settings, office: Office) -> None:
    home = partition_of("c-1", PARTITIONS)
    strange = (home + 1) % PARTITIONS
    office.refuse(b"c-1", b'{ "as":"it was" }\n', "wrong_partition", partition=strange)
    office.refuse(b"c-1", None, "wrong_partition", "customers", partition=strange)
    office.refuse(None, b"\xff\x00", "not_json", partition=3)
    office.refuse(b"\xff\xfe", b"", "key_mismatch")
    sent = redrive(topics, "--execute")
    assert (sent.exit_code, sent.stderr) == (0, "")
    assert "dead letters sent back: 4" in sent.stdout
    found = came_back(topics)
    assert (home, b"c-1", b'{ "as":"it was" }\n') in found
    assert (3, None, b"\xff\x00") in found
    assert [one[1:] for one in found if one[1] == b"\xff\xfe"] == [(b"\xff\xfe", b"")]
    assert len(found) == 3
    assert came_back(topics, "customers") == [(home, b"c-1", None)]


def test_a_letter_goes_back_once_unless_asked_again(topics: Settings, office: Office) -> None:
    office.refuse(b"c-1", b"1")
    assert "dead letters sent back: 1" in redrive(topics, "--execute").stdout
    second = redrive(topics, "--execute")
    assert rows(second) == [["schema", "contacts", "1", "1", "0"]]
    assert "dead letters sent back: 0" in second.stdout
    office.refuse(b"c-1", b"2")
    assert rows(redrive(topics, "--execute")) == [["schema", "contacts", "2", "1", "1"]]
    assert [value for *_, value in came_back(topics)] == [b"1", b"2"]
    assert rows(redrive(topics, "--execute", "--again", "--limit", 1)) == [
        ["schema", "contacts", "2", "2", "1"]
    ]
    assert [value for *_, value in came_back(topics)] == [b"1", b"2", b"1"]
    assert "dead letters sent back: 0" in redrive(topics, "--execute").stdout


def committed_for_workers(settings: Settings) -> dict[int, int]:
    with admin_client(settings) as admin:
        return positions_of(admin, settings.application_id, settings.topic_prefix + DEAD_LETTERS.name)


def test_how_far_dead_letters_went_back_is_committed_for_workers(topics: Settings, office: Office) -> None:
    """By partition of the dead letters, also those of a redrive that died before it committed."""
    for number, reason in ((0, "schema"), (0, "schema"), (0, "currency"), (2, "currency")):
        office.refuse(b"c-1", b"1", reason, partition=number)
    redrive(topics)
    assert committed_for_workers(topics) == {}
    redrive(topics, "--execute", "--limit", 1)
    assert committed_for_workers(topics) == {0: 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Redrive, "_commit_for_workers", away)
        assert redrive(topics, "--execute", "--reason", "schema").exit_code == 69
    assert committed_for_workers(topics) == {0: 1}
    assert "dead letters sent back: 0" in redrive(topics, "--execute", "--reason", "schema").stdout
    assert committed_for_workers(topics) == {0: 2}
    redrive(topics, "--execute")
    assert committed_for_workers(topics) == {0: 3, 2: 1}


async def away(*_: object) -> None:
    raise KafkaConnectionError("the broker went away")


def test_what_is_not_chosen_stays_for_another_time(topics: Settings, office: Office) -> None:
    for number in range(3):
        office.refuse(b"c-1", b"currency %d" % number, "currency")
        office.refuse(b"c-1", b"schema %d" % number, "schema")
        office.refuse(b"c-1", b"other input %d" % number, "currency", "transactions")
    first = redrive(topics, "--execute", "--reason", "currency", "--input", "contacts", "--limit", 2)
    assert rows(first) == [["currency", "contacts", "3", "0", "2"]]
    assert [value for *_, value in came_back(topics)] == [b"currency 0", b"currency 1"]
    rest = redrive(topics, "--execute", "--input", "contacts")
    assert rows(rest) == [["currency", "contacts", "3", "2", "1"], ["schema", "contacts", "3", "0", "3"]]
    values = [value for *_, value in came_back(topics)]
    assert sorted(map(bytes.decode, filter(None, values))) == [
        *("currency 0", "currency 1", "currency 2"),
        *("schema 0", "schema 1", "schema 2"),
    ]
    assert came_back(topics, "transactions") == []


def test_what_is_no_letter_of_these_inputs_is_counted_and_left(topics: Settings, office: Office) -> None:
    office.refuse(b"c-1", b"elsewhere", dl_topic="payments")
    office.refuse(b"c-1", b"odd reason", dl_reason="bad luck")
    office.refuse(b"c-1", b"odd place", dl_partition="9" * 5_000)
    office.refuse(None, b"no such partition", dl_partition="4")
    office.refuse(b"c-1", b"sound")
    sent = redrive(topics, "--execute")
    assert sent.exit_code == 0
    assert "left alone, no dead letters of these inputs: 4" in sent.stdout
    assert [value for *_, value in came_back(topics)] == [b"sound"]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_RECORDS", 10)


def break_the_third_transaction(monkeypatch: pytest.MonkeyPatch, *, killed: bool) -> None:
    """Let the broker go away once the letters are written, before the marks are; or the process."""
    move = AIOKafkaProducer.send_offsets_to_transaction
    calls = 0

    async def breaking(self: Any, offsets: Any, group: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            if killed:
                monkeypatch.setattr(AIOKafkaProducer, "abort_transaction", leave)
                monkeypatch.setattr(AIOKafkaProducer, "stop", leave_all)
            raise KafkaConnectionError("the broker went away")
        await move(self, offsets, group)

    async def leave(_self: Any) -> None:
        pass

    async def leave_all(self: Any) -> None:
        self._sender.sender_task.cancel()
        self._closed = True
        await self.client.close()

    monkeypatch.setattr(AIOKafkaProducer, "send_offsets_to_transaction", breaking)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("killed", [False, True], ids=["aborted", "killed"])
def test_a_redrive_that_dies_on_the_way_loses_nothing_and_doubles_nothing(
    topics: Settings, office: Office, monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    wanted = [b"%d" % number for number in range(35)]
    for number, value in enumerate(wanted):
        office.refuse(b"c-%d" % (number % 7), value, partition=number % PARTITIONS)
    with monkeypatch.context() as patch:
        break_the_third_transaction(patch, killed=killed)
        died = redrive(topics, "--execute")
    assert died.exit_code == 69
    assert died.stderr.count("error:") == 1
    again = redrive(topics, "--execute")
    assert rows(again) == [["schema", "contacts", "35", "20", "15"]]
    assert sorted(value or b"" for *_, value in came_back(topics)) == sorted(wanted)


@pytest.mark.usefixtures("small_chunks")
def test_a_second_redrive_shuts_out_the_first(topics: Settings, office: Office) -> None:
    for number in range(25):
        office.refuse(b"c-1", b"%d" % number)

    async def both() -> None:
        second = Redrive(topics, PARTITIONS, Selection())

        async def first_is_late(producer: Any, kind: Any, chunk: Any) -> None:
            if not second.counts.sent:
                await second.execute()
            await send(producer, kind, chunk)

        first = Redrive(topics, PARTITIONS, Selection(sources=(Input.CONTACTS,)))
        send = first._send
        first._send = first_is_late  # type: ignore[method-assign]
        with pytest.raises(KafkaUnavailableError, match="started elsewhere since"):
            await first.execute()
        assert second.counts.sent.total() == 25
        assert first.counts.sent.total() == 0

    asyncio.run(both())
    assert len(came_back(topics)) == 25


def test_missing_topics_and_a_bad_broker_are_one_line(settings: Settings) -> None:
    missing = redrive(settings)
    assert missing.exit_code == 78
    assert f"error: {settings.topic_prefix}dead-letters: missing" in missing.stderr
    away = f"127.0.0.1:{free_port()}"
    told = run_command(redrive_command, settings, bootstrap_servers=(away,))
    assert told.exit_code == 69
    assert told.stderr == f"error: Kafka at {away} does not answer: Connection refused\n"
