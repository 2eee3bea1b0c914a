"""Orders keyed by order, calls by leg, through `ingest` and a worker: the alerts of `adapt` and `replay`.

The orders are synthetic, in the shape of Shopify, behind a schema registry; the calls are in that of Amazon
Connect.
"""

import json
import os
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer

from schemas.times import parse_ms
from streams.lab.replay import replay_directory
from streams.mapping import adapters
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.settings import Settings
from tests.adapt import exports
from tests.adapt.exports import LEAVER, STAYER, Json
from tests.ingest.registry import FakeRegistry, serving
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import send, ticks
from tests.kafka.ingest.test_ingest import Shop
from tests.kafka.truth import assert_alerts, assert_state
from tests.lab.datasets import run as run_command

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KILLS: Final = 3
AWAY_SECONDS: Final = float(os.environ.get("RETENTION_REGISTRY_AWAY", "10"))
_TOPICS: Final = {"orders": ("shopify.orders", 4), "contacts": ("connect.contact-records", 3)}


def orders() -> Iterator[tuple[datetime, Json]]:
    """Yield the states of a year of orders: some edited, refunded, called off, by a guest or a test."""
    chance = random.Random(7)
    many = [*exports.purchases()]
    more = [(f"9{customer}", at, cents) for customer, at, cents in many if customer not in {LEAVER, STAYER}]
    for number, (customer, at, cents) in enumerate(sorted(many + more, key=lambda one: one[1])):
        what = chance.random()
        buyer = None if what > 0.98 else customer
        yield at, exports.shopify_order(number, buyer, at, cents, test=0.97 < what < 0.98)
        later = at + timedelta(hours=chance.randrange(1, 60))
        updated = {"updated_at": exports.zulu(later)}
        if what < 0.05:
            yield (
                later,
                exports.shopify_order(number, buyer, at, cents + chance.randrange(-900, 900), **updated),
            )
        elif what < 0.10:
            refund = exports.shopify_refund(number, later, [exports.paid_back(cents // 2)])
            for hours in (0, 5):  # told twice
                told = {"updated_at": exports.zulu(later + timedelta(hours=hours)), "refunds": [refund]}
                yield later + timedelta(hours=hours), exports.shopify_order(number, buyer, at, cents, **told)
        elif what < 0.12:
            off = {"cancelled_at": exports.zulu(later), "financial_status": "voided"}
            yield later, exports.shopify_order(number, buyer, at, cents, **updated, **off)


def calls() -> Iterator[tuple[datetime, Json]]:
    """Yield the legs of calls."""
    for leg in [*exports.good_calls(), *exports.bad_calls()]:
        yield datetime.fromisoformat(leg["LastUpdateTimestamp"]), leg


def newest(directory: Path) -> int:
    """Return the time of the newest event, ms."""
    lines = (line for path in directory.glob("[tc]*s.jsonl") for line in path.read_bytes().splitlines())
    return max(parse_ms(json.loads(line)["time"]) for line in lines)


def written(path: Path, records: list[tuple[datetime, Json]]) -> None:
    path.mkdir()
    exports.write_lines(path / "export.orders.json", [record for _, record in records])


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Iterator[Shop]:
    settings = settings.model_copy(update={"partitions": 2, "clock": "event"})
    with serving(FakeRegistry()) as registry:
        schema = registry.add(json.dumps({"type": "object"}), "JSON")
        with admin_client(settings) as admin:
            create(admin, plan(settings, ingest=True))
            theirs: dict[str, Any] = {
                settings.topic_prefix + name: {"num_partitions": number, "replication_factor": 1}
                for name, number in _TOPICS.values()
            }
            admin.create_topics(theirs)
        opened = Shop(settings, registry, tmp_path, schema)
        mapping = adapters.text("shopify") + adapters.text("amazon-connect")
        for name, _ in _TOPICS.values():
            mapping = mapping.replace(f'topic = "{name}"', f'topic = "{settings.topic_prefix}{name}"')
        opened.mapping.write_text(
            mapping.replace("[source.orders]", '[source.orders]\nformat = "json-schema"')
        )
        yield opened
        for one in opened.started:
            one.kill()


def put(shop: Shop, records: list[tuple[str, Json]]) -> None:
    """Write records to their topics, with the partitioner that librdkafka has if nothing is set."""
    producer = Producer({"bootstrap.servers": shop.settings.bootstrap_servers[0]})
    head = b"\0" + shop.schema.to_bytes(4, "big")
    for kind, record in records:
        topic, key = (
            shop.settings.topic_prefix + _TOPICS[kind][0],
            str(record.get("id", record.get("ContactId"))),
        )
        value = json.dumps(record).encode()
        producer.produce(topic, head + value if kind == "orders" else value, key)
    assert producer.flush(30) == 0


def test_the_alerts_are_those_of_the_same_mapping_over_files(shop: Shop, tmp_path: Path) -> None:
    settings, chance = shop.settings, random.Random()
    many: dict[str, list[tuple[datetime, Json]]] = {"orders": [*orders()], "contacts": [*calls()]}
    files = tmp_path / "files"
    for kind, adapter in (("orders", "shopify"), ("contacts", "amazon-connect")):
        written(tmp_path / kind, many[kind])
        assert run_command("adapt", adapter, tmp_path / kind, files).code == 0
    truth = replay_directory(files, partitions=settings.partitions)
    assert {LEAVER, STAYER} & {alert.customer_id for alert in truth.alerts} == {LEAVER}

    events = sum(len(path.read_bytes().splitlines()) for path in files.glob("[tc]*s.jsonl"))

    told = ((at, kind, record) for kind, found in many.items() for at, record in found)
    records = [(kind, record) for _, kind, record in sorted(told, key=lambda one: one[0])]
    share = len(records) // KILLS
    with Deployment(settings, tmp_path) as deployment:
        deployment.start()
        for number in range(KILLS):
            put(shop, records[number * share : (number + 1) * share])
            shop.registry.away = number == 2
            one = shop.start()
            if shop.registry.away:
                shop.when_it_waits_for_the_registry(one)
                time.sleep(AWAY_SECONDS)
                assert one.metric("retention_ingest_events_total", source="orders") == 0
                shop.registry.away = False
            shop.when_it_writes(one)
            time.sleep(chance.random() / 2)
            one.kill()
        put(shop, records[KILLS * share :])
        last = shop.start()
        shop.when(lambda: shop.written() >= events, pause=2.0)  # before, no tick may say that all has come
        assert last.metric("retention_ingest_refused_total") == 0
        send(settings, ticks(settings, newest(files) + 1))
        deployment.when_drained()
    assert_alerts(settings, truth.alerts)
    assert_state(settings, truth)
