"""Metrics: declared once, bounded, counters that only rise, and the page that says what they are."""

from collections import Counter
from pathlib import Path
from time import perf_counter

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.alert import Alert
from schemas.dead_letter import Reason
from schemas.events import Refusal
from streams.core.partition.partition import Outcome
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from streams.crm.cases.standing import Standing
from streams.crm.wire import Kind
from streams.desk.acting.actions import Answer, Phase
from streams.desk.board.queue import VIEWS
from streams.runtime.partition.upstream_delay import Sources as HeardSources
from streams.runtime.telemetry import desk_metrics
from streams.runtime.telemetry.bridge_metrics import (
    ANSWERS,
    KINDS,
    RESULTS,
    STANDINGS,
    BridgeMetrics,
    CanaryMetrics,
)
from streams.runtime.telemetry.desk_metrics import DeskMetrics
from streams.runtime.telemetry.ingest_metrics import IngestMetrics
from streams.runtime.telemetry.metrics import Metrics
from streams.runtime.telemetry.metrics_page import page, rows
from streams.runtime.telemetry.partition_gauges import PartitionStatus
from streams.runtime.telemetry.source_metrics import Sources, SourceTimes
from streams.runtime.telemetry.web_metrics import WebMetrics
from tests.core.drive import bad
from tests.runtime.dataset import CT, TROUBLE, TX, dataset, wait

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
NOW = 1_800_000_000_000
MOST_SECONDS_A_BATCH = 100e-6
"""Far above what it takes, far below what resolving labels for each record would."""


def value(metrics: Metrics, name: str, **labels: object) -> float | None:
    return metrics.registry.get_sample_value(
        f"retention_{name}", {key: str(one) for key, one in labels.items()}
    )


def gauges(**changes: object) -> PartitionStatus:
    fields: dict[str, object] = {
        "watermark_ms": NOW - 7_500,
        "now_ms": NOW,
        "lag": {one: at for at, one in enumerate(Input, 10)},
        "customers": 5,
        "open_episodes": 2,
        "oversized": 1,
        "dirty": 3,
        "largest_record": 64_500,
        "stalled": {TX: True, CT: False},
        "backpressured": {CT: True},
        "stopped": False,
        "ready": True,
        "tally": {},
        "upstream_delay_ms": 4_000,
        "feed_broken": True,
        "feed_guard_off": True,
        "sources": heard({TX: {"shop": SourceTimes(NOW - 500, 1_500)}}),
    }
    return PartitionStatus(**{**fields, **changes})  # type: ignore[arg-type]


def heard(sources: Sources) -> Sources:
    return {one: sources.get(one, {}) for one in Input}


def alerts() -> list[Alert]:
    """Give a watch and the alert that follows it."""
    return wait(dataset(), TROUBLE + 40 * DAY_MS)


def bridge() -> BridgeMetrics:
    """Give the metrics of a bridge that has seen one of everything."""
    metrics = BridgeMetrics()
    metrics.invalid.labels("customers").inc()
    metrics.cases({("held", "quiet"): 1, ("done", ""): 3})
    metrics.admitted.labels("watch").inc()
    metrics.deferred.labels("alert").inc()
    for result in RESULTS:
        metrics.deliveries.labels("create", result).inc()
    metrics.tries.labels("status_503").inc()
    metrics.lookups.labels("failed").inc()
    metrics.answered(202, 90.0)
    return metrics


def canary() -> CanaryMetrics:
    """Give the metrics of a canary that has done a round."""
    metrics = CanaryMetrics()
    metrics.age(0, lambda: 1.0)
    metrics.rounds.labels(0).inc()
    return metrics


def desk() -> DeskMetrics:
    """Give the metrics of a desk that has met a record that is none."""
    metrics = DeskMetrics()
    metrics.invalid.labels("alerts").inc()
    return metrics


def partition_series(metrics: Metrics) -> set[str]:
    text = generate_latest(metrics.registry).decode()
    return {line for line in text.splitlines() if 'partition="' in line}


def test_the_page_is_what_the_metrics_say() -> None:
    """When this fails: `python -m streams.runtime.telemetry.metrics_page > docs/metrics.md`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_has_every_metric_once_and_what_is_exposed_is_as_it_says() -> None:
    listed = rows()
    names = [one.name for one in listed]
    assert len(names) == len(set(names))
    metrics = Metrics()
    metrics.state(0, gauges())
    metrics.committed(0, 0.1, [], NOW)
    ingest = IngestMetrics()
    ingest.committed(0.1, {"a": 1}, {("a", TX): 1}, {("a", "a/b", "why"): 1}, {("a", Reason.SCHEMA): 1})
    ingest.lag({"a": 0})
    web = CollectorRegistry()
    WebMetrics(web)
    registries = [web, *(one.registry for one in (metrics, ingest, bridge(), canary(), desk()))]
    text = "".join(generate_latest(one).decode() for one in registries)
    found = {family.name: family for family in text_string_to_metric_families(text)}
    ours = {name for name in found if name.startswith("retention_")}
    assert ours == {one.name.removesuffix("_total") for one in listed}
    for one in listed:
        family = found[one.name.removesuffix("_total")]
        assert family.documentation == one.about
        # An info metric is a gauge of 1 in the text format.
        assert family.type == {"info": "gauge"}.get(one.kind, one.kind)
        labels = {name for sample in family.samples for name in sample.labels} - {"le"}
        assert labels == one.labels.keys()


def test_the_words_of_the_bridge_are_those_of_the_crm_side() -> None:
    """They stand twice, as metrics know nothing of the bridge."""
    assert list(STANDINGS) == [one.value for one in Standing]
    assert list(KINDS) == [one.value for one in Kind]


def test_the_words_of_the_desk_are_those_of_its_metrics() -> None:
    """They stand twice, likewise."""
    assert list(desk_metrics.ANSWERS) == [one.value for one in Answer]
    assert set(desk_metrics.PHASES) == {one.value for one in Phase} - {"held"}
    assert desk_metrics.VIEWS == VIEWS


def test_what_a_disposition_was_answered_is_one_of_the_words_that_the_page_has() -> None:
    metrics = BridgeMetrics()
    for status in (200, 202, 400, 401, 404, 413, 415, 422, 500, 503):
        metrics.answered(status, None)
    counted = {
        answer: metrics.registry.get_sample_value("retention_bridge_dispositions_total", {"answer": answer})
        for answer in ANSWERS
    }
    assert counted == {
        "accepted": 1,
        "seen": 1,
        "unsigned": 1,
        "unknown_alert": 1,
        "unavailable": 2,
        "refused": 4,
    }
    assert metrics.registry.get_sample_value("retention_bridge_first_action_seconds_count") == 0
    metrics.answered(202, 90.0)
    assert metrics.registry.get_sample_value("retention_bridge_first_action_seconds_sum") == 90


def test_a_standing_that_no_case_has_any_more_is_not_shown() -> None:
    metrics = BridgeMetrics()
    metrics.cases({("held", "quiet"): 2, ("admitted", ""): 1})
    metrics.cases({("admitted", ""): 3})
    lines = generate_latest(metrics.registry).decode().splitlines()
    assert [one for one in lines if one.startswith("retention_bridge_cases{")] == [
        'retention_bridge_cases{standing="admitted",why=""} 3.0'
    ]


def test_the_lag_of_a_source_that_went_to_another_process_is_not_shown_for_ever() -> None:
    ingest = IngestMetrics()
    ingest.lag({"a": 7, "b": 1})
    ingest.lag({"b": 2})
    lines = generate_latest(ingest.registry).decode().splitlines()
    assert [line for line in lines if line.startswith("retention_ingest_lag_records{")] == [
        'retention_ingest_lag_records{source="b"} 2.0'
    ]


def test_labels_stay_within_what_the_page_says() -> None:
    metrics = Metrics()
    metrics.state(3, gauges(tally=dataset_tally()))
    metrics.committed(3, 0.1, alerts(), NOW)
    listed = {one.name.removesuffix("_total"): one for one in rows()}
    text = generate_latest(metrics.registry).decode()
    for family in text_string_to_metric_families(text):
        if family.name not in listed:
            continue
        allowed = listed[family.name].labels
        for sample in family.samples:
            for name, shown in sample.labels.items():
                assert name in {"le", "version", "partition", "source"} or shown in allowed[name]


def dataset_tally() -> Counter[str]:
    """Give a tally of the core: an episode opened and expired, and a stranger could not be judged."""
    partition = dataset()
    wait(partition, TROUBLE + 40 * DAY_MS)
    partition.apply(CT, [bad("stranger", TROUBLE + 41 * DAY_MS)])
    wait(partition, TROUBLE + 400 * DAY_MS)
    assert {"opened", "undetectable", "closed_expired"} <= partition.tally.keys()
    return Counter(partition.tally)


def test_a_batch_is_counted_by_what_became_of_its_records() -> None:
    metrics = Metrics()
    refused = [
        (0, Refusal(Reason.FUTURE, "")),
        (4, Refusal(Reason.FUTURE, "")),
        (5, Refusal(Reason.SCHEMA, "")),
    ]
    metrics.took(CT, Outcome(applied=7, ticks=2, duplicates=[1, 2, 3], late=4, refused=refused), 0.02)
    metrics.took(CT, Outcome(applied=1), 0.2)
    metrics.refused(CT, Reason.NOT_JSON)
    found = {
        outcome: value(metrics, "events_total", input="contacts", outcome=outcome)
        for outcome in ("applied", "duplicate", "tick", "refused")
    }
    assert found == {"applied": 8, "duplicate": 3, "tick": 2, "refused": 4}
    assert value(metrics, "late_events_total", input="contacts") == 4
    reasons = {one: value(metrics, "dead_letters_total", input="contacts", reason=one) for one in Reason}
    assert {one for one, count in reasons.items() if count} == {Reason.FUTURE, Reason.SCHEMA, Reason.NOT_JSON}
    assert reasons[Reason.FUTURE] == 2
    assert value(metrics, "batch_seconds_count", input="contacts") == 2
    assert value(metrics, "batch_seconds_sum", input="contacts") == pytest.approx(0.22)
    assert value(metrics, "events_total", input="transactions", outcome="applied") == 0


def test_a_commit_counts_its_alerts() -> None:
    metrics = Metrics()
    watch, alert = alerts()[:2]
    metrics.committed(2, 0.03, [watch, alert, alert], NOW)
    assert value(metrics, "alerts_total", level="watch", state="raised", arm="treated") == 1
    assert value(metrics, "alerts_total", level="alert", state="updated", arm="treated") == 2
    assert value(metrics, "alerts_total", level="alert", state="updated", arm="holdout") == 0
    assert value(metrics, "last_commit_timestamp_seconds", partition=2) == NOW / 1000
    assert value(metrics, "transaction_seconds_sum") == 0.03


def test_what_happens_now_and_then() -> None:
    metrics = Metrics()
    metrics.latency(0.2)
    metrics.restored(1.5, 200_000)
    metrics.reopened("fenced")
    metrics.stale(TX)
    metrics.rebalanced()
    metrics.time_stopped(True)
    assert value(metrics, "alert_latency_seconds_bucket", le="0.15") == 0
    assert value(metrics, "alert_latency_seconds_bucket", le="0.25") == 1
    assert value(metrics, "restore_seconds_sum") == 1.5
    assert value(metrics, "restore_records_total") == 200_000
    assert value(metrics, "reopened_total", cause="fenced") == 1
    assert value(metrics, "reopened_total", cause="log") == 0
    assert value(metrics, "stale_batches_total", input="transactions") == 1
    assert value(metrics, "rebalances_total") == 1
    assert value(metrics, "time_stopped") == 1
    metrics.time_stopped(False)
    assert value(metrics, "time_stopped") == 0


def test_how_long_ago_a_broker_answered_is_asked_when_it_is_shown() -> None:
    metrics, seconds = Metrics(), 3.5
    metrics.broker_last_answer(lambda: seconds)
    assert value(metrics, "broker_last_answer_seconds") == 3.5
    seconds = 7.0
    assert value(metrics, "broker_last_answer_seconds") == 7.0


def test_how_a_partition_stands() -> None:
    metrics = Metrics()
    metrics.state(1, gauges())
    assert value(metrics, "watermark_timestamp_seconds", partition=1) == NOW / 1000 - 7.5
    assert value(metrics, "event_time_lag_seconds", partition=1) == 7.5
    assert value(metrics, "consumer_lag_records", partition=1, input="dispositions") == 13
    assert value(metrics, "feed_stalled", partition=1, input="transactions") == 1
    assert value(metrics, "feed_stalled", partition=1, input="contacts") == 0
    assert value(metrics, "input_held", partition=1, input="contacts") == 1
    assert value(metrics, "customers", partition=1) == 5
    assert value(metrics, "open_episodes", partition=1) == 2
    assert value(metrics, "oversized_customers", partition=1) == 1
    assert value(metrics, "dirty_records", partition=1) == 3
    assert value(metrics, "partition_stopped", partition=1) == 0
    assert value(metrics, "upstream_delay_seconds", partition=1) == 4
    assert value(metrics, "feed_broken", partition=1) == 1
    assert value(metrics, "feed_guard_off", partition=1) == 1
    metrics.state(1, gauges(stopped=True, ready=False, feed_broken=False, feed_guard_off=False))
    assert value(metrics, "partition_stopped", partition=1) == 1
    assert value(metrics, "feed_broken", partition=1) == 0
    assert value(metrics, "feed_guard_off", partition=1) == 0


def test_which_hot_path_runs() -> None:
    metrics = Metrics()
    for compiled in (True, False):
        metrics.hot_path(compiled=compiled)
        assert value(metrics, "compiled") == compiled


def test_the_wall_clock_is_looked_at_when_it_is_asked_for() -> None:
    metrics, ahead_ms = Metrics(), [2_500]
    metrics.wall_clock(lambda: ahead_ms[0])
    assert value(metrics, "wall_clock_ahead_seconds") == 2.5
    ahead_ms[0] = -60_000
    assert value(metrics, "wall_clock_ahead_seconds") == -60


def sources_shown(metrics: Metrics, name: str = "source_delay_seconds") -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    [family] = [one for one in families if one.name == f"retention_{name}"]
    return {(one.labels["input"], one.labels["source"]): one.value for one in family.samples}


def test_a_source_is_shown_by_its_newest_record_in_all_partitions() -> None:
    """A fast clock shows as a delay below 0; a partition that left takes along what it alone knew."""
    metrics = Metrics()
    assert sources_shown(metrics) == {}
    old, new = SourceTimes(NOW - 9_000, 1_500), SourceTimes(NOW, -70_000)
    metrics.state(0, gauges(sources=heard({TX: {"shop": new, "web": old}})))
    metrics.state(1, gauges(sources=heard({TX: {"shop": old}, CT: {"shop": old}})))
    shop, web, phone = ("transactions", "shop"), ("transactions", "web"), ("contacts", "shop")
    assert sources_shown(metrics) == {shop: -70, web: 1.5, phone: 1.5}
    last = "source_last_append_timestamp_seconds"
    assert sources_shown(metrics, last) == {shop: NOW / 1000, web: NOW / 1000 - 9, phone: NOW / 1000 - 9}
    metrics.forget(0)
    assert sources_shown(metrics) == {shop: 1.5, phone: 1.5}


def test_what_a_partition_hears_later_is_shown_without_being_told_again() -> None:
    metrics, sources = Metrics(), {one: HeardSources() for one in Input}
    metrics.state(0, gauges(sources={one: of.times for one, of in sources.items()}))
    sources[CT].note("phone", NOW, NOW - 3_000)
    assert sources_shown(metrics) == {("contacts", "phone"): 3}


@pytest.mark.parametrize(("sources", "told_apart", "others"), [(19, 19, 0), (20, 20, 0), (21, 20, 1)])
def test_twenty_sources_are_told_apart_and_the_rest_is_one(
    sources: int, told_apart: int, others: int
) -> None:
    """However they are spread over partitions; of the others the newest record is shown."""
    metrics = Metrics()
    for at in range(sources):
        seen = {f"s{at}": SourceTimes(NOW + at, at * 1000), "other": SourceTimes(NOW - 1, 0)}
        metrics.state(at, gauges(sources=heard({CT: seen})))
    shown = sources_shown(metrics)
    assert len(shown) == told_apart + 1
    assert shown["contacts", "other"] == (20 if others else 0)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("shop-1.web/de:a_b", "shop-1.web/de:a_b"),
        ('x"} 1\nretention_time_stopped 1', "x___1_retention_time_stopped_1"),
        ("Kasse \u00fc\u202e", "Kasse___"),
        ("s" * 63, "s" * 63),
        ("s" * 64, "s" * 64),
        ("s" * 65, "s" * 64),
    ],
)
def test_the_name_of_a_source_is_text_from_outside(source: str, name: str) -> None:
    metrics = Metrics()
    metrics.state(0, gauges(sources=heard({TX: {source: SourceTimes(NOW, 0)}})))
    assert list(sources_shown(metrics)) == [("transactions", name)]


def test_names_that_look_the_same_when_shown_are_one_source() -> None:
    metrics, names = Metrics(), ("a b", "a\tb", "a_b")
    seen = {name: SourceTimes(NOW - at, at * 1000) for at, name in enumerate(names)}
    metrics.state(0, gauges(sources=heard({TX: seen})))
    assert sources_shown(metrics) == {("transactions", "a_b"): 0}


def test_time_is_not_shown_before_there_is_one() -> None:
    metrics = Metrics()
    metrics.state(1, gauges(watermark_ms=None))
    assert value(metrics, "watermark_timestamp_seconds", partition=1) is None
    assert value(metrics, "event_time_lag_seconds", partition=1) is None


def test_partitions_are_counted_and_forgotten() -> None:
    metrics = Metrics()
    assert (value(metrics, "partitions_owned"), value(metrics, "partitions_ready")) == (0, 0)
    for number in range(12):
        metrics.state(number, gauges(ready=number > 2))
        metrics.committed(number, 0.1, [], NOW)
    assert (value(metrics, "partitions_owned"), value(metrics, "partitions_ready")) == (12, 9)
    metrics.forget(1)
    metrics.forget(1)
    assert (value(metrics, "partitions_owned"), value(metrics, "partitions_ready")) == (11, 9)
    assert not any('partition="1"' in line for line in partition_series(metrics))
    for number in range(12):
        metrics.forget(number)
    assert partition_series(metrics) == set()
    assert (value(metrics, "partitions_owned"), value(metrics, "partitions_ready")) == (0, 0)


def test_a_running_tally_becomes_counters() -> None:
    metrics, tally = Metrics(), Counter(opened=3, not_high_value=5)

    def seen() -> tuple[float | None, ...]:
        opened = value(metrics, "episodes_total", outcome="opened")
        held, undetectable = (
            value(metrics, "held_by_feed_guard_total"),
            value(metrics, "undetectable_episodes_total"),
        )
        return opened, held, undetectable

    metrics.state(0, gauges(tally=tally))
    metrics.state(0, gauges(tally=tally))
    assert seen() == (3, 0, 0)
    tally.update(opened=1, held_by_feed_guard=7, undetectable=2)
    metrics.state(0, gauges(tally=tally))
    assert seen() == (4, 7, 2)
    assert value(metrics, "episodes_total", outcome="not_high_value") == 5
    tally.update(too_many_contacts=9, doubtful_ids=4)
    metrics.state(0, gauges(tally=tally))
    assert value(metrics, "doubtful_ids_total") == 4
    assert value(metrics, "too_many_contacts_total") == 9


@pytest.mark.parametrize("again", [1, 3, 4])
def test_a_tally_of_a_partition_opened_anew_begins_at_0(again: int) -> None:
    """Also when it has come further by the time it is first seen than the one before ever did."""
    metrics = Metrics()
    metrics.state(0, gauges(tally=Counter(opened=3)))
    metrics.state(0, gauges(tally=Counter(opened=again)))
    assert value(metrics, "episodes_total", outcome="opened") == 3 + again


def test_a_partition_that_comes_back_warm_is_not_counted_twice() -> None:
    metrics, tally = Metrics(), Counter(opened=3)
    metrics.state(0, gauges(tally=tally))
    metrics.forget(0)
    tally.update(opened=1)
    metrics.state(0, gauges(tally=tally))
    assert value(metrics, "episodes_total", outcome="opened") == 4


def test_partitions_have_a_tally_each() -> None:
    metrics, one, other = Metrics(), Counter(opened=1), Counter(opened=1)
    for _ in range(3):
        metrics.state(0, gauges(tally=one))
        metrics.state(1, gauges(tally=other))
    assert value(metrics, "episodes_total", outcome="opened") == 2


def test_two_of_them_are_apart() -> None:
    one, other = Metrics(), Metrics()
    one.rebalanced()
    assert value(other, "rebalances_total") == 0


def test_the_process_and_the_release_are_told() -> None:
    text = generate_latest(Metrics().registry).decode()
    assert 'retention_build_info{version="' in text
    for name in ("process_resident_memory_bytes ", "python_info{", "python_gc_collections_total{"):
        assert f"\n{name}" in text
    assert "_created" not in text


def test_counting_a_batch_costs_next_to_nothing() -> None:
    metrics, outcome = Metrics(), Outcome(applied=500)
    metrics.took(TX, outcome, 0.01)
    rounds = []
    for _ in range(5):
        started = perf_counter()
        for _ in range(1_000):
            metrics.took(TX, outcome, 0.01)
        rounds.append((perf_counter() - started) / 1_000)
    assert min(rounds) < MOST_SECONDS_A_BATCH


def test_facts_are_the_inputs_that_can_stall() -> None:
    stalled = next(one for one in rows() if one.name == "retention_feed_stalled")
    assert stalled.labels["input"] == tuple(FACTS)
