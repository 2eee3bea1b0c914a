"""What `ingest` measures, as Prometheus shows it; `docs/metrics.md` is generated from it.

Records, events, skips and refusals are counted when they are committed, so each counts once.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.dead_letter import Reason
from streams.core.watermark import Input
from streams.runtime.telemetry.registry import with_process

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class IngestMetrics:
    """The metrics of one process in a registry of their own, with those of the process and interpreter."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = with_process(registry)
        self._records = Counter(
            "retention_ingest_records_total",
            "Records of sources, mapped and committed.",
            ("source",),
            registry=registry,
        )
        self._events = Counter(
            "retention_ingest_events_total",
            "Events written to the inputs.",
            ("source", "input"),
            registry=registry,
        )
        self._skipped = Counter(
            "retention_ingest_skipped_total",
            "Records, or parts of them, that are no event, as the mapping says.",
            ("source", "rule", "why"),
            registry=registry,
        )
        self._refused = Counter(
            "retention_ingest_refused_total",
            "Records that could not be mapped: each is a dead letter.",
            ("source", "reason"),
            registry=registry,
        )
        self._lag = Gauge(
            "retention_ingest_lag_records",
            "Records of a source that are not committed yet, in the partitions of this process.",
            ("source",),
            registry=registry,
        )
        self._lagging: set[str] = set()
        self._last_answer = Gauge(
            "retention_ingest_last_answer_seconds",
            "How long ago a broker was last seen to answer; it stays below 5 while all is well.",
            registry=registry,
        )
        self._transaction_seconds = Histogram(
            "retention_ingest_transaction_seconds",
            "One transaction: events, drafts, what is remembered, dead letters and positions.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._undone = Counter(
            "retention_ingest_undone_total",
            "Transactions that were undone; what they held was read again.",
            registry=registry,
        )
        self._waiting = Gauge(
            "retention_ingest_registry_waiting",
            "Whether it waits for the schema registry.",
            registry=registry,
        )
        self._memories = Gauge(
            "retention_ingest_memory_entries",
            "Things of which something is remembered, in the partitions of this process.",
            registry=registry,
        )
        self._partitions = Gauge(
            "retention_ingest_partitions_owned",
            "Partitions that the group gave to this process, of sources and of drafts.",
            registry=registry,
        )

    def committed(
        self,
        seconds: float,
        read: Mapping[str, int],
        events: Mapping[tuple[str, Input], int],
        skipped: Mapping[tuple[str, str, str], int],
        refused: Mapping[tuple[str, Reason], int],
    ) -> None:
        """Count what a transaction held: by source; source and input; source, rule, why; source, reason."""
        self._transaction_seconds.observe(seconds)
        for source, number in read.items():
            self._records.labels(source).inc(number)
        self._count(self._events, events)
        self._count(self._skipped, skipped)
        self._count(self._refused, refused)

    @staticmethod
    def _count(counter: Counter, counts: Mapping[Any, int]) -> None:
        for labels, number in counts.items():
            counter.labels(*labels).inc(number)

    def undone(self) -> None:
        """Count a transaction that was undone."""
        self._undone.inc()

    def lag(self, by_source: Mapping[str, int]) -> None:
        """Show how many records are not committed yet, by source; nothing of one that went to others."""
        for source in self._lagging - by_source.keys():
            self._lag.remove(source)
        self._lagging = set(by_source)
        for source, number in by_source.items():
            self._lag.labels(source).set(number)

    def last_answer(self, seconds: Callable[[], float]) -> None:
        """Show at each scrape how long ago a broker last answered."""
        self._last_answer.set_function(seconds)

    def waiting(self, waits: bool) -> None:
        """Show whether it waits for the schema registry."""
        self._waiting.set(waits)

    def memories(self, number: Callable[[], int]) -> None:
        """Show at each scrape of how many things something is remembered."""
        self._memories.set_function(number)

    def owned(self, partitions: int) -> None:
        """Show how many partitions this process has."""
        self._partitions.set(partitions)
