"""Replay: the same events in any form and any number of partitions, and what is told of them."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.events import Refusal, Tick
from schemas.hot import Decoder
from schemas.partitioner import partition_of
from schemas.times import format_ms, parse_ms
from streams.core.ruleset import DEFAULT, Ruleset
from streams.lab.replay import ReplayResult, replay_directory
from streams.lab.replay.summary import run_summary, standing
from streams.lab.story import RefusedPurchase
from tests.lab.datasets import (
    CUSTOMERS,
    FORMS,
    NOW,
    RULES,
    add_dispositions,
    copy_as,
    lines_of,
    write_dataset,
    write_lines,
)

pytestmark = pytest.mark.slow

START = 1_704_067_200_000
DAY = 86_400_000


def replay(directory: Path, ruleset: Ruleset = RULES, now_ms: int = NOW, **options: Any) -> ReplayResult:
    return replay_directory(directory, ruleset=ruleset, now_ms=now_ms, **options)


@pytest.fixture(name="dataset", scope="module")
def dataset_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a dataset with alerts, some of which the CRM closed."""
    directory = tmp_path_factory.mktemp("dataset") / "jsonl"
    write_dataset(directory)
    found = standing(replay(directory).alerts)
    closed = [(alert.customer_id, alert.alert_id) for alert in found[: len(found) // 2]]
    add_dispositions(directory, closed, format_ms(START + 290 * DAY))
    return directory


@pytest.fixture(name="expected", scope="module")
def expected_fixture(dataset: Path) -> ReplayResult:
    return replay(dataset)


def purchase(number: int, time: int, **changes: object) -> bytes:
    event = {
        "type": "transaction",
        "event_id": f"e{number}",
        "customer_id": f"c{number % 3}",
        "time": format_ms(time),
        "source": "shop",
        "kind": "purchase",
        "amount": "10.00",
        "currency": "USD",
    }
    return json.dumps(event | changes).encode()


def tick(time: int) -> bytes:
    return json.dumps({"type": "tick", "time": format_ms(time), "source": "shop"}).encode()


def test_the_dataset_is_worth_comparing(expected: ReplayResult) -> None:
    states = {(alert.state, alert.level, alert.resolution) for alert in expected.alerts}
    assert len(expected.alerts) > 30
    assert {state for state, _, _ in states} == {"raised", "updated", "resolved"}
    assert {why for _, _, why in states} >= {None, "returned", "closed"}
    assert len(expected.outcomes) == 4
    assert expected.dead_letters == []


@pytest.mark.parametrize("form", FORMS)
def test_the_same_events_in_another_form_give_the_same_alerts(
    dataset: Path, tmp_path: Path, expected: ReplayResult, form: str
) -> None:
    again = replay(copy_as(dataset, tmp_path / "copy", form))
    assert again.alerts == expected.alerts
    assert list(again.outcomes.values()) == list(expected.outcomes.values())
    assert (again.first_ms, again.last_ms, again.tally) == (
        expected.first_ms,
        expected.last_ms,
        expected.tally,
    )


def test_a_second_run_gives_the_same_bytes(dataset: Path, expected: ReplayResult) -> None:
    again = replay(dataset)
    assert [one.model_dump_json() for one in again.alerts] == [
        one.model_dump_json() for one in expected.alerts
    ]


@pytest.mark.parametrize("partitions", range(1, 8))
def test_any_number_of_partitions_accounts_for_every_line_and_customer(
    dataset: Path, expected: ReplayResult, partitions: int
) -> None:
    """Cut-offs differ, because each partition draws its own sample; what was read does not."""
    result = replay(dataset, partitions=partitions)
    assert result.customers == expected.customers == CUSTOMERS
    for file, counts in result.outcomes.items():
        assert counts["applied"] + counts["duplicate"] + counts["tick"] == len(lines_of(dataset / file))
    assert result.alerts
    keys = [(alert.time, alert.customer_id) for alert in result.alerts]
    assert keys == sorted(keys)


def test_protected_customers_give_the_same_alerts_in_any_number_of_partitions(dataset: Path) -> None:
    """With a gate and a yardstick that ask nothing of the population, partitions make no difference."""
    rules = replace(
        DEFAULT,
        protected_tiers=("standard", "gold", "platinum"),
        opening_frustration=0.5,
        population_minimum=1_000_000,
        guard_minimum=1_000_000,
    )
    one, *others = [replay(dataset, ruleset=rules, partitions=number).alerts for number in (1, 2, 3, 7)]
    assert one
    assert all(other == one for other in others)


def test_partitions_are_those_of_kafka() -> None:
    """Known values of murmur2 with Kafka's seed, as its own clients give them."""
    known = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
    for key, value in known.items():
        assert partition_of(key, 7) == (value & 0x7FFFFFFF) % 7


def test_alerts_stand_in_order_of_time_then_customer_then_decision(expected: ReplayResult) -> None:
    revisions: dict[str, int] = {}
    last = ("", "")
    for alert in expected.alerts:
        assert (alert.time, alert.customer_id) >= last
        last = (alert.time, alert.customer_id)
        assert alert.revision == revisions.get(alert.alert_id, 0) + 1
        revisions[alert.alert_id] = alert.revision


def test_the_hold_out_arm_is_kept_apart(dataset: Path, expected: ReplayResult) -> None:
    rules = replace(RULES, holdout_share=0.5, holdout_salt="pepper")
    result = replay(dataset, ruleset=rules)
    assert {alert.arm for alert in result.alerts} == {"treated"}
    assert {alert.arm for alert in result.holdout} == {"holdout"}
    assert not {one.customer_id for one in result.alerts} & {one.customer_id for one in result.holdout}
    both = sorted(one.event_id for one in (*result.alerts, *result.holdout))
    assert both == sorted(one.event_id for one in expected.alerts)
    notes = dict(run_summary(result, dataset, 4).notes)
    assert notes["alert records of the hold-out arm"] == str(len(result.holdout))


@pytest.mark.parametrize("form", FORMS)
def test_progress_only_grows_and_ends_at_the_total(dataset: Path, tmp_path: Path, form: str) -> None:
    directory = copy_as(dataset, tmp_path / "copy", form)
    told: list[tuple[int, int]] = []
    replay(directory, progress=lambda read, total: told.append((read, total)))
    size = sum(path.stat().st_size for path in directory.iterdir())
    assert {total for _, total in told} == {size}
    assert [read for read, _ in told] == sorted(read for read, _ in told)
    assert told[-1] == (size, size)


def test_first_and_last_are_the_oldest_and_newest_accepted_events(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "transactions.jsonl",
        [
            purchase(1, START + 2 * DAY),
            purchase(2, START + DAY),  # late, and accepted
            purchase(3, START - 7 * DAY),  # refused: more than 8 days late
            purchase(4, START - 5 * DAY),
            purchase(5, START - 40 * DAY, amount="-1"),
            purchase(6, START + 9 * DAY),
            purchase(7, NOW + DAY),  # refused: in the future
        ],
    )
    result = replay(tmp_path, partitions=1)
    assert [letter.reason for letter in result.dead_letters] == ["too_late", "schema", "future"]
    assert (result.first_ms, result.last_ms) == (START - 5 * DAY, START + 9 * DAY)


def test_an_old_event_may_come_in_a_later_batch(tmp_path: Path) -> None:
    """Each partition has its own clock; one that is slow lets in what another would refuse."""
    padding = {"attributes": {"a": "x" * 60_000}}
    lines = [purchase(0, START + at * DAY, event_id=f"pad{at}", **padding) for at in range(60)]
    write_lines(tmp_path / "transactions.jsonl", [*lines, purchase(1, START - 90 * DAY)])
    assert partition_of("c0", 2) != partition_of("c1", 2)
    assert replay(tmp_path, partitions=2).first_ms == START - 90 * DAY
    assert replay(tmp_path, partitions=1).first_ms == START


def test_the_oldest_time_of_the_dataset(dataset: Path, expected: ReplayResult) -> None:
    decoder = Decoder()
    facts = [
        *map(decoder.transactions, lines_of(dataset / "transactions.jsonl")),
        *map(decoder.contacts, lines_of(dataset / "contacts.jsonl")),
    ]
    times = [event.time for event in facts if not isinstance(event, Refusal)]
    assert expected.first_ms == min(times)


def test_side_inputs_do_not_make_the_beginning(tmp_path: Path) -> None:
    write_lines(tmp_path / "transactions.jsonl", [purchase(1, START)])
    profile = {"type": "profile", "event_id": "p", "customer_id": "c1", "time": "2001-01-01T00:00:00Z"}
    write_lines(tmp_path / "customers.jsonl", [json.dumps(profile | {"source": "crm"}).encode()])
    result = replay(tmp_path)
    assert (result.first_ms, result.last_ms) == (START, START)
    assert result.outcomes["customers.jsonl"]["applied"] == 1


def test_ticks_are_counted_once_and_move_time(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "transactions.jsonl",
        [purchase(1, START), tick(START + 20 * DAY), purchase(2, START + 11 * DAY), tick(NOW + DAY)],
    )
    result = replay(tmp_path, partitions=5)
    assert result.outcomes["transactions.jsonl"] == {
        "applied": 1, "duplicate": 0, "late": 0, "tick": 1, "refused": 2
    }  # fmt: skip
    assert [(one.line, one.reason) for one in result.dead_letters] == [(3, "too_late"), (4, "future")]
    assert (result.first_ms, result.last_ms) == (START, START + 20 * DAY)


def test_ticks_at_the_clocks_of_the_dataset_change_nothing(
    dataset: Path, tmp_path: Path, expected: ReplayResult
) -> None:
    """A tick that promises no more than the lateness allows anyway."""
    directory = copy_as(dataset, tmp_path / "ticking", ".jsonl")
    newest, ticking = 0, []
    decode = Decoder().transactions
    for number, line in enumerate(lines_of(directory / "transactions.jsonl")):
        event = decode(line)
        assert not isinstance(event, Tick)
        ticking.append(line)
        newest = max(newest, getattr(event, "time", 0))
        if number % 500 == 0:
            ticking.append(tick(newest - DAY))
    write_lines(directory / "transactions.jsonl", ticking)
    result = replay(directory)
    assert result.outcomes["transactions.jsonl"]["tick"] > 3
    assert [alert.event_id for alert in result.alerts] == [alert.event_id for alert in expected.alerts]


def test_a_purchase_ahead_of_the_contacts_waits_for_them(tmp_path: Path) -> None:
    """Without contacts nothing is decided on the way, and time still runs to the newest event at the end."""
    write_lines(tmp_path / "transactions.jsonl", [purchase(at, START + at * DAY) for at in range(100)])
    result = replay(tmp_path)
    assert result.last_ms == START + 99 * DAY
    view = result.lookup("c1")
    assert view is not None
    assert view.time == START + 99 * DAY + 1
    assert view.panes.spend(0, 1_000_000) == 33 * 1_000


@pytest.mark.parametrize("form", FORMS)
def test_files_without_a_line_give_nothing(tmp_path: Path, form: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("transactions", "contacts"):
        (source / f"{name}.jsonl").touch()
    if form == ".parquet":
        for path in source.iterdir():
            write_lines(path, [purchase(1, START)])
        directory = copy_as(source, tmp_path / "copy", form)
        for path in directory.iterdir():
            _empty_parquet(path)
    else:
        directory = copy_as(source, tmp_path / "copy", form)
    assert replay(directory).alerts == []


def _empty_parquet(path: Path) -> None:
    pl.read_parquet(path).clear().write_parquet(path)


def test_one_empty_file_is_no_failure(tmp_path: Path) -> None:
    write_lines(tmp_path / "transactions.jsonl", [purchase(1, START)])
    (tmp_path / "contacts.jsonl.gz").write_bytes(gzip.compress(b""))
    result = replay(tmp_path)
    assert result.outcomes == {
        "transactions.jsonl": {"applied": 1, "duplicate": 0, "late": 0, "tick": 0},
        "contacts.jsonl.gz": {},
    }


def test_only_refused_lines_leave_nothing_decided(tmp_path: Path) -> None:
    write_lines(tmp_path / "transactions.jsonl", [b"{}", b"x"])
    result = replay(tmp_path)
    assert (result.alerts, result.customers, result.first_ms, result.last_ms) == ([], 0, None, None)
    assert [(one.file, one.line, one.reason) for one in result.dead_letters] == [
        ("transactions.jsonl", 1, "schema"),
        ("transactions.jsonl", 2, "not_json"),
    ]


def test_nothing_is_known_of_a_stranger(expected: ReplayResult) -> None:
    for hostile in ("nobody", "", "\udcff", "\x1b[2J", "x" * 10_000):
        assert expected.lookup(hostile) is None


def test_backfill_tells_old_decisions_by_the_wall_clock(dataset: Path, expected: ReplayResult) -> None:
    last = parse_ms(expected.alerts[-1].time)
    assert expected.last_ms is not None
    result = replay(dataset, now_ms=last + 7 * DAY)
    assert {alert.backfill for alert in expected.alerts} == {True}
    assert result.alerts[-1].backfill is False
    assert replay(dataset, now_ms=last + 7 * DAY + 1).alerts[-1].backfill is True


@pytest.mark.parametrize("by_time", [False, True])
def test_refused_purchases_are_told_by_customer_and_are_signs_of_life(tmp_path: Path, by_time: bool) -> None:
    """Of those alone of which it is known who bought and when; each is a dead letter all the same."""
    euro = {"currency": "EUR"}
    lines = [
        purchase(0, START),
        purchase(3, START + DAY, **euro),
        purchase(4, START + DAY, **euro),
        purchase(6, START + 2 * DAY, amount=7),
        purchase(9, START + 2 * DAY).replace(b"T00:00", b" at "),
        purchase(12, START + 3 * DAY, kind="refund", **euro),
        purchase(1, START + 20 * DAY),
    ]
    write_lines(tmp_path / "transactions.jsonl", lines)
    result = replay(tmp_path, replace(DEFAULT, as_meant=True), partitions=1, by_time=by_time)
    assert result.refused_purchases == {
        "c0": [RefusedPurchase(START + DAY, "currency"), RefusedPurchase(START + 2 * DAY, "schema")],
        "c1": [RefusedPurchase(START + DAY, "currency")],
    }
    assert len(result.dead_letters) == 5
    assert result.customers == 2


@pytest.mark.parametrize(("spoilt", "levels"), [(None, ["watch", "alert"]), ("EUR", ["watch"])])
def test_who_buys_what_can_not_be_read_is_not_taken_for_silent(
    tmp_path: Path, spoilt: str | None, levels: list[str]
) -> None:
    """Half a year of daily purchases, a bad contact, then twenty days of nothing or without a rate."""
    others = {f"c{at}" for at in range(3)} - {"c0"}
    days = [
        purchase(at, START + day * DAY + at, event_id=f"{day}-{at}") for day in range(180) for at in range(3)
    ]
    since = [START + day * DAY for day in range(181, 201)]
    after = [purchase(at, time, event_id=f"{time}-{at}") for time in since for at in (1, 2)]
    if spoilt is not None:
        after += [purchase(0, time, event_id=f"{time}-0", currency=spoilt) for time in since]
    after.sort(key=lambda line: str(json.loads(line)["time"]))
    write_lines(tmp_path / "transactions.jsonl", [*days, *after])
    bad: dict[str, object] = {
        "type": "contact",
        "event_id": "k",
        "customer_id": "c0",
        "source": "phone",
        "contact_id": "k",
    }
    bad |= {"time": format_ms(START + 180 * DAY), "version": 1, "channel": "voice"}
    bad |= {"resolution": "unresolved", "complaint": True, "ended_by": "system"}
    write_lines(tmp_path / "contacts.jsonl", [json.dumps(bad).encode()])
    rules = replace(RULES, as_meant=True, population_minimum=1, high_value_quantile=0.1)
    result = replay(tmp_path, rules, partitions=1)
    assert others.isdisjoint(one.customer_id for one in result.alerts)
    assert [one.level for one in result.alerts if one.state != "resolved"] == levels
