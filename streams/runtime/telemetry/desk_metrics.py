"""What the desk measures, as Prometheus shows it; `docs/metrics.md` is generated from it."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from streams.runtime.telemetry.registry import with_process

ANSWERS: Final = ("held", "seen", "conflict", "unknown", "away")
"""What somebody who acts can be answered, as `streams.desk.acting` says it."""
PHASES: Final = ("written", "undone", "late")
"""What can become of an action that was held back."""
VIEWS: Final = ("open", "snoozed", "overdue", "resolved")
"""The views that an alert can be in."""


class DeskMetrics:
    """The metrics of one desk in a registry of their own, with those of the process and interpreter."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = with_process(registry)
        self.read = Counter(
            "retention_desk_records_total", "Records of the alert topic that were read.", registry=registry
        )
        self.invalid = Counter(
            "retention_desk_invalid_records_total",
            "Records of the topics that are no alert, profile or disposition: named in the log, and left.",
            ("topic",),
            registry=registry,
        )
        self.lag = Gauge(
            "retention_desk_lag_records",
            "Records of the alert topic that are not read yet.",
            registry=registry,
        )
        self.alerts = Gauge(
            "retention_desk_alerts",
            "Alerts in memory, by the view that they are in.",
            ("view",),
            registry=registry,
        )
        self.let_go = Counter(
            "retention_desk_let_go_total",
            "Alerts let go from memory, some time after they were resolved.",
            registry=registry,
        )
        self.trust = Gauge(
            "retention_desk_trust",
            "How far what it shows can be trusted: 0 all is well, 1 it may be behind, 2 alerts are missing.",
            registry=registry,
        )
        self.pages = Gauge("retention_desk_pages", "Pages that listen.", registry=registry)
        self.dispositions = Counter(
            "retention_desk_dispositions_total",
            "What somebody did about an alert, by what the desk answered.",
            ("answer",),
            registry=registry,
        )
        self.phases = Counter(
            "retention_desk_held_total",
            "What became of what was held back: written, undone, or not taken by Kafka at a try.",
            ("phase",),
            registry=registry,
        )
        for answer in ANSWERS:
            self.dispositions.labels(answer)
        for phase in PHASES:
            self.phases.labels(phase)
        for view in VIEWS:
            self.alerts.labels(view)
