"""What the dashboard shows: rows by concept, as the runbook has them, and in each what answers its question.

A test holds that every metric is on a panel, and every alert rule named by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from streams.runtime.telemetry.dashboard.queries import (
    Query,
    age,
    daily,
    expression,
    hourly,
    most,
    plus,
    quantiles,
    rate,
    share,
    total,
)

PER_SECOND: Final = "per second"
SHARE: Final = "share"
YES_OR_NO: Final = "0 or 1"


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. Its unit and text are those of its first metric, unless it says otherwise."""

    title: str
    queries: Sequence[Query]
    note: str = ""
    """What is to be known beside what the metric says."""
    alerts: Sequence[str] = ()
    """The rules that watch it, without `Retention`."""
    unit: str | None = None
    warning: float | None = None
    """From here on it is yellow."""
    critical: float | None = None
    """From here on it is red."""
    kind: Literal["timeseries", "stat", "table"] = "timeseries"
    width: int = 8
    """Of 24."""


@dataclass(frozen=True, slots=True)
class Group:
    """A row, with the question that it answers."""

    title: str
    panels: Sequence[Panel]


_stat = partial(Panel, kind="stat", width=4)

_ALIVE: Final = Group(
    "Is it alive",
    [
        _stat(
            "Processes that do not answer",
            [expression("count({} == 0) or vector(0)", "down", "up")],
            "Workers, bridge, desk, ingest, canary: all that is scraped under the chosen jobs.",
            alerts=["ProcessDown", "ProcessGone"],
            unit="processes",
            critical=1,
        ),
        _stat(
            "Partitions that are ready", [total("partitions_ready")], "It has to be the number of partitions."
        ),
        _stat(
            "Partitions that are stopped",
            [expression("sum(max by (job, partition) ({}))", "stopped", "retention_partition_stopped")],
            "Too much was refused: nothing more of them is read.",
            alerts=["PartitionStopped"],
            unit="partitions",
            critical=1,
        ),
        _stat(
            "Kafka's last answer",
            [most("broker_last_answer_seconds")],
            alerts=["KafkaSilent"],
            warning=10,
            critical=30,
        ),
        _stat("Time stands still", [most("time_stopped")], alerts=["TimeStopped"], warning=1),
        _stat("Records to read in all", [total("consumer_lag_records")]),
        Panel(
            "Partitions by worker",
            [
                total("partitions_owned", "instance").called("{{instance}} open"),
                total("partitions_ready", "instance").called("{{instance}} ready"),
            ],
            "Open and not ready: profiles and dispositions are read first, or it is stopped.",
            alerts=["NotReady", "PartitionUnowned"],
        ),
        Panel(
            "Openings under way",
            [most("opening_seconds", "instance")],
            alerts=["RestoreSlow"],
            warning=120,
        ),
        Panel(
            "Starts within an hour",
            [
                expression(
                    "sum by (job, instance) (changes({}[1h]))",
                    "{{job}} {{instance}}",
                    "process_start_time_seconds",
                )
            ],
            "Each start of a worker is a rebalance and a restore.",
            alerts=["ProcessRestarting"],
            unit="starts",
            warning=3,
        ),
        Panel("Partitions opened again", [hourly("reopened_total", "cause")], "Within an hour."),
        Panel("Rebalances", [hourly("rebalances_total", "instance")], "Within an hour."),
        Panel(
            "Refused tokens within an hour",
            [hourly("web_refused_tokens_total", "job", "instance", "reason")],
            alerts=["TokensGuessed"],
        ),
        Panel(
            "Releases and hot path",
            [
                most("build_info", "job", "instance", "version").called("release"),
                most("compiled", "job", "instance").called("compiled hot path"),
            ],
            "While an upgrade is under way there are two releases.",
            kind="table",
        ),
    ],
)

_CURRENT: Final = Group(
    "Is it up to date",
    [
        Panel(
            "Records to read by partition",
            [most("consumer_lag_records", "input", "partition")],
            "It counts also while a partition is stopped.",
            alerts=["Lag"],
            warning=10_000,
        ),
        Panel(
            "How far decisions are behind now",
            [most("event_time_lag_seconds", "partition")],
            "On the event clock, in history, it means nothing.",
            alerts=["TimeBehind"],
            warning=3600,
        ),
        Panel("From due to readable: alerts", quantiles("alert_latency_seconds")),
        Panel(
            "Late events, share of what was applied",
            [share(rate("late_events_total", "input"), rate("events_total", "input", outcome="applied"))],
            alerts=["LateEvents"],
            unit=SHARE,
            warning=0.01,
        ),
        Panel("Events by input", [rate("events_total", "input")], unit=PER_SECOND),
        Panel("Inputs that wait for others", [most("input_held", "input", "partition")]),
        Panel("Taking in a batch", quantiles("batch_seconds", "input", of=(0.99,))),
        Panel(
            "Wall clock against the time that is gone by",
            [most("wall_clock_ahead_seconds", "instance")],
            alerts=["WallClockOff"],
            warning=5,
        ),
        Panel("Time that is decided up to, ago", [age("watermark_timestamp_seconds", "partition")]),
        Panel(
            "Last commit, ago",
            [age("last_commit_timestamp_seconds", "partition")],
            "It may be old where there is nothing to read.",
            alerts=["NoProgress"],
        ),
    ],
)

_FEEDS: Final = Group(
    "Are the feeds whole",
    [
        Panel(
            "Feeds that are stale",
            [most("feed_stalled", "input", "partition")],
            alerts=["FeedStalled"],
            critical=1,
        ),
        Panel(
            "Purchase feed found broken", [most("feed_broken", "partition")], alerts=["FeedBroken"], warning=1
        ),
        Panel(
            "Feed guard off: too few purchases",
            [most("feed_guard_off", "partition")],
            alerts=["FeedGuardOff"],
            warning=1,
        ),
        Panel(
            "Held back by the feed guard",
            [hourly("held_by_feed_guard_total")],
            "Within an hour.",
            alerts=["HeldByFeedGuard"],
            warning=1,
        ),
        Panel(
            "Last append by source, ago",
            [age("source_last_append_timestamp_seconds", "input", "source")],
            "The age is that of the newest record of all workers; the state keeps it.",
            alerts=["SourceSilent", "NoContacts"],
            warning=86_400,
        ),
        Panel(
            "From event to append by source",
            [most("source_delay_seconds", "input", "source")],
            alerts=["SourceClockFast"],
        ),
        Panel("Purchases on their way", [most("upstream_delay_seconds", "partition")]),
    ],
)

_FOUND: Final = Group(
    "What it found",
    [
        Panel("Alert records within an hour", [hourly("alerts_total", "level", "state", "arm")]),
        Panel("Episodes open", [total("open_episodes", "partition")]),
        Panel("Bad contacts and closed episodes within an hour", [hourly("episodes_total", "outcome")]),
        Panel(
            "Bad contacts that can't be judged, share of a day",
            [
                share(
                    daily("undetectable_episodes_total"),
                    plus(
                        daily("undetectable_episodes_total"),
                        daily("episodes_total", outcome="opened|not_high_value|no_cutoff|shared_id"),
                    ),
                )
            ],
            alerts=["Undetectable"],
            unit=SHARE,
            warning=0.5,
        ),
        Panel("Bad contacts without a baseline within an hour", [hourly("undetectable_episodes_total")]),
        Panel("Customers known", [total("customers", "partition")]),
        Panel("Histories of merged customers within an hour", [hourly("merged_histories_total", "outcome")]),
    ],
)

_REFUSED: Final = Group(
    "What it refused",
    [
        Panel(
            "Dead letters, share of what was read",
            [share(rate("dead_letters_total", "input"), rate("events_total", "input"))],
            alerts=["DeadLetters"],
            unit=SHARE,
            warning=0.01,
            critical=0.1,
        ),
        Panel(
            "Dead letters within an hour",
            [hourly("dead_letters_total", "input", "reason")],
            alerts=["DeadLetterSeen"],
        ),
        Panel("Records by what became of them", [rate("events_total", "outcome")], unit=PER_SECOND),
        Panel("Partitions stopped", [most("partition_stopped", "partition")], critical=1),
        Panel("Unknown fields within an hour", [hourly("unknown_fields_total", "input")]),
        Panel("Duplicates with another content within an hour", [hourly("duplicates_other_content_total")]),
        Panel("Ids looked up to the minute within an hour", [hourly("doubtful_ids_total")]),
        Panel("Contacts forgotten within an hour", [hourly("too_many_contacts_total")]),
        Panel("Batches sought again within an hour", [hourly("stale_batches_total", "input")]),
    ],
)

_DELIVERY: Final = Group(
    "Delivery: bridge, canary, desk",
    [
        _stat("The CRM is left alone", [most("bridge_circuit_open")], alerts=["DeliveryFailing"], critical=1),
        _stat(
            "Messages given up", [total("bridge_given_up_messages")], alerts=["DeliveryGivenUp"], warning=1
        ),
        _stat(
            "Oldest message", [most("bridge_oldest_queued_seconds")], alerts=["DeliveryLate"], warning=1800
        ),
        _stat("Records not in the ledger", [total("bridge_lag_records")], alerts=["BridgeBehind"]),
        _stat(
            "Kafka's last answer to the bridge",
            [expression("min by (job) ({})", "{{job}}", "retention_bridge_last_answer_seconds")],
            "The smallest: a second bridge waits for the first to end.",
            alerts=["BridgeKafkaSilent"],
            unit="s",
            warning=15,
            critical=30,
        ),
        _stat(
            "Desk: 0 live, 1 caution, 2 broken",
            [most("desk_trust")],
            alerts=["DeskBlind"],
            warning=1,
            critical=2,
        ),
        _stat("Oldest round of the canary", [most("canary_age_seconds")], alerts=["CanaryLate"]),
        Panel(
            "Cases by standing",
            [total("bridge_cases", "standing", "why")],
            alerts=["BudgetExhausted", "HeldAsHistory"],
        ),
        Panel(
            "Admitted and deferred within an hour",
            [
                hourly("bridge_admitted_total", "level").called("{{level}} admitted"),
                hourly("bridge_deferred_total", "level").called("{{level}} deferred"),
            ],
        ),
        Panel("Messages within an hour", [hourly("bridge_deliveries_total", "kind", "result")]),
        Panel("Requests to the CRM by answer", [rate("bridge_tries_total", "status")], unit=PER_SECOND),
        Panel("One request to the CRM", quantiles("bridge_request_seconds")),
        Panel("From queued to delivered", quantiles("bridge_delivery_seconds")),
        Panel(
            "From the alert to its case",
            quantiles("bridge_case_seconds", "budget"),
            "Without those that were held. `deferred`: there was no room in the budget at first.",
            alerts=["CaseLate"],
            critical=900,
        ),
        Panel(
            "Oldest case that finds no room in the budget", [most("bridge_oldest_deferred_seconds", "level")]
        ),
        Panel("Messages that wait", [total("bridge_queued_messages")]),
        Panel(
            "Questions to the workers by answer",
            [rate("bridge_lookups_total", "result")],
            alerts=["LookupsFail"],
            unit=PER_SECOND,
        ),
        Panel(
            "Dispositions of the CRM within an hour",
            [hourly("bridge_dispositions_total", "answer")],
            alerts=["DispositionsRefused"],
        ),
        Panel("From the case to the first action", quantiles("bridge_first_action_seconds", of=(0.5, 0.9))),
        Panel(
            "Records that the bridge took within an hour",
            [
                hourly("bridge_records_total").called("taken"),
                hourly("bridge_invalid_records_total", "topic").called("unreadable of {{topic}}"),
            ],
            alerts=["BridgeUnreadable"],
        ),
        Panel(
            "Rounds of the canary, ago",
            [
                most("canary_age_seconds", "partition"),
                most("canary_turn_seconds").called("a turn"),
            ],
        ),
        Panel(
            "Canary: from contact to case, from disposition to close",
            [
                *(one.called(f"{one.legend} case") for one in quantiles("canary_alert_seconds")),
                *(one.called(f"{one.legend} close") for one in quantiles("canary_close_seconds")),
            ],
        ),
        Panel("Rounds of the canary within an hour", [hourly("canary_rounds_total", "partition")]),
        Panel("Alerts on the desk", [most("desk_alerts", "view")]),
        Panel(
            "What people did on the desk within an hour",
            [
                hourly("desk_dispositions_total", "answer"),
                hourly("desk_held_total", "phase").called("held back: {{phase}}"),
            ],
            alerts=["DeskWritesLate"],
        ),
        Panel(
            "Records that the desk reads",
            [
                most("desk_lag_records").called("not read yet"),
                hourly("desk_records_total").called("read within an hour"),
                hourly("desk_invalid_records_total", "topic").called(
                    "unreadable of {{topic}} within an hour"
                ),
                hourly("desk_let_go_total").called("let go within an hour"),
            ],
        ),
        Panel("Pages that listen", [total("desk_pages", "instance")]),
    ],
)

_INGEST: Final = Group(
    "Ingest",
    [
        Panel(
            "Records of sources to read",
            [total("ingest_lag_records", "source")],
            alerts=["IngestLag", "IngestNoProgress"],
            warning=10_000,
        ),
        Panel(
            "Refused, share of what was read",
            [share(rate("ingest_refused_total", "source"), rate("ingest_records_total", "source"))],
            alerts=["IngestRefused"],
            unit=SHARE,
            warning=0.01,
        ),
        Panel(
            "Kafka's last answer to ingest",
            [most("ingest_last_answer_seconds", "instance")],
            alerts=["IngestKafkaSilent"],
            warning=10,
            critical=30,
        ),
        Panel(
            "Waits for the schema registry",
            [most("ingest_registry_waiting", "instance")],
            alerts=["IngestRegistryAway"],
            critical=1,
        ),
        Panel("Records mapped", [rate("ingest_records_total", "source")], unit=PER_SECOND),
        Panel("Events written", [rate("ingest_events_total", "source", "input")], unit=PER_SECOND),
        Panel("Records skipped within an hour", [hourly("ingest_skipped_total", "source", "rule", "why")]),
        Panel("Transactions", quantiles("ingest_transaction_seconds")),
        Panel("Transactions undone within an hour", [hourly("ingest_undone_total", "instance")]),
        Panel("Things remembered", [total("ingest_memory_entries", "instance")]),
        Panel("Partitions by process", [total("ingest_partitions_owned", "instance")]),
    ],
)

_COST: Final = Group(
    "What it costs",
    [
        Panel(
            "CPU",
            [expression("rate({}[$__rate_interval])", "{{job}} {{instance}}", "process_cpu_seconds_total")],
            "Cores. A worker that takes a whole one is full.",
            unit="cores",
        ),
        Panel(
            "Memory",
            [expression("{}", "{{job}} {{instance}}", "process_resident_memory_bytes")],
            "The sizing rule says what a worker needs.",
            unit="bytes",
        ),
        Panel("One transaction", quantiles("transaction_seconds")),
        Panel("Opening a partition", quantiles("restore_seconds")),
        Panel("State records read by restores", [rate("restore_records_total", "instance")], unit=PER_SECOND),
        Panel("State records to write", [most("dirty_records", "partition")]),
        Panel(
            "Largest state record",
            [most("largest_state_record_bytes", "partition")],
            alerts=["StateRecordLarge"],
            warning=2 * 1024 * 1024,
        ),
        Panel("Customers that are very large", [most("oversized_customers", "partition")]),
    ],
)

GROUPS: Final = (_ALIVE, _CURRENT, _FEEDS, _FOUND, _REFUSED, _DELIVERY, _INGEST, _COST)
