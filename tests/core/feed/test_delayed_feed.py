"""The feed guard under rules for a delayed feed: late purchases count, and sources are told apart."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256
from random import Random
from typing import Final, NamedTuple

import pytest

from streams.core.feed.feed_guard import FeedGuard, group_of
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, DAY_MS, HOUR_MS, WEEK_HOURS
from streams.core.watermark import FACTS, Input
from tests.core.drive import purchase, tick

RULES: Final = Ruleset(delayed_feed=True)
SETTLED: Final = replace(RULES, settle_hours=24)
BLIND: Final = Ruleset()
"""Rules that count nothing late, and all sources as one."""
START: Final = 470_400
"""An hour divisible by 168."""
NOW: Final = START + 4 * WEEK_HOURS + 2 * DAY_HOURS
"""Whose day has four like it before."""
END: Final = (NOW + 40) * HOUR_MS
SHOP, WEB = "shop", "web"
TWIN: Final = next(name for name in map(str, range(10_000)) if group_of(name) == group_of(SHOP))


def steady(rules: Ruleset, **per_hour: int) -> FeedGuard:
    """Return a guard that counted so many on-time purchases of each source in every hour up to `NOW`."""
    guard = FeedGuard()
    for source, count in per_hour.items():
        for hour in range(START, NOW):
            guard.counts_of(source, rules)[hour] += count
    guard.advance(NOW, rules)
    return guard


def broken(guard: FeedGuard) -> list[int]:
    """Return the broken hours from `NOW` on, and before, counted from it."""
    return [hour - NOW for hour in range(START, NOW + 60) if guard.is_broken(hour)]


def again(guard: FeedGuard) -> FeedGuard:
    """Return another guard that became what one was."""
    made = FeedGuard()
    made.restore(guard.state())
    return made


# Late purchases


def delayed(hours: int, rules: Ruleset) -> FeedGuard:
    """Return a guard of 10 purchases an hour that from `NOW` on all come so many hours late, for 40 hours."""
    guard = steady(rules, shop=10)
    for known in range(NOW, NOW + 40):
        for _ in range(10 * (known - hours >= NOW)):
            guard.add_late(SHOP, (known - hours) * HOUR_MS, known * HOUR_MS, rules)
        guard.advance(known + 1, rules)
    return guard


@pytest.mark.parametrize(("hours", "is_broken"), [(11, False), (12, False), (13, True)])
def test_a_delay_that_grows_costs_itself_and_no_more(hours: int, is_broken: bool) -> None:
    """Half a day late, half of the last day is known: not fewer than half.

    Where late ones don't count the feed is broken for ever.
    """
    assert broken(delayed(hours, RULES)) == (list(range(12, 40)) if is_broken else [])
    assert broken(delayed(hours, BLIND)) == list(range(12, 40))


@pytest.mark.parametrize("hours", [1, 13])
def test_operational_time_counts_a_late_purchase_from_when_it_is_known(hours: int) -> None:
    """So the count of an hour never changes afterwards; where late ones don't count, it stands still."""
    guard, before = delayed(hours, RULES), (NOW - START) * 10
    for passed in (0, hours - 1, hours, hours + 1, 39):
        assert guard.purchases_before(NOW + passed) == before + 10 * max(0, passed - hours)
    assert delayed(hours, BLIND).purchases_before(NOW + 39) == before


@pytest.mark.parametrize(("hours", "counts_from"), [(23, 0), (24, 0), (25, 1), (30, 6)])
def test_what_is_judged_later_knows_of_late_purchases_by_their_own_hour(hours: int, counts_from: int) -> None:
    """With settle_hours = 24 only what comes later than that counts from an hour of its own."""
    guard = steady(SETTLED, shop=1)
    guard.add_late(SHOP, NOW * HOUR_MS, (NOW + hours) * HOUR_MS, SETTLED)
    group = group_of(SHOP)
    late = [(NOW + counts_from, group, NOW, 1)] if counts_from else []
    assert guard.state().late == late
    assert guard.state().groups[group].get(NOW, 0) == (not counts_from)
    guard.advance(NOW + 10, SETTLED)
    total = guard.purchases_before(NOW)
    assert total == NOW - START
    assert [guard.purchases_before(NOW + at) for at in (counts_from, counts_from + 1)] == [total, total + 1]
    assert guard.state().groups[group][NOW] == 1


def test_an_hour_that_is_decided_stays_so() -> None:
    """A late purchase of an hour that is judged counts from the next that is not."""
    guard = steady(SETTLED, shop=1)
    guard.add_late(SHOP, (NOW - 5) * HOUR_MS, (NOW - 5) * HOUR_MS, SETTLED)
    assert guard.purchases_before(NOW) == NOW - START
    guard.advance(NOW + 1, SETTLED)
    assert guard.purchases_before(NOW) == NOW - START
    assert guard.purchases_before(NOW + 1) == NOW - START + 1


def test_a_first_purchase_that_is_late_begins_the_count() -> None:
    guard = FeedGuard()
    guard.add_late(SHOP, START * HOUR_MS, (START + 2) * HOUR_MS, RULES)
    assert list(guard.hours) == [START + 2]
    guard.advance(START + 5, RULES)
    assert [guard.purchases_before(START + at) for at in range(5)] == [0, 0, 0, 1, 1]


def test_a_late_purchase_counts_in_the_weeks_before_as_well() -> None:
    """80 in the week before last are the least to tell; they came eight days late, and are there in time."""
    guard = FeedGuard()
    guard.counts_of(SHOP, RULES)[START] += 1
    guard.advance(NOW - DAY_HOURS, RULES)
    pane = NOW - WEEK_HOURS
    for _ in range(80):
        guard.add_late(SHOP, pane * HOUR_MS, (NOW - 3) * HOUR_MS, RULES)
    guard.advance(NOW + 60, RULES)
    assert broken(guard) == list(range(DAY_HOURS))


@pytest.mark.parametrize(("late", "is_broken"), [(79, False), (80, True), (81, True)])
def test_what_is_a_whole_week_late_counts_once(late: int, is_broken: bool) -> None:
    """It enters the day a week before in the hour from which it counts."""
    guard = FeedGuard()
    guard.counts_of(SHOP, RULES)[START] += 1
    guard.advance(NOW, RULES)
    for _ in range(late):
        guard.add_late(SHOP, (NOW - WEEK_HOURS) * HOUR_MS, NOW * HOUR_MS, RULES)
    guard.advance(NOW + 1, RULES)
    assert guard.is_broken(NOW) is is_broken


# Groups of sources


def test_a_group_is_eight_bytes_of_the_hash() -> None:
    for source in (SHOP, WEB, "", "Kasse ü\u202e"):
        assert group_of(source) == int(sha256(source.encode()).hexdigest()[:16], 16) % 64 + 1
    assert group_of(SHOP) != group_of(WEB)
    assert TWIN != SHOP


def from_now(guard: FeedGuard, rules: Ruleset, **per_hour: int) -> list[int]:
    """Let 20 hours pass with so many purchases an hour, and return which of them are broken."""
    for hour in range(NOW, NOW + 20):
        for source, count in per_hour.items():
            guard.counts_of(source, rules)[hour] += count
    guard.advance(NOW + 20, rules)
    return broken(guard)


HALF_A_DAY: Final = list(range(12, 20))


def test_one_of_two_shop_systems_that_fails_is_noticed() -> None:
    """Half of all purchases are left, which is not fewer than half; of its own fewer are after 13 hours."""
    assert from_now(steady(RULES, shop=10, web=10), RULES, shop=10) == HALF_A_DAY
    assert from_now(steady(BLIND, shop=10, web=10), BLIND, shop=10) == []


def test_all_sources_that_fail_are_noticed_as_before() -> None:
    for rules in (RULES, BLIND):
        assert from_now(steady(rules, shop=10, web=10), rules) == HALF_A_DAY


def test_sources_of_one_group_are_one() -> None:
    guard = steady(RULES, **{SHOP: 10, TWIN: 10})
    assert from_now(guard, RULES, shop=10) == []


@pytest.mark.parametrize(("moved", "is_broken"), [(4, True), (5, True), (6, False), (10, False), (20, False)])
def test_a_source_whose_purchases_come_by_another_has_not_failed(moved: int, is_broken: bool) -> None:
    """Of 10 an hour so many come by another from now on: broken if the feed lost half of them or more."""
    guard = steady(RULES, shop=10, web=10)
    assert from_now(guard, RULES, shop=10 + moved) == (HALF_A_DAY if is_broken else [])


def test_a_migration_to_a_source_never_heard_of_is_no_failure() -> None:
    guard = steady(RULES, shop=10, web=10)
    assert from_now(guard, RULES, shop=10, app=10) == []
    assert from_now(again(steady(RULES, shop=10, web=10)), RULES, shop=10, app=10) == []


@pytest.mark.parametrize(("usual", "is_broken"), [(79, False), (80, True), (81, True)])
def test_a_source_with_a_mean_below_20_is_too_small_to_tell(usual: int, is_broken: bool) -> None:
    guard = FeedGuard()
    for week in range(1, 5):
        guard.counts_of(SHOP, RULES)[NOW - week * WEEK_HOURS] += 1_000
    guard.counts_of(SHOP, RULES)[NOW] += 1_000
    guard.counts_of(WEB, RULES)[NOW - WEEK_HOURS] += usual
    guard.advance(NOW + 1, RULES)
    assert guard.is_broken(NOW) is is_broken


def test_sources_without_number_share_the_groups() -> None:
    guard = FeedGuard()
    for at in range(10_050):
        guard.counts_of(f"source-{at}", RULES)[START] += 1
    guard.advance(START + 1, RULES)
    assert guard.purchases_before(START + 1) == 10_050
    assert len(guard.state().groups) <= 64
    assert len(guard._routes) <= 10_000


# Any feed


class Bought(NamedTuple):
    """A purchase: where it counts, and from which hour it is known."""

    source: str
    pane: int
    known: int


def feed(rng: Random) -> list[Bought]:
    """Return eight weeks of three sources, a third of it late by up to two days; each source fails once."""
    found = []
    for hour in range(START, START + 8 * WEEK_HOURS):
        for at, source in enumerate((SHOP, WEB, "app")):
            fails = 5 * WEEK_HOURS + 70 * at < hour - START < 5 * WEEK_HOURS + 70 * at + rng.choice((30, 60))
            for _ in range(0 if fails else rng.choice((0, 1, 1, 2, 5))):
                late = rng.choice((0, 0, 0, 0, 1, rng.randrange(50)))
                found.append(Bought(source, hour, hour + late))
    return sorted(found, key=lambda one: one.known)


def run(
    bought: Iterable[Bought], rules: Ruleset, between: Callable[[FeedGuard, int], FeedGuard]
) -> FeedGuard:
    """Return a guard that lived through a feed, hour by hour, as a partition has it do."""
    guard, s = FeedGuard(), rules.guard_delay_hours
    by_hour: dict[int, list[Bought]] = {}
    for one in bought:
        by_hour.setdefault(one.known, []).append(one)
    for hour in range(START, START + 8 * WEEK_HOURS):
        guard.advance(hour - s, rules)
        guard = between(guard, hour)
        for one in by_hour.get(hour, []):
            if one.pane == hour:
                guard.counts_of(one.source, rules)[hour] += 1
            else:
                guard.add_late(one.source, one.pane * HOUR_MS, hour * HOUR_MS, rules)
        guard = between(guard, hour)
    return guard


@pytest.mark.parametrize("rules", [RULES, SETTLED, replace(RULES, settle_hours=7)], ids=("0", "24", "7"))
def test_a_feed_is_judged_as_the_rules_say(rules: Ruleset) -> None:
    """Hour k = max(hour(time), hour(effective time) - s), a hash of the source, sums over all purchases."""
    bought = feed(Random(7))
    guard = run(bought, rules, lambda guard, _: guard)
    counted = sorted(max(one.pane, one.known - rules.settle_hours) for one in bought)
    decided = START + 8 * WEEK_HOURS - 1 - rules.settle_hours
    for hour in range(START, decided + 1, 13):
        assert guard.purchases_before(hour) == bisect_left(counted, hour)
    wanted = [judged(bought, hour, rules) for hour in range(START + 32 * DAY_HOURS, decided, 3)]
    assert [guard.is_broken(hour) for hour in range(START + 32 * DAY_HOURS, decided, 3)] == wanted
    assert 20 < sum(wanted) < len(wanted) / 2


def judged(bought: list[Bought], hour: int, rules: Ruleset) -> bool:
    windows: dict[int, list[int]] = {}
    for one in bought:
        week, rest = divmod(hour - one.pane, WEEK_HOURS)
        if max(one.pane, one.known - rules.settle_hours) <= hour and 0 <= week <= 4 and rest < DAY_HOURS:
            windows.setdefault(group_of(one.source), [0] * 5)[week] += 1
    groups = [(one[0], sum(one[1:]) / 4) for one in windows.values()]
    now, usual = sum(one[0] for one in groups), sum(one[1] for one in groups)
    if usual >= 20 and now < usual / 2:
        return True
    return any(own >= 20 and here < own / 2 and usual - now >= (own - here) / 2 for here, own in groups)


@pytest.mark.parametrize("rules", [RULES, SETTLED], ids=("0", "24"))
def test_a_guard_that_is_restored_at_any_hour_goes_on_as_it_was(rules: Ruleset) -> None:
    """In the middle of late purchases that wait for their hour, and after what is old was forgotten."""

    def forgetful(guard: FeedGuard, hour: int) -> FeedGuard:
        if hour % WEEK_HOURS == 0:
            guard.forget(hour - rules.guard_delay_hours)
        return guard

    def hurt(guard: FeedGuard, hour: int) -> FeedGuard:
        guard = forgetful(guard, hour)
        return again(guard) if hour % 5 == 0 or guard.state().late else guard

    bought = feed(Random(9))
    whole, other = run(bought, rules, forgetful), run(bought, rules, hurt)
    assert other.state() == whole.state()
    assert broken(other) == broken(whole)
    end = START + 8 * WEEK_HOURS - 1 - rules.guard_delay_hours
    counts = [(one.purchases_before(hour),) for one in (whole, other) for hour in range(end - 600, end + 1)]
    assert counts[:601] == counts[601:]
    counted = sorted(max(one.pane, one.known - rules.settle_hours) for one in bought)
    assert whole.purchases_before(end) == bisect_left(counted, end)


def test_forgetting_takes_along_what_late_purchases_moved() -> None:
    guard = delayed(3, RULES)
    assert guard.state().moved
    guard.forget(NOW + 40 + 30 * DAY_HOURS)
    assert (guard.state().moved, list(guard.hours)) == ({}, [])


# In a partition


@pytest.mark.parametrize("settle_hours", [0, 24])
@pytest.mark.parametrize(("ms", "is_broken"), [(-1, False), (0, True), (1, True)])
def test_an_hour_is_judged_once_it_is_over_and_settled(settle_hours: int, ms: int, is_broken: bool) -> None:
    """Ten an hour, and none from `NOW` on: hour 12 after it is the first that is broken."""
    partition = Partition(replace(RULES, settle_hours=settle_hours))
    times = range(START * HOUR_MS, NOW * HOUR_MS, HOUR_MS // 10)
    partition.apply(Input.TRANSACTIONS, [purchase("a", time) for time in times])
    judged_at = (NOW + 12 + 1 + settle_hours) * HOUR_MS
    partition.advance(dict.fromkeys(FACTS, judged_at + ms))
    assert partition.feed_broken is is_broken


@pytest.mark.parametrize(("each_day", "is_off"), [(19, True), (20, False), (21, False)])
def test_with_too_few_purchases_the_guard_is_off(each_day: int, is_off: bool) -> None:
    partition = Partition(RULES)
    assert partition.feed_guard_off
    times = [day * DAY_MS + at * HOUR_MS for day in range(30) for at in range(each_day)]
    partition.apply(Input.TRANSACTIONS, [purchase("a", START * HOUR_MS + time) for time in sorted(times)])
    partition.advance(dict.fromkeys(FACTS, START * HOUR_MS + 30 * DAY_MS))
    assert partition.feed_guard_off is is_off


@pytest.mark.parametrize(("hours", "is_broken"), [(11, False), (12, False), (13, True)])
def test_a_source_that_comes_late_in_a_partition(hours: int, is_broken: bool) -> None:
    """Of two shop systems one is late from `NOW` on: more than half a day, and half of its own is missing."""
    partition, step = Partition(RULES), HOUR_MS // 10
    arrivals = [(time, purchase("a", time, source=SHOP)) for time in range(START * HOUR_MS, END, step)]
    for time in range(START * HOUR_MS, END, step):
        late = hours * HOUR_MS if time >= NOW * HOUR_MS else 0
        arrivals.append((time + late, purchase("b", time, source=WEB)))
    arrivals.sort(key=lambda arrival: arrival[0])
    outcome = partition.apply(Input.TRANSACTIONS, [one for at, one in arrivals if at < END])
    assert outcome.late == (40 - hours) * 10
    partition.apply(Input.CONTACTS, [tick(END)])
    partition.advance({Input.TRANSACTIONS: END})
    assert broken(partition._guard) == (list(range(12, 40)) if is_broken else [])
