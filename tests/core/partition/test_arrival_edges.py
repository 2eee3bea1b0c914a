"""Where arrival order, batches or a crash could leak into a decision: the smallest cases."""

import pytest

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.customer.customer_codec import BODY_SIZE_AT, ENTRY, NO_HOUR, Body, Parts, join
from streams.core.customer.state import PARTITION_KEY, StateError
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import (
    HOME,
    bad,
    daily,
    disposition,
    erasure,
    keep,
    purchase,
    restored,
    tick,
)

DATASET = Ruleset(population_minimum=1, high_value_quantile=0.1)
"""Nearly everybody is of high value, however few they are."""
TX, CT = Input.TRANSACTIONS, Input.CONTACTS


def open_episode(rules: Ruleset = DATASET) -> tuple[Partition, list[Alert]]:
    """Return a partition in which customer `a`, after 150 days of purchases, is raised on day 150."""
    partition = Partition(rules)
    partition.apply(TX, daily("a", HOME, 150))
    partition.apply(CT, [bad("a", HOME + 150 * DAY_MS), bad("a", HOME + 150 * DAY_MS + HOUR_MS, "k2")])
    alerts = partition.advance(dict.fromkeys(FACTS, HOME + 150 * DAY_MS + 2 * HOUR_MS))
    assert [alert.state for alert in alerts] == ["raised"]
    return partition, alerts


def test_the_record_of_an_erasure_comes_with_it() -> None:
    """What is drained after an erasure says erased, so the resolved record must be in hand by then."""
    partition, _ = open_episode()
    outcome = partition.apply(Input.CUSTOMERS, [erasure("a")])
    assert [(alert.state, alert.resolution) for alert in outcome.alerts] == [("resolved", "erased")]
    state: dict[bytes, bytes] = {}
    keep(state, partition)
    assert restored(DATASET, state).decide() == []


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_ids_are_restored_with_their_latest_effective_time(order: str) -> None:
    """An id used again after 8 days by another customer: whichever record is read first, it counts anew."""
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME, event_id="x")])
    partition.apply(TX, [purchase("b", HOME + 9 * DAY_MS, event_id="x")])
    values = dict(partition.drain_dirty())
    state: dict[bytes, bytes] = {}
    for key in (*(f"c{one}".encode() for one in order), PARTITION_KEY):
        value = values[key]
        assert value is not None
        state[key] = value
    again = restored(Ruleset(), state)
    outcome = again.apply(TX, [purchase("c", HOME + 10 * DAY_MS, event_id="x")])
    assert outcome.duplicate == 1


def test_erasing_a_customer_keeps_the_id_that_another_used_later() -> None:
    """The id of `a` from 9 days ago is b's now; erasing `a` takes nothing from `b`."""
    partition = Partition(Ruleset())
    partition.apply(TX, [purchase("a", HOME, event_id="x")])
    partition.apply(TX, [purchase("b", HOME + 9 * DAY_MS, event_id="x")])
    partition.apply(Input.CUSTOMERS, [erasure("a")])
    assert partition.apply(TX, [purchase("b", HOME + 10 * DAY_MS, event_id="x")]).duplicate == 1


def test_purchases_just_before_the_first_known_pane_count_in_the_feed_guard() -> None:
    """The hour of data that arrives first need not be the first: one before it comes within the lateness."""
    rules = Ruleset(guard_minimum=1)
    hour = HOME // HOUR_MS

    def run(*, decide_between: bool) -> list[bool]:
        partition = Partition(rules)
        partition.apply(CT, [tick(HOME - HOUR_MS)])
        partition.apply(TX, [purchase("a", HOME + 1)])
        if decide_between:
            partition.decide()
        early = [purchase("b", HOME - 1 - at, event_id=f"e{at}") for at in range(100)]
        partition.apply(TX, early)
        weekly = [
            purchase("c", HOME - 1 + week * 7 * DAY_MS + at) for week in range(1, 5) for at in range(60)
        ]
        partition.apply(TX, weekly)
        partition.advance(dict.fromkeys(FACTS, HOME + 28 * DAY_MS))
        guard = partition._guard
        return [guard.is_broken(hour + one) for one in range(-2, 28 * 24)]

    assert run(decide_between=True) == run(decide_between=False)


def test_the_first_refresh_does_not_depend_on_what_was_known_at_the_first_decision() -> None:
    """Contacts from day 150 on are known, and time has begun by a tick, before the first purchase arrives."""

    def run(*, decide_between: bool) -> list[Alert]:
        partition = Partition(DATASET)
        partition.apply(TX, [tick(HOME - DAY_MS)])
        partition.apply(CT, [bad("a", HOME + 150 * DAY_MS), bad("a", HOME + 150 * DAY_MS + 1, "k2")])
        alerts = partition.decide() if decide_between else []
        partition.apply(TX, daily("a", HOME, 150))
        return alerts + partition.advance(dict.fromkeys(FACTS, HOME + 151 * DAY_MS))

    assert [alert.state for alert in run(decide_between=False)] == ["raised"]
    assert run(decide_between=True) == run(decide_between=False)


def test_a_disposition_that_comes_late_changes_nothing_before_the_watermark() -> None:
    """Its effective time lies days before W: it is folded at once; hours that are over are not decided again.

    One disposition snoozed for 60 days; a second, recorded on day 151 and read on day 170, ends that.
    """
    partition, [raised] = open_episode()
    day = HOME + 150 * DAY_MS
    snoozed = disposition("a", day + 3 * HOUR_MS, raised.alert_id, snooze_until=day + 60 * DAY_MS)
    partition.apply(Input.DISPOSITIONS, [snoozed])
    now = HOME + 170 * DAY_MS
    assert partition.advance(dict.fromkeys(FACTS, now)) == []
    awake = disposition("a", day + DAY_MS, raised.alert_id, snooze_until=day + DAY_MS)
    partition.apply(Input.DISPOSITIONS, [awake])
    alerts = partition.advance(dict.fromkeys(FACTS, now + 2 * HOUR_MS))
    assert [alert.state for alert in alerts] == ["updated"]
    assert parse_ms(alerts[0].time) >= now


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x02" + b"\0" * 13, bytes(13)])
def test_a_damaged_record_is_refused(value: bytes) -> None:
    """Whatever a changelog holds under a customer's key, it is state or a StateError."""
    with pytest.raises(StateError):
        Partition(Ruleset()).restore({b"ca": value})


@pytest.mark.parametrize("body", [0, 1 << 20])
def test_records_that_are_cut_off_are_refused_though_they_fill_each_other_up(body: int) -> None:
    """Of somebody who only spent; in the middle of an entry, or of the body."""
    record = join(Parts(NO_HOUR, HOME // HOUR_MS, 0, Body(), ENTRY.pack(HOME, 5, 1))) + bytes(ENTRY.size // 2)
    record[BODY_SIZE_AT : BODY_SIZE_AT + 4] = body.to_bytes(4, "little")
    with pytest.raises(StateError, match="cut off"):
        Partition(Ruleset()).restore({b"ca": bytes(record), b"cb": bytes(record)})
