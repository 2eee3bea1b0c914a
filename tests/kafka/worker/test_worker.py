"""The worker on the live clock, and as one of many."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.partitioner import partition_of
from streams.core.watermark import Input
from streams.runtime.kafka.admin import admin_client
from streams.settings import Settings
from tests.kafka.deployment import Deployment
from tests.kafka.feeds import Raw, contact, purchase, raw, send
from tests.kafka.held import alerts, held, places, reader

pytestmark = pytest.mark.kafka

HOUR = 3_600_000
DAY = 24 * HOUR
SEVERE = {"complaint": True, "ended_by": "system", "repeated_information": True, "hold_seconds": 900}
"""With what the contact brings anyway, more than the cap: even odds at once."""


@pytest.fixture
def live(topics: Settings, tmp_path: Path) -> Settings:
    """Give settings for the live clock, under which a handful of customers is judged."""
    rules = tmp_path / "rules.toml"
    rules.write_text("high_value_quantile = 0.1\npopulation_minimum = 1\n")
    return topics.model_copy(update={"ruleset_file": rules})


def habits(settings: Settings, until: int) -> Iterator[Raw]:
    """Yield half a year of daily purchases of twenty customers."""
    for day in range(180, 0, -1):
        for at in range(20):
            yield raw(settings, Input.TRANSACTIONS, purchase(f"c-{at}", until - day * DAY + at))


def calm(settings: Settings, time_ms: int) -> list[Raw]:
    """Return a harmless contact in each partition: without any, nobody knows how far that feed is."""
    customers = {partition_of(f"c-{at}", settings.partitions): f"c-{at}" for at in range(20)}
    return [
        raw(settings, Input.CONTACTS, contact(one, time_ms, resolution="resolved"))
        for one in customers.values()
    ]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_bad_contact_is_an_alert_within_seconds_though_nothing_else_comes(
    live: Settings, tmp_path: Path
) -> None:
    send(live, habits(live, now_ms() + DAY - HOUR))
    send(live, calm(live, now_ms() - HOUR))
    with Deployment(live, tmp_path) as deployment:
        deployment.start_ready()
        deployment.when_drained()
        assert alerts(live) == []
        send(live, [raw(live, Input.CONTACTS, contact("c-7", now_ms(), **SEVERE))])
        waited = deployment.when(lambda: bool(alerts(live)))
    [found] = alerts(live)
    assert (found.customer_id, found.level, found.state, found.backfill) == ("c-7", "watch", "raised", False)
    print(f"alert after {waited:.1f} s, of which 5 are the lateness")
    assert 4 < waited < 10


def test_the_latency_told_is_what_a_reader_of_the_alerts_measures(live: Settings, tmp_path: Path) -> None:
    """From the append of the contact until a committed alert can be read, though others come after it."""
    send(live, habits(live, now_ms() + DAY - HOUR))
    send(live, calm(live, now_ms() - HOUR))
    with Deployment(live, tmp_path) as deployment, reader(live) as consumer:
        worker = deployment.start_ready()
        deployment.when_drained()
        consumer.assign(places(live, "alerts"))
        assert consumer.poll(timeout_ms=500) == {}
        for customer_id in ("c-7", "c-8", "c-9"):
            send(live, [raw(live, Input.CONTACTS, contact(customer_id, now_ms(), **SEVERE))])
            time.sleep(0.7)
            send(live, calm(live, now_ms()))
        read: dict[bytes, int] = {}
        deadline = time.monotonic() + 30
        while len(read) < 3 and time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=20).values():
                read |= {record.key: now_ms() for record in records}
        deployment.when(lambda: worker.metric("retention_alert_latency_seconds_count") == 3)
        told = worker.metric("retention_alert_latency_seconds_sum")
    appended = {
        one.key: one.timestamp
        for records in held(live, "contacts")
        for one in records
        if b"complaint" in one.value
    }
    measured = sum(read[key] - appended[key] for key in read) / 1000
    print(f"measured {measured:.3f} s, told {told:.3f} s, for {len(read)} alerts")
    assert read.keys() == appended.keys()
    assert 3 * 5 < measured < 3 * 10
    assert abs(told - measured) < 0.5


def test_time_stands_still_while_a_feed_is_silent_for_too_long(live: Settings, tmp_path: Path) -> None:
    """No purchase for three days: no alert, though there are bad contacts; it comes with the purchases."""
    send(live, habits(live, now_ms() - 2 * DAY))
    send(live, calm(live, now_ms() - HOUR))
    with Deployment(live, tmp_path) as deployment:
        worker = deployment.start_ready()
        deployment.when_drained()
        send(live, [raw(live, Input.CONTACTS, contact("c-7", now_ms(), **SEVERE))])
        deployment.when_drained()
        time.sleep(8)
        number = str(partition_of("c-7", live.partitions))
        assert worker.metric("retention_feed_stalled", input="transactions", partition=number) == 1
        assert worker.metric("retention_feed_stalled", input="contacts", partition=number) == 0
        assert alerts(live) == []
        late = (raw(live, Input.TRANSACTIONS, purchase(f"c-{at}", now_ms() - HOUR)) for at in range(20))
        send(live, late)
        waited = deployment.when(lambda: bool(alerts(live)))
        deployment.when(lambda: worker.metric("retention_feed_stalled", partition=number) == 0)
    assert [(one.customer_id, one.level) for one in alerts(live)] == [("c-7", "watch")]
    print(f"alert {waited:.1f} s after the purchases")


def neighbour(settings: Settings, customer_id: str) -> str:
    """Return another customer of the same partition."""
    home = partition_of(customer_id, settings.partitions)
    return next(name for at in range(1000) if partition_of(name := f"gone-{at}", settings.partitions) == home)


def quiet_contacts(settings: Settings, gone: str) -> list[Raw]:
    """Return half a year of one who stopped nine days ago at the last contact in the partition of c-7."""
    parting = now_ms() - 9 * DAY
    own = (
        raw(settings, Input.TRANSACTIONS, purchase(gone, parting - HOUR - day * DAY)) for day in range(180)
    )
    return [
        *sorted([*habits(settings, now_ms() + DAY - HOUR), *own], key=_time),
        *calm(settings, parting - HOUR),
        raw(settings, Input.CONTACTS, contact(gone, parting, **SEVERE)),
    ]


def _time(record: Raw) -> str:
    return str(json.loads(record.value or b"")["time"])


def told(settings: Settings) -> list[tuple[str, str, str]]:
    return [(one.customer_id, one.state, one.level) for one in alerts(settings)]


def test_contacts_that_were_quiet_for_nine_days_hold_up_nobody(live: Settings, tmp_path: Path) -> None:
    """Time alone makes an alert of the last contact, and the next bad one is folded within seconds."""
    gone = neighbour(live, "c-7")
    send(live, quiet_contacts(live, gone))
    with Deployment(live, tmp_path) as deployment:
        worker = deployment.start_ready()
        deployment.when_drained()
        before = [(gone, "raised", "watch"), (gone, "updated", "alert")]
        deployment.when(lambda: told(live) == before)
        number = str(partition_of("c-7", live.partitions))
        assert worker.metric("retention_feed_stalled", input="contacts", partition=number) == 0
        assert worker.metric("retention_event_time_lag_seconds", partition=number) < 60
        send(live, [raw(live, Input.CONTACTS, contact("c-7", now_ms(), **SEVERE))])
        waited = deployment.when(lambda: told(live) == [*before, ("c-7", "raised", "watch")])
        assert worker.get("/ready")[0] == 200
        assert worker.metric("retention_events_total", outcome="refused") == 0
    print(f"alert {waited:.1f} s after the contact")
    assert waited < 10


def test_where_contacts_may_not_be_quiet_time_waits_for_the_next_one(live: Settings, tmp_path: Path) -> None:
    """The same as above, with a limit of eight days: what the rule spares those who set none."""
    gone = neighbour(live, "c-7")
    send(live, quiet_contacts(live, gone))
    with Deployment(live, tmp_path, quiet_contacts_hours=8 * 24) as deployment:
        worker = deployment.start_ready()
        deployment.when_drained()
        time.sleep(8)
        number = str(partition_of("c-7", live.partitions))
        assert worker.metric("retention_feed_stalled", input="contacts", partition=number) == 1
        assert told(live) == []
        send(live, [raw(live, Input.CONTACTS, contact("c-7", now_ms(), **SEVERE))])
        deployment.when(lambda: len(told(live)) == 3)
    assert set(told(live)) == {
        (gone, "raised", "watch"),
        (gone, "updated", "alert"),
        ("c-7", "raised", "watch"),
    }


def test_each_partition_has_one_worker_and_all_its_inputs_there(topics: Settings, tmp_path: Path) -> None:
    """From one worker to five, which is one too many, and back."""
    with Deployment(topics, tmp_path) as deployment:
        for workers in (1, 2, 3, 4, 5, 3, 1):
            while len(deployment.workers) < workers:
                deployment.start()
            while len(deployment.workers) > workers:
                assert deployment.stop(deployment.workers[0]) < 10
            deployment.when(lambda: all(one.get("/ready")[0] == 200 for one in deployment.workers))
            deployment.when_ready()
            shares = sorted(len(one.partitions()) for one in deployment.workers)
            print(f"{workers} workers: {shares}")
            assert shares[-1] == math.ceil(topics.partitions / workers)
            given = _assignments(topics)
            assert len(given) == workers
            for partitions in given:
                assert len({tuple(partitions[topics.topic_prefix + one]) for one in Input}) == 1
            owned = [number for one in given for number in one[topics.topic_prefix + Input.CONTACTS]]
            assert sorted(owned) == list(range(topics.partitions))


def _assignments(settings: Settings) -> list[dict[str, list[int]]]:
    """Return the partitions that each member of the group was given, by topic."""
    with admin_client(settings) as admin:
        group = admin.describe_groups([settings.application_id])[settings.application_id]
    return [
        defaultdict(list)
        | {one["topic"]: one["partitions"] for one in member["member_assignment"]["assigned_partitions"]}
        for member in group["members"]
    ]
