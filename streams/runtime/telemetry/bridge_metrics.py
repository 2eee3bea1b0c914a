"""What the bridge and the canary measure, as Prometheus shows it; `docs/metrics.md` is generated from it.

Deliveries and dispositions are counted when the ledger has them, so each counts once.
"""

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.runtime.telemetry.children import children
from streams.runtime.telemetry.registry import with_process

_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_DELAYS: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 259_200.0)
_ACTIONS: Final = (60.0, 300.0, 900.0, 3600.0, 14_400.0, 28_800.0, 86_400.0, 259_200.0, 604_800.0)

STANDINGS: Final = ("waiting", "deferred", "held", "admitted", "done", "never")
"""What can have become of a case, as `streams.crm.cases` says it."""
KINDS: Final = ("create", "update", "refresh", "close")
"""What a message does, as `streams.crm.wire` says it."""
RESULTS: Final = ("delivered", "given_up", "left_out")
"""How a message can end; `left_out`: the template sends nothing of its kind."""
BUDGETS: Final = ("room", "deferred")
"""Whether a case found room in the budget of its day."""
_ANSWERS: Final = {
    202: "accepted",
    200: "seen",
    401: "unsigned",
    404: "unknown_alert",
    500: "unavailable",
    503: "unavailable",
}
LOOKUPS: Final = ("answered", "unknown", "failed")
"""What can come of a question to a worker."""
ANSWERS: Final = (*dict.fromkeys(_ANSWERS.values()), "refused")
"""What a disposition can be answered."""


class BridgeMetrics:
    """The metrics of one bridge in a registry of their own, with those of the process and interpreter."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = with_process(registry)
        self.read = Counter(
            "retention_bridge_records_total",
            "Records of the alert topic that the ledger took.",
            registry=registry,
        )
        self.invalid = Counter(
            "retention_bridge_invalid_records_total",
            "Records of the topics that are no alert and no profile: named in the log, and left.",
            ("topic",),
            registry=registry,
        )
        self.lag = Gauge(
            "retention_bridge_lag_records",
            "Records of the alert topic that the ledger does not have yet, as of Kafka's last answer.",
            registry=registry,
        )
        self.last_answer = Gauge(
            "retention_bridge_last_answer_seconds",
            "How long ago Kafka last answered: it stays below 15 while all is well. While another bridge has "
            "the ledger, how long this one has waited.",
            registry=registry,
        )
        self._cases = Gauge(
            "retention_bridge_cases",
            "Cases in the ledger by what became of them, and why they are held.",
            ("standing", "why"),
            registry=registry,
        )
        self._shown: set[tuple[str, str]] = set()
        self.admitted = Counter(
            "retention_bridge_admitted_total",
            "Cases that were admitted, so they go to the CRM.",
            ("level",),
            registry=registry,
        )
        self.deferred = Counter(
            "retention_bridge_deferred_total",
            "Cases that found no room in the budget of a day and wait.",
            ("level",),
            registry=registry,
        )
        self.deliveries = Counter(
            "retention_bridge_deliveries_total",
            "Messages that came to an end: delivered, given up and kept, or left out by the template.",
            ("kind", "result"),
            registry=registry,
        )
        self.tries = Counter(
            "retention_bridge_tries_total",
            "Requests to the CRM, by what came of them.",
            ("status",),
            registry=registry,
        )
        self.request_seconds = Histogram(
            "retention_bridge_request_seconds",
            "One request to the CRM, until its answer or the time limit.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.delivery_seconds = Histogram(
            "retention_bridge_delivery_seconds",
            "From when a message was queued until the CRM had it.",
            registry=registry,
            buckets=_DELAYS,
        )
        self._case_seconds = Histogram(
            "retention_bridge_case_seconds",
            "From when Kafka took the alert until the CRM had its case. Without those that were held, as "
            "backfill is, and the canary's; what found no room in the budget at first is apart.",
            ("budget",),
            registry=registry,
            buckets=_DELAYS,
        )
        self.oldest_deferred = Gauge(
            "retention_bridge_oldest_deferred_seconds",
            "How long ago Kafka took the oldest alert that finds no room in the budget; 0 when none waits.",
            ("level",),
            registry=registry,
        )
        self.queued = Gauge(
            "retention_bridge_queued_messages",
            "Messages that are still to be delivered.",
            registry=registry,
        )
        self.oldest = Gauge(
            "retention_bridge_oldest_queued_seconds",
            "How long the oldest of them waits; 0 when none does.",
            registry=registry,
        )
        self.given_up = Gauge(
            "retention_bridge_given_up_messages",
            "Messages that were given up, and that nobody has sent again.",
            registry=registry,
        )
        self.circuit_open = Gauge(
            "retention_bridge_circuit_open",
            "Whether the CRM is left alone for a while, because it failed too often in a row.",
            registry=registry,
        )
        self.lookups = Counter(
            "retention_bridge_lookups_total",
            "Questions to the workers about how things stand now.",
            ("result",),
            registry=registry,
        )
        self.dispositions = Counter(
            "retention_bridge_dispositions_total",
            "Dispositions of the CRM, by what the bridge answered.",
            ("answer",),
            registry=registry,
        )
        self.first_action_seconds = Histogram(
            "retention_bridge_first_action_seconds",
            "From when the CRM had a case until its first disposition.",
            registry=registry,
            buckets=_ACTIONS,
        )
        for one in ("watch", "alert"):
            self.oldest_deferred.labels(one)
        for one in BUDGETS:
            self._case_seconds.labels(one)
        # Each is there, at 0, from the start: else the first of its kind would be no increase.
        for counter in (self.admitted, self.deferred):
            children(counter, ("watch", "alert"))
        children(self.deliveries, KINDS, RESULTS)
        children(self.lookups, LOOKUPS)
        children(self.dispositions, ANSWERS)

    def delivered_case(self, after_ms: int, *, deferred: bool) -> None:
        """Count a case that the CRM has, so long after the alert; clocks of two machines may differ."""
        self._case_seconds.labels(BUDGETS[deferred]).observe(max(0, after_ms) / 1000)

    def answered(self, status: int, seconds: float | None) -> None:
        """Count what a disposition was answered, and how long a case waited for its first."""
        self.dispositions.labels(_ANSWERS.get(status, "refused")).inc()
        if seconds is not None:
            self.first_action_seconds.observe(seconds)

    def cases(self, numbers: Mapping[tuple[str, str], int]) -> None:
        """Show how many cases there are by standing and why."""
        for gone in self._shown - numbers.keys():
            self._cases.remove(*gone)
        self._shown = set(numbers)
        for (standing, why), number in numbers.items():
            self._cases.labels(standing, why).set(number)


class CanaryMetrics:
    """The metrics of the canary in a registry of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = with_process(registry)
        self._age = Gauge(
            "retention_canary_age_seconds",
            "How long ago a synthetic customer of the partition last went the whole way and back; before the "
            "first time, how long ago this process began.",
            ("partition",),
            registry=registry,
        )
        self.turn = Gauge(
            "retention_canary_turn_seconds",
            "How often each synthetic customer begins a round.",
            registry=registry,
        )
        self.rounds = Counter(
            "retention_canary_rounds_total",
            "Rounds that were closed: contact, alert, webhook, disposition, and the alert resolved by it.",
            ("partition",),
            registry=registry,
        )
        self.alert_seconds = Histogram(
            "retention_canary_alert_seconds",
            "From the bad contact of a synthetic customer until its case was delivered and answered.",
            registry=registry,
            buckets=_DELAYS,
        )
        self.close_seconds = Histogram(
            "retention_canary_close_seconds",
            "From the disposition until the closing of the case was delivered.",
            registry=registry,
            buckets=_DELAYS,
        )

    def age(self, partition: int, age_seconds: Callable[[], float]) -> None:
        """Show a partition: no round yet, and at each scrape how long ago the last one was."""
        self.rounds.labels(partition)
        self._age.labels(partition).set_function(age_seconds)
