"""What is shown of each open partition: gauges by partition, and how many partitions are open and ready."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from streams.core.watermark import Input
from streams.runtime.telemetry.source_metrics import SourceCollector, Sources


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """What the gauges show of a partition. Inputs that are left out of a mapping keep their last value."""

    watermark_ms: int | None
    now_ms: int
    lag: Mapping[Input, int]
    customers: int
    open_episodes: int
    oversized: int
    dirty: int
    largest_record: int
    stalled: Mapping[Input, bool]
    backpressured: Mapping[Input, bool]
    stopped: bool
    ready: bool
    tally: Mapping[str, int]
    """`Partition.tally` itself, no copy: with another mapping, after an opening, counting begins at 0."""
    upstream_delay_ms: int
    feed_broken: bool
    feed_guard_off: bool
    sources: Sources


class PartitionGauges:
    """The gauges of the partitions of one worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._by_partition: list[Gauge] = []
        self._ready_by_partition: dict[int, bool] = {}

        def by_partition(name: str, documentation: str, *labels: str) -> Gauge:
            gauge = Gauge(name, documentation, (*labels, "partition"), registry=registry)
            self._by_partition.append(gauge)
            return gauge

        self._watermark = by_partition(
            "retention_watermark_timestamp_seconds",
            "Event time up to which the facts are complete; absent until both fact inputs have said "
            "something.",
        )
        self._time_lag = by_partition(
            "retention_event_time_lag_seconds",
            "How far the watermark is behind the wall clock.",
        )
        self._lag = by_partition(
            "retention_consumer_lag_records",
            "Offsets between the position of an input and its end, as far as the broker told.",
            "input",
        )
        self._stalled = by_partition(
            "retention_feed_stalled",
            "Whether an input's newest record or tick is so old that time stands still.",
            "input",
        )
        self._held = by_partition(
            "retention_input_held",
            "Whether an input waits because it is far ahead of the others.",
            "input",
        )
        self._stopped = by_partition(
            "retention_partition_stopped",
            "Whether nothing more is read because too much was refused; /ready says why.",
        )
        self._customers = by_partition("retention_customers", "Customers known.")
        self._open_episodes = by_partition("retention_open_episodes", "Episodes open.")
        self._oversized = by_partition(
            "retention_oversized_customers",
            "Customers with as many contacts as the rules remember, or with so many events in 8 days that "
            "their ids have state records of their own: most often an id that many share.",
        )
        self._dirty = by_partition(
            "retention_dirty_records", "State records that the next commit writes, about."
        )
        self._largest_record = by_partition(
            "retention_largest_state_record_bytes",
            "The largest state record that was committed since the partition was opened, uncompressed: Kafka "
            "takes 8 MiB.",
        )
        self._last_commit = by_partition(
            "retention_last_commit_timestamp_seconds",
            "When the last transaction was committed, by the wall clock.",
        )
        self._upstream_delay = by_partition(
            "retention_upstream_delay_seconds",
            "How long the live clock waits for purchases on their way to Kafka: 7 of 10 take no longer.",
        )
        self._feed_broken = by_partition(
            "retention_feed_broken",
            "Whether the feed guard found the purchase feed broken in the last hour that it judged.",
        )
        self._feed_guard_off = by_partition(
            "retention_feed_guard_off",
            "Whether fewer purchases a day are usual than the feed guard needs (20): then an outage is not "
            "told from silence, and event time does not go by what all buy.",
        )
        self._sources = SourceCollector()
        registry.register(self._sources)
        self._owned = Gauge(
            "retention_partitions_owned", "Partitions open in this worker.", registry=registry
        )
        self._ready = Gauge(
            "retention_partitions_ready",
            "Partitions that are restored, have read their side inputs and are not stopped.",
            registry=registry,
        )

    def show(self, partition: int, status: PartitionStatus) -> None:
        """Show an open partition."""
        self._customers.labels(partition).set(status.customers)
        self._open_episodes.labels(partition).set(status.open_episodes)
        self._oversized.labels(partition).set(status.oversized)
        self._dirty.labels(partition).set(status.dirty)
        self._largest_record.labels(partition).set(status.largest_record)
        self._stopped.labels(partition).set(status.stopped)
        self._upstream_delay.labels(partition).set(status.upstream_delay_ms / 1000)
        self._feed_broken.labels(partition).set(status.feed_broken)
        self._feed_guard_off.labels(partition).set(status.feed_guard_off)
        if status.watermark_ms is not None:
            self._watermark.labels(partition).set(status.watermark_ms / 1000)
            self._time_lag.labels(partition).set((status.now_ms - status.watermark_ms) / 1000)
        by_input: tuple[tuple[Gauge, Mapping[Input, float]], ...] = (
            (self._lag, status.lag),
            (self._stalled, status.stalled),
            (self._held, status.backpressured),
        )
        for gauge, values in by_input:
            for source, value in values.items():
                gauge.labels(source, partition).set(value)
        self._sources.partitions[partition] = status.sources
        self._ready_by_partition[partition] = status.ready
        self._count()

    def committed(self, partition: int, now_ms: int) -> None:
        """Show when (ms, wall clock) a partition was last committed."""
        self._last_commit.labels(partition).set(now_ms / 1000)

    def forget(self, partition: int) -> None:
        """Drop what is shown of a partition that is no longer here."""
        for gauge in self._by_partition:
            gauge.remove_by_labels({"partition": str(partition)})
        self._sources.partitions.pop(partition, None)
        self._ready_by_partition.pop(partition, None)
        self._count()

    def _count(self) -> None:
        self._owned.set(len(self._ready_by_partition))
        self._ready.set(sum(self._ready_by_partition.values()))
