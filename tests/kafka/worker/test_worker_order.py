"""Whatever order the inputs come in, and whatever gaps they have: the alerts are those of a replay."""

import asyncio
import itertools
import json
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from schemas.times import parse_ms
from streams.core.ruleset import Ruleset
from streams.core.watermark import Input
from streams.lab.generate import GenerateOptions, generate
from streams.lab.replay import DeadLetter, replay_directory
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.clients import aiokafka_options
from streams.runtime.kafka.topics import create, plan
from streams.runtime.partition.processor import MOST_UNDECIDED
from streams.settings import Settings
from tests.kafka.deployment import Deployment, publish
from tests.kafka.feeds import Raw, contact, planned, put, spread
from tests.kafka.held import held, lag
from tests.kafka.truth import assert_alerts, assert_state, expected_facts, facts_of
from tests.lab.recomputed.test_against_recomputation import as_meant
from tests.worlds.worlds import write_world

pytestmark = pytest.mark.kafka

LATENESS_MS = 5000
DAY_MS = 86_400_000
RULES = """\
high_value_quantile = 0.2
population_minimum = 5
opening_frustration = 0.3
guard_minimum = 1
holdout_share = 0.3
"""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a year of the baskets of some households, with many bad contacts."""
    directory = tmp_path_factory.mktemp("year")
    generate(directory, GenerateOptions(customers=700, contact_rate=3.0))
    return directory


@pytest.fixture
def seed() -> int:
    """Give the seed of a random test, which a failure shows."""
    number = random.randrange(1 << 32)
    print(f"seed {number}")
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_alerts_are_those_of_a_replay(event_clock: Settings, tmp_path: Path, workers: int, seed: int) -> None:
    """Two workers meanwhile, one afterwards: late records, refunds, versions, side inputs, refused lines."""
    rules = Ruleset.from_toml(RULES)
    plain = replace(as_meant(0, silent=False).plain, holdout_share=0.3)
    file = tmp_path / "rules.toml"
    file.write_text(RULES)
    settings = event_clock.model_copy(update={"ruleset_file": file})
    directory = tmp_path / "world"
    write_world(directory, seed)
    with Deployment(settings, tmp_path) as deployment:
        if workers == 1:
            publish(settings, directory)
        for _ in range(workers):
            deployment.start_ready()
        if workers > 1:
            publish(settings, directory)
        deployment.when_drained()
    truth = replay_directory(directory, ruleset=rules)
    found = assert_alerts(settings, truth.alerts) + assert_alerts(settings, truth.holdout, "alerts.holdout")
    assert facts_of(found) == expected_facts(directory, settings, plain)
    assert_state(settings, truth, rules)
    dead_letters = [record for records in held(settings, "dead-letters") for record in records]
    assert len(dead_letters) == sum(
        _dead_letters(directory, one, settings.partitions) for one in truth.dead_letters
    )
    print(f"{len(found)} alert records, {len(dead_letters)} dead letters")


def _dead_letters(directory: Path, refused: DeadLetter, partitions: int) -> int:
    """Return how many dead letters a line becomes: a tick of the future is refused by every partition."""
    line = (directory / refused.file).read_bytes().splitlines()[refused.line - 1]
    return partitions if refused.reason == "future" and b'"tick"' in line else 1


def test_order_within_the_lateness_and_duplicates_change_nothing(
    event_clock: Settings, year: Path, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    straight, shaken = tmp_path / "straight", tmp_path / "shaken"
    moved = doubled = 0
    for directory in (straight, shaken):
        directory.mkdir()
    for source in ("transactions", "contacts", "customers"):
        lines = (year / f"{source}.jsonl").read_bytes().splitlines()
        unique = sorted({_event_id(line): (_time(line), line) for line in lines}.values())
        again = [one for one in unique if rng.random() < 0.3]
        wild = sorted((time + rng.randrange(LATENESS_MS), time, line) for time, line in [*unique, *again])
        times = [time for _, time, _ in wild]
        moved += sum(one > other for one, other in itertools.pairwise(times))
        doubled += len(again)
        _write_lines(straight / f"{source}.jsonl", (line for _, line in unique))
        _write_lines(shaken / f"{source}.jsonl", (line for _, _, line in wild))
    print(f"{moved} out of order, {doubled} twice")
    assert min(moved, doubled) > 100
    with Deployment(event_clock, tmp_path) as deployment:
        deployment.start_ready()
        publish(event_clock, shaken)
        deployment.when_drained()
    truth = replay_directory(straight)
    assert len(assert_alerts(event_clock, truth.alerts)) > 50


@pytest.mark.parametrize("ahead", [Input.CONTACTS, Input.TRANSACTIONS])
def test_an_input_far_ahead_waits_for_the_other(
    settings: Settings, year: Path, tmp_path: Path, ahead: Input
) -> None:
    """One input is there to its end, the other lies 30 days behind and comes later."""
    settings = settings.model_copy(update={"partitions": 1, "clock": "event"})
    with admin_client(settings) as admin:
        create(admin, plan(settings))
    directory = _crowded(year, tmp_path / "crowded")
    entries = planned(settings, directory)
    end = entries[-1].reached
    now = [one for one in entries if one.source is ahead or one.reached < end - 30 * DAY_MS]
    chosen = set(map(id, now))
    later = [one for one in entries if id(one) not in chosen]
    assert len(later) > 1000
    with Deployment(settings, tmp_path) as deployment:
        worker = deployment.start_ready()
        put(settings, now)
        if ahead is Input.CONTACTS:
            deployment.when(lambda: worker.metric("retention_input_held", input="contacts") == 1)
            assert lag(settings) > 0
        else:
            deployment.when_drained()
        put(settings, later)
        deployment.when_drained()
        assert worker.metric("retention_input_held") == 0
    assert_alerts(settings, replay_directory(directory, partitions=1).alerts)


def _time(line: bytes) -> int:
    time: str = json.loads(line)["time"]
    return parse_ms(time)


def _event_id(line: bytes) -> str:
    name: str = json.loads(line)["event_id"]
    return name


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def _crowded(year: Path, directory: Path) -> Path:
    """Copy a year, and add more contacts to its last days than may wait."""
    directory.mkdir()
    for name in ("transactions", "customers"):
        (directory / f"{name}.jsonl").write_bytes((year / f"{name}.jsonl").read_bytes())
    lines = (year / "contacts.jsonl").read_bytes().splitlines()
    last = max(map(_time, lines))
    many = 8 * MOST_UNDECIDED  # more than is fetched ahead, too
    step = 25 * DAY_MS // many
    lines += [contact(f"guest-{at % 500}", last - at * step, resolution="resolved") for at in range(many)]
    _write_lines(directory / "contacts.jsonl", sorted(lines, key=_time))
    return directory


def test_aborted_transactions_of_producers_leave_no_trace(
    event_clock: Settings, year: Path, tmp_path: Path, seed: int
) -> None:
    """A fifth of the transactions are aborted first, with purchases in them that nobody made."""
    rng = random.Random(seed)
    records = spread(event_clock, planned(event_clock, year))
    with Deployment(event_clock, tmp_path) as deployment:
        deployment.start_ready()
        aborted = asyncio.run(_send_in_transactions(event_clock, records, rng))
        print(f"{aborted} transactions aborted")
        deployment.when_drained()
    assert aborted > 10
    truth = replay_directory(year)
    assert_alerts(event_clock, truth.alerts)
    assert_state(event_clock, truth)


async def _send_in_transactions(settings: Settings, records: list[Raw], rng: random.Random) -> int:
    """Send records in transactions of any size, and return how many were aborted."""
    aborted = at = 0
    producer = AIOKafkaProducer(**aiokafka_options(settings), transactional_id=settings.topic_prefix + "till")
    async with producer:
        while at < len(records):
            chunk = records[at : at + rng.randrange(1, 500)]
            if rng.random() < 0.2:
                await producer.begin_transaction()
                await _write(producer, settings, [*chunk, *map(_never_happened, chunk)])
                await producer.abort_transaction()
                aborted += 1
            async with producer.transaction():
                await _write(producer, settings, chunk)
            at += len(chunk)
    return aborted


async def _write(producer: AIOKafkaProducer, settings: Settings, records: Iterable[Raw]) -> None:
    sent = [
        await producer.send(settings.topic_prefix + one.source.value, one.value, one.key, one.partition)
        for one in records
    ]
    await asyncio.gather(*sent)


def _never_happened(record: Raw) -> Raw:
    return record._replace(value=(record.value or b"").replace(b'"event_id":"', b'"event_id":"not-'))
