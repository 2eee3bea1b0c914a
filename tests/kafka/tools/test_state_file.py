"""State out of a real Kafka and back: a backup, and a move to another count, without an alert lost."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from msgspec import msgpack
from typer.testing import CliRunner, Result

from schemas.alert import Alert
from schemas.times import format_ms, parse_ms
from schemas.topics import MOVES, STATE
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import Input
from streams.lab.replay import replay_directory
from streams.runtime.commands.state import state
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.clients import aiokafka_options
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.partition.processor import PROCESSOR_KEY, ProcessorState
from streams.runtime.tools.state_file import Entry, Header, read_entries, read_header, writing
from streams.settings import Settings
from tests.core.drive import HOME
from tests.kafka.commands import environment, until
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, contact, purchase, raw, send, ticks
from tests.kafka.held import alerts

pytestmark = pytest.mark.kafka

CUT: Final = HOME + 113 * DAY_MS
"""The time of the move: in some troubles, before others."""
END: Final = HOME + 150 * DAY_MS
# Who is high value, and whether the feed is broken, depends on who shares a partition; here it doesn't.
RULES: Final = "population_minimum = 10000\nguard_minimum = 10000\nprotected_tiers = ['gold']\n"

Lines = dict[Input, list[bytes]]


def profile(customer_id: str) -> bytes:
    fields = {"type": "profile", "event_id": f"p-{customer_id}", "customer_id": customer_id, "source": "crm"}
    return json.dumps(fields | {"time": format_ms(HOME), "tier": "gold"}).encode()


def dataset() -> Lines:
    """Return customers who buy daily, have trouble one after the other, and stay away; some return."""
    names = [f"c-{number}" for number in range(12)]
    bought, troubles = [], []
    for number, name in enumerate(names):
        trouble = HOME + (100 + 2 * number) * DAY_MS + number * HOUR_MS
        back = trouble + (8 * DAY_MS if number % 3 == 0 else END)
        times = range(HOME + HOUR_MS + number, END, DAY_MS)
        bought += [purchase(name, time) for time in times if time < trouble or time > back]
        troubles.append(contact(name, trouble, reason="billing"))
    lines = {Input.TRANSACTIONS: bought, Input.CONTACTS: troubles, Input.CUSTOMERS: list(map(profile, names))}
    return {source: sorted(many, key=time_of) for source, many in lines.items()}


def time_of(line: bytes) -> int:
    time: str = json.loads(line)["time"]
    return parse_ms(time)


def part(settings: Settings, lines: Lines, start: int, end: int) -> list[Raw]:
    """Return what happened in [start, end), and a tick at its end."""
    chosen = [(source, line) for source in reversed(Input) for line in lines.get(source, ())]
    records = [raw(settings, source, line) for source, line in chosen if start <= time_of(line) < end]
    return [*records, *ticks(settings, end)]


@pytest.fixture
def first(event_clock: Settings, tmp_path: Path) -> Settings:
    """Give settings with the rules."""
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    return event_clock.model_copy(update={"ruleset_file": file})


def run_state(settings: Settings, *arguments: object, **changes: object) -> Result:
    return CliRunner().invoke(state, list(map(str, arguments)), env=environment(settings, **changes))


def make(settings: Settings) -> None:
    with admin_client(settings) as admin:
        create(admin, plan(settings))


def work(settings: Settings, folder: Path, records: Iterable[Raw]) -> None:
    """Let a worker read some records and end."""
    with Deployment(settings, folder) as deployment:
        worker = deployment.start_ready()
        send(settings, records)
        deployment.when_drained()
        deployment.stop(worker)


def wanted(lines: Lines, settings: Settings, folder: Path) -> list[str]:
    """Return the alerts of a replay of it all."""
    folder.mkdir()
    for source, many in lines.items():
        (folder / f"{source}.jsonl").write_bytes(b"".join(line + b"\n" for line in many))
    replayed = replay_directory(folder, ruleset=settings.rules())
    return fields_of(one for one in replayed.alerts if parse_ms(one.time) < END)


def fields_of(many: Iterable[Alert]) -> list[str]:
    return sorted(one.model_dump_json(exclude={"backfill"}) for one in many)


async def broken_at_the_end(outbox: Outbox) -> None:
    await outbox.flush()
    await asyncio.sleep(0.5)
    raise KafkaConnectionError("the broker went away")


def test_a_move_to_another_partition_count_loses_and_doubles_no_alert(
    first: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, file = dataset(), tmp_path / "state.gz"
    work(first, tmp_path, part(first, lines, 0, CUT))
    before = alerts(first)
    exported = run_state(first, "export", file)
    assert (exported.exit_code, exported.stderr) == (0, "")
    assert f"{file}: 20 records of 4 partitions" in exported.stdout  # 12 customers, two more a partition

    prefix = f"{first.application_id}.more."
    second = first.model_copy(update={"topic_prefix": prefix, "partitions": 6})
    make(second)
    refused = run_state(second, "import", file)
    assert refused.exit_code == 78
    assert "state of 4 partitions, the topics have 6: say with --positions" in refused.stderr
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "finish", broken_at_the_end)
        broken = run_state(second, "import", file, "--positions", "end")
    assert (broken.exit_code, broken.stderr.count("error:")) == (69, 1)
    imported = run_state(second, "import", file, "--positions", "end")
    assert (imported.exit_code, imported.stderr) == (0, "")
    assert "12 customers of 4 partitions" in imported.stdout
    assert "into 6 partitions" in imported.stdout
    twice = run_state(second, "import", file, "--positions", "end")
    assert twice.exit_code == 78
    assert f"{prefix}state holds state already" in twice.stderr

    work(second, tmp_path, part(second, lines, CUT, END))
    after = alerts(second)
    assert len(before) > 3
    assert len(after) > 3
    assert fields_of([*before, *after]) == wanted(lines, first, tmp_path / "files")


def test_a_backup_is_put_back_into_the_topics_that_it_came_from(first: Settings, tmp_path: Path) -> None:
    lines, file = dataset(), tmp_path / "state.gz"
    with Deployment(first, tmp_path) as deployment:
        worker = deployment.start_ready()
        send(first, part(first, lines, 0, CUT))
        deployment.when_drained()
        assert run_state(first, "export", file).exit_code == 0
        running = run_state(first, "import", file)
        assert running.exit_code == 78
        assert running.stderr == f"error: workers of {first.application_id} are running: stop them first\n"
        deployment.stop(worker)
    with admin_client(first) as admin:
        name = first.topic_prefix + STATE.name
        admin.delete_topics([name])
        until(lambda: name not in admin.list_topics())
        create(admin, plan(first))
    imported = run_state(first, "import", file)
    assert (imported.exit_code, imported.stderr) == (0, "")
    work(first, tmp_path, part(first, lines, CUT, END))
    found = alerts(first)
    assert len({one.event_id for one in found}) == len(found)
    assert fields_of(found) == wanted(lines, first, tmp_path / "files")


async def write(
    settings: Settings, name: str, records: Mapping[bytes, bytes | None], end: str, topic: str = STATE.name
) -> Any:
    """Write state in a transaction, and return its producer."""
    producer = AIOKafkaProducer(**aiokafka_options(settings), transactional_id=settings.topic_prefix + name)
    await producer.start()
    await producer.begin_transaction()
    for key, value in records.items():
        await producer.send_and_wait(settings.topic_prefix + topic, value, key, partition=1)
    if end:
        await getattr(producer, f"{end}_transaction")()
    return producer


def test_what_is_committed_is_exported_and_nothing_else(topics: Settings, tmp_path: Path) -> None:
    file = tmp_path / "state.gz"

    async def some_are_open() -> Result:
        producers = [
            await write(topics, "a", {b"ca": b"old", b"cb": b"erased", b"cc": b"kept"}, "commit"),
            await write(topics, "b", {b"ca": b"new", b"cb": None}, "commit"),
            await write(topics, "c", {b"ca": b"aborted"}, "abort"),
            await write(topics, "d", {b"cc": b"open"}, ""),
        ]
        exported = await asyncio.to_thread(run_state, topics, "export", file)
        for producer in producers:
            await producer.stop()
        return exported

    exported = asyncio.run(some_are_open())
    assert (exported.exit_code, exported.stderr) == (0, "")
    assert sorted(read_entries(file)) == [Entry(1, b"ca", b"new"), Entry(1, b"cc", b"kept")]
    header = read_header(file)
    assert header.topic == topics.topic_prefix + "state"
    assert (header.application, header.partitions) == (topics.application_id, 4)


@pytest.mark.parametrize(("read", "code"), [(0, 65), (1, 65), (2, 0), (3, 0)])
def test_a_history_on_its_way_is_no_partitions_and_holds_up_an_export(
    topics: Settings, tmp_path: Path, read: int, code: int
) -> None:
    """Two histories of merged customers are there, at 0 and 1; 2 is the end of their transaction."""
    processor = msgpack.encode(ProcessorState("shop", "r", {MOVES.name: read}))

    async def some_moved() -> None:
        for name, records, topic in (
            ("a", {PROCESSOR_KEY: processor, b"ca": b"old"}, STATE.name),
            ("b", {b"new": b"a history", b"newer": b"another"}, MOVES.name),
        ):
            producer = await write(topics, name, records, "commit", topic)
            await producer.stop()

    asyncio.run(some_moved())
    exported = run_state(topics, "export", tmp_path / "state.gz")
    assert exported.exit_code == code
    said = f"error: {2 - read} histories of merged customers are on their way from one partition to another"
    assert exported.stderr.startswith(said) == (code == 65)
    assert (tmp_path / "state.gz").exists() == (code == 0)


def test_a_file_that_is_no_sound_state_is_one_line(topics: Settings, tmp_path: Path) -> None:
    file = tmp_path / "state.gz"
    missing = run_state(topics, "import", file)
    assert (missing.exit_code, missing.stderr) == (
        66,
        f"error: {file} cannot be read: No such file or directory\n",
    )
    file.write_bytes(b"something else")
    other = run_state(topics, "import", file)
    assert other.exit_code == 65
    assert other.stderr.startswith(f"error: {file}: not a state file")
    with writing(file, Header("shop", "retention.state", 4, "")) as writer:
        writer.write(Entry(0, PROCESSOR_KEY, msgpack.encode(ProcessorState("shop", "r"))))
    file.write_bytes(file.read_bytes()[:-20])
    short = run_state(topics, "import", file)
    assert (short.exit_code, short.stderr) == (65, f"error: {file}: cut off, the rest is missing\n")


def test_what_is_missing_is_one_line(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "state.gz"
    absent = run_state(settings, "export", file)
    assert absent.exit_code == 78
    assert absent.stderr.startswith(f"error: {settings.topic_prefix}state: missing")
    make(settings)
    empty = run_state(settings, "export", file)
    assert (empty.exit_code, empty.stderr) == (65, f"error: {settings.topic_prefix}state holds no state\n")
    nowhere = run_state(settings, "export", tmp_path / "no" / "state.gz")
    assert nowhere.exit_code == 73
    assert nowhere.stderr.endswith("state.gz cannot be written: no such directory\n")
    assert list(tmp_path.iterdir()) == []
    away = f"127.0.0.1:{free_port()}"
    for command in ("export", "import"):
        told = run_state(settings, command, file, bootstrap_servers=(away,))
        assert told.exit_code == 69
        assert told.stderr == f"error: Kafka at {away} does not answer: Connection refused\n"
