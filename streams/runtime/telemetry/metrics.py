"""What a worker measures, as Prometheus shows it; `docs/metrics.md` is generated from it.

What is applied again after a partition was opened again is counted again: state and alerts are exactly-once,
these counts of work are not. `alerts_total` counts what was committed.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, Literal, TypeAlias, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.alert import Alert
from schemas.dead_letter import Reason
from streams.core.alerts.decision import State
from streams.core.partition.partition import Outcome
from streams.core.watermark import GIVEN, Input
from streams.runtime.telemetry.children import children
from streams.runtime.telemetry.partition_gauges import PartitionGauges, PartitionStatus
from streams.runtime.telemetry.registry import with_process
from streams.runtime.telemetry.tally_counters import TallyCounters
from streams.runtime.telemetry.unknown_fields_log import UnknownFieldsLog

Cause: TypeAlias = Literal["fenced", "log", "stale"]

_QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_USUAL: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_LATENCY: Final = (*_USUAL[:-1], 5.25, 5.5, 6.0, 7.5, 10.0, 30.0, 60.0, 300.0, 3600.0)


class Metrics:
    """The metrics of one worker in a registry of their own, with those of the process and the interpreter."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = with_process(registry)
        self._declare_records(registry)
        self._tallies = TallyCounters(registry)
        self._declare_transactions(registry)
        self._declare_life(registry)
        self._declare_clocks(registry)
        self._partitions = PartitionGauges(registry)
        self._unknown_fields_log = UnknownFieldsLog()

    def _declare_records(self, registry: CollectorRegistry) -> None:
        self._events = children(
            Counter(
                "retention_events_total",
                "Records read, by what became of them.",
                ("input", "outcome"),
                registry=registry,
            ),
            Input,
            ("applied", "duplicate", "tick", "refused"),
        )
        self._late = children(
            Counter(
                "retention_late_events_total",
                "Records applied that came behind the clock of their input.",
                ("input",),
                registry=registry,
            ),
            Input,
        )
        self._dead_letters = children(
            Counter(
                "retention_dead_letters_total",
                "Records refused, by reason: each is a dead letter.",
                ("input", "reason"),
                registry=registry,
            ),
            Input,
            Reason,
        )
        self._stale = children(
            Counter(
                "retention_stale_batches_total",
                "Batches that did not begin at the position of their input, and were sought again.",
                ("input",),
                registry=registry,
            ),
            Input,
        )
        self._unknown_fields = children(
            Counter(
                "retention_unknown_fields_total",
                "Fields of accepted records that the contract does not have; each is left out. The log names "
                "them once an hour, `topics check` at once.",
                ("input",),
                registry=registry,
            ),
            GIVEN,
        )
        batch_seconds = Histogram(
            "retention_batch_seconds",
            "Taking in a fetched batch: decode, apply, decide.",
            ("input",),
            registry=registry,
            buckets=_QUICK,
        )
        self._batch_seconds = {source: batch_seconds.labels(source) for source in Input}

    def _declare_transactions(self, registry: CollectorRegistry) -> None:
        self._alerts = children(
            Counter(
                "retention_alerts_total",
                "Alert records committed.",
                ("level", "state", "arm"),
                registry=registry,
            ),
            ("watch", "alert"),
            get_args(State),
            ("treated", "holdout"),
        )
        self._latency = Histogram(
            "retention_alert_latency_seconds",
            "From when an alert was due to its commit: from the append of the contact or other record that "
            "decided it; where time alone decided, from the hour at which the rule raises it (left out on "
            "the event clock and in backfill, where that hour is long past). Allowed lateness, 5 s by "
            "default, is a part of it.",
            registry=registry,
            buckets=_LATENCY,
        )
        self._transaction_seconds = Histogram(
            "retention_transaction_seconds",
            "One transaction: state, alerts, dead letters and positions.",
            registry=registry,
            buckets=_USUAL,
        )

    def _declare_life(self, registry: CollectorRegistry) -> None:
        self._restore_seconds = Histogram(
            "retention_restore_seconds",
            "Opening a partition, from fencing to the first fetch.",
            registry=registry,
            buckets=_LONG,
        )
        self._restore_records = Counter(
            "retention_restore_records_total",
            "State records read to restore partitions.",
            registry=registry,
        )
        self._opening_seconds = Gauge(
            "retention_opening_seconds",
            "For how long the partition that waits longest has been assigned without being open: it is "
            "restored, or tried again and again. 0 when all are open.",
            registry=registry,
        )
        self._reopened = children(
            Counter(
                "retention_reopened_total",
                "Partitions dropped and opened again: another owner fenced this one, the log failed, or the "
                "state was stale.",
                ("cause",),
                registry=registry,
            ),
            get_args(Cause),
        )
        self._rebalances = Counter(
            "retention_rebalances_total", "Assignments that the consumer group gave.", registry=registry
        )

        self._compiled = Gauge(
            "retention_compiled",
            "Whether the compiled hot path runs: without it a worker takes in fewer records a second.",
            registry=registry,
        )

    def _declare_clocks(self, registry: CollectorRegistry) -> None:
        self._time_stopped = Gauge(
            "retention_time_stopped",
            "Whether time stands still because no two of the wall clock, the steady clock and the broker's "
            "append times agree.",
            registry=registry,
        )
        self._wall_clock_ahead = Gauge(
            "retention_wall_clock_ahead_seconds",
            "How far the wall clock is ahead of the time that the worker goes by; below 0 it is behind.",
            registry=registry,
        )
        self._broker_last_answer = Gauge(
            "retention_broker_last_answer_seconds",
            "How long ago a broker last answered: a heartbeat that was confirmed, or a fetch. It stays below "
            "5 while all is well, also where there is nothing to read.",
            registry=registry,
        )

    # Records

    def took(self, source: Input, outcome: Outcome, seconds: float) -> None:
        """Count a batch that the core applied."""
        events = self._events
        events[source, "applied"].inc(outcome.applied)
        events[source, "duplicate"].inc(outcome.duplicate)
        events[source, "tick"].inc(outcome.ticks)
        self._late[(source,)].inc(outcome.late)
        for _, refusal in outcome.refused:
            self.refused(source, refusal.reason)
        self._batch_seconds[source].observe(seconds)

    def refused(self, source: Input, reason: Reason) -> None:
        """Count a record that became a dead letter."""
        self._events[source, "refused"].inc()
        self._dead_letters[source, reason].inc()

    def unknown_fields(self, source: Input, names: Collection[str]) -> None:
        """Count the unknown fields of an accepted record, and name them in the log once an hour."""
        self._unknown_fields[(source,)].inc(len(names))
        self._unknown_fields_log.note(source, names)

    def stale(self, source: Input) -> None:
        """Count a batch that did not begin at the position of its input."""
        self._stale[(source,)].inc()

    # Transactions

    def committed(self, partition: int, seconds: float, alerts: Sequence[Alert], now_ms: int) -> None:
        """Count a transaction that was committed at a time (ms) of the wall clock."""
        self._transaction_seconds.observe(seconds)
        self._partitions.committed(partition, now_ms)
        for alert in alerts:
            self._alerts[alert.level, alert.state, alert.arm].inc()

    def latency(self, seconds: float) -> None:
        """Observe how long an alert took, from when it was due to the commit."""
        self._latency.observe(seconds)

    # Life of partitions

    def restored(self, seconds: float, records: int) -> None:
        """Count a partition that was opened, from so many state records."""
        self._restore_seconds.observe(seconds)
        self._restore_records.inc(records)

    def opening(self, seconds: Callable[[], float]) -> None:
        """Show at each scrape for how many seconds the partition that waits longest has not been open."""
        self._opening_seconds.set_function(seconds)

    def reopened(self, cause: Cause) -> None:
        """Count a partition that was dropped, to be opened again."""
        self._reopened[(cause,)].inc()

    def rebalanced(self) -> None:
        """Count an assignment."""
        self._rebalances.inc()

    def state(self, partition: int, status: PartitionStatus) -> None:
        """Show an open partition, and count what its tally rose by."""
        self._partitions.show(partition, status)
        self._tallies.add(partition, status.tally)

    def forget(self, partition: int) -> None:
        """Drop what is shown of a partition that is no longer here."""
        self._partitions.forget(partition)

    # Clocks

    def time_stopped(self, stopped: bool) -> None:
        """Show whether time stands still because no two clocks agree."""
        self._time_stopped.set(stopped)

    def hot_path(self, *, compiled: bool) -> None:
        """Show which hot path runs."""
        self._compiled.set(compiled)

    def wall_clock(self, ahead_ms: Callable[[], int]) -> None:
        """Show at each scrape how far (ms) the wall clock is ahead."""
        self._wall_clock_ahead.set_function(lambda: ahead_ms() / 1000)

    def broker_last_answer(self, seconds: Callable[[], float]) -> None:
        """Show at each scrape how many seconds ago a broker last answered."""
        self._broker_last_answer.set_function(seconds)
