"""`ingest` on a real broker: exactly what the mapping gives, once, in order, whatever is killed or away."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer

from schemas.partitioner import partition_of
from schemas.topics import INGEST_DEAD_LETTERS
from streams.core.watermark import Input
from streams.ingest.formats.json_like import json_like
from streams.mapping.config import load
from streams.mapping.mapping import Mapping
from streams.mapping.outcomes import Draft, Mapped, Memory, Meta
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import create, plan
from streams.settings import Settings
from tests.ingest import feeds
from tests.ingest.feeds import Theirs
from tests.ingest.registry import FakeRegistry, serving
from tests.kafka.commands import run
from tests.kafka.held import held
from tests.kafka.ingest.process import IngestProcess

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_MOST_SECONDS = 120.0


class Told(NamedTuple):
    """An event that the mapping gives, when its draft became known, ms, and the key of their record."""

    time: int
    key: str
    event: Mapped


@dataclass
class Shop:
    """Their topics, what stands on them, and processes of `ingest` that read them."""

    settings: Settings
    registry: FakeRegistry
    folder: Path
    schema: int
    sent: list[Theirs] = field(default_factory=list)
    started: list[IngestProcess] = field(default_factory=list)

    @property
    def mapping(self) -> Path:
        """Return the file of the mapping."""
        return self.folder / "shop.toml"

    def put(self, records: list[Theirs]) -> None:
        """Write records to their topics."""
        producer = Producer({"bootstrap.servers": self.settings.bootstrap_servers[0]})
        for partition, one in feeds.by_partition(records, 2):
            producer.produce(self.settings.topic_prefix + one.topic, one.value, one.key, partition)
        assert producer.flush(30) == 0
        self.sent += records

    def start(self, *options: object, **changes: Any) -> IngestProcess:
        """Start a process."""
        log = self.folder / f"ingest-{len(self.started)}.log"
        usual: dict[str, Any] = {"schema_registry_url": self.registry.url, "commit_interval_ms": 20}
        arguments = (str(self.mapping), *map(str, options))
        one = IngestProcess(self.settings, log, *arguments, **(usual | changes))
        self.started.append(one)
        return one

    def when(self, holds: Callable[[], bool], pause: float = 0.05) -> None:
        """Return once something holds; looks so often, in seconds."""
        deadline = time.monotonic() + _MOST_SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.started[-1].log[-3000:]
            time.sleep(pause)

    def written(self, *names: str) -> int:
        """Return how many records are committed on topics, events if none is named."""
        return len(self.values(*names))

    def values(self, *names: str) -> list[bytes]:
        """Return what is committed on topics, events if none is named."""
        wanted = names or ("transactions", "contacts")
        return [one.value for name in wanted for part in held(self.settings, name) for one in part]

    def when_written(self) -> None:
        """Return once as many events are committed as the mapping gives."""
        most = len(self.expected())
        self.when(lambda: self.written() >= most, pause=2.0)  # it reads all of them

    def when_it_writes(self, one: IngestProcess, events: int = 1) -> None:
        """Return once a process has committed so many events."""
        self.when(lambda: one.events >= events)

    def when_it_waits_for_the_registry(self, one: IngestProcess) -> None:
        """Return once a process says so."""
        self.when(lambda: "registry" in one.get("/ready")[1])
        assert one.metric("retention_ingest_registry_waiting") == 1

    def expected(self) -> list[Mapped]:
        """Return what the mapping gives of all that was sent, in order."""
        return [one.event for one in self.told()]

    def told(self) -> list[Told]:
        """Return the same, each with what its order goes by."""
        mapping, memories = Mapping(load(self.mapping), "USD"), dict[str, Memory]()
        names = {"shop.orders": "orders", "calls": "calls"}
        drafts = [
            (draft, one.key)
            for one in self.sent
            if one.row is not None
            for draft in mapping.map(names[one.topic], json_like(one.row), Meta())
            if isinstance(draft, Draft)
        ]
        found: list[Told] = []
        for draft, key in sorted(drafts, key=lambda one: one[0].time):
            outcomes, memories[draft.state_key] = mapping.finish(draft, memories.get(draft.state_key))
            found += [Told(draft.time, key, one) for one in outcomes if isinstance(one, Mapped)]
        return found

    def check(self) -> None:
        """Check that what is committed is what the mapping gives, once, in its partition, in order."""
        told = self.told()
        expected = [one.event for one in told]
        known = {one.event.value: one.time for one in told}
        for source in (Input.TRANSACTIONS, Input.CONTACTS):
            wanted = Counter(one.value for one in expected if one.source is source)
            assert wanted
            partitions = held(self.settings, source.value)
            assert Counter(one.value for records in partitions for one in records) == wanted
            for number, records in enumerate(partitions):
                times = [known[one.value] for one in records]
                assert times == sorted(times)
                assert {partition_of(one.key.decode(), len(partitions)) for one in records} <= {number}
                assert all(dict(one.headers)["ce_id"].decode() in one.value.decode() for one in records)


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Iterator[Shop]:
    with serving(FakeRegistry()) as registry:
        schema = registry.add(json.dumps(feeds.SCHEMA))
        with admin_client(settings) as admin:
            create(admin, plan(settings, ingest=True))
            theirs = {"num_partitions": 2, "replication_factor": 1}
            names = (settings.topic_prefix + name for name in ("shop.orders", "calls"))
            admin.create_topics({name: dict(theirs) for name in names})
        opened = Shop(settings, registry, tmp_path, schema)
        opened.mapping.write_text(feeds.MAPPING.format(prefix=settings.topic_prefix))
        yield opened
        for one in opened.started:
            one.kill()


def test_killed_five_times_and_without_a_registry_for_a_while(shop: Shop) -> None:
    many = feeds.drawn(6_000, 2_000, shop.schema, damaged=10)
    share = len(many) // 5
    shop.registry.away = True
    for number in range(5):
        shop.put(many[number * share : (number + 1) * share])
        one = shop.start()
        if number == 0:
            shop.when_it_waits_for_the_registry(one)
            assert one.metric("retention_ingest_events_total", source="orders") == 0
            shop.registry.away = False
        shop.when_it_writes(one)
        one.kill()
    shop.put(many[5 * share :])
    left = len(shop.expected()) - shop.written()
    last = shop.start()
    shop.when_it_writes(last, left)
    shop.when(lambda: last.ready)
    shop.when(lambda: last.metric("retention_ingest_lag_records") == 0)
    last.signal(signal.SIGTERM)
    assert last.wait(20) == 0
    shop.check()
    letters = [one for records in held(shop.settings, INGEST_DEAD_LETTERS.name) for one in records]
    damaged = Counter(one.value for one in shop.sent if one.row is None and one.value != b'{"call": 7}')
    assert Counter(one.value for one in letters) == damaged
    told = [dict(one.headers) for one in letters]
    assert {one["dl_reason"] for one in told} == {b"not_json", b"schema"}
    assert all(one["dl_topic"].decode() == f"{shop.settings.topic_prefix}calls" for one in told)
    assert "o-1" not in last.log
    assert "c-1" not in last.log


def test_two_share_the_work_and_one_that_was_taken_for_dead_writes_nothing(shop: Shop) -> None:
    first, second = shop.start(), shop.start()
    shop.when(lambda: first.metric("retention_ingest_partitions_owned") in {4.0, 3.0, 5.0})
    shop.when(lambda: second.metric("retention_ingest_partitions_owned") in {4.0, 3.0, 5.0})
    many = feeds.drawn(6_000, 2_000, shop.schema)
    shop.put(many[:4_000])
    shop.when_it_writes(first)
    first.signal(signal.SIGSTOP)
    shop.put(many[4_000:])
    shop.when_written()  # the second has all partitions by then
    told = first.log.count("partitions: ")
    first.signal(signal.SIGCONT)
    shop.when(lambda: first.log.count("partitions: ") > told + 1)  # all lost, and some given anew
    for one in (first, second):
        one.signal(signal.SIGTERM)
        assert one.wait(20) == 0, one.log[-3000:]
    assert Counter(shop.values()) == Counter(one.value for one in shop.expected())


def test_too_much_refused_stops_it_and_what_is_put_right_is_mapped_again(shop: Shop) -> None:
    good = shop.mapping.read_text()
    shop.mapping.write_text(good.replace('time = "created_at"', 'time = "nothing"'))
    shop.put(feeds.drawn(1_500, 10, shop.schema))
    one = shop.start()
    assert one.wait(60) == 65
    assert "error: source orders: " in one.log
    assert "ingest.dead-letters" in one.log
    letters, before = shop.written(INGEST_DEAD_LETTERS.name), shop.written()
    assert letters >= 1_000
    shop.mapping.write_text(good)
    shown = shop.start("--dry-run", 2)
    assert shown.wait(60) == 0, shown.log
    assert "-> transactions, key " in shown.log
    again = shop.start("--redrive")
    assert again.wait(60) == 0, again.log
    last = shop.start()
    shop.when_it_writes(last, len(shop.expected()) - before)
    assert Counter(shop.values()) == Counter(one.value for one in shop.expected())
    assert shop.written(INGEST_DEAD_LETTERS.name) == letters


def test_it_says_what_is_missing(shop: Shop) -> None:
    bare = shop.settings.model_copy(update={"topic_prefix": f"{shop.settings.topic_prefix}other."})
    one = Shop(bare, shop.registry, shop.folder, shop.schema).start()
    assert one.wait(60) == 78
    assert f"error: {bare.topic_prefix}ingest.drafts: missing" in one.log
    assert "`retention-signals topics create --ingest` makes missing topics" in one.log
    shop.mapping.write_text(feeds.MAPPING.format(prefix="none."))
    two = shop.start()
    assert two.wait(60) == 78
    assert two.log.count("there is no such topic") == 2
    assert run(shop.settings, "check", "--ingest").exit_code == 0
