"""What is decided with settle_hours under rules for a delayed feed: all of it looks at panes before h - s.

One customer buys for 10.00 every noon of 112 days, and another one afterwards, so that as much is bought as
before; a third buys at a quarter past every hour. At half past midnight of day 112 the first one has a bad
contact: hour(moment) is `ANCHOR`, h0 the hour after it, s = 24.
"""

from dataclasses import replace
from typing import Any, Final

import pytest

from schemas.alert import Alert
from schemas.events import Erasure
from schemas.times import parse_ms
from streams.core.customer.customer import unpack
from streams.core.customer.pending import Episode, Watch
from streams.core.episodes.opening import alert_id
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.spend.evidence import Yardstick
from streams.core.time import DAY_HOURS, DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, State, bad, daily, disposition, keep, profile, purchase, restored
from tests.core.episodes.test_silent import LIFE, days_of, take, watch_of

RULES: Final = replace(
    VERSIONS["3"],
    population_minimum=1,
    high_value_quantile=0.1,
    protected_tiers=("gold",),
    settle_hours=24,
)
AT_ONCE: Final = replace(RULES, settle_hours=0)
ONLY_EVIDENCE: Final = replace(RULES, delayed_feed=False)
"""As before there were rules for a delayed feed: only hour decisions look at what is settled."""
ANCHOR: Final = HOME // HOUR_MS + 112 * DAY_HOURS
MOMENT: Final = ANCHOR * HOUR_MS + HOUR_MS // 2
FIRST: Final = ANCHOR + 1
QUIET_HOURS: Final = 142
"""Hours of silence after h0 that make it a watch."""
HUGE: Final = 100_000
"""Cents, beside a usual purchase of 1,000."""


def at(hour: int) -> int:
    """Return the middle of an hour, in ms."""
    return hour * HOUR_MS + HOUR_MS // 2


def others(until: int, gap: range = range(0)) -> list[Record]:
    """Return what others buy up to an hour; nothing in the hours of a gap."""
    hours = (hour for hour in range(HOME // HOUR_MS, until) if hour not in gap)
    after = daily("c", HOME + 112 * DAY_MS, 100)
    return [
        *(purchase("b", hour * HOUR_MS + HOUR_MS // 4) for hour in hours),
        *(one for one in after if one.time // HOUR_MS in range(until) and one.time // HOUR_MS not in gap),
    ]


def lived(
    *events: Record, rules: Ruleset = RULES, until: int, gap: range = range(0), **contact: Any
) -> tuple[Partition, list[Alert]]:
    """Return the partition and its alerts once time has reached an hour; `contact` replaces fields."""
    partition = Partition(rules)
    known: list[Record] = [profile("a", HOME, tier="gold"), bad("a", **{"time": MOMENT, **contact})]
    take(partition, *known, *daily("a", HOME, 112), *others(until, gap), *events)
    return partition, partition.advance(dict.fromkeys(FACTS, until * HOUR_MS))


def episode_of(partition: Partition) -> Episode:
    view = partition.lookup("a")
    assert view is not None
    assert view.episode is not None
    return view.episode.episode


def purchases_before(yardstick: Yardstick) -> int:
    assert yardstick.clock is not None
    return yardstick.clock.purchases_before


def bought_before(hour: int) -> int:
    """Return how many purchases all made in panes before an hour."""
    passed = hour - HOME // HOUR_MS
    return passed + (passed + DAY_HOURS // 2 - 1) // DAY_HOURS


# An episode opens


@pytest.mark.parametrize(("rules", "settled"), [(RULES, 24), (AT_ONCE, 0), (ONLY_EVIDENCE, 0)])
@pytest.mark.parametrize("before", [-1, 0, 1])
def test_baseline_and_trailing_spend_are_those_of_what_was_settled(
    rules: Ruleset, settled: int, before: int
) -> None:
    """A huge purchase of the pane before hour(moment) - s counts, one of that pane or the next does not."""
    huge = purchase("a", at(ANCHOR - settled + before), HUGE)
    partition, _ = lived(huge, rules=rules, until=ANCHOR + 2)
    episode, counts = episode_of(partition), before < 0
    days = (ANCHOR - settled - HOME // HOUR_MS) // DAY_HOURS
    assert episode.trailing_spend == days * 1_000 + HUGE * counts
    assert episode.yardstick.usual_per_day == pytest.approx(1_000 + HUGE * counts / 84)
    assert episode.yardstick.first_hour == FIRST


@pytest.mark.parametrize(
    ("rules", "late_hours", "began"),
    [
        *((RULES, 0, ANCHOR - 24), (RULES, 23, ANCHOR - 1), (RULES, 24, ANCHOR), (RULES, 25, ANCHOR)),
        *((AT_ONCE, 0, ANCHOR), (AT_ONCE, 30, ANCHOR), (ONLY_EVIDENCE, 0, ANCHOR)),
    ],
)
def test_operational_time_begins_at_an_hour_that_is_judged(
    rules: Ruleset, late_hours: int, began: int
) -> None:
    """It is q = min(h0 - 1, hour(effective time) - s): no hour of the count is unknown when it is frozen."""
    time = MOMENT + late_hours * HOUR_MS
    partition, _ = lived(rules=rules, until=ANCHOR + late_hours + 2, time=time, moment=MOMENT)
    episode = episode_of(partition)
    assert episode.opened == time
    assert purchases_before(episode.yardstick) == bought_before(began)


# Decisions about an hour


@pytest.mark.parametrize(("rules", "hours"), [(RULES, 24), (AT_ONCE, 0), (ONLY_EVIDENCE, 24)])
def test_silence_is_raised_once_it_is_settled(rules: Ruleset, hours: int) -> None:
    _, [raised] = lived(rules=rules, until=FIRST + QUIET_HOURS + 40)
    assert parse_ms(raised.time) == (FIRST + QUIET_HOURS + hours) * HOUR_MS
    assert (raised.state, raised.level) == ("raised", "watch")
    assert raised.days_since == pytest.approx(QUIET_HOURS / 24, abs=1e-4)


GAP: Final = range(FIRST + 160, FIRST + 180)


@pytest.mark.parametrize("rules", [RULES, AT_ONCE, ONLY_EVIDENCE])
@pytest.mark.parametrize("into", [-1, 0, 1, 5])
def test_a_decision_is_held_while_the_last_settled_hour_was_broken(rules: Ruleset, into: int) -> None:
    """Snoozed until some hours into the outage: held until the first h with hour h - 1 - s whole again."""
    judged = 1 + rules.guard_delay_hours
    whole, _ = lived(rules=rules, until=FIRST + 300, gap=GAP)
    broken = [hour for hour in range(FIRST, FIRST + 250) if whole._guard.is_broken(hour)]
    assert broken == list(range(broken[0], broken[-1] + 1))
    assert len(broken) > 5
    until = broken[0] + judged + into
    snooze = disposition("a", MOMENT + 1, alert_id("a", "crm", "k1"), snooze_until=until * HOUR_MS)
    partition, alerts = lived(snooze, rules=rules, until=broken[-1] + judged + 3, gap=GAP)
    held = 0 if into < 0 else len(broken) - into
    assert parse_ms(alerts[0].time) == (until + held) * HOUR_MS
    assert partition.tally["held_by_feed_guard"] == held


# Decisions about an item


def cancelled(hour: int) -> Record:
    return purchase("a", at(hour), 1_000, kind="subscription_cancelled")


@pytest.mark.parametrize(("rules", "settled"), [(RULES, 24), (AT_ONCE, 0), (ONLY_EVIDENCE, 0)])
@pytest.mark.parametrize("before", [-1, 0, 1])
def test_an_item_is_decided_by_what_was_settled_then(rules: Ruleset, settled: int, before: int) -> None:
    hour = ANCHOR + 100
    bought = purchase("a", at(hour - settled + before))
    _, alerts = lived(cancelled(hour), bought, rules=rules, until=hour + 1)
    [raised] = alerts
    assert (parse_ms(raised.time), raised.level) == (at(hour), "alert")
    assert raised.spend_since == ("10.00" if before < 0 else "0.00")
    assert raised.days_since == pytest.approx((hour - settled - FIRST) / 24, abs=1e-4)


@pytest.mark.parametrize(("hours", "days"), [(-1, 0), (0, 0), (1, 0), (23, 0), (24, 0), (25, 1 / 24)])
def test_an_item_is_never_decided_by_what_lies_before_the_episode(hours: int, days: float) -> None:
    """Up to s hours after h0 there is no evidence, neither for nor against, nor in the hour before h0."""
    hour = FIRST + hours
    bought = purchase("a", MOMENT + 1, HUGE)
    _, [raised] = lived(cancelled(hour), bought, until=hour + 1)
    assert raised.days_since == pytest.approx(days, abs=1e-4)
    assert raised.spend_since == "0.00"
    assert raised.log_odds.silence >= 0


def test_a_second_contact_raises_by_what_was_settled_then() -> None:
    """120 hours of silence are known of 144; the second contact adds what they lack."""
    hour = FIRST + 144
    _, alerts = lived(bad("a", at(hour), "k2"), until=hour + 1)
    [raised] = alerts
    assert (parse_ms(raised.time), raised.counters.contacts_7d) == (at(hour), 2)
    assert raised.days_since == pytest.approx(120 / 24, abs=1e-4)


@pytest.mark.parametrize(("rules", "settled"), [(RULES, 24), (AT_ONCE, 0)])
def test_what_closes_by_an_item_is_written_with_settled_figures(rules: Ruleset, settled: int) -> None:
    """By the desk, and because the contact turned out not to have been bad."""
    hour = FIRST + 200
    bought = [purchase("a", at(hour - settled + before)) for before in (-1, 0)]
    harmless: Record = bad("a", at(hour), version=2, moment=MOMENT, resolution="resolved", csat=5)
    closed: Record = disposition("a", at(hour), alert_id("a", "crm", "k1"), status="closed", outcome="saved")
    for item, why in [(closed, "closed"), (harmless, "withdrawn")]:
        _, alerts = lived(item, *bought, rules=rules, until=hour + 1)
        last = alerts[-1]
        assert (last.state, last.resolution, parse_ms(last.time)) == ("resolved", why, at(hour))
        assert last.spend_since == "10.00"
        assert last.days_since == pytest.approx((hour - settled - FIRST) / 24, abs=1e-4)


@pytest.mark.parametrize(("rules", "settled"), [(RULES, 24), (AT_ONCE, 0)])
def test_a_lookup_shows_what_was_settled(rules: Ruleset, settled: int) -> None:
    hour = FIRST + 100
    bought = [purchase("a", at(hour - settled + before)) for before in (-1, 0)]
    partition, _ = lived(*bought, rules=rules, until=hour)
    view = partition.lookup("a")
    assert view is not None
    assert view.episode is not None
    assert (view.episode.evidence.spend, view.episode.evidence.trips) == (1_000, 1)
    assert view.episode.evidence.working_days == pytest.approx((100 - settled) / 24)


# The silent rule


def silent(**changes: Any) -> Ruleset:
    return replace(RULES, silent=True, silent_prior_probability=0.002, **changes)


def watch(*events: Record, rules: Ruleset) -> Watch:
    """Return the watch that begins at the refresh of day 91."""
    partition = Partition(rules)
    end = HOME + 91 * DAY_MS
    take(partition, profile("a", HOME, tier="gold"), *daily("a", HOME, 91), *others(end // HOUR_MS), *events)
    assert partition.advance(dict.fromkeys(FACTS, end)) == []
    found = unpack("a", partition._customers.records["a"]).body.watch
    assert found is not None
    assert watch_of(partition) == found
    return found


@pytest.mark.parametrize(
    ("rules", "settled"),
    [(silent(), 24), (silent(settle_hours=0), 0), (silent(delayed_feed=False), 0)],
)
@pytest.mark.parametrize("before", [-1, 0, 1])
def test_a_watch_begins_with_what_was_settled(rules: Ruleset, settled: int, before: int) -> None:
    begins = (HOME + 91 * DAY_MS) // HOUR_MS
    huge = purchase("a", at(begins - settled + before), HUGE)
    found, counts = watch(*[huge] * (before < 0 or settled > 0), rules=rules), before < 0
    assert found.yardstick.first_hour == begins
    assert found.trailing_spend == (91 - settled // 24) * 1_000 + HUGE * counts
    assert found.yardstick.usual_per_day == pytest.approx(1_000 + HUGE * counts / 84)
    counted = min(begins - 1, begins - settled)
    assert purchases_before(found.yardstick) == bought_before(counted) + counts * (settled > 0)


def fed(missing: int, rules: Ruleset) -> tuple[float, float, int]:
    """Return on which day a silence is raised, how long it has lasted, and how often it was held by day 168.

    Another customer buys daily but on the missing day, and so the feed is broken from its noon to the next.
    """
    partition = Partition(rules)
    others = [one for number, one in enumerate(daily("b", HOME, 200)) if number != missing]
    take(partition, profile("a", HOME, tier="gold"), *LIFE, *others)
    alerts = partition.advance(dict.fromkeys(FACTS, HOME + 168 * DAY_MS))
    held = partition.tally.get("held_by_feed_guard", 0)
    [raised, *_] = alerts + partition.advance(dict.fromkeys(FACTS, HOME + 190 * DAY_MS))
    return days_of(raised), raised.days_since, held


WATCHED: Final = Ruleset(
    population_minimum=1,
    protected_tiers=("gold",),
    silent=True,
    guard_minimum=1,
    settle_hours=24,
)


@pytest.mark.parametrize(
    ("delayed_feed", "missing", "wanted"),
    [
        (True, -1, (168, 20.0, 0)),
        (True, 166, (175, 26.0, 1)),
        (True, 167, (168, 20.0, 0)),
        (False, 166, (168, 19.5, 0)),
        (False, 167, (175, 26.0, 1)),
    ],
)
def test_a_silent_decision_is_held_while_the_last_settled_hour_was_broken(
    delayed_feed: bool, missing: int, wanted: tuple[float, float, int]
) -> None:
    """That of the refresh of day 168 rests on what was before day 167; a week later it is made."""
    assert fed(missing, replace(WATCHED, delayed_feed=delayed_feed)) == wanted


@pytest.mark.parametrize(("rules", "settled"), [(RULES, 24), (AT_ONCE, 0)])
def test_an_erasure_closes_with_what_was_settled(rules: Ruleset, settled: int) -> None:
    """The hour of the erasure itself is not judged yet."""
    hour = FIRST + 200
    partition, _ = lived(rules=rules, until=hour)
    [erased] = partition.apply(Input.CONTACTS, [Erasure("a")]).alerts
    assert (erased.state, erased.resolution) == ("resolved", "erased")
    assert erased.days_since == pytest.approx((200 - settled) / 24, abs=1e-4)


@pytest.mark.parametrize("rules", [AT_ONCE, ONLY_EVIDENCE])
def test_an_episode_outlives_the_adoption_of_rules_that_judge_later(rules: Ruleset) -> None:
    """It keeps its own rules; what the guard has not judged yet holds what time raises."""
    hour = FIRST + 20
    partition, _ = lived(rules=rules, until=hour)
    state: State = {}
    keep(state, partition)
    adopted = restored(RULES, state)
    take(adopted, bad("a", at(hour), "k2"), *others(hour + 200))
    alerts = adopted.advance(dict.fromkeys(FACTS, (hour + 200) * HOUR_MS))
    assert episode_of(adopted).ruleset == rules.hash
    assert [one.level for one in alerts] == ["watch", "alert"]
