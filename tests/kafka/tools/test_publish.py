"""Files on a real Kafka: partition by partition what the files hold, in order, with the ticks in between."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from typer.testing import Result

from streams.core.watermark import GIVEN, Input
from streams.files import batches
from streams.runtime.commands.publish import publish_command
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.tools.prescan import prescan
from streams.runtime.tools.publish import EventTimeSpeed, FixedRate, Publisher
from streams.runtime.tools.publish_entries import ALL_PARTITIONS, Entry, entries
from streams.settings import Settings
from tests.kafka.commands import environment, run_command
from tests.worlds.worlds import write_world

pytestmark = pytest.mark.kafka

PARTITIONS = 4
Held = list[tuple[bytes | None, bytes]]


def held(settings: Settings, source: Input) -> list[Held]:
    """Return key and value of all records, by partition."""
    consumer = KafkaConsumer(**kafka_python_options(settings), auto_offset_reset="earliest")
    places = [TopicPartition(settings.topic_prefix + source.value, one) for one in range(PARTITIONS)]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    found: dict[TopicPartition, Held] = {place: [] for place in places}
    while any(len(found[place]) < ends[place] for place in places):
        for place, records in consumer.poll(timeout_ms=1000).items():
            found[place] += [(record.key, record.value) for record in records]
    consumer.close()
    return [found[place] for place in places]


def world(directory: Path) -> Path:
    """Write events with all kinds of trouble, and a line of each input that nobody can read."""
    write_world(directory, 3, customers=25, days=150)
    for path in directory.glob("*.jsonl"):
        with path.open("ab") as file:
            file.write(b'{"customer_id":"c-1","surprise":1}\n')
    return directory


def planned(directory: Path) -> list[Entry]:
    now = time.time_ns() // 1_000_000
    found = prescan(directory, partitions=PARTITIONS, currency="USD", lateness_ms=5000, now_ms=now)
    return list(entries(found, PARTITIONS, "USD"))


def publish(settings: Settings, directory: Path, *arguments: object, **changes: object) -> Result:
    return run_command(publish_command, settings, directory, *arguments, **changes)


def test_what_stands_in_the_topics_is_what_is_in_the_files(topics: Settings, tmp_path: Path) -> None:
    directory = world(tmp_path / "world")
    told = publish(topics, directory)
    assert (told.exit_code, told.stderr) == (0, "")
    wanted = planned(directory)
    for source in GIVEN:
        for number, found in enumerate(held(topics, source)):
            assert found == [
                (one.key, one.value)
                for one in wanted
                if one.source is source and one.partition in {number, ALL_PARTITIONS}
            ]
    lines = {
        path.name: sum(len(batch.lines) for batch in batches(path)) for path in directory.glob("*.jsonl")
    }
    shown = told.stdout.splitlines()
    for name, count in lines.items():
        assert f"{name}: {count:,} lines to {name.removesuffix('.jsonl')}" in shown
    ticks = PARTITIONS * sum(not one.is_line for one in wanted)
    assert f"ticks: {ticks:,}" in shown
    assert any(line.startswith("a worker will refuse: ") and line.endswith(" schema") for line in shown)
    records = sum(PARTITIONS if one.partition == ALL_PARTITIONS else 1 for one in wanted)
    assert shown[-1].startswith(f"{records:,} records arrived, ")


def test_large_files_fill_many_batches_and_keep_their_order(topics: Settings, tmp_path: Path) -> None:
    """Lines near the limit of Kafka travel alone, small ones by the thousand."""
    lines = [b'{"customer_id":"c-%d","at":%d}' % (at % 50, at) for at in range(60_000)]
    lines[30_000:30_000] = [b"x" * 999_999, b"y" * 1_000_001, b'{"customer_id":"c-1"}' + b"z" * 900_000]
    (tmp_path / "transactions.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    told = publish(topics, tmp_path)
    assert (told.exit_code, told.stderr) == (0, "")
    assert "transactions.jsonl: 60,002 of 60,003 lines to transactions" in told.stdout
    assert "left out, larger than Kafka takes: 1\n" in told.stdout
    found = held(topics, Input.TRANSACTIONS)
    values = [value for records in found for _, value in records]
    assert sorted(values) == sorted(line for line in lines if len(line) <= 1_000_000)
    for records in found:
        places = [
            json.loads(value)["at"] for _, value in records if value.startswith(b"{") and b"at" in value
        ]
        assert places == sorted(places)
        assert len(places) > 1000


@pytest.mark.parametrize("pace", ["--rate", "--speed"])
def test_a_pace_is_kept(topics: Settings, tmp_path: Path, pace: str) -> None:
    """Sixty purchases a minute apart: at 100 a second, or an hour within six tenths of a second."""
    line = (
        '{"type":"transaction","event_id":"%d","customer_id":"c","time":"2024-03-03T10:%02d:00Z",'
        '"source":"shop","kind":"purchase","amount":"1.00","currency":"USD"}\n'
    )
    (tmp_path / "transactions.jsonl").write_text("".join(line % (at, at) for at in range(60)))
    told = publish(topics, tmp_path, pace, 100 if pace == "--rate" else 6000)
    seconds = float(told.stdout.splitlines()[-1].split(",")[1].removesuffix(" s"))
    assert told.exit_code == 0
    assert 0.5 <= seconds < 3


def test_when_it_is_due() -> None:
    assert [FixedRate(4).due(at, 0) for at in range(3)] == [0, 0.25, 0.5]
    speed = EventTimeSpeed(10)
    assert [speed.due(0, reached) for reached in (-(1 << 62), 5000, 5000, 15_000)] == [0, 0, 0, 1]


def test_what_was_published_before_a_stop_arrives(topics: Settings, tmp_path: Path) -> None:
    wanted = planned(world(tmp_path / "world"))

    async def stopped() -> Publisher:
        publisher = Publisher(topics, PARTITIONS, schedule=FixedRate(300))
        task = asyncio.create_task(publisher.publish(wanted))
        await asyncio.sleep(2)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return publisher

    published = asyncio.run(stopped()).published
    assert 100 < published.lines.total() < len(wanted)
    assert published.arrived == sum(len(records) for source in GIVEN for records in held(topics, source))
    assert published.arrived >= published.lines.total()


def test_ctrl_c_ends_it_cleanly(topics: Settings, tmp_path: Path) -> None:
    directory = world(tmp_path / "world")
    code = "import typer; from streams.runtime.commands.publish import publish_command as c; typer.run(c)"
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", code, str(directory), "--rate", "100"],
        env=dict(os.environ) | environment(topics),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not any(held(topics, source) != [[]] * PARTITIONS for source in GIVEN):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
    assert out.splitlines()[-1].startswith("stopped before the end: the last tick is missing")


def test_nothing_to_read_is_one_line(topics: Settings, tmp_path: Path) -> None:
    told = publish(topics, tmp_path)
    assert told.exit_code == 66
    assert told.stderr.startswith(f"error: nothing to read in {tmp_path}")
    (tmp_path / "transactions.jsonl.gz").write_bytes(b"no gzip")
    told = publish(topics, tmp_path)
    assert told.exit_code == 65
    assert told.stderr.startswith("error: transactions.jsonl.gz: the file is not compressed with gzip")
    assert len(told.stderr.splitlines()) == 1


def test_missing_topics_are_told(settings: Settings, tmp_path: Path) -> None:
    told = publish(settings, world(tmp_path))
    assert told.exit_code == 78
    assert told.stderr.splitlines() == [
        *(f"error: {settings.topic_prefix}{source}: missing" for source in GIVEN),
        "error: `retention-signals topics create` makes missing topics",
    ]


def test_other_numbers_of_partitions_are_told(topics: Settings, tmp_path: Path) -> None:
    told = publish(topics, world(tmp_path), partitions=6)
    assert told.exit_code == 78
    assert f"{topics.topic_prefix}contacts: 4 partitions, RETENTION_PARTITIONS says 6" in told.stderr


def test_two_paces_are_too_many(topics: Settings, tmp_path: Path) -> None:
    told = publish(topics, tmp_path, "--rate", 5, "--speed", 5)
    assert (told.exit_code, told.stderr) == (64, "error: --rate and --speed: choose one\n")


def test_no_kafka_is_one_line(settings: Settings, tmp_path: Path) -> None:
    away = f"127.0.0.1:{free_port()}"
    told = publish(settings, world(tmp_path), bootstrap_servers=(away,))
    assert told.exit_code == 69
    assert told.stderr == f"error: Kafka at {away} does not answer: Connection refused\n"
