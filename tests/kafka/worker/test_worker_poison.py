"""Records that nobody can use: each once in the dead letters, unchanged; the good ones as without them."""

import json
import random
import re
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas.partitioner import partition_of
from streams.core.ruleset import DEFAULT
from streams.core.watermark import Input
from streams.lab.generate import GenerateOptions, Population, generate
from streams.lab.replay import replay_directory
from streams.runtime.commands.redrive import redrive_command
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.kafka.topics import create, plan
from streams.runtime.partition.poison import IN_A_ROW
from streams.settings import Settings
from tests.kafka.commands import run_command
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, contact, planned, purchase, raw, send, spread, tick, ticks
from tests.kafka.held import held, lag
from tests.kafka.truth import assert_alerts, assert_state, restored
from tests.worlds.worlds import FIRST

pytestmark = pytest.mark.kafka

DAY = 86_400_000
TIME = FIRST + 300 * DAY
ROUNDS = 30
LARGE_ROUNDS = 2
Poison = tuple[str, bytes | None, bytes | None]
"""Reason, key and value."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a year of 45,000 synthetic purchases."""
    directory = tmp_path_factory.mktemp("dataset")
    options = GenerateOptions(
        population=Population.SYNTHETIC,
        customers=300,
        transactions=45_000,
        contact_rate=5.0,
        severe_share=0.5,
    )
    generate(directory, options)
    return directory


def living_at(number: int, partitions: int = 4) -> str:
    """Return a customer of a partition."""
    return next(name for at in range(1000) if partition_of(name := f"guest-{at}", partitions) == number)


def kinds(at: int, guest: str) -> dict[str, Poison]:
    """Return one of each kind of poison, made of a good event of a guest."""
    key, mark = guest.encode(), str(at).encode()

    def spoiled(**other: Any) -> bytes:
        return json.dumps(json.loads(purchase(guest, TIME)) | {"event_id": f"bad-{at}"} | other).encode()

    event = spoiled()
    return {
        "no JSON": ("not_json", key, b"{" + mark),
        "bad UTF-8": ("not_json", key, b'{"customer_id":"\xff' + mark + b'"}'),
        "truncated": ("not_json", key, event[:-10]),
        "empty": ("not_json", key + mark, b""),
        "deep nesting": ("not_json", key, b"[" * 50_000 + mark),
        "a number of 60,000 digits": ("not_json", key, event.replace(b'"20.00"', b"9" * 60_000)),
        "NaN": ("not_json", key, event.replace(b'"20.00"', b"NaN")),
        "1e999999": ("schema", key, event.replace(b'"20.00"', b"1e999999")),
        "a number for an amount": ("schema", key, spoiled(amount=20.0)),
        "a negative amount": ("schema", key, spoiled(amount="-1.00")),
        "a list": ("schema", key, b"[1,2," + mark + b"]"),
        "null in JSON": ("schema", key + mark, b"null"),
        "an unknown type": ("unknown_type", key, spoiled(type="party")),
        "a contact": ("unknown_type", key, contact(guest, TIME, event_id=f"bad-{at}")),
        "no value": ("schema", key + mark, None),
        "neither key nor value": ("schema", None, None),
        "no key": ("key_mismatch", None, event),
        "another's key": ("key_mismatch", b"somebody", event),
        "a key that is no text": ("key_mismatch", b"\xff\xfe", event),
        "a hostile id": ("schema", key, spoiled(customer_id="")),
        "an id of 129": ("schema", key, spoiled(customer_id="x" * 129)),
        "a naive time": ("schema", key, spoiled(time="2024-06-01T12:00:00")),
        "1970": ("schema", key, spoiled(time="1970-01-01T00:00:00Z")),
        "2001": ("too_late", key, spoiled(time="2001-01-01T00:00:00Z")),
        "2100": ("future", key, spoiled(time="2100-01-01T00:00:00Z")),
        "a tick of 2100": ("future", None, tick(4_102_444_800_000 + at)),
        "a tick with a key": ("key_mismatch", key, tick(TIME + at)),
        "unknown currency": ("schema", key, spoiled(currency="dollars")),
        "no rate": ("currency", key, spoiled(currency="EUR")),
        "70 KiB": ("too_large", key, spoiled(attributes={"note": "x" * 70_000})),
        "as large as it gets": ("too_large", key, spoiled(attributes={"note": "x" * 1_000_000})),
    }


def seconds_of(settings: Settings) -> float:
    """Return how long a worker took, from its first transaction to its last."""
    times: list[int] = [record.timestamp for records in held(settings, "state") for record in records]
    return (max(times) - min(times)) / 1000


def run_through(settings: Settings, records: list[Raw], folder: Path) -> None:
    """Let a worker read records that are there already."""
    send(settings, records)
    with Deployment(settings, folder) as deployment:
        deployment.start_ready()
        deployment.when_drained()


def test_poison_is_put_aside_and_the_rest_goes_on(
    event_clock: Settings, dataset: Path, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    good = spread(event_clock, planned(event_clock, dataset))
    poison: list[tuple[str, Raw]] = []
    for at in range(ROUNDS):
        home = at % event_clock.partitions
        for reason, key, value in kinds(at, living_at(home)).values():
            if at < LARGE_ROUNDS or len(value or b"") < 100_000:
                poison.append((reason, Raw(Input.TRANSACTIONS, home, key, value)))
        stranger = raw(event_clock, Input.TRANSACTIONS, purchase(living_at(home), TIME))
        poison.append(("wrong_partition", stranger._replace(partition=(home + 1) % event_clock.partitions)))
    dirty = list(good)
    for _, one in poison:
        dirty.insert(rng.randrange(len(good) // 2, len(good)), one)
    run_through(event_clock, dirty, tmp_path)

    dead_letters = [record for records in held(event_clock, "dead-letters") for record in records]
    told = Counter((dict(one.headers)["dl_reason"].decode(), one.key, one.value) for one in dead_letters)
    assert told == Counter((reason, one.key, one.value) for reason, one in poison)
    there = held(event_clock, "transactions")
    for one in dead_letters:
        headers = {name: value.decode() for name, value in one.headers}
        source = there[int(headers["dl_partition"])][int(headers["dl_offset"])]
        assert (source.key, source.value, str(source.timestamp)) == (
            one.key,
            one.value,
            headers["dl_timestamp"],
        )
    truth = replay_directory(dataset)
    assert len(assert_alerts(event_clock, truth.alerts)) > 20
    assert_state(event_clock, truth)
    print(f"{len(dead_letters)} of {len(dirty)} records refused, of {len(kinds(0, '')) + 1} kinds")

    clean = _elsewhere(event_clock)
    run_through(clean, good, tmp_path)
    ratio = (seconds_of(clean) / len(good)) / (seconds_of(event_clock) / len(dirty))
    print(f"throughput with poison / without: {ratio:.2f}")
    assert ratio > 0.2  # seconds long and on a shared machine: what it would show is a factor


def test_a_flood_stops_its_partition_alone_and_nothing_is_lost(event_clock: Settings, tmp_path: Path) -> None:
    """Nothing but broken records from a while on; a redrive ends the stop, and the rest is read."""
    flooded = [name for at in range(200) if partition_of(name := f"c-{at}", event_clock.partitions) == 1]
    calm = living_at(2)
    bought = purchases_of(flooded)
    bad = [Raw(Input.TRANSACTIONS, 1, flooded[0].encode(), b"bad" * 300)] * FLOOD
    with Deployment(event_clock, tmp_path) as deployment:
        flooding = deployment.start_ready()
        send(event_clock, bad)
        send(event_clock, (raw(event_clock, Input.TRANSACTIONS, purchase(*one)) for one in bought))
        deployment.when(lambda: flooding.partitions()[1][0] == "stopped")
        send(event_clock, [raw(event_clock, Input.CONTACTS, contact(calm, FIRST))])
        send(event_clock, [raw(event_clock, Input.CONTACTS, contact(flooded[0], FIRST + DAY))])
        deployment.when(lambda: flooding.metric("retention_events_total", input="contacts") == 1)
        deployment.when(lambda: "partition 1 is stopped: " in flooding.log)
        partitions = flooding.partitions()
        why = partitions.pop(1)[1]
        assert partitions == dict.fromkeys((0, 2, 3), ("ready", None))
        assert why is not None
        assert why.startswith(
            "1,000 records in a row were refused; when that is put right: `retention-signals "
        )
        assert flooding.get("/ready")[0] == 503
        assert f"partition 1 is stopped: {why}" in flooding.log
        # What waits behind the stop is counted, though nothing is fetched.
        send(event_clock, [raw(event_clock, Input.CONTACTS, contact(flooded[0], FIRST + DAY))] * 300)
        waits = lag(event_clock)
        assert waits > 300 + FLOOD - 2 * IN_A_ROW
        deployment.when(lambda: flooding.metric("retention_consumer_lag_records") == waits, 20)
        deployment.stop(flooding)
        refused = sum(map(len, held(event_clock, "dead-letters")))
        assert IN_A_ROW <= refused < FLOOD
        again = deployment.start()
        deployment.when(lambda: again.partitions().get(1) == ("stopped", why))
        assert sum(map(len, held(event_clock, "dead-letters"))) == refused
        told = run_command(redrive_command, event_clock, "--reason", "not_json", "--execute")
        assert told.exit_code == 0, told.output
        waited = deployment.when_ready()
        send(event_clock, ticks(event_clock, FIRST + 2 * DAY))
        deployment.when_drained()
    assert_all_bought(event_clock, flooded, bought)
    assert sum(map(len, held(event_clock, "dead-letters"))) == refused + FLOOD
    print(f"{refused} of {FLOOD} refused before the stop; reads on after {waited:.1f} s")


FLOOD = 5_000


def purchases_of(customers: list[str]) -> list[tuple[str, int]]:
    """Return some thousand purchases, a minute apart for each customer."""
    minutes = range(3 * IN_A_ROW // len(customers))
    return [(customer_id, FIRST + at * 60_000) for at in minutes for customer_id in customers]


def assert_all_bought(settings: Settings, customers: list[str], bought: list[tuple[str, int]]) -> None:
    """Check that each purchase of some customers, all of partition 1, is in their state once."""
    partition, names = restored(settings, 1, DEFAULT)
    assert sorted(names) == sorted(customers)
    for customer_id in customers:
        seen = partition.lookup(customer_id)
        assert seen is not None
        assert sum(cents for _, cents in seen.panes) == 2000 * len(bought) // len(customers)


def test_a_currency_without_a_rate_stops_nothing_and_nothing_is_lost(
    event_clock: Settings, tmp_path: Path
) -> None:
    """First an order in eight; then, in the wrong reporting currency, all, which go back once it is right."""
    customers = [name for at in range(200) if partition_of(name := f"c-{at}", event_clock.partitions) == 1]
    bought = purchases_of(customers)
    orders = [purchase(*one, currency="EUR" if at % 8 == 0 else "USD") for at, one in enumerate(bought)]
    with Deployment(event_clock, tmp_path) as deployment:
        worker = deployment.start_ready()
        send(event_clock, (raw(event_clock, Input.TRANSACTIONS, one) for one in orders * 4))
        deployment.when_drained()
        abroad = sum(b"EUR" in one for one in orders) * 4
        assert abroad > len(orders) * 4 * 0.12
        assert worker.metric("retention_dead_letters_total", reason="currency") == abroad
        assert worker.metric("retention_partition_stopped") == 0
        assert worker.get("/ready")[0] == 200
    assert [one.value for one in held(event_clock, "dead-letters")[1]] == [
        one for one in orders * 4 if b"EUR" in one
    ]

    other = _elsewhere(event_clock)
    with Deployment(other, tmp_path) as deployment:
        mistaken = deployment.start_ready(reporting_currency="EUR")
        send(other, (raw(other, Input.TRANSACTIONS, purchase(*one)) for one in bought))
        deployment.when_drained()
        assert mistaken.get("/ready")[0] == 200
        deployment.stop(mistaken)
        assert sum(map(len, held(other, "dead-letters"))) == len(bought)
        deployment.start_ready()
        told = run_command(redrive_command, other, "--reason", "currency", "--execute")
        assert told.exit_code == 0, told.output
        send(other, ticks(other, FIRST + 2 * DAY))
        deployment.when_drained()
    assert_all_bought(other, customers, bought)
    assert sum(map(len, held(other, "dead-letters"))) == len(bought)


BACKLOG = 8_000


def test_one_action_takes_all_of_a_bad_backlog_to_the_dead_letters(
    event_clock: Settings, tmp_path: Path
) -> None:
    """Restarts and rebalances don't; and what ended a stop ends no later one, though it is still said."""
    guest = living_at(1).encode()

    def bad(many: int) -> list[Raw]:
        return [Raw(Input.TRANSACTIONS, 1, guest, b"bad" * 300)] * many

    def dead_letters() -> int:
        return sum(map(len, held(event_clock, "dead-letters")))

    with Deployment(event_clock, tmp_path) as deployment:
        send(event_clock, bad(BACKLOG))
        first = deployment.start()
        deployment.when(lambda: "partition 1 is stopped: " in first.log)
        refused = dead_letters()
        assert refused < BACKLOG / 2
        second = deployment.start()
        deployment.when(lambda: [len(one.partitions()) for one in deployment.workers] == [2, 2])
        deployment.when(lambda: stopped(deployment) is not None)
        deployment.stop(first)
        deployment.when(lambda: len(second.partitions()) == 4)
        deployment.when(lambda: stopped(deployment) is not None)
        assert dead_letters() == refused
        deployment.when(lambda: second.metric("retention_partition_stopped", partition="1") == 1, 5)
        option = re.findall(r"`retention-signals worker (\S+ \S+)`", stopped(deployment) or "")[0].split()
        deployment.stop(second)
        resumed = deployment.start_ready(*option)
        waited = deployment.when_drained()
        assert dead_letters() == BACKLOG
        assert "partition 1 reads on" in resumed.log
        send(event_clock, bad(3 * IN_A_ROW))
        deployment.when(lambda: "partition 1 is stopped: " in resumed.log)
        later = dead_letters()
        assert later < BACKLOG + 3 * IN_A_ROW
        deployment.stop(resumed)
        again = deployment.start(*option)
        deployment.when(lambda: stopped(deployment) is not None)
        time.sleep(5)
        assert dead_letters() == later
        deployment.stop(again)
        deployment.start_ready(resume_partitions=("1",))  # as a deployment says it, in its settings
        deployment.when_drained()
        assert dead_letters() == BACKLOG + 3 * IN_A_ROW
    print(f"{refused} of {BACKLOG} refused before, the rest in {waited:.1f} s; again {later - BACKLOG}")


def stopped(deployment: Deployment) -> str | None:
    """Return why partition 1 is stopped, if it is."""
    found = [one.partitions().get(1, ("", None)) for one in deployment.workers]
    return next((why for state, why in found if state == "stopped"), None)


def test_a_customer_of_100_000_events_has_a_small_record(event_clock: Settings, tmp_path: Path) -> None:
    """A purchase every five minutes for a year, and a contact each day."""
    settings = _elsewhere(event_clock.model_copy(update={"partitions": 1}))
    many = [
        raw(settings, Input.TRANSACTIONS, purchase("mall", FIRST + at * 5 * 60_000)) for at in range(100_000)
    ]
    many += [raw(settings, Input.CONTACTS, contact("mall", FIRST + at * DAY)) for at in range(340)]
    run_through(settings, [*many, *ticks(settings, FIRST + 360 * DAY)], tmp_path)
    sizes = [len(record.value or b"") for records in held(settings, "state") for record in records]
    print(f"largest state record: {max(sizes):,} bytes")
    assert max(sizes) < 256 * 1024
    partition, names = restored(settings, 0, DEFAULT)
    assert names == ["mall"]
    seen = partition.lookup("mall")
    assert seen is not None
    assert sum(cents for _, cents in seen.panes) == 100_000 * 2000


def test_a_bomb_goes_off_in_the_dead_letters(event_clock: Settings, tmp_path: Path) -> None:
    """A record that is small on its way, and large when it is unpacked."""
    guest = living_at(0)
    bomb = b"0" * (32 << 20)
    with closing(
        KafkaProducer(**kafka_python_options(event_clock), compression_type="gzip", max_request_size=1 << 30)
    ) as producer:
        producer.send(event_clock.topic_prefix + "transactions", bomb, guest.encode(), partition=0)
        producer.flush()
    run_through(event_clock, [raw(event_clock, Input.TRANSACTIONS, purchase(guest, FIRST))], tmp_path)
    dead_letters = held(event_clock, "dead-letters")[0]
    assert [one.value for one in dead_letters] == [bomb]


def _elsewhere(settings: Settings) -> Settings:
    """Return settings with topics of their own."""
    name = f"{settings.application_id}-2"
    other = settings.model_copy(update={"application_id": name, "topic_prefix": f"{name}."})
    with admin_client(other) as admin:
        create(admin, plan(other))
    return other
