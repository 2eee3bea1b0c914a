"""What the alert rules and the dashboard name, against `/metrics` of all processes at work."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from streams.core.watermark import Input
from streams.crm.payload.examples import alert
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.clients import kafka_python_options
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.engine import free_port
from streams.runtime.telemetry.dashboard.panels import GROUPS
from streams.runtime.telemetry.metrics_page import rows
from streams.settings import Settings, variable
from tests.deploy.promql import OF_TARGETS, mistakes
from tests.deploy.test_dashboard import plain
from tests.deploy.test_prometheus import rules
from tests.kafka.commands import until
from tests.kafka.crm.processes import Canary, Crm, send_alerts
from tests.kafka.deployment import Deployment, WorkerProcess
from tests.kafka.feeds import Raw, contact, purchase, raw, send
from tests.kafka.ingest.process import IngestProcess
from tests.worlds.worlds import FIRST

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_THEIRS: Final = "theirs"
MAPPING: Final = """
[source.calls]
topic = "{topic}"
skip = [{{ when = "test", why = "a test" }}]

[[source.calls.event]]
name = "call"
to = "contact"
[source.calls.event.fields]
contact_id = "call"
customer_id = "caller"
time = "at"
source = {{ value = "phone" }}
channel = {{ value = "voice" }}
"""
CALLS: Final = (
    b'{"call": "k-1", "caller": "c-1", "at": "2017-11-14T22:13:20Z"}',
    b'{"call": "k-2", "caller": "c-1", "at": "2017-11-14T22:13:20Z", "test": true}',
    b"{",
)
"""One that is mapped, one that is skipped, one that is refused."""
Series = dict[str, dict[str, tuple[str, ...]]]


class Desk(WorkerProcess):
    """`retention-signals desk`."""

    command = "desk"


@pytest.fixture
def processes(settings: Settings, tmp_path: Path) -> Iterator[list[WorkerProcess]]:
    """Give a worker, a bridge, a desk, a canary and an ingest, each of which has had something to do."""
    with admin_client(settings) as admin:
        create(admin, plan(settings, ingest=True))
        admin.create_topics({settings.topic_prefix + _THEIRS: {"num_partitions": 1, "replication_factor": 1}})
    unreadable = Raw(Input.CONTACTS, 0, b"c-1", b"{")
    known = [(Input.TRANSACTIONS, purchase("c-1", FIRST)), (Input.CONTACTS, contact("c-1", FIRST))]
    mapping = tmp_path / "calls.toml"
    mapping.write_text(MAPPING.format(topic=settings.topic_prefix + _THEIRS))
    with Deployment(settings, tmp_path) as deployment, ExitStack() as stack:
        port = free_port()
        worker = deployment.start_ready(web_port=port, clock="event")
        crm = Crm(settings, tmp_path)
        stack.callback(crm.sandbox.kill)
        asked: dict[str, Any] = {"worker_addresses": (f"127.0.0.1:{port}",)}
        told = crm.environment(canary_hours=0.01)
        bridge = crm.bridge(
            settings.model_copy(update=asked), budget_watches=0, budget_alerts=9, budget_window_seconds=0.1
        )
        desk = Desk(settings, tmp_path / "desk.log", told={variable("worker_addresses"): f"127.0.0.1:{port}"})
        canary = Canary(settings, tmp_path / "canary.log", told=told)
        ingest = IngestProcess(settings, tmp_path / "ingest.log", str(mapping))
        all_of_them = [worker, bridge, desk, canary, ingest]
        for one in all_of_them[1:]:
            stack.callback(one.kill)
        send(settings, [*(raw(settings, source, value) for source, value in known), unreadable])
        _put(settings, _THEIRS, *CALLS)
        send_alerts(settings, [alert(customer_id="c-1"), {"customer_id": "c-2", "no": "alert"}])
        until(lambda: worker.metric("retention_last_commit_timestamp_seconds") > 0)
        until(lambda: worker.metric("retention_source_last_append_timestamp_seconds", source="shop") > 0)
        until(lambda: bridge.metric("retention_bridge_deliveries_total", result="delivered") > 0)
        until(lambda: desk.metric("retention_desk_invalid_records_total") > 0)
        until(lambda: canary.get("/metrics")[0] == 200)
        until(lambda: ingest.metric("retention_ingest_refused_total") > 0)
        yield all_of_them


def test_rules_and_panels_name_what_processes_show(processes: list[WorkerProcess]) -> None:
    listed = {row.name: row for row in rows()}
    shown: Series = {"up": {}}

    def missing() -> set[str]:
        for one in processes:
            _note(shown, one.get("/metrics")[1])
        return {name for name in listed if name not in shown and f"{name}_count" not in shown}

    with suppress(AssertionError):
        until(lambda: not missing())  # some come with the first look at Kafka
    assert missing() == set()
    # Values that the page lists may not all have come about here: that these are all is held elsewhere.
    for name, row in listed.items():
        there = shown[name if name in shown else f"{name}_count"]
        assert there.keys() - OF_TARGETS == row.labels.keys(), name
    expressions = [rule["expr"] for rule in rules()]
    expressions += [
        plain(query.text) for group in GROUPS for panel in group.panels for query in panel.queries
    ]
    assert [wrong for one in expressions for wrong in mistakes(one, shown)] == []


def _note(shown: Series, text: str) -> None:
    """Add the series of a process, each with its labels."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            shown.setdefault(sample.name, {}).update(dict.fromkeys(sample.labels, ()))


def _put(settings: Settings, topic: str, *values: bytes) -> None:
    """Write records to a topic that is not ours."""
    with closing(KafkaProducer(**kafka_python_options(settings))) as producer:
        for value in values:
            producer.send(settings.topic_prefix + topic, value)
        producer.flush()
