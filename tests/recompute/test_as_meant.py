"""Pieces of ruleset 4 against numbers worked by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.recompute.arrival import Customer, Fact, Partition, Sale, read
from tests.recompute.conversations import is_unanswered
from tests.recompute.delivery import Deliveries, group_of
from tests.recompute.events import (
    Cancellation,
    Charge,
    Contact,
    Correction,
    Event,
    PlanChange,
    Purchase,
    Reversal,
    SignOfLife,
)
from tests.recompute.feed import Feed
from tests.recompute.frustration import Contacts
from tests.recompute.ledger import Ledger
from tests.recompute.plans import Plans
from tests.recompute.rules import HOUR_MS, VERSION_3, VERSION_4
from tests.recompute.spending import subscription_value

MINUTE_MS = 60_000
NOW = 1_750_000_000_000


def of(kind: type[Event], hour: float, **fields: Any) -> Any:
    common = {"event_id": "e", "source": "pos", "customer_id": "c", "time_ms": round(hour * HOUR_MS)}
    return kind(**{**common, **fields})


def ledger(*events: Event, on_time: tuple[tuple[int, int], ...] = ((10, 1000),)) -> Ledger:
    made = Ledger(Customer(on_time=list(on_time)), VERSION_4)
    for event in events:
        made.fold(Fact(event.time_ms, event))
    return made


def test_a_history_begins_with_a_purchase_above_zero() -> None:
    before = of(Reversal, 12, cents=-300, spent_ms=9 * HOUR_MS)
    assert ledger(before).spend(0, 99, 99) == 1000
    assert ledger(of(Purchase, 5, cents=0)).first_pane == 10
    assert ledger(before, of(Purchase, 9, cents=200)).spend(0, 99, 99) == 900
    assert ledger(before, on_time=()).spend(0, 99, 99) == 0


def test_a_refund_without_a_date_is_no_part_of_what_was_bought_since() -> None:
    made = ledger(of(Reversal, 10, cents=-1000, spent_ms=10 * HOUR_MS, dated=False))
    assert (made.spend(0, 99, 99), made.trips(0, 99, 99)) == (0, 0)
    assert (made.spend_of_known_purchases(0, 99, 99), made.trips_of_known_purchases(0, 99, 99)) == (1000, 1)


def test_a_correction_changes_the_pane_of_its_purchase_and_begins_no_history() -> None:
    made = ledger(of(Correction, 12, cents=500, spent_ms=10 * HOUR_MS))
    assert made.spend(10, 11, 99) == 1500
    assert ledger(of(Correction, 12, cents=500, spent_ms=10 * HOUR_MS), on_time=()).first_pane is None


def test_signs_of_life_are_panes_without_spend() -> None:
    visits = [of(Purchase, hour, cents=0) for hour in (10, 11, 11.5)]
    unread = [of(SignOfLife, hour, event_id="", source="") for hour in (11, 12)]
    made = ledger(*visits, *unread)
    assert made.signs(0, 99) == 2  # pane 10 has spend; 11 is both
    assert [len(each.hours(0, 99)) for each in (made.visits, made.unread)] == [2, 2]


@pytest.mark.parametrize(
    ("panes", "h", "a_day"),
    [
        ((0, 700, 1400), 2015, 0.0),  # an hour too early
        ((0, 700, 1400), 2016, 600 / 84),  # the last one pays for what comes
        ((0, 2400), 2500, 300 / 100),
        ((0,), 2016, 300 / 364),  # one charge pane alone
        ((0, 5000), 8737, 300 / 364),  # the first one is more than a year ago
        ((), 9999, 0.0),
    ],
)
def test_what_subscriptions_come_to_a_day(panes: tuple[int, ...], h: int, a_day: float) -> None:
    made = ledger(*[of(Charge, pane, cents=300) for pane in panes])
    assert subscription_value(made, h, h, VERSION_4) == pytest.approx(a_day)


def cancelled(hour: float) -> Cancellation:
    found: Cancellation = of(Cancellation, hour)
    return found


def changed(hour: float, cents: int, previous: int | None = 2000) -> PlanChange:
    found: PlanChange = of(PlanChange, hour, cents=cents, previous_cents=previous)
    return found


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ((), 1.0),
        ((changed(5, 1000), changed(6, 500)), 0.125),
        ((changed(5, 4000), changed(6, 1000, None)), 1.0),
        ((cancelled(5),), 0.0),
        ((cancelled(5), changed(6, 1000)), 0.5),
        ((changed(6, 1000), cancelled(5)), 0.5),  # in order of time, not of the fold
        ((changed(4, 1000),), 1.0),  # before
        ((changed(5, 0),), 0.0),
    ],
)
def test_what_is_left_of_the_subscriptions(events: tuple[Event, ...], left: float) -> None:
    plans = Plans(VERSION_4)
    for event in events:
        plans.fold(event)
    assert plans.left(5 * HOUR_MS) == left


@pytest.mark.parametrize(("seconds", "ends"), [(-301, True), (-300, False), (300, False), (301, True)])
@pytest.mark.parametrize("kind", ["charge", "change"])
def test_a_cancellation_beside_a_charge_or_change_is_a_change_of_plan(
    kind: str, seconds: int, *, ends: bool
) -> None:
    plans, hour = Plans(VERSION_4), 5 + seconds / 3600
    plans.fold(of(Charge, hour, cents=100) if kind == "charge" else changed(hour, 2000))
    assert plans.ends(cancelled(5)) is ends
    plans.fold(cancelled(5))
    begins_anew = kind == "change" and seconds > 0
    assert plans.left(0) == (0.0 if ends and not begins_anew else 1.0)


def call(name: str, minute: float, **fields: Any) -> Contact:
    moment_ms = round(minute * MINUTE_MS)
    made: Contact = of(
        Contact, 0, event_id=name, source="crm", contact_id=name, moment_ms=moment_ms, **fields
    )
    return made


@pytest.mark.parametrize(
    ("fields", "unanswered"),
    [
        ({}, True),
        ({"ended_by": "system", "ended_stage": "ivr"}, True),
        ({"resolution": "unknown"}, True),
        ({"answered": True}, False),
        ({"answered": False, "complaint": True, "recovery": True}, True),
        ({"ended_stage": "agent"}, False),
        ({"ended_by": "customer"}, False),
        ({"resolution": "unresolved"}, False),
        ({"hold_count": 1}, False),
        ({"effort": 0}, False),
        ({"recovery": True}, False),
        ({"outbound": False}, False),
    ],
)
def test_outbound_calls_that_nobody_answered(fields: dict[str, Any], *, unanswered: bool) -> None:
    one = call("a", 0, **{"outbound": True, **fields})
    assert is_unanswered(one, VERSION_4) is unanswered
    assert not is_unanswered(one, VERSION_3)


def test_a_recovery_that_nobody_heard_is_none() -> None:
    known = Contacts(VERSION_4)
    assert known.fold(call("a", 0, complaint=True))
    assert known.fold(call("b", 1, outbound=True, recovery=True, answered=False))
    assert known.frustration() == pytest.approx(1.0, abs=1e-4)


HANDED_ON: dict[str, Any] = {"ended_stage": "transfer", "ended_by": "agent", "resolution": "unresolved"}
LEG: dict[str, Any] = {"resolution": "unresolved", "started_ms": 30 * MINUTE_MS}


@pytest.mark.parametrize(
    ("first", "second", "frustration"),
    [
        ({}, {}, 1.85),  # a leg with the same outcome, which repeats nothing
        ({}, {"csat": 1}, 2.0),  # 0.15 more
        ({}, {"started_ms": 30 * MINUTE_MS + 1}, 2.95),  # another call
        ({}, {"started_ms": None}, 2.95),  # by its moment, in minute 40
        ({}, {"case_id": "1"}, 1.85),
        ({"case_id": "1"}, {"case_id": "2"}, 2.95),  # 3.70: another matter, so no repeat either
        ({}, {"parent_contact_id": "z"}, 2.95),
        ({"ended_by": "system"}, {"parent_contact_id": "a"}, 2.80),  # 0.95 for the first: not handed on
        ({"ended_by": "network"}, {}, 2.95),
    ],
)
def test_legs_of_a_call(first: dict[str, Any], second: dict[str, Any], frustration: float) -> None:
    known = Contacts(VERSION_4)
    assert known.fold(call("a", 0, **{**HANDED_ON, **first}))
    assert known.fold(call("b", 40, **{**LEG, **second}))
    assert known.frustration() == pytest.approx(frustration, abs=0.003)  # 40 minutes of fading


def test_a_call_repeats_a_conversation_once() -> None:
    """Its latest leg, although both legs were left undone."""
    known = Contacts(VERSION_4)
    for each in (
        call("a", 0, **HANDED_ON),
        call("b", 1, parent_contact_id="a"),
        call("c", 600),
    ):
        assert known.fold(each)
    assert known.own_nats(call("c", 600)) == 0.95


def sales(group_delay: dict[str, tuple[int, ...]]) -> Partition:
    """Hourly purchases from pane 100 on, each delayed by so many ms."""
    return Partition(
        sales=[
            Sale(100 + at, (100 + at) * HOUR_MS + delay, late=delay > 0, source=source, delay_ms=delay)
            for source, delays in group_delay.items()
            for at, delay in enumerate(delays)
        ]
    )


@pytest.mark.parametrize(
    ("delays", "lag"),
    [
        ((HOUR_MS,) * 3, 0),
        ((HOUR_MS,) * 4, 1),
        ((HOUR_MS - 1,) * 4, 0),
        ((HOUR_MS,) * 3 + (HOUR_MS + 1,), 2),
        ((HOUR_MS,) * 4 + (0,) * 4, 1),
        ((HOUR_MS,) * 4 + (0,) * 5, 0),
        ((HOUR_MS,) * 3 + (68 * HOUR_MS,), 0),  # known from hour 171 on
    ],
)
def test_a_group_lags_by_the_longest_of_its_delays(delays: tuple[int, ...], lag: int) -> None:
    deliveries = Deliveries(sales({"shop": delays, "pos": (0,) * 20}), VERSION_4)
    found = [deliveries.lag(group_of("shop"), hour) for hour in (167, 168, 335)]
    assert found == [0, lag, lag]
    assert deliveries.lag(group_of("pos"), 168) == 0


def test_the_guard_waits_for_a_source_that_lags() -> None:
    """Twenty purchases at a time that come 100 hours later, week by week: no hour is broken."""
    weeks = [
        Sale(pane, (pane + 100) * HOUR_MS, late=True, source="shop", delay_ms=100 * HOUR_MS)
        for pane in range(100, 100 + 168 * 12, 168)
        for _ in range(20)
    ]
    end = 168 * 12
    assert Feed(Partition(sales=weeks), end, VERSION_3).broken_hours(0, end) > 0
    assert Feed(Partition(sales=weeks), end, VERSION_4).broken_hours(168 * 6, end) == 0


def line(name: str, time: str, **fields: object) -> dict[str, object]:
    common = {"type": "transaction", "event_id": name, "customer_id": "c", "source": "s", "time": time}
    return common | {"kind": "purchase", "amount": "1.00", "currency": "USD"} | fields


def test_refused_purchases_of_known_customers_are_signs_of_life(tmp_path: Path) -> None:
    """Of somebody unknown, of another kind, or without a time they are none; they move no clock."""
    lines = [
        line("x", "2024-01-10T09:00:00Z", currency="EUR"),
        line("a", "2024-01-10T10:00:00Z"),  # the clock is 09:59:55
        line("b", "2024-01-10T12:00:00Z", currency="EUR"),
        line("c", "2024-01-10T09:00:00Z", amount=1),
        line("d", "2024-01-01T09:00:00Z"),  # too late
        line("e", "2199-01-01T00:00:00Z"),  # of the future
        line("f", "2024-01-10T12:00:00Z", kind="refund", amount="0"),
        line("g", "yesterday"),
        line("a", "2024-01-10T10:00:00Z"),  # a duplicate
    ]
    (tmp_path / "transactions.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    [customer] = read(tmp_path, VERSION_4, 1, NOW, "USD").partitions[0].customers.values()
    clock, noon, nine = 1_704_880_795_000, 1_704_888_000_000, 1_704_877_200_000
    found = [(fact.instant_ms, fact.event.time_ms) for fact in customer.agenda]
    long_ago = nine - 9 * 24 * HOUR_MS
    assert found == [(noon, noon), (clock, nine), (clock, long_ago), (clock, clock)]
    assert all(isinstance(fact.event, SignOfLife) for fact in customer.agenda)


def test_what_decides_nothing_before_ruleset_4_waits_for_nothing() -> None:
    partition = Partition()
    for event in (of(Charge, 1, cents=100), of(Correction, 1, cents=100, spent_ms=0), changed(1, 5)):
        partition.add(HOUR_MS, late=False, event=event, rules=VERSION_3)
    assert partition.customers["c"].agenda == []
    partition.add(HOUR_MS, late=False, event=cancelled(1), rules=VERSION_4)
    partition.add(HOUR_MS, late=False, event=of(Purchase, 1, cents=0), rules=VERSION_4)
    assert [fact.instant_ms - HOUR_MS for fact in partition.customers["c"].agenda] == [300_000, 0]


def test_ruleset_4_is_built_on_ruleset_3() -> None:
    with pytest.raises(ValueError, match="delayed_feed"):
        replace(VERSION_4, delayed_feed=False)
