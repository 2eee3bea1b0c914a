"""Merged customers: what leaves an id that ends, when, and what the id that goes on makes of it."""

from random import Random
from typing import Any, Final

import pytest

from schemas.alert import Alert
from schemas.events import Merge, SignOfLife, Transaction
from streams.core.alerts.view import CustomerView
from streams.core.customer.moves import decode_move
from streams.core.partition.exchange import decide_together
from streams.core.partition.partition import Partition
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.time import DAY_MS, HOUR_MS, WEEK_HOURS, hour_of
from streams.core.watermark import FACTS, Input
from tests.core.drive import (
    HOME,
    SILENT,
    State,
    bad,
    contact,
    daily,
    disposition,
    erasure,
    keep,
    profile,
    purchase,
    restored,
    tick,
    time_of,
)

TX, CT, CU, DI, MOVES = (
    Input(name) for name in ("transactions", "contacts", "customers", "dispositions", "moves")
)
DATASET: Final = Ruleset.from_mapping(
    VERSIONS["4"].as_mapping()
    | {"population_minimum": 1, "guard_minimum": 10_000, "high_value_quantile": 0.1}
)
MERGED: Final = HOME + 150 * DAY_MS + 10 * HOUR_MS + 20 * 60_000
LEFT: Final = MERGED // HOUR_MS * HOUR_MS + HOUR_MS
ARRIVED: Final = LEFT + HOUR_MS


def merge(old: str, new: str, time: int = MERGED, name: str | None = None) -> Merge:
    return Merge(old, "crm", name or f"m-{old}-{time}", time, new)


class Pair:
    """Two partitions: ids that begin with `o` are in the first, all others in the second."""

    def __init__(self, rules: Ruleset = DATASET) -> None:
        self.rules = rules
        self.here = [Partition(rules), Partition(rules)]
        self.alerts: list[Alert] = []
        self._states: list[State] = [{}, {}]
        for poor in ("o", "p"):
            self.take(TX, purchase(poor, HOME, 10))

    @staticmethod
    def home(customer_id: str) -> int:
        """Tell in which partition an id is."""
        return 0 if customer_id.startswith("o") else 1

    def take(self, source: Input, *records: Any) -> None:
        """Let records come, each in its partition."""
        for record in records:
            numbers = [self.home(record.customer_id)] if hasattr(record, "customer_id") else [0, 1]
            for number in numbers:
                self.alerts += self.here[number].apply(source, [record]).alerts

    def reach(self, time: int) -> list[Alert]:
        """Let time pass in both; return the alerts of that."""
        for one in self.here:
            one.move(dict.fromkeys(FACTS, time))
        found = [alert for alerts in decide_together(self.here, self.home).alerts for alert in alerts]
        self.alerts += found
        return found

    def seen(self, customer_id: str) -> CustomerView:
        """Return what is known of a customer."""
        found = self.here[self.home(customer_id)].lookup(customer_id)
        assert found is not None
        return found

    def spent(self, customer_id: str) -> int:
        """Return all cents that are known."""
        return sum(self.seen(customer_id).panes.cents)

    def restart(self) -> None:
        """Go on with what the changelog of each has, in any order."""
        for number, one in enumerate(self.here):
            keep(self._states[number], one)
            self.here[number] = restored(self.rules, self._states[number])


def facts(alert: Alert) -> tuple[object, ...]:
    return alert.customer_id, alert.revision, alert.state, alert.resolution, alert.level, alert.time


# When


@pytest.mark.parametrize("restarts", [False, True])
def test_a_history_leaves_at_the_next_hour_and_arrives_an_hour_later(restarts: bool) -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    for time, old, new in (
        (LEFT - 1, 150_000, None),
        (LEFT, 0, 0),
        (ARRIVED, 0, 0),
        (ARRIVED + 1, 0, 150_000),
    ):
        pair.reach(time)
        assert pair.spent("old") == old
        assert (pair.here[1].lookup("new") is None) == (new is None)
        assert new is None or pair.spent("new") == new
        if restarts:
            pair.restart()
    assert pair.seen("old").merged_into == "new"
    assert pair.seen("new").merged_from == ("old",)
    assert pair.seen("new").first_pane == hour_of(HOME) + 12
    assert pair.seen("old").first_pane is None


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("after", "left"), [(-1, 0), (0, 1), (HOUR_MS - 1, 1), (HOUR_MS, 2)])
def test_what_is_bought_later_by_the_old_id_follows_at_the_end_of_its_hour(
    after: int, left: int, restarts: bool
) -> None:
    """`left` counts the hours after the history left."""
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"), purchase("old", LEFT + after))
    pair.reach(LEFT)
    if restarts:
        pair.restart()
    pair.reach(ARRIVED + left * HOUR_MS)
    assert pair.spent("new") == (150_000 if left else 0)
    pair.reach(ARRIVED + left * HOUR_MS + 1)
    assert pair.spent("new") == 151_000
    assert pair.spent("old") == 0


@pytest.mark.parametrize("days", [1, 20])
def test_purchases_that_time_has_not_reached_wait_for_it(days: int) -> None:
    """However far the transactions are ahead of the contacts, entries that were folded meanwhile too."""
    pair = Pair()
    later = [*daily("old", HOME + 151 * DAY_MS, days), purchase("old", HOME + (151 + days) * DAY_MS, 1 << 33)]
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"), *later)
    pair.take(TX, *(tick(HOME + (200 + more) * DAY_MS) for more in range(2)))
    for day in range(151, 152 + days):
        for one in pair.here:
            one.move({CT: HOME + day * DAY_MS + 1})
        decide_together(pair.here, pair.home)
        pair.restart()
        assert pair.spent("new") == 150_000 + (day - 151) * 1_000
    pair.reach(HOME + (152 + days) * DAY_MS)
    assert pair.spent("new") == 150_000 + days * 1_000 + (1 << 33)


@pytest.mark.parametrize("cents", [(1 << 31) - 1, 1 << 31])
def test_a_purchase_too_large_for_an_entry_follows_like_any_other(cents: int) -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.reach(LEFT)
    pair.take(TX, purchase("old", LEFT + 1, cents))
    pair.restart()
    pair.reach(ARRIVED + HOUR_MS)
    assert pair.spent("new") == 150_000
    pair.reach(ARRIVED + HOUR_MS + 1)
    assert pair.spent("new") == 150_000 + cents


def test_a_history_for_a_partition_that_is_elsewhere_is_handed_out() -> None:
    old = Partition(DATASET)
    old.apply(TX, [*daily("old", HOME, 150), merge("old", "new")])
    old.move(dict.fromkeys(FACTS, LEFT))
    [move] = decide_together([old], lambda _: None).leaving
    assert (move.former, move.customer_id, move.hour) == ("old", "new", hour_of(LEFT))


def test_a_thousand_purchases_of_an_hour_follow_once() -> None:
    """They go to pages before the hour is over; their ids stay known."""
    pair = Pair()
    many = [purchase("old", LEFT + at * 2_000, event_id=f"many-{at}") for at in range(1_700)]
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.reach(LEFT)
    pair.take(TX, *many)
    assert pair.here[0].apply(TX, many).duplicate == 1_700
    pair.reach(ARRIVED + HOUR_MS + 1)
    assert pair.spent("new") == 150_000 + 1_700_000


def test_a_refund_that_comes_later_follows_an_hour_after_it_came() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.reach(LEFT + DAY_MS)
    bought = HOME + 149 * DAY_MS + DAY_MS // 2
    pair.take(TX, Transaction("old", "pos", "r1", LEFT + DAY_MS, "refund", 400, bought))
    pair.reach(LEFT + DAY_MS + 2 * HOUR_MS + 1)
    assert pair.seen("new").panes.cents[-1] == 600
    assert pair.spent("new") == 149_600


def test_a_history_that_comes_late_counts_from_now_on() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.here[1].advance(dict.fromkeys(FACTS, ARRIVED + DAY_MS))
    pair.reach(ARRIVED + DAY_MS + 1)
    assert pair.spent("new") == 150_000
    assert (pair.here[1].tally["moves_late"], pair.here[1].tally["moves_in_time"]) == (1, 0)


def test_a_history_counts_once_however_often_it_comes() -> None:
    old, new = Partition(DATASET), Partition(DATASET)
    old.apply(TX, [*daily("old", HOME, 150), merge("old", "new")])
    old.advance(dict.fromkeys(FACTS, LEFT))
    [move] = old.take_moves()
    assert old.take_moves() == []
    assert decode_move(move.encode()) == move
    assert decode_move(b"?") is None
    new.apply(MOVES, [move, move])
    new.advance(dict.fromkeys(FACTS, ARRIVED + 1))
    found = new.lookup("new")
    assert found is not None
    assert sum(found.panes.cents) == 150_000
    assert (new.tally["moves_in_time"], new.tally["moves_repeated"]) == (1, 1)


# Which


def test_a_merge_told_twice_is_one_and_a_later_one_counts() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"), merge("old", "new"))
    assert pair.here[0].apply(TX, [merge("old", "new")]).duplicate == 1
    pair.take(TX, merge("old", "wrong", MERGED - 1), merge("old", "right", MERGED + 1))
    pair.reach(LEFT - 1)
    pair.take(TX, merge("old", "wrong", MERGED - 2))
    pair.reach(ARRIVED + 1)
    assert pair.spent("right") == 150_000
    assert pair.here[1].lookup("new") is None


def test_a_chain_within_and_between_partitions_ends_at_its_last_id() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "other"), merge("other", "new", MERGED + 1))
    pair.take(TX, merge("new", "newest", MERGED + 2))
    pair.reach(ARRIVED + 4 * HOUR_MS + 1)
    assert pair.spent("newest") == 150_000
    pair.take(TX, purchase("old", ARRIVED + 5 * HOUR_MS))
    pair.reach(ARRIVED + 12 * HOUR_MS)
    assert pair.spent("newest") == 151_000
    assert [pair.spent(one) for one in ("old", "other", "new")] == [0, 0, 0]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_id_that_the_other_is_merged_back_into_lives_again(restarts: bool) -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.reach(ARRIVED + HOUR_MS)
    pair.take(TX, merge("new", "old", ARRIVED + HOUR_MS), purchase("new", ARRIVED + HOUR_MS + 1))
    pair.reach(ARRIVED + 3 * HOUR_MS + 1)
    if restarts:
        pair.restart()
    pair.take(TX, purchase("old", ARRIVED + 4 * HOUR_MS), purchase("new", ARRIVED + 4 * HOUR_MS))
    pair.reach(ARRIVED + 7 * HOUR_MS)
    assert pair.spent("old") == 153_000
    assert pair.spent("new") == 0
    assert pair.seen("old").merged_into is None


def test_an_id_that_lives_again_keeps_the_purchases_that_time_had_not_reached() -> None:
    """They are no entries any more by then: the transactions are three weeks ahead of the contacts."""
    pair = Pair()
    later = daily("old", HOME + 155 * DAY_MS, 20)
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"), *later)
    pair.take(TX, merge("new", "old", MERGED + DAY_MS), tick(HOME + 200 * DAY_MS))
    for day in range(151, 156):
        for one in pair.here:
            one.move({CT: HOME + day * DAY_MS + 1})
        decide_together(pair.here, pair.home)
        pair.restart()
    assert pair.seen("old").merged_into is None
    pair.reach(HOME + 180 * DAY_MS)
    assert pair.spent("old") == 170_000


@pytest.mark.parametrize("erased", ["old", "new", "both"])
def test_who_is_erased_keeps_nothing(erased: str) -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.reach(ARRIVED + 1)
    pair.take(CU, *(erasure(one) for one in ("old", "new") if erased in {one, "both"}))
    pair.reach(ARRIVED + DAY_MS)
    assert (pair.here[0].lookup("old") is None) == (erased != "new")
    assert (pair.here[1].lookup("new") is None) == (erased != "old")
    assert pair.here[0].next_move is None


def test_an_id_erased_before_its_history_left_leaves_none() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.take(CU, erasure("old"))
    pair.reach(ARRIVED + DAY_MS)
    assert pair.here[1].lookup("new") is None


# What


def test_all_that_few_have_goes_along() -> None:
    """Charges, visits, refused purchases, plan events, refunds of nobody knows which purchase."""

    def other(old: str, kind: str, time: int, cents: int, previous: int | None = None) -> Transaction:
        return Transaction(old, "billing", f"{old}-{kind}-{time}", time, kind, cents, None, previous)

    pair = Pair()
    for who, at in (("old", 0), ("new", DAY_MS)):
        sent = [
            *daily(who, HOME, 140),
            *(other(who, "subscription_charge", HOME + month * 30 * DAY_MS + at, 900) for month in range(4)),
            purchase(who, HOME + 141 * DAY_MS + at, 0),
            other(who, "subscription_changed", HOME + 142 * DAY_MS + at, 450, 900),
            other(who, "refund", HOME + 143 * DAY_MS + at, 70),
        ]
        pair.take(TX, *sorted(sent, key=time_of))
        pair.take(TX, purchase(who, HOME + 145 * DAY_MS + at), purchase(who, HOME + 143 * DAY_MS + at))
        pair.take(TX, SignOfLife(who, HOME + 145 * DAY_MS + at))
    pair.take(TX, merge("old", "new"))
    pair.reach(ARRIVED + 1)
    left, there = (
        one._customers.unpack(who).body.rare for one, who in zip(pair.here, ("old", "new"), strict=True)
    )
    assert left is None
    assert there is not None
    assert len(there.charges) == 8
    assert there.first_charge == hour_of(HOME)
    assert (len(there.charged), len(there.plan), len(there.undated)) == (10, 2, 2)
    assert (len(there.visits), len(there.unread)) == (2, 2)
    assert there.left_since(0) == 0.25
    assert len(there.delivered) == 1
    assert pair.spent("new") == 2 * (140_000 - 70 + 2_000)


@pytest.mark.parametrize(
    ("own", "moved", "tier", "left_alone"),
    [
        (None, None, None, False),
        (None, True, "gold", True),
        (False, True, "silver", True),
        (True, False, "silver", True),
    ],
)
def test_the_profile_of_the_id_that_goes_on_counts(
    own: bool | None, moved: bool | None, tier: str | None, left_alone: bool
) -> None:
    """`do_not_contact` holds if it held for either."""
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), *daily("new", HOME, 150), merge("old", "new"))
    if moved is not None:
        pair.take(CU, profile("old", HOME, tier="gold", left_alone=moved))
    if own is not None:
        pair.take(CU, profile("new", HOME, tier="silver", left_alone=own))
    pair.reach(ARRIVED + 1)
    found = pair.here[1]._customers.unpack("new").body.profile
    assert (found and found.tier, pair.seen("new").do_not_contact) == (tier, left_alone)
    assert found is None or found.customer_id == "new"


def test_of_a_contact_that_both_know_the_newest_version_counts() -> None:
    pair = Pair()
    time = MERGED - DAY_MS
    pair.take(
        CT,
        bad("old", time),
        contact("new", time, version=2),
        bad("new", time, "k2"),
        contact("old", time, "k2"),
    )
    pair.take(TX, merge("old", "new"))
    pair.reach(ARRIVED + 1)
    found = {known.contact_id: (known.version, known.own) for known, _ in pair.seen("new").contacts}
    assert found["k1"] == (2, 0)
    assert found["k2"][0] == 1
    assert pair.seen("old").contacts == []
    assert pair.seen("old").frustration == 0


def test_a_purchase_of_the_old_id_that_is_refused_is_a_sign_of_life_of_the_new_one() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.reach(ARRIVED + 20 * DAY_MS)
    pair.take(TX, SignOfLife("old", ARRIVED + 20 * DAY_MS))
    pair.reach(ARRIVED + 21 * DAY_MS)
    beside = pair.here[1]._customers.unpack("new").body.rare
    assert beside is not None
    assert beside.unread == [hour_of(ARRIVED + 20 * DAY_MS)]


# Cases


def test_an_open_case_goes_on_under_the_new_id() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new", MERGED + 20 * DAY_MS))
    pair.take(CT, bad("old", MERGED))
    pair.reach(MERGED + 60 * DAY_MS)
    old = [facts(one) for one in pair.alerts if one.customer_id == "old"]
    new = [facts(one) for one in pair.alerts if one.customer_id == "new"]
    assert [one[1:5] for one in old] == [
        (1, "raised", None, "watch"),
        (2, "updated", None, "alert"),
        (3, "resolved", "merged", "alert"),
    ]
    assert [one[1:5] for one in new] == [(1, "raised", None, "alert")]
    assert old[-1][-1] == "2024-06-22T11:00:00.000Z"
    assert new[0][-1] == "2024-06-22T12:00:00.000Z"
    seen = pair.seen("new").episode
    assert seen is not None
    assert seen.episode.alert_id != next(one.alert_id for one in pair.alerts if one.customer_id == "old")
    pair.take(DI, disposition("new", MERGED + 60 * DAY_MS, seen.episode.alert_id, status="closed"))
    pair.reach(MERGED + 61 * DAY_MS)
    assert facts(pair.alerts[-1])[1:4] == (2, "resolved", "closed")


def test_a_case_of_the_new_id_stays_and_that_of_the_old_one_ends() -> None:
    pair = Pair()
    pair.take(
        TX, *daily("old", HOME, 150), *daily("new", HOME, 150), merge("old", "new", MERGED + 20 * DAY_MS)
    )
    pair.take(CT, bad("old", MERGED, "k1"), bad("new", MERGED, "k2"))
    pair.reach(MERGED + 21 * DAY_MS)
    seen = pair.seen("new").episode
    assert seen is not None
    assert seen.episode.anchor is not None
    assert seen.episode.anchor.contact_id == "k2"
    assert [one.resolution for one in pair.alerts if one.customer_id == "old"][-1] == "merged"


def test_a_case_that_a_cancellation_made_an_alert_is_one_again() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new", MERGED + DAY_MS))
    pair.take(CT, bad("old", MERGED))
    pair.take(TX, Transaction("old", "billing", "x", MERGED + HOUR_MS, "subscription_cancelled", 0, None))
    pair.reach(MERGED + 2 * DAY_MS)
    assert [facts(one)[:5] for one in pair.alerts] == [
        ("old", 1, "raised", None, "alert"),
        ("old", 2, "resolved", "merged", "alert"),
        ("new", 1, "raised", None, "alert"),
    ]


def test_a_case_of_the_silent_rule_goes_on() -> None:
    rules = Ruleset.from_mapping(DATASET.as_mapping() | SILENT)
    pair = Pair(rules)
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new", HOME + 260 * DAY_MS))
    pair.reach(HOME + 300 * DAY_MS)
    assert [one.rule for one in pair.alerts] == ["silent"] * len(pair.alerts)
    assert "merged" in [one.resolution for one in pair.alerts if one.customer_id == "old"]
    assert "raised" in [one.state for one in pair.alerts if one.customer_id == "new"]


def test_a_case_keeps_the_ruleset_that_it_opened_under() -> None:
    """The other partition has never heard of it."""
    pair = Pair()
    pair.here[0] = Partition(VERSIONS["1"])
    pair.here[0] = Partition(Ruleset.from_mapping(VERSIONS["1"].as_mapping() | {"population_minimum": 1}))
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new", MERGED + DAY_MS))
    pair.take(CT, bad("old", MERGED))
    pair.reach(MERGED + 40 * DAY_MS)
    assert {one.ruleset[:2] for one in pair.alerts if one.customer_id == "new"} == {"1+"}


@pytest.mark.parametrize(
    ("who", "days", "opened"),
    [("old", 7, 1), ("old", 8, 0), ("new", 7, 1), ("new", 8, 0)],
)
def test_a_bad_contact_of_the_week_before_opens_a_case_that_neither_id_could_alone(
    who: str, days: int, opened: int
) -> None:
    """Neither has a baseline by itself: too young the one, nothing bought the other."""
    pair = Pair()
    buyer = "new" if who == "old" else "old"
    pair.take(TX, *daily(buyer, HOME, 150), merge("old", "new"))
    pair.take(CT, bad(who, LEFT - days * DAY_MS))
    pair.reach(ARRIVED + 1)
    assert len(pair.here[1].open_customers) == opened


def test_a_contact_of_which_an_alert_was_sent_opens_no_case_again() -> None:
    pair = Pair()
    pair.take(TX, *daily("old", HOME, 150), merge("old", "new"))
    pair.take(CT, bad("old", MERGED - 2 * DAY_MS, transfers_cold=4))
    sent = pair.reach(MERGED - DAY_MS)
    assert len(sent) == 1
    pair.take(DI, disposition("old", MERGED - DAY_MS, sent[0].alert_id, status="closed", outcome="benign"))
    pair.reach(ARRIVED + 1)
    assert len(pair.seen("new").contacts) == 1
    assert list(pair.here[1].open_customers) == []


# Population


@pytest.mark.parametrize("restarts", [False, True])
def test_the_population_counts_a_merged_customer_once(restarts: bool) -> None:
    """The cut-off of ten customers and one of two ids is that of eleven customers."""
    rules = Ruleset.from_mapping(DATASET.as_mapping() | {"high_value_quantile": 0.99})
    partition, alone = Partition(rules), Partition(rules)
    crowd = [one for name in range(10) for one in daily(f"c{name}", HOME, 150, 2_000 + name)]
    for one in (partition, alone):
        one.apply(TX, crowd)
    alone.apply(TX, daily("new", HOME, 150, 1_000))
    partition.apply(TX, [*daily("old", HOME, 75, 1_000), *daily("new", HOME + 75 * DAY_MS, 75, 1_000)])
    partition.apply(TX, [merge("old", "new")])
    if restarts:
        partition.move(dict.fromkeys(FACTS, ARRIVED + 1))
        decide_together([partition], lambda _: 0)
        state: State = {}
        keep(state, partition)
        partition = restored(rules, state, Random(2))
    cutoffs = []
    for one in (partition, alone):
        one.move(dict.fromkeys(FACTS, ARRIVED + 14 * DAY_MS))
        decide_together([one], lambda _: 0)
        assert one._judge.refresh is not None
        cutoffs.append(one._judge.refresh.cutoff)
    assert cutoffs[0] == cutoffs[1] is not None


@pytest.mark.parametrize("between", [False, True])
def test_what_an_id_took_over_counts_until_its_own_history_leaves(between: bool) -> None:
    """Also where both are decided about at once, and the population is refreshed in the hour between."""
    refresh = HOME + 154 * DAY_MS
    arrived = refresh - HOUR_MS
    assert refresh // HOUR_MS % WEEK_HOURS == 0
    pair = Pair(Ruleset.from_mapping(DATASET.as_mapping() | {"high_value_quantile": 0.9}))
    pair.take(TX, *daily("old", HOME, 150), *daily("new", HOME, 150, 100))
    pair.reach(arrived - 2 * HOUR_MS)
    pair.take(TX, merge("old", "new", arrived - 2 * HOUR_MS + 1), merge("new", "newest", arrived + 60_000))
    if between:
        pair.reach(arrived + 1)
    pair.reach(refresh + 1)
    assert pair.here[1].cutoff == 150 * 1_100
