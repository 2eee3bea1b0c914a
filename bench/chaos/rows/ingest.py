"""The ingest of other people's records: its process and the broker killed while records come in."""

import json
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Final

from confluent_kafka import Producer
from kafka import TopicPartition

from bench.chaos.outcome import Outcome
from bench.chaos.place import Place, Say, Scale
from bench.chaos.rows import Row
from bench.chaos.wire import Differs, differs
from schemas.partitioner import partition_of
from schemas.topics import INGEST_DEAD_LETTERS
from streams.core.watermark import Input
from streams.ingest.kafka.options import client_options
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.broker import FragileBroker
from streams.settings import Settings
from tests.ingest import feeds
from tests.ingest.feeds import Theirs
from tests.ingest.registry import FakeRegistry, serving
from tests.kafka.commands import until
from tests.kafka.held import held, reader
from tests.kafka.ingest.process import IngestProcess
from tests.kafka.ingest.test_ingest import Shop, Told

_TOPICS: Final = ("shop.orders", "calls")
_THEIR_PARTITIONS: Final = 2
_NO_CALL: Final = b'{"call": 7}'
"""Damaged, but refused by the mapping and not by its format."""
_AWAY_SECONDS: Final = 2.0
_PATIENCE: Final = 300.0
"""Longer than a broker that crashed takes to end what was being committed, which hides what follows."""
_TESTS: Final = "tests/kafka/ingest/test_ingest.py"


def run(place: Place, scale: Scale, say: Say) -> Outcome:
    """Kill ingest, the broker, or restart it cleanly, each time as it maps what has come; then let it end."""
    orders, calls, kills, outages = scale.of(small=(600, 200, 2, 1), long=(50_000, 20_000, 40, 6))
    rate = scale.of(small=200, long=1_000)
    with place.own_broker() as broker, serving(FakeRegistry()) as registry, ExitStack() as stack:
        settings = place.settings(broker)
        shop = _opened(place, settings, registry)
        stack.callback(_end, shop)
        many = feeds.drawn(orders, calls, shop.schema, seed=place.rng.randrange(1 << 31), damaged=100)
        turns = place.rng.sample(["SIGKILL"] * kills + ["broker"] * outages, kills + outages)
        share = len(many) // (len(turns) + 1)
        at_work = crashes = restarts = 0
        longest = 0.0
        one = shop.start()
        for at, turn in enumerate(turns):
            chunk = many[at * share : (at + 1) * share]
            before, began = one.events, time.monotonic()
            shop.put(chunk[: share // 4])
            one = _writing(shop, one, before)
            longest = max(longest, time.monotonic() - began)
            with _sending(shop, chunk[share // 4 :], rate) as busy:
                time.sleep(place.rng.random() * share / rate / 2)
                more = busy()
                if turn == "SIGKILL":
                    one.kill()
                    at_work += more and _unread(shop) > 0
                    one = shop.start()
                elif _outage(broker, place.rng):
                    restarts += more
                else:
                    crashes += more
            say(f"{at + 1} of {len(turns)}: {turn}, {len(shop.sent):,} of {len(many):,} records sent")
        before = one.events
        shop.put(many[len(turns) * share :])
        _drained(shop, _writing(shop, one, before))
        found, disorder, events = _compare(shop)
    return Outcome(
        row="ingest",
        what="",
        trials=at_work + crashes + restarts,
        events=len(many),
        faults={
            "SIGKILL of ingest": kills,
            "of these with records that it had not committed": at_work,
            "crash or clean restart of the broker as records came in": crashes + restarts,
        },
        **found._asdict(),
        figures={
            "events written": events,
            "crashes of the broker": crashes,
            "longest until it wrote again, s": longest,
        },
        missed=(f"{disorder} events out of order, or in another's partition",) if disorder else (),
    )


@contextmanager
def _sending(shop: Shop, records: list[Theirs], rate: float) -> Iterator[Callable[[], bool]]:
    """Write records at a rate while the context lasts, then the rest at once; tells whether some are left."""
    producer = Producer(client_options(shop.settings) | {"enable.idempotence": True, "linger.ms": 1})
    hurry = Event()

    def write() -> None:
        began = time.monotonic()
        for number, (partition, one) in enumerate(feeds.by_partition(records, _THEIR_PARTITIONS)):
            hurry.wait(began + number / rate - time.monotonic())
            producer.produce(shop.settings.topic_prefix + one.topic, one.value, one.key, partition)
            producer.poll(0)
        assert producer.flush(_PATIENCE) == 0, "the broker does not take what is sent"

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(write)
        try:
            yield lambda: not done.done()
        finally:
            hurry.set()
        done.result()
    shop.sent += records


def _unread(shop: Shop) -> int:
    """Return how many of their records are behind what `ingest` has committed."""
    settings = shop.settings
    with reader(settings, "read_uncommitted", f"{settings.application_id}-ingest") as consumer:
        theirs = [
            TopicPartition(settings.topic_prefix + name, number)
            for name in _TOPICS
            for number in range(_THEIR_PARTITIONS)
        ]
        ends = consumer.end_offsets(theirs)
        return sum(ends[one] - (consumer.committed(one) or 0) for one in theirs)


def _opened(place: Place, settings: Settings, registry: FakeRegistry) -> Shop:
    schema = registry.add(json.dumps(feeds.SCHEMA))
    with admin_client(settings) as admin:
        create(admin, plan(settings, ingest=True))
        theirs = {"num_partitions": _THEIR_PARTITIONS, "replication_factor": 1}
        admin.create_topics({settings.topic_prefix + name: dict(theirs) for name in _TOPICS})
    shop = Shop(settings, registry, place.folder, schema)
    shop.mapping.write_text(feeds.MAPPING.format(prefix=settings.topic_prefix), encoding="utf-8")
    return shop


def _end(shop: Shop) -> None:
    for one in shop.started:
        one.kill()


def _writing(shop: Shop, one: IngestProcess, before: float) -> IngestProcess:
    """Wait until more is written than before, and return who writes: one that gave up is started again."""
    deadline = time.monotonic() + _PATIENCE
    while one.events <= before:
        if not one.runs:
            one, before = shop.start(), 0.0
        assert time.monotonic() < deadline, one.log[-3000:]
        time.sleep(0.05)
    return one


def _outage(broker: FragileBroker, rng: random.Random) -> bool:
    """End the broker, cleanly or not, start it again, and return whether it was cleanly."""
    clean = rng.random() < 0.5
    (broker.stop if clean else broker.kill)()
    time.sleep(_AWAY_SECONDS)
    broker.restart()
    return clean


def _drained(shop: Shop, one: IngestProcess) -> None:
    """Wait until all is mapped, and let it end."""
    most = len(shop.expected())
    until(lambda: shop.written() >= most, _PATIENCE)  # it reads all of them
    until(lambda: one.ready and one.metric("retention_ingest_lag_records") == 0, _PATIENCE)
    one.signal(signal.SIGTERM)
    assert one.wait(60) == 0, one.log[-2000:]


def _compare(shop: Shop) -> tuple[Differs, int, int]:
    """Return how what is committed differs from the mapping, how many are out of place, and how many."""
    told = shop.told()
    known = {one.event.value: one for one in told}
    found, disorder, events = Differs(), 0, 0
    for source in (Input.TRANSACTIONS, Input.CONTACTS):
        wanted = [one.event.value for one in told if one.event.source is source]
        partitions = held(shop.settings, source.value, _PATIENCE)
        values = [one.value for records in partitions for one in records]
        found, events = found.plus(differs(values, wanted)), events + len(values)
        for number, records in enumerate(partitions):
            disorder += _disorder(known[one.value] for one in records if one.value in known)
            homes = {partition_of(one.key.decode(), len(partitions)) for one in records}
            disorder += len(homes - {number})
    refused = held(shop.settings, INGEST_DEAD_LETTERS.name, _PATIENCE)
    letters = [one.value for records in refused for one in records]
    damaged = [one.value for one in shop.sent if one.row is None and one.value != _NO_CALL]
    return found.plus(differs(letters, damaged)), disorder, events


def _disorder(events: Iterable[Told]) -> int:
    """Return how often an event stands behind a later one of the same record of theirs, such as an order.

    As records come in, those of another record may be written first: theirs came first.
    """
    newest: dict[str, int] = {}
    found = 0
    for one in events:
        found += one.time < newest.get(one.key, 0)
        newest[one.key] = max(one.time, newest.get(one.key, 0))
    return found


ROWS: Final = (
    Row(
        "ingest",
        "ingest killed, and the broker killed or restarted, while other people's records come in",
        run,
        (
            f"{_TESTS}::test_killed_five_times_and_without_a_registry_for_a_while",
            f"{_TESTS}::test_two_share_the_work_and_one_that_was_taken_for_dead_writes_nothing",
        ),
    ),
)
