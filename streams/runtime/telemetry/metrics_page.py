"""The page of the metrics, of their registry: `python -m streams.runtime.telemetry.metrics_page`."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from schemas.dead_letter import Reason
from streams.core.watermark import FACTS, GIVEN, Input
from streams.runtime.telemetry.bridge_metrics import (
    STANDINGS,
    BridgeMetrics,
    CanaryMetrics,
)
from streams.runtime.telemetry.desk_metrics import DeskMetrics
from streams.runtime.telemetry.ingest_metrics import IngestMetrics
from streams.runtime.telemetry.metrics import Metrics
from streams.runtime.telemetry.partition_gauges import PartitionStatus
from streams.runtime.telemetry.source_metrics import SourceTimes
from streams.runtime.telemetry.web_metrics import WebMetrics

_HEAD = """\
# Metrics

What `GET /metrics` of a worker shows, of `ingest` (`retention_ingest_`), of the bridge (`retention_bridge_`),
of the canary (`retention_canary_`) and of the desk (`retention_desk_`), in the text format of Prometheus or,
if asked for, OpenMetrics; all of them show `retention_web_` too, and what prometheus-client shows of the
process (`process_`) and the interpreter (`python_`). No metric holds a customer id. A worker's counters count
work: what is applied again after a partition was opened again counts again, but alerts only when they were
committed. Those of `ingest` and of the bridge count what was committed.
This page is generated from the metrics themselves, by `python -m streams.runtime.telemetry.metrics_page`.

| metric | type | unit | labels | what it says |
|---|---|---|---|---|
"""

_OPEN_LABELS: Final = frozenset({"partition", "source", "version", "rule", "why", "status", "topic"})
"""Labels whose values nobody can list."""

_UNITS: Final[Mapping[str, str]] = {
    "retention_build_info": "1",
    "retention_compiled": "0 or 1",
    "retention_episodes_total": "episodes",
    "retention_undetectable_episodes_total": "episodes",
    "retention_open_episodes": "episodes",
    "retention_held_by_feed_guard_total": "decisions",
    "retention_too_many_contacts_total": "contacts",
    "retention_unknown_fields_total": "fields",
    "retention_merged_histories_total": "histories",
    "retention_customers": "customers",
    "retention_oversized_customers": "customers",
    "retention_feed_stalled": "0 or 1",
    "retention_feed_broken": "0 or 1",
    "retention_feed_guard_off": "0 or 1",
    "retention_input_held": "0 or 1",
    "retention_partition_stopped": "0 or 1",
    "retention_time_stopped": "0 or 1",
    "retention_partitions_owned": "partitions",
    "retention_partitions_ready": "partitions",
    "retention_reopened_total": "openings",
    "retention_stale_batches_total": "batches",
    "retention_rebalances_total": "rebalances",
    "retention_bridge_cases": "cases",
    "retention_bridge_admitted_total": "cases",
    "retention_bridge_deferred_total": "cases",
    "retention_bridge_deliveries_total": "messages",
    "retention_bridge_tries_total": "requests",
    "retention_bridge_circuit_open": "0 or 1",
    "retention_bridge_lookups_total": "questions",
    "retention_bridge_dispositions_total": "dispositions",
    "retention_canary_rounds_total": "rounds",
    "retention_web_refused_tokens_total": "tokens",
    "retention_desk_alerts": "alerts",
    "retention_desk_let_go_total": "alerts",
    "retention_desk_trust": "0, 1 or 2",
    "retention_desk_pages": "pages",
    "retention_desk_dispositions_total": "dispositions",
    "retention_desk_held_total": "dispositions",
    "retention_ingest_events_total": "events",
    "retention_ingest_undone_total": "transactions",
    "retention_ingest_registry_waiting": "0 or 1",
    "retention_ingest_memory_entries": "things",
    "retention_ingest_partitions_owned": "partitions",
}
_UNITS_BY_SUFFIX: Final = {
    "_timestamp_seconds": "seconds since 1970",
    "_seconds": "seconds",
    "_messages": "messages",
    "_records": "records",
    "_bytes": "bytes",
    "_total": "records",
}
"""Of what has no unit of its own above, by the first suffix that fits."""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric on the page."""

    name: str
    kind: str
    unit: str
    labels: Mapping[str, tuple[str, ...]]
    """The values of each label; none where nobody can list them."""
    about: str


def rows() -> list[Row]:
    """Return every metric of a worker and of `ingest`, in the order of the code."""
    found = [metric for metric in _shown() if metric.name.startswith("retention_")]
    return [_row(metric) for metric in {metric.name: metric for metric in found}.values()]


def page() -> str:
    """Return `docs/metrics.md`."""
    return _HEAD + "".join(f"| {' | '.join(_cells(row))} |\n" for row in rows())


def _shown() -> Iterator[Metric]:
    """Yield what a registry shows of a worker with one partition, so that each label has its values."""
    metrics = Metrics()
    status = PartitionStatus(
        watermark_ms=0,
        now_ms=0,
        lag=dict.fromkeys(Input, 0),
        customers=0,
        open_episodes=0,
        oversized=0,
        dirty=0,
        largest_record=0,
        stalled=dict.fromkeys(FACTS, False),
        backpressured=dict.fromkeys(Input, False),
        stopped=False,
        ready=True,
        tally={},
        upstream_delay_ms=0,
        feed_broken=False,
        feed_guard_off=False,
        sources={source: {"any": SourceTimes(0, 0)} for source in Input},
    )
    metrics.state(0, status)
    metrics.committed(0, 0.0, [], 0)
    yield from metrics.registry.collect()
    yield from _shown_by_web()
    yield from _shown_by_ingest()
    yield from _shown_by_bridge()
    yield from _shown_by_canary()
    yield from _shown_by_desk()


def _shown_by_web() -> Iterator[Metric]:
    registry = CollectorRegistry()
    WebMetrics(registry)
    yield from registry.collect()


def _shown_by_ingest() -> Iterator[Metric]:
    metrics = IngestMetrics()
    events = {("any", source): 0 for source in GIVEN}
    refused = {("any", reason): 0 for reason in Reason}
    metrics.committed(0.0, {"any": 0}, events, {("any", "any", "any"): 0}, refused)
    metrics.lag({"any": 0})
    yield from metrics.registry.collect()


def _shown_by_bridge() -> Iterator[Metric]:
    metrics = BridgeMetrics()
    metrics.invalid.labels("any")
    metrics.cases({(standing, "any"): 0 for standing in STANDINGS})
    metrics.tries.labels("any")
    yield from metrics.registry.collect()


def _shown_by_canary() -> Iterator[Metric]:
    metrics = CanaryMetrics()
    metrics.age(0, lambda: 0.0)
    yield from metrics.registry.collect()


def _shown_by_desk() -> Iterator[Metric]:
    metrics = DeskMetrics()
    metrics.invalid.labels("any")
    yield from metrics.registry.collect()


def _row(metric: Metric) -> Row:
    # A registry leaves out these suffixes, the text format shows them.
    name = metric.name + {"counter": "_total", "info": "_info"}.get(metric.type, "")
    values: dict[str, dict[str, None]] = {}
    for sample in metric.samples:
        for label, value in sample.labels.items():
            if label != "le":  # the bucket of a histogram
                values.setdefault(label, {})[value] = None
    labels = {label: () if label in _OPEN_LABELS else tuple(found) for label, found in values.items()}
    return Row(name, metric.type, _unit(name), labels, metric.documentation)


def _unit(name: str) -> str:
    by_suffix = (unit for suffix, unit in _UNITS_BY_SUFFIX.items() if name.endswith(suffix))
    return _UNITS.get(name) or next(by_suffix)


def _cells(row: Row) -> tuple[str, ...]:
    labels = "; ".join(_label(name, values) for name, values in row.labels.items())
    return f"`{row.name}`", row.kind, row.unit, labels, row.about


def _label(name: str, values: tuple[str, ...]) -> str:
    listed = ", ".join(f"`{value}`" for value in values)
    return f"`{name}`: {listed}" if values else f"`{name}`"


if __name__ == "__main__":
    sys.stdout.write(page())
