"""The silent rule: who is watched, when an episode opens without a contact, and how it lives and ends.

One customer buys for 10.00 every noon of 147 days, so that usual spend is 10.00 a day and D the least, 1.5
days; then once more for 12.00 on day 148. The last reset is the refresh of day 147. Three weeks later
S = (21 - 2.4) / 1.5 = 12.4, and L = ln(0.002 / 0.998) + 0.55 S = 0.61: a watch.
"""

import math
from uuid import UUID, uuid5

import pytest
from msgspec import msgpack

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.core.customer.customer import unpack
from streams.core.customer.customer_codec import Body
from streams.core.customer.pending import Watch
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import (
    HOME,
    State,
    bad,
    contact,
    daily,
    disposition,
    erasure,
    keep,
    notice,
    profile,
    purchase,
    restored,
    time_of,
)

OFF = Ruleset(population_minimum=1, high_value_quantile=0.1)
ON = Ruleset(population_minimum=1, high_value_quantile=0.1, silent=True)
NAMESPACE = UUID("731beb54-e8c9-5a95-9036-e6143143d599")
TX, CT = Input.TRANSACTIONS, Input.CONTACTS
PRIOR = math.log(0.002 / 0.998)


def day(number: float) -> int:
    """Return the beginning of a day, in ms; every seventh is a refresh."""
    return HOME + round(number * DAY_MS)


def hour(number: int) -> int:
    """Return the hour that a day begins with."""
    return day(number) // HOUR_MS


RESET, OPENED = day(147), day(168)
ALERT_ID = str(uuid5(NAMESPACE, f"a/silent/{RESET // HOUR_MS}"))
LIFE = (*daily("a", HOME, 147), purchase("a", day(148.5), 1_200))
Row = tuple[float, str, str, str | None]


def dataset(*events: Record, rules: Ruleset = ON) -> Partition:
    """Return a partition that took in the life of the customer, and further events."""
    partition = Partition(rules)
    take(partition, *LIFE, *events)
    return partition


def take(partition: Partition, *events: Record) -> None:
    """Let events come in order of time."""
    inputs = {"Profile": Input.CUSTOMERS, "Disposition": Input.DISPOSITIONS, "Contact": CT, "Notice": CT}
    for event in sorted(events, key=time_of):
        partition.apply(inputs.get(type(event).__name__, TX), [event])


def wait(partition: Partition, days: float) -> list[Alert]:
    """Let time run to a day, and return the alerts."""
    return partition.advance(dict.fromkeys(FACTS, day(days)))


def run(*events: Record, until: float = 320, rules: Ruleset = ON) -> list[Alert]:
    """Return the alerts up to a day."""
    return wait(dataset(*events, rules=rules), until)


def rows(alerts: list[Alert]) -> list[Row]:
    """Return what was decided on which day."""
    return [(days_of(one), one.state, one.level, one.resolution) for one in alerts]


def days_of(alert: Alert) -> float:
    """Return the day of an alert, with its part."""
    return (parse_ms(alert.time) - HOME) / DAY_MS


def watch_of(partition: Partition, customer_id: str = "a") -> Watch | None:
    """Return the watch that a customer is under."""
    return unpack(customer_id, partition._customers.records[customer_id]).body.watch


# Opening


def test_spend_that_falls_by_itself_is_raised_and_expires() -> None:
    """S = 13.8 takes 20.7 + 2.4 days since the reset, and so the whole hour 555: 171.125 - 24 days."""
    assert rows(run()) == [
        (168, "raised", "watch", None),
        (147 + 555 / 24, "updated", "alert", None),
        (288, "resolved", "alert", "expired"),
    ]


def test_a_silent_alert_carries_its_evidence() -> None:
    [alert] = run(until=169)
    assert (alert.rule, alert.anchor, alert.alert_id) == ("silent", None, ALERT_ID)
    assert (alert.reasons, alert.log_odds.frustration) == ((), 0.0)
    assert (alert.log_odds.prior, alert.log_odds.silence) == (round(PRIOR, 4), 6.82)
    assert alert.probability == round(1 / (1 + math.exp(-PRIOR - 6.82)), 4)
    assert (alert.usual_spend_per_day, alert.spend_since, alert.days_since) == ("10.00", "12.00", 21.0)
    assert (alert.trailing_spend, alert.value_cutoff) == ("1470.00", "1470.00")
    assert alert.deadline == "2024-09-18T00:00:00.000Z"  # day 258: 90 days after it opened
    assert alert.recommended_owner == "retention desk"
    assert alert.summary == (
        "Spend fell without a known bad contact: 12.00 USD in 21 days, usually 10.00 USD a day."
    )
    assert alert.clears_when == (
        "Clears when the customer spends 140.00 USD within 28 days, or by itself 120 days after it was "
        "noticed."
    )


def test_the_weeks_part_at_the_last_reset() -> None:
    """Five weeks before the first purchase, 21 with seven each; then the week of the 12.00, and two more."""
    [alert] = run(until=169)
    assert alert.spend_by_week == ("0.00",) * 5 + ("70.00",) * 21 + ("12.00", "0.00", "0.00")


def test_it_is_off_by_default() -> None:
    partition = dataset(rules=OFF)
    assert wait(partition, 320) == []
    assert watch_of(partition) is None


@pytest.mark.parametrize(
    ("days", "since"), [(90, None), (91, 91), (97.9, 91), (98, 98), (147, 147), (167, 147)]
)
def test_a_watch_begins_with_a_baseline_and_anew_while_spending_goes_on(
    days: float, since: int | None
) -> None:
    """Three blocks after the noon of day 0 end on day 84.5; day 91 is the first refresh after that."""
    partition = dataset()
    wait(partition, days)
    watch = watch_of(partition)
    assert (None if watch is None else watch.yardstick.first_hour) == (None if since is None else hour(since))


def test_a_watch_freezes_the_yardstick_of_its_beginning() -> None:
    partition = dataset()
    wait(partition, 167)
    watch = watch_of(partition)
    assert watch is not None
    assert (watch.yardstick.usual_per_day, watch.yardstick.irregularity_days) == (1_000.0, 1.5)
    assert (watch.trailing_spend, watch.cutoff) == (147_000, 147_000)


def test_what_opens_at_the_alert_level_is_one_record() -> None:
    """Without the 12.00, L = ln(0.002 / 0.998) + 0.55 * 14 = 1.49, above ln 4."""
    partition = Partition(ON)
    partition.apply(TX, daily("a", HOME, 147))
    assert rows(wait(partition, 200)) == [(168, "raised", "alert", None)]


@pytest.mark.parametrize(("days", "opened"), [(182, [266]), (176, [266]), (175, [])])
def test_a_watch_ends_after_its_longest_time(days: int, opened: list[int]) -> None:
    """At 45 % of the usual a day brings 0.1 / 1.5 nats: enough on day 91 + 175, if the watch is that old."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, silent=True, silent_days=days)
    partition = Partition(rules)
    partition.apply(TX, [*daily("a", HOME, 91), *daily("a", day(91), 200, 450)])
    assert [days_of(one) for one in wait(partition, 270)] == opened


@pytest.mark.parametrize(("hours", "days"), [(0, 21.0), (24, 20.0)])
def test_what_is_not_settled_does_not_count(hours: int, days: float) -> None:
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, silent=True, settle_hours=hours)
    alert = run(until=169, rules=rules)[0]
    assert (days_of(alert), alert.days_since) == (168, days)
    assert alert.log_odds.silence == round(0.55 * (days - 2.4) / 1.5, 4)


def test_a_watch_of_less_than_the_settling_time_has_no_evidence() -> None:
    """Ten days: a week after the reset nothing of it is settled, so that it begins anew every week."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, silent=True, settle_hours=240)
    partition = dataset(rules=rules)
    assert wait(partition, 300) == []
    watch = watch_of(partition)
    assert watch is not None
    assert watch.yardstick.first_hour == hour(294)


def with_feed(*missing: int) -> Partition:
    """Return the dataset with another customer who buys daily too, but on the missing days."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, silent=True, guard_minimum=1)
    others = [one for number, one in enumerate(daily("b", HOME, 200)) if number not in missing]
    return dataset(*others, rules=rules)


@pytest.mark.parametrize(
    ("missing", "opened", "days"), [((), 168, 21.0), ((166,), 168, 20.0), ((167,), 175, 27.0)]
)
def test_a_broken_feed_opens_nothing(missing: tuple[int, ...], opened: int, days: float) -> None:
    """No purchase on day 167 at noon: the feed is broken for the 24 hours from then, the refresh in between.

    Of those hours 12 come after the refresh of day 168, and none counts as a quiet one.
    """
    partition = with_feed(*missing)
    alert = wait(partition, 182)[0]
    assert (alert.customer_id, days_of(alert), alert.days_since) == ("a", opened, days)
    assert partition.tally["held_by_feed_guard"] == (opened == 175)


# Who is watched


def rich_and_poor(tier: str | None) -> Partition:
    """Return a partition of a customer of 20.00 and one of 10.00 a day who fall silent together."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.6, silent=True, protected_tiers=("gold",))
    partition = Partition(rules)
    partition.apply(Input.CUSTOMERS, [profile("poor", HOME, tier=tier)])
    take(partition, *daily("rich", HOME, 147, 2_000), *daily("poor", HOME, 147, 1_000))
    return partition


@pytest.mark.parametrize(
    ("tier", "expected"), [(None, ["rich"]), ("silver", ["rich"]), ("gold", ["poor", "rich"])]
)
def test_high_value_or_protected_customers_are_watched(tier: str | None, expected: list[str]) -> None:
    """Alerts of one time are in order of the customer."""
    assert [one.customer_id for one in wait(rich_and_poor(tier), 169)] == expected


def test_without_a_cut_off_nobody_is_watched() -> None:
    rules = Ruleset(silent=True)
    partition = dataset(rules=rules)
    assert wait(partition, 300) == []
    assert watch_of(partition) is None


def test_who_is_no_longer_of_high_value_is_no_longer_watched() -> None:
    """Another customer's 90.00 a day from day 147 on come to more than 10.00 of all days by day 168."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.9, silent=True)
    partition = Partition(rules)
    take(partition, *daily("a", HOME, 170), *daily("b", day(147), 23, 9_000))
    wait(partition, 167)
    assert watch_of(partition) is not None
    wait(partition, 168)
    assert watch_of(partition) is None


# Contacts


def test_contacts_before_do_not_count() -> None:
    """They are counted beside, and only beside."""
    [alert] = run(contact("a", day(160), "k0", repeated_information=True), until=169)
    assert (alert.log_odds.frustration, alert.reasons, alert.counters.frustration) == (0.0, (), 0.2)


def test_from_the_first_contact_on_all_count() -> None:
    """Nothing was wrong with it, but of the 0.20 of before half a month's fading is left."""
    events = (contact("a", day(155), "k0", repeated_information=True), contact("a", day(169), "k1"))
    raised, updated = run(*events, until=175)
    left = 0.2 * 2 ** (-14 / 30)
    assert (raised.log_odds.frustration, updated.log_odds.frustration) == (0.0, round(left, 4))
    assert [(one.signal, one.contact_id) for one in updated.reasons] == [("repeated_information", "k0")]
    silence = (math.log(4) - PRIOR - left) / 0.55
    assert days_of(updated) == 147 + math.ceil(24 * (1.5 * silence + 2.4)) / 24
    assert updated.summary.startswith("Spend fell without a known bad contact: ")


@pytest.mark.parametrize("kind", ["contact", "notice"])
def test_a_bad_contact_goes_into_the_open_episode(kind: str) -> None:
    trouble = bad("a", day(168.5), "k1") if kind == "contact" else notice("a", day(168.5), "k1")
    alerts = run(trouble, until=290)
    assert {one.alert_id for one in alerts} == {ALERT_ID}
    assert [one.anchor for one in alerts] == [None, None, None]
    assert alerts[1].log_odds.frustration == (1.85 if kind == "contact" else 0.5)
    assert (days_of(alerts[1]) == 168.5) is (kind == "contact")


@pytest.mark.parametrize(("version", "counts"), [(1, False), (3, True)])
def test_a_later_version_counts_and_an_older_one_does_not(version: int, counts: bool) -> None:
    known = contact("a", day(160), "k1", version=2, repeated_information=True)
    again = contact("a", day(168.5), "k1", version=version, moment=day(160), repeated_information=True)
    updated = run(known, again, until=175)[1]
    assert updated.log_odds.frustration == (0.2 if counts else 0.0)


def test_a_contact_that_opens_an_episode_ends_the_watch() -> None:
    """It expires 120 days later, on day 270 and an hour; the next refresh begins a new watch."""
    partition = dataset(bad("a", day(150), "k1"))
    alerts = wait(partition, 272)
    assert {one.rule for one in alerts} == {"contact"}
    assert watch_of(partition) is None
    wait(partition, 273)
    watch = watch_of(partition)
    assert watch is not None
    assert watch.yardstick.first_hour == hour(273)


def test_a_contact_that_opens_nothing_leaves_the_watch() -> None:
    assert rows(run(contact("a", day(150), "k1", complaint=False), until=169)) == [
        (168, "raised", "watch", None)
    ]


# Life and end


@pytest.mark.parametrize(("cents", "returned"), [(12_799, False), (12_800, True)])
def test_14_days_of_usual_spend_resolve_it(cents: int, returned: bool) -> None:
    """The 12.00 are among them. Closings are on whole days after it opened."""
    last = run(purchase("a", day(172.3), cents), until=180)[-1]
    assert (last.resolution == "returned") is returned
    assert days_of(last) == (173 if returned else 147 + 555 / 24)


def test_after_its_end_the_next_refresh_begins_a_new_watch() -> None:
    partition = dataset(purchase("a", day(172.3), 20_000))
    wait(partition, 174.9)
    assert watch_of(partition) is None
    wait(partition, 175)
    watch = watch_of(partition)
    assert watch is not None
    assert watch.yardstick.first_hour == hour(175)


def test_a_cancellation_makes_it_an_alert_and_is_named() -> None:
    gone = purchase("a", day(168.5), 0, kind="subscription_cancelled")
    _, alert = run(gone, until=169)
    assert (alert.level, days_of(alert)) == ("alert", 168.5)
    assert [one.signal for one in alert.reasons] == ["subscription_cancelled"]
    assert alert.summary == (
        "A subscription was cancelled after spend had fallen: 12.00 USD in 22 days, usually 10.00 USD a day."
    )


@pytest.mark.parametrize(("days", "counts"), [(258 + 0.99 / 24, True), (258 + 1 / 24, False)])
def test_nothing_is_raised_beyond_day_90_after_it_opened(days: float, counts: bool) -> None:
    """The alert level is beyond what silence can bring by then."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, silent=True, alert_odds=1e20)
    gone = purchase("a", day(days), 0, kind="subscription_cancelled")
    alerts = run(gone, until=260, rules=rules)
    assert [one.level for one in alerts] == (["watch", "alert"] if counts else ["watch"])


def test_a_disposition_closes_it_and_a_snooze_holds_it() -> None:
    snooze = disposition("a", day(168.5), ALERT_ID, snooze_until=day(172))
    closed = disposition("a", day(173.5), ALERT_ID, status="closed")
    assert rows(run(snooze, closed, until=174)) == [
        (168, "raised", "watch", None),
        (172, "updated", "alert", None),
        (173.5, "resolved", "alert", "closed"),
    ]


def test_erasure_resolves_it_and_forgets_the_watch() -> None:
    partition = dataset()
    wait(partition, 169)
    [alert] = partition.apply(Input.CUSTOMERS, [erasure("a")]).alerts
    assert (alert.alert_id, alert.resolution) == (ALERT_ID, "erased")
    partition.apply(TX, [purchase("a", day(170))])
    assert watch_of(partition) is None


def test_what_is_open_goes_on_when_the_rule_is_turned_off() -> None:
    """And what was under watch is left alone, until a contact comes."""
    state: State = {}
    partition = dataset(*daily("b", HOME, 160))
    wait(partition, 169)
    keep(state, partition)
    again = restored(OFF, state)
    alerts = wait(again, 320)
    assert [(one.customer_id, one.state, one.ruleset) for one in alerts] == [
        ("a", "updated", f"1+{ON.hash}"),
        ("a", "resolved", f"1+{ON.hash}"),
    ]
    assert again.tally["opened_silent"] == 0


def test_openings_are_counted() -> None:
    partition = dataset()
    wait(partition, 320)
    assert dict(partition.tally) == {"opened_silent": 1, "closed_expired": 1}


# State


def test_records_of_before_the_rule_are_read() -> None:
    """A body of eight fields, and in it an episode of twelve."""
    partition = dataset(bad("a", day(140), "k1"), rules=OFF)
    wait(partition, 141)
    body = unpack("a", partition._customers.records["a"]).body
    fields = msgpack.decode(msgpack.encode(body))
    old = [*fields[:5], fields[5][:12], *fields[6:8]]
    assert msgpack.decode(msgpack.encode(old), type=Body) == body


def test_a_silent_episode_and_a_watch_survive() -> None:
    """Written and read back before and after the opening: the same alerts as without."""
    expected, found = run(), list[Alert]()
    partition, state = dataset(), State()
    for days in (150, 161.5, 168, 168.5, 170, 288, 320):
        found += wait(partition, days)
        keep(state, partition)
        partition = restored(ON, state)
    assert found == expected
