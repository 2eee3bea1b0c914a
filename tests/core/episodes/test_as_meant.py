"""Rules that take events as their senders meant them: refunds, visits, refused purchases, subscriptions.

One customer buys for 10.00 every noon of 112 days, and has a bad contact half an hour into day 112.
"""

from dataclasses import replace
from typing import Any, Final

import pytest

from schemas.alert import Alert
from schemas.events import SignOfLife
from schemas.times import parse_ms
from streams.core.customer.customer import Customer, unpack
from streams.core.customer.pending import Episode
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.spend.rare_facts import MOST_PLAN_EVENTS
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, daily, erasure, keep, purchase, restored
from tests.core.episodes.test_silent import take

TX: Final = Input.TRANSACTIONS
RULES: Final = replace(VERSIONS["4"], population_minimum=1, high_value_quantile=0.1, population_clock=False)
BEFORE: Final = replace(RULES, as_meant=False)
CALL: Final = HOME + 112 * DAY_MS + HOUR_MS // 2
FIRST: Final = CALL // HOUR_MS + 1


def day(number: float) -> int:
    """Return a time of a day, in ms."""
    return HOME + round(number * DAY_MS)


def lived(*events: Record, rules: Ruleset = RULES, until: float = 160, life: int = 112) -> list[Alert]:
    """Return the alerts of the customer up to a day; `life` is for how many days purchases come."""
    return run(Partition(rules), *daily("a", HOME, life), bad("a", CALL), *events, until=until)


def run(partition: Partition, *events: Record, until: float) -> list[Alert]:
    take(partition, *events)
    return partition.advance(dict.fromkeys(FACTS, day(until)))


def customer_of(partition: Partition) -> Customer:
    """Return the customer as it was last written down, which a restore reads back."""
    state: State = {}
    keep(state, partition)
    return unpack("a", state[b"ca"])


def episode_of(partition: Partition) -> Episode:
    episode = customer_of(partition).body.episode
    assert episode is not None
    return episode


def money(kind: str, time: int, cents: int, **other: Any) -> Record:
    """Return a transaction of a kind; `other` replaces fields."""
    return purchase("a", time, cents, **{"kind": kind, "event_id": f"{kind}-{time}", **other})


def told(alerts: list[Alert]) -> list[tuple[str, str | None]]:
    return [(one.level if one.state != "resolved" else "resolved", one.resolution) for one in alerts]


# Refunds and corrections


@pytest.mark.parametrize("days_before", [10, 100, 400])
def test_a_refund_of_what_was_bought_before_history_began_takes_nothing(days_before: int) -> None:
    """Nor does it lengthen the history: usual spend, trailing spend and alerts are those without it."""
    refund = money("refund", day(40), 50_000, original_time=day(-days_before))
    assert lived(refund) == lived()
    assert lived(refund, rules=BEFORE) != lived(rules=BEFORE)


def test_a_refund_of_the_first_purchase_counts_however_late_that_comes() -> None:
    """A purchase that comes late begins the history earlier, and what lies there counts from then on."""
    partition = Partition(RULES)
    refund = money("refund", day(5.6), 400, original_time=day(1.5))
    late = purchase("a", day(1.5), 700)
    take(partition, refund, *daily("a", day(5), 2))
    partition.advance(dict.fromkeys(FACTS, day(7)))
    assert customer_of(partition).panes.hours[0] == day(5.5) // HOUR_MS
    partition.apply(next(iter(FACTS)), [late])
    partition.advance(dict.fromkeys(FACTS, day(8)))
    panes = customer_of(partition).panes
    assert (panes.hours[0], panes.cents[0]) == (day(1.5) // HOUR_MS, 300)


@pytest.mark.parametrize("kind", ["refund", "chargeback"])
def test_a_refund_without_a_date_is_no_silence(kind: str) -> None:
    """The customer goes on buying; the money is gone from the weeks, not from what was bought since."""
    refund = money(kind, day(114), 30_000)
    assert lived(refund, life=160) == []
    [stops, *_] = lived(refund, money(kind, day(113), 1), life=116, until=140)
    assert stops.spend_since == "40.00"
    assert stops.spend_by_week[26].startswith("-")


def test_a_refund_without_a_date_before_the_first_purchase_counts_nowhere() -> None:
    assert lived(money("refund", day(-1), 30_000)) == lived()


def test_a_correction_changes_what_a_purchase_came_to() -> None:
    """It makes 10.00 of day 113 into 900.00, and what comes to nothing is no trip."""
    more = money("correction", day(114), 90_000, previous_cents=1_000, original_time=day(113.5))
    [raised, *_] = lived(more, life=114)
    assert raised.spend_since == "910.00"
    less = money("correction", day(114), 0, previous_cents=1_000, original_time=day(113.5))
    assert lived(less, life=114)[0].spend_since == "10.00"
    assert lived(more, rules=BEFORE, life=114)[0].spend_since == "20.00"


# Visits and refused purchases


def test_orders_of_0_00_are_visits() -> None:
    """Who comes as often as ever, with gift cards, is not silent; before, such orders were nothing."""
    visits = [purchase("a", day(number + 0.5), 0) for number in range(112, 160)]
    assert lived(*visits) == []
    assert told(lived(*visits, rules=BEFORE))[0] == ("watch", None)


def test_a_refused_purchase_is_a_sign_of_life() -> None:
    refused = [SignOfLife("a", day(number + 0.5)) for number in range(112, 160)]
    assert lived(*refused) == []
    assert told(lived(*refused, rules=BEFORE))[0] == ("watch", None)


def test_the_alert_says_who_came_though_nothing_was_read() -> None:
    """Three visits and one refused purchase, one of the visits in an hour that has spend as well."""
    came = [purchase("a", day(112.6), 0), purchase("a", day(113.5), 0), purchase("a", day(114.5), 0)]
    spent = purchase("a", day(113.5), 500, event_id="x")
    [raised, *_] = lived(*came, spent, SignOfLife("a", day(115.5)), until=200)
    assert (raised.visits_since, raised.unread_since, raised.spend_since) == (3, 1, "5.00")
    assert "since then 5.00 USD, 3 orders of 0.00 and 1 purchase that could not be read in" in raised.summary
    [single, *_] = lived(purchase("a", day(112.6), 0), until=200)
    assert "since then 0.00 USD and 1 order of 0.00 in" in single.summary


@pytest.mark.parametrize(("hours_before", "raised"), [(25, 0), (24, 1), (23, 2), (1, 24)])
def test_nothing_is_raised_within_a_day_of_a_refused_purchase(hours_before: int, raised: int) -> None:
    """The contact is a watch by itself, judged at h0; a purchase of so many hours before was refused."""
    worst = bad("a", CALL, csat=1, ended_by="agent")
    refused = SignOfLife("a", (FIRST - hours_before) * HOUR_MS)
    partition = Partition(RULES)
    [watch] = run(partition, *daily("a", HOME, 112), worst, refused, until=113.5)
    assert parse_ms(watch.time) == (CALL if raised == 0 else (FIRST + raised) * HOUR_MS)
    assert partition.tally["held_by_refused"] == raised + (raised > 0)  # at the contact as well


# Subscriptions


def charges(first: float = 0, last: float = 140, cents: int = 9_000) -> list[Record]:
    """Return a charge every 28 days."""
    return [
        money("subscription_charge", day(first + 28 * n), cents) for n in range(int((last - first) // 28) + 1)
    ]


def subscribed(*events: Record, rules: Ruleset = RULES, until: float = 140) -> list[Alert]:
    """Return the alerts of a customer who buys nothing, and is charged every 28 days."""
    return run(Partition(rules), *charges(), bad("a", CALL), *events, until=until)


def test_a_subscriber_who_cancels_after_a_bad_contact_is_an_alert() -> None:
    """Neither charges nor silence tell anything; what is at risk is the subscription."""
    assert subscribed() == []
    cancelled = money("subscription_cancelled", day(114), 0)
    [alert] = subscribed(cancelled)
    assert (alert.level, alert.state) == ("alert", "raised")
    assert alert.time == "2024-04-27T00:05:00.000Z"
    assert (alert.recurring_per_day, alert.usual_spend_per_day) == ("3.21", "0.00")
    assert alert.days_usual_spend_since == 0
    assert float(alert.value_at_risk) == pytest.approx(alert.probability * 90 * 90 / 28, abs=0.05)
    assert alert.summary.endswith("usually 0.00 USD a day, and 3.21 USD a day by subscription.")
    assert alert.clears_when.startswith("Clears when the case is closed, or by itself 120 days after")
    assert [(one.signal, one.nats) for one in alert.reasons][-1] == ("subscription_cancelled", 3.5)
    assert subscribed(cancelled, rules=BEFORE) == []


def test_a_subscriber_expires_but_never_returns() -> None:
    cancelled = money("subscription_cancelled", day(114), 0)
    assert told(subscribed(cancelled, *charges(140, 230), until=240)) == [
        ("alert", None),
        ("resolved", "expired"),
    ]


@pytest.mark.parametrize(("charged", "per_day"), [((0, 28), 0), ((0, 28, 56, 84), 90 / 28), ((0,), 90 / 364)])
def test_subscription_value_wants_three_blocks(charged: tuple[int, ...], per_day: float) -> None:
    """One charge alone may be that of a year. With two blocks before the contact there is none."""
    first = 0 if per_day else 60
    paid = [money("subscription_charge", day(first + one), 9_000) for one in charged]
    partition = Partition(RULES)
    run(partition, *daily("a", HOME, 112), *paid, bad("a", CALL), until=112.5)
    assert episode_of(partition).yardstick.recurring_per_day == pytest.approx(per_day * 100)


def test_charges_count_for_who_is_of_high_value() -> None:
    """A subscriber beside a buyer: the cut-off is that of spend and charges together."""
    rules = replace(RULES, high_value_quantile=0.9)
    partition = Partition(rules)
    buyer = [replace_customer(one, "b") for one in daily("a", HOME, 112, 300)]
    run(partition, *charges(), *buyer, bad("a", CALL), until=112.5)
    episode = episode_of(partition)
    assert (episode.cutoff, episode.trailing_spend) == (4 * 9_000, 4 * 9_000)


def replace_customer(event: Record, customer_id: str) -> Record:
    assert not isinstance(event, SignOfLife)
    return purchase(customer_id, event.time, event.cents)  # type: ignore[union-attr]


@pytest.mark.parametrize("seconds", [-301, -300, 300, 301])
@pytest.mark.parametrize("kind", ["subscription_charge", "subscription_changed"])
def test_a_cancellation_beside_a_charge_is_a_plan_change(kind: str, seconds: int) -> None:
    cancelled = money("subscription_cancelled", day(114), 0)
    beside = money(kind, day(114) + seconds * 1_000, 9_000)
    alerts = lived(cancelled, beside, life=160)
    assert bool(alerts) is (abs(seconds) > 300)


@pytest.mark.parametrize(("days", "near"), [(7, True), (7.001, False), (0.001, True)])
def test_a_cancellation_near_a_bad_contact_counts_whichever_comes_first(days: float, *, near: bool) -> None:
    partition = Partition(RULES)
    cancelled = money("subscription_cancelled", CALL - round(days * DAY_MS), 0)
    alerts = run(partition, *daily("a", HOME, 112), bad("a", CALL), cancelled, until=112.2)
    assert [one.level for one in alerts] == (["alert"] if near else [])


def test_a_cancellation_of_who_has_no_episode_is_kept() -> None:
    partition = Partition(RULES)
    assert run(partition, *daily("a", HOME, 20), money("subscription_cancelled", day(10), 0), until=30) == []
    beside = customer_of(partition).body.rare
    assert beside is not None
    assert [one.kept for one in beside.plan] == [0.0]


@pytest.mark.parametrize(
    ("now", "before", "left"),
    [(9_000, 9_000, 1.0), (12_000, 9_000, 1.0), (3_000, 9_000, 1 / 3), (0, 9_000, 0.0), (3_000, None, 1.0)],
)
def test_a_lower_price_is_evidence_in_proportion(now: int, before: int | None, left: float) -> None:
    partition = Partition(RULES)
    changed = money("subscription_changed", day(112.25), now, previous_cents=before)
    alerts = run(partition, *daily("a", HOME, 112), bad("a", CALL), changed, until=112.5)
    assert episode_of(partition).left == pytest.approx(left)
    gone = [one.nats for alert in alerts for one in alert.reasons if one.signal == "subscription_reduced"]
    assert gone == ([round(3.5 * (1 - left), 4)] if left < 1 else [])


def test_changes_multiply_and_one_after_a_cancellation_begins_anew() -> None:
    changes = [
        money("subscription_changed", day(112.1), 5_000, previous_cents=10_000),
        money("subscription_changed", day(112.2), 4_000, previous_cents=5_000),
        money("subscription_cancelled", day(112.3), 0),
        money("subscription_changed", day(112.4), 3_000, previous_cents=4_000),
    ]
    for count, left in ((2, 0.4), (3, 0.0), (4, 0.75)):
        partition = Partition(RULES)
        run(partition, *daily("a", HOME, 112), bad("a", CALL), *changes[:count], until=112.45)
        assert episode_of(partition).left == pytest.approx(left)


def test_only_the_newest_plan_events_are_kept() -> None:
    changes = [
        money("subscription_changed", day(1) + n, 900, previous_cents=900)
        for n in range(MOST_PLAN_EVENTS + 3)
    ]
    partition = Partition(RULES)
    run(partition, *changes, until=3)
    beside = customer_of(partition).body.rare
    assert beside is not None
    assert [one.time for one in beside.plan] == [day(1) + n for n in range(3, MOST_PLAN_EVENTS + 3)]


# What is kept


def test_what_few_have_is_forgotten_with_the_panes() -> None:
    partition = Partition(RULES)
    odd = [purchase("a", day(1), 0), SignOfLife("a", day(2)), money("refund", day(3), 100), *charges(4, 5)]
    run(partition, *daily("a", HOME, 10), *odd, until=20)
    beside = customer_of(partition).body.rare
    assert beside is not None
    assert beside.visits
    assert beside.unread
    for last in (600, 700):
        run(partition, bad("a", day(last)), until=last + 1)
    beside = customer_of(partition).body.rare
    assert beside is not None
    assert (beside.visits, beside.unread, beside.undated, beside.charges) == ([], [], [], [])
    assert beside.first_charge == day(4) // HOUR_MS


def test_a_subscriber_is_known_after_a_restore() -> None:
    """Of whom there are charges and no purchase: the sample has them, as before."""
    state: State = {}
    partition = Partition(RULES)
    run(partition, *charges(last=112), until=120)
    keep(state, partition)
    again = restored(RULES, state)
    assert list(again.spenders) == list(partition.spenders) == ["a"]
    assert run(again, bad("a", day(121)), money("subscription_cancelled", day(122), 0), until=130)


def test_a_customer_who_came_back_is_not_said_to_be_silent() -> None:
    """After 40 days of silence, 14 days of usual spend in 28: the chance is that of the last 28 days."""
    back = [purchase("a", day(number + 0.5)) for number in range(152, 172)]
    *_, resolved = lived(*back, until=175)
    assert (resolved.state, resolved.resolution) == ("resolved", "returned")
    *_, before = lived(*back, rules=BEFORE, until=175)
    assert before.resolution == "returned"
    assert resolved.probability < before.probability
    assert resolved.probability < 0.6
    assert (resolved.spend_since, resolved.days_since) == (before.spend_since, before.days_since)


# What rarely happens


def test_a_year_paid_at_once_is_worth_a_364th_a_day() -> None:
    """From the 84th day after it on."""
    for paid, per_day in ((day(27), 9_000 / 364), (day(29), 0)):
        partition = Partition(RULES)
        charge = money("subscription_charge", paid, 9_000)
        run(partition, *daily("a", HOME, 112), charge, bad("a", CALL), until=112.5)
        assert episode_of(partition).yardstick.recurring_per_day == pytest.approx(per_day)


def test_a_refused_purchase_dated_ahead_is_one_of_now() -> None:
    """Before any other record nobody knows when that is."""
    ahead = SignOfLife("a", day(900))
    partition = Partition(RULES)
    partition.apply(TX, [ahead], [day(1)])
    partition.apply(TX, [purchase("a", day(2))], [day(2)])
    partition.apply(TX, [ahead], [day(2)])
    run(partition, purchase("b", day(4)), until=5)
    beside = customer_of(partition).body.rare
    assert beside is not None
    assert beside.unread == [(day(2) - 5_000) // HOUR_MS]


def test_a_silent_watch_is_held_after_a_refused_purchase() -> None:
    """For the week of the refresh before which a purchase was refused."""
    rules = replace(RULES, silent=True, silent_prior_probability=0.05)
    quiet = [*daily("a", HOME, 112), *daily("b", HOME, 200)]
    [first, *_] = run(Partition(rules), *quiet, until=160)
    refused = SignOfLife("a", parse_ms(first.time) - HOUR_MS)
    again = Partition(replace(rules, trips_certainty=1e9, spend_certainty=1e9))
    held = run(again, *quiet, refused, until=160)
    assert again.tally["held_by_refused"] > 0
    assert held[0].time > first.time


def test_a_subscriber_erased_between_refreshes_leaves_the_sample() -> None:
    """With a refund that made a history another one, which is not drawn up any more."""
    partition = Partition(RULES)
    take(partition, *daily("a", day(1), 20))
    partition.advance(dict.fromkeys(FACTS, day(15)))
    take(partition, money("refund", day(21), 100, original_time=day(0)))
    partition.advance(dict.fromkeys(FACTS, day(20.9)))
    partition.advance(dict.fromkeys(FACTS, day(22)))
    partition.apply(Input.CUSTOMERS, [erasure("a")])
    assert run(partition, *daily("b", day(23), 2), until=40) == []


def test_two_facts_of_one_hour_are_one_pane() -> None:
    partition = Partition(RULES)
    run(partition, purchase("a", day(1), 0), purchase("a", day(1) + 1, 0), SignOfLife("a", day(2)), until=5)
    beside = customer_of(partition).body.rare
    assert beside is not None
    assert (beside.visits, beside.unread) == ([day(1) // HOUR_MS], [day(2) // HOUR_MS])


def test_who_bought_nothing_yet_may_have_refunds_and_signs_of_life() -> None:
    """They make no history, and count nowhere; a refused purchase of somebody unknown is nothing at all."""
    partition = Partition(RULES)
    take(partition, SignOfLife("a", day(1)), money("refund", day(2), 500, original_time=day(-9)))
    take(partition, purchase("b", day(3)))
    partition.apply(TX, [SignOfLife("a", day(3.5))])
    partition.advance(dict.fromkeys(FACTS, day(4)))
    customer = customer_of(partition)
    assert (customer.first_pane, list(customer.panes), customer.unread(0, 1 << 40)) == (None, [], 1)
    assert list(partition.spenders) == ["b"]
    partition.apply(TX, [SignOfLife("stranger", day(4))])
    assert not partition.knows("stranger")
