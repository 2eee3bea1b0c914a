"""Every metric of the worker, declared once; `docs/metrics.md` is made from it.

What is taken in again after a partition was opened anew is counted again: state and alerts are exactly-once,
these counts of work are not. `alerts_total` counts what was committed.
"""

from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from typing import Final, Literal, TypeAlias, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import Metric

from schemas.alert import Alert
from schemas.dead_letter import Reason
from streams.core.alerts.decision import Resolution, State
from streams.core.partition.partition import Outcome
from streams.core.watermark import FACTS, Input
from streams.runtime.telemetry.source_metrics import SourceCollector, Sources

Kind: TypeAlias = Literal["counter", "gauge", "histogram", "info"]
Cause: TypeAlias = Literal["fenced", "log", "stale"]

# When each series began would double their number, and nothing reads it.
disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and all that it can be; nothing is listed where it is a number or a version."""

    name: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """What a metric is called and means; `unit` is what one of it is."""

    kind: Kind
    name: str
    unit: str
    about: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()


DECLARED: Final[list[Declared]] = []
"""All of them, in the order of the page."""


def _declare(  # noqa: PLR0913, PLR0917 - a row of the page
    kind: Kind,
    name: str,
    unit: str,
    about: str,
    labels: tuple[Label, ...] = (),
    buckets: tuple[float, ...] = (),
) -> Declared:
    declared = Declared(kind, name, unit, about, labels, buckets)
    DECLARED.append(declared)
    return declared


_QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_USUAL: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)

_PARTITION: Final = Label("partition")
_INPUT: Final = Label("input", tuple(Input))
_FACTS: Final = Label("input", tuple(FACTS))
_OUTCOME: Final = Label("outcome", ("applied", "duplicate", "tick", "refused"))
_REASON: Final = Label("reason", tuple(Reason))
_LEVEL: Final = Label("level", ("watch", "alert"))
_STATE: Final = Label("state", get_args(State))
_ARM: Final = Label("arm", ("treated", "holdout"))
_CAUSE: Final = Label("cause", get_args(Cause))
_EPISODE: Final = Label(
    "outcome",
    (
        "opened",
        "opened_silent",
        "not_high_value",
        "no_cutoff",
        "shared_id",
        *(f"closed_{why}" for why in get_args(Resolution)),
    ),
)

_BUILD: Final = _declare("info", "retention_build_info", "1", "The release that runs.", (Label("version"),))

_EVENTS: Final = _declare(
    "counter",
    "retention_events_total",
    "records",
    "Records read, by what became of them.",
    (_INPUT, _OUTCOME),
)
_LATE: Final = _declare(
    "counter",
    "retention_late_events_total",
    "records",
    "Records applied that came behind the clock of their input.",
    (_INPUT,),
)
_DEAD_LETTERS: Final = _declare(
    "counter",
    "retention_dead_letters_total",
    "records",
    "Records refused, by reason: each is a dead letter.",
    (_INPUT, _REASON),
)
_ALERTS: Final = _declare(
    "counter", "retention_alerts_total", "records", "Alert records committed.", (_LEVEL, _STATE, _ARM)
)
_LATENCY: Final = _declare(
    "histogram",
    "retention_alert_latency_seconds",
    "seconds",
    "From when an alert was due to its commit: from the append of the contact or other record that decided "
    "it; where time alone decided, from the hour at which the rule raises it (left out on the event clock "
    "and in backfill, where that hour is long past). Allowed lateness, 5 s by default, is a part of it.",
    buckets=(*_USUAL[:-1], 5.25, 5.5, 6.0, 7.5, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
_EPISODES: Final = _declare(
    "counter",
    "retention_episodes_total",
    "episodes",
    "Bad contacts that opened an episode, or did not because the customer is not of high value, or too few "
    "bought to tell who is, or its id is shared by many; those that "
    "the silent rule opened; and why episodes closed, alerts sent or not.",
    (_EPISODE,),
)
_UNDETECTABLE: Final = _declare(
    "counter",
    "retention_undetectable_episodes_total",
    "episodes",
    "Bad contacts that opened no episode because the customer has no baseline.",
)
_HELD_BY_GUARD: Final = _declare(
    "counter",
    "retention_held_by_feed_guard_total",
    "decisions",
    "Hour decisions, and openings by the silent rule, held back because the feed was broken.",
)

_TOO_MANY_CONTACTS: Final = _declare(
    "counter",
    "retention_too_many_contacts_total",
    "contacts",
    "Contacts forgotten because their customer has more newer ones than the rules remember.",
)
_OTHER_CONTENT: Final = _declare(
    "counter",
    "retention_duplicates_other_content_total",
    "records",
    "Purchases dropped as duplicates whose time or amount is not that of the purchase with their id that "
    "counts: an order edited under its id, which should be sent as a correction. Told where that one is the "
    "same customer's, came on time, and in the last 8 days; of other kinds nothing is compared.",
)
_DOUBTFUL_IDS: Final = _declare(
    "counter",
    "retention_doubtful_ids_total",
    "records",
    "Records with an id that came before, 8 days earlier to within 17 minutes: what customers keep was "
    "looked through to tell whether they are duplicates.",
)
_MOVES: Final = _declare(
    "counter",
    "retention_merged_histories_total",
    "histories",
    "Histories of merged customers that arrived at the id that goes on: in time, after its partition had "
    "decided on that time already, or for a second time, and left out.",
    (Label("outcome", ("in_time", "late", "repeated")),),
)
_WATERMARK: Final = _declare(
    "gauge",
    "retention_watermark_timestamp_seconds",
    "seconds since 1970",
    "Event time up to which the facts are complete; absent until both fact inputs have said something.",
    (_PARTITION,),
)
_TIME_LAG: Final = _declare(
    "gauge",
    "retention_event_time_lag_seconds",
    "seconds",
    "How far the watermark is behind the wall clock.",
    (_PARTITION,),
)
_LAG: Final = _declare(
    "gauge",
    "retention_consumer_lag_records",
    "records",
    "Offsets between the position of an input and its end, as far as the broker told.",
    (_INPUT, _PARTITION),
)
_STALLED: Final = _declare(
    "gauge",
    "retention_feed_stalled",
    "0 or 1",
    "Whether an input's newest record or tick is so old that time stands still.",
    (_FACTS, _PARTITION),
)
_HELD: Final = _declare(
    "gauge",
    "retention_input_held",
    "0 or 1",
    "Whether an input waits because it is far ahead of the others.",
    (_INPUT, _PARTITION),
)
_STOPPED: Final = _declare(
    "gauge",
    "retention_partition_stopped",
    "0 or 1",
    "Whether nothing more is read because too much was refused; /ready says why.",
    (_PARTITION,),
)
_CUSTOMERS: Final = _declare("gauge", "retention_customers", "customers", "Customers known.", (_PARTITION,))
_OPEN: Final = _declare("gauge", "retention_open_episodes", "episodes", "Episodes open.", (_PARTITION,))
_OVERSIZED: Final = _declare(
    "gauge",
    "retention_oversized_customers",
    "customers",
    "Customers with as many contacts as the rules remember, or with so many events in 8 days that their ids "
    "have state records of their own: most often an id that many share.",
    (_PARTITION,),
)
_DIRTY: Final = _declare(
    "gauge",
    "retention_dirty_records",
    "records",
    "State records that the next commit writes, about.",
    (_PARTITION,),
)
_LAST_COMMIT: Final = _declare(
    "gauge",
    "retention_last_commit_timestamp_seconds",
    "seconds since 1970",
    "When the last transaction was committed, by the wall clock.",
    (_PARTITION,),
)
_OWNED: Final = _declare(
    "gauge", "retention_partitions_owned", "partitions", "Partitions open in this worker."
)
_READY: Final = _declare(
    "gauge",
    "retention_partitions_ready",
    "partitions",
    "Partitions that are restored, have read their side inputs and are not stopped.",
)
_TIME_STOPPED: Final = _declare(
    "gauge",
    "retention_time_stopped",
    "0 or 1",
    "Whether time stands still because no two of the wall clock, the steady clock and the broker's append "
    "times agree.",
)

_LAST_ANSWER: Final = _declare(
    "gauge",
    "retention_broker_last_answer_seconds",
    "seconds",
    "How long ago a broker last answered: a heartbeat that was confirmed, or a fetch. It stays below 5 "
    "while all is well, also where there is nothing to read.",
)

_BATCH: Final = _declare(
    "histogram",
    "retention_batch_seconds",
    "seconds",
    "Taking in a fetched batch: decode, apply, decide.",
    (_INPUT,),
    _QUICK,
)
_TRANSACTION: Final = _declare(
    "histogram",
    "retention_transaction_seconds",
    "seconds",
    "One transaction: state, alerts, dead letters and positions.",
    buckets=_USUAL,
)
_RESTORE: Final = _declare(
    "histogram",
    "retention_restore_seconds",
    "seconds",
    "Opening a partition, from fencing to the first fetch.",
    buckets=_LONG,
)
_RESTORED: Final = _declare(
    "counter", "retention_restore_records_total", "records", "State records read to restore partitions."
)
_REOPENED: Final = _declare(
    "counter",
    "retention_reopened_total",
    "openings",
    "Partitions dropped and opened again: another owner fenced this one, "
    "the log failed, or the state was stale.",
    (_CAUSE,),
)
_STALE: Final = _declare(
    "counter",
    "retention_stale_batches_total",
    "batches",
    "Batches that did not begin at the position of their input, and were sought anew.",
    (_INPUT,),
)
_REBALANCES: Final = _declare(
    "counter", "retention_rebalances_total", "rebalances", "Assignments that the consumer group gave."
)

_WALL_CLOCK_AHEAD: Final = _declare(
    "gauge",
    "retention_wall_clock_ahead_seconds",
    "seconds",
    "How far the wall clock is ahead of the time that the worker goes by; below 0 it is behind.",
)
_UPSTREAM_DELAY: Final = _declare(
    "gauge",
    "retention_upstream_delay_seconds",
    "seconds",
    "How long the live clock waits for purchases on their way to Kafka: 7 of 10 take no longer.",
    (_PARTITION,),
)
_FEED_BROKEN: Final = _declare(
    "gauge",
    "retention_feed_broken",
    "0 or 1",
    "Whether the feed guard found the purchase feed broken in the last hour that it judged.",
    (_PARTITION,),
)
_SOURCE: Final = Label("source")
_SOURCE_DELAY: Final = _declare(
    "gauge",
    "retention_source_delay_seconds",
    "seconds",
    "From the time of a source's newest record to its append by Kafka; below 0 the source's clock is fast. "
    "The first record of a batch is looked at, and one in 16. 20 sources an input are told apart, the others "
    "are `other`; names are cut to 64 characters, odd ones in them are `_`.",
    (_INPUT, _SOURCE),
)
_SOURCE_APPEND: Final = _declare(
    "gauge",
    "retention_source_last_append_timestamp_seconds",
    "seconds since 1970",
    "When Kafka appended that record.",
    (_INPUT, _SOURCE),
)


@dataclass(frozen=True, slots=True)
class PartitionGauges:
    """How a partition stands. Inputs that are left out of a mapping keep what was said of them last."""

    watermark_ms: int | None
    now_ms: int
    lag: Mapping[Input, int]
    customers: int
    open_episodes: int
    oversized: int
    dirty: int
    stalled: Mapping[Input, bool]
    backpressured: Mapping[Input, bool]
    stopped: bool
    ready: bool
    tally: Mapping[str, int]
    """`Partition.tally` itself, no copy: another mapping means that the partition was opened anew, from 0."""
    upstream_delay_ms: int
    feed_broken: bool
    sources: Sources


class Metrics:
    """What the shell counts, in a registry of its own, with the process's and the interpreter's."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        Info(_BUILD.name.removesuffix("_info"), _BUILD.about, registry=self.registry).info(
            {"version": version("retention-signals")}
        )
        self._events, self._late = self._counters(_EVENTS), self._counters(_LATE)
        self._dead_letters, self._alerts = self._counters(_DEAD_LETTERS), self._counters(_ALERTS)
        self._episodes, self._causes = self._counter(_EPISODES), self._counters(_REOPENED)
        self._tallied = {
            "undetectable": self._counter(_UNDETECTABLE),
            "held_by_feed_guard": self._counter(_HELD_BY_GUARD),
            "too_many_contacts": self._counter(_TOO_MANY_CONTACTS),
            "doubtful_ids": self._counter(_DOUBTFUL_IDS),
            "duplicates_other_content": self._counter(_OTHER_CONTENT),
        } | {f"moves_{outcome}": counter for (outcome,), counter in self._counters(_MOVES).items()}
        """By the name of a tally, what counts it; those of episodes are labels of one counter."""
        self._restored, self._rebalances = self._counter(_RESTORED), self._counter(_REBALANCES)
        self._stale = self._counters(_STALE)
        batches = self._histogram(_BATCH)
        self._batch = {source: batches.labels(source) for source in Input}
        self._transaction, self._restore = self._histogram(_TRANSACTION), self._histogram(_RESTORE)
        self._latency = self._histogram(_LATENCY)
        self._owned, self._ready = self._gauge(_OWNED), self._gauge(_READY)
        self._time_stopped, self._last_answer = self._gauge(_TIME_STOPPED), self._gauge(_LAST_ANSWER)
        self._gauges = {
            one.name: self._gauge(one) for one in DECLARED if one.kind == "gauge" and _PARTITION in one.labels
        }
        self._states: dict[int, bool] = {}
        self._tallies: dict[int, tuple[Mapping[str, int], Mapping[str, int]]] = {}
        for name in _EPISODE.values:
            self._episodes.labels(name)
        self._wall_clock_ahead = self._gauge(_WALL_CLOCK_AHEAD)
        self._sources = SourceCollector(
            *(Metric(one.name, one.about, "gauge") for one in (_SOURCE_DELAY, _SOURCE_APPEND))
        )
        self.registry.register(self._sources)

    # Work

    def took(self, source: Input, outcome: Outcome, seconds: float) -> None:
        """Count a batch that the core took in."""
        events = self._events
        events[source, "applied"].inc(outcome.applied)
        events[source, "duplicate"].inc(outcome.duplicate)
        events[source, "tick"].inc(outcome.ticks)
        self._late[(source,)].inc(outcome.late)
        for _, refusal in outcome.refused:
            self.refused(source, refusal.reason)
        self._batch[source].observe(seconds)

    def refused(self, source: Input, reason: Reason) -> None:
        """Count a record that became a dead letter."""
        self._events[source, "refused"].inc()
        self._dead_letters[source, reason].inc()

    def committed(self, partition: int, seconds: float, alerts: Sequence[Alert], now_ms: int) -> None:
        """Count a transaction that was committed at a time (ms) of the wall clock."""
        self._transaction.observe(seconds)
        self._gauges[_LAST_COMMIT.name].labels(partition).set(now_ms / 1000)
        for alert in alerts:
            self._alerts[alert.level, alert.state, alert.arm].inc()

    def latency(self, seconds: float) -> None:
        """Note how long an alert took, from when it was due to the commit."""
        self._latency.observe(seconds)

    def stale(self, source: Input) -> None:
        """Count a batch that began elsewhere than its input stands."""
        self._stale[(source,)].inc()

    # Life

    def restored(self, seconds: float, records: int) -> None:
        """Note that a partition was opened, from so many state records."""
        self._restore.observe(seconds)
        self._restored.inc(records)

    def reopened(self, cause: Cause) -> None:
        """Count a partition that was dropped, to be opened again."""
        self._causes[(cause,)].inc()

    def rebalanced(self) -> None:
        """Count an assignment."""
        self._rebalances.inc()

    def wall_clock(self, ahead_ms: Callable[[], int]) -> None:
        """Show, whenever it is asked for, how far (ms) the wall clock is ahead."""
        self._wall_clock_ahead.set_function(lambda: ahead_ms() / 1000)

    def time_stopped(self, stopped: bool) -> None:
        """Note whether time stands still because no two clocks agree."""
        self._time_stopped.set(stopped)

    def last_answer(self, seconds: Callable[[], float]) -> None:
        """Show, whenever it is asked for, how many seconds ago a broker last answered."""
        self._last_answer.set_function(seconds)

    # Partitions

    def state(self, partition: int, seen: PartitionGauges) -> None:
        """Note how a partition stands that is open here."""
        self._show(_CUSTOMERS, seen.customers, partition)
        self._show(_OPEN, seen.open_episodes, partition)
        self._show(_OVERSIZED, seen.oversized, partition)
        self._show(_DIRTY, seen.dirty, partition)
        self._show(_STOPPED, seen.stopped, partition)
        if seen.watermark_ms is not None:
            self._show(_WATERMARK, seen.watermark_ms / 1000, partition)
            self._show(_TIME_LAG, (seen.now_ms - seen.watermark_ms) / 1000, partition)
        for declared, by_input in ((_LAG, seen.lag), (_STALLED, seen.stalled), (_HELD, seen.backpressured)):
            for source, value in by_input.items():
                self._show(declared, value, source, partition)
        self._show(_UPSTREAM_DELAY, seen.upstream_delay_ms / 1000, partition)
        self._show(_FEED_BROKEN, seen.feed_broken, partition)
        self._sources.partitions[partition] = seen.sources
        self._states[partition] = seen.ready
        self._count_states()
        self._add_tally(partition, seen.tally)

    def forget(self, partition: int) -> None:
        """Drop what is shown of a partition that is not here any more."""
        for gauge in self._gauges.values():
            gauge.remove_by_labels({_PARTITION.name: str(partition)})
        self._sources.partitions.pop(partition, None)
        self._states.pop(partition, None)
        self._count_states()

    def _count_states(self) -> None:
        self._owned.set(len(self._states))
        self._ready.set(sum(self._states.values()))

    def _show(self, declared: Declared, value: float, *labels: object) -> None:
        self._gauges[declared.name].labels(*labels).set(value)

    def _add_tally(self, partition: int, tally: Mapping[str, int]) -> None:
        """Add what a running tally rose by; its last state outlives `forget`, as warm partitions do."""
        former, before = self._tallies.get(partition, (None, {}))
        now = dict(tally)
        self._tallies[partition] = (tally, now)
        for name, count in (Tally(now) - Tally(before if former is tally else {})).items():
            (self._tallied.get(name) or self._episodes.labels(name)).inc(count)

    # Making

    def _counters(self, declared: Declared) -> dict[tuple[str, ...], Counter]:
        """Return a counter for all that its labels can be: each is there, at 0, from the start."""
        counter = self._counter(declared)
        values = product(*(label.values for label in declared.labels))
        return {one: counter.labels(*one) for one in values}

    def _counter(self, declared: Declared) -> Counter:
        return Counter(declared.name, declared.about, _names(declared), registry=self.registry)

    def _gauge(self, declared: Declared) -> Gauge:
        return Gauge(declared.name, declared.about, _names(declared), registry=self.registry)

    def _histogram(self, declared: Declared) -> Histogram:
        return Histogram(
            declared.name,
            declared.about,
            _names(declared),
            registry=self.registry,
            buckets=declared.buckets,
        )


def _names(declared: Declared) -> list[str]:
    return [label.name for label in declared.labels]
