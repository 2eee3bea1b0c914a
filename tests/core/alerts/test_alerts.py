"""What an alert says: its figures, words and owner, and the arm of its customer."""

import math
from dataclasses import replace
from hashlib import sha256

import pytest

from schemas.alert import Alert
from schemas.times import format_ms
from streams.core.alerts.arm import arm
from streams.core.alerts.figures import value_at_risk
from streams.core.episodes.opening import alert_id
from streams.core.partition.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Evidence, Yardstick
from streams.core.time import DAY_MS, HOUR_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, bad, contact, daily, disposition, notice, profile, purchase

DATASET = Ruleset(population_minimum=1, high_value_quantile=0.1)
DAY_150 = HOME + 150 * DAY_MS


def run(*events: Record, until: int = DAY_150 + DAY_MS, rules: Ruleset = DATASET) -> list[Alert]:
    """Return the alerts of a customer who buys for 10.00 every noon until day 150."""
    partition = Partition(rules)
    partition.apply(Input.TRANSACTIONS, daily("a", HOME, 150))
    for event in events:
        partition.apply(source_of(event), [event])
    return partition.advance(dict.fromkeys(FACTS, until))


def source_of(event: Record) -> Input:
    """Return the input that an event comes on."""
    names = {"Transaction": Input.TRANSACTIONS, "Profile": Input.CUSTOMERS, "Disposition": Input.DISPOSITIONS}
    return names.get(type(event).__name__, Input.CONTACTS)


TWO = (bad("a", DAY_150, "k1"), bad("a", DAY_150 + HOUR_MS, "k2"))
"""Two bad contacts, the second a repeat: frustration at the cap."""


def test_an_alert_carries_its_evidence() -> None:
    [alert] = run(*TWO)
    assert (alert.state, alert.level, alert.revision, alert.resolution) == ("raised", "watch", 1, None)
    assert alert.time == "2024-06-02T01:00:00.000Z"
    assert alert.event_id == f"{alert.alert_id}/1"
    assert [(one.signal, one.nats, one.contact_id) for one in alert.reasons] == [
        ("unresolved", 1.85, "k1"),
        ("unresolved", 1.85, "k2"),
        ("repeat", 0.95, "k2"),
    ]
    assert (alert.log_odds.prior, alert.log_odds.frustration) == (round(math.log(0.05 / 0.95), 4), 2.95)
    assert (alert.usual_spend_per_day, alert.spend_since, alert.currency) == ("10.00", "0.00", "USD")
    assert alert.trailing_spend == "1500.00"
    assert alert.deadline == "2024-08-31T01:00:00.000Z"
    assert alert.ruleset == f"1+{DATASET.hash}"
    assert alert.recommended_owner == "retention desk"
    assert not alert.backfill


def test_the_weeks_before_the_anchor_and_since_add_up() -> None:
    """26 weeks up to the anchor's hour: 21 with purchases and 3 days; then the anchor's hour itself."""
    [alert] = run(*TWO)
    assert alert.spend_by_week == ("0.00",) * 4 + ("30.00",) + ("70.00",) * 21 + ("0.00",)


def test_spend_since_the_anchor_stands_in_the_weeks_after_it() -> None:
    """Alert by four days of silence, 5.00 bought in the second week, closed the day after that."""
    [raised] = run(*TWO)
    closed = disposition("a", DAY_150 + 9 * DAY_MS, raised.alert_id, status="closed")
    events = (*TWO, purchase("a", DAY_150 + 8 * DAY_MS, 500), closed)
    alerts = run(*events, until=DAY_150 + 10 * DAY_MS)
    assert [(alert.state, alert.level) for alert in alerts] == [
        ("raised", "watch"),
        ("updated", "alert"),
        ("resolved", "alert"),
    ]
    assert alerts[1].spend_by_week[26:] == ("0.00",)
    assert alerts[2].spend_by_week[26:] == ("0.00", "5.00")
    assert (alerts[2].spend_since, alerts[2].days_usual_spend_since) == ("5.00", 0.5)
    assert alerts[1].recommended_owner == "named executive"


def test_the_summary_names_what_weighed_most_in_the_anchor() -> None:
    [alert] = run(*TWO)
    assert (
        alert.summary
        == "The customer was left unresolved; since then 0.00 USD in 0 days, usually 10.00 USD a day."
    )
    assert alert.clears_when == (
        "Clears when the customer spends 140.00 USD within 28 days, or by itself 120 days after the contact."
    )


@pytest.mark.parametrize(("hours", "days"), [(35, "1 day"), (36, "2 days"), (37, "2 days"), (11, "0 days")])
def test_one_day_is_not_days(hours: int, days: str) -> None:
    """The second contact raises so many working hours after the first hour."""
    alerts = run(TWO[0], bad("a", DAY_150 + (hours + 1) * HOUR_MS, "k2"), until=DAY_150 + 3 * DAY_MS)
    assert f" in {days}, usually" in alerts[0].summary


def test_a_resolved_record_needs_nothing_more() -> None:
    [raised] = run(*TWO)
    closed = disposition("a", DAY_150 + 2 * HOUR_MS, raised.alert_id, status="closed")
    _, alert = run(*TWO, closed)
    assert (alert.state, alert.resolution, alert.revision) == ("resolved", "closed", 2)
    assert alert.summary.startswith("The desk closed the case: 0.00 USD in ")
    assert alert.clears_when == "Nothing more is needed."


def test_a_cancellation_is_named() -> None:
    gone = purchase("a", DAY_150 + 2 * HOUR_MS, 0, kind="subscription_cancelled")
    _, alert = run(*TWO, gone)
    assert (alert.state, alert.level) == ("updated", "alert")
    assert (alert.reasons[-1].signal, alert.reasons[-1].nats) == ("subscription_cancelled", 0.0)
    assert alert.summary.startswith("A subscription was cancelled after a bad contact: ")


def test_silence_alone_raises_in_words_that_hold_without_a_signal() -> None:
    """Known for a day only, the bad contact is forgotten when the recovery comes; silence goes on."""
    rules = Ruleset(
        population_minimum=1, high_value_quantile=0.1, frustration_days=1, opening_frustration=0.9
    )
    recovery = contact("a", DAY_150 + 3 * DAY_MS, "k2", recovery=True)
    alerts = run(
        contact("a", DAY_150, "k1", complaint=True), recovery, until=DAY_150 + 60 * DAY_MS, rules=rules
    )
    assert alerts[0].reasons == ()
    assert alerts[0].summary.startswith("The customer had a bad contact; since then ")


def test_the_heaviest_64_reasons_are_named_in_their_order() -> None:
    """A hundred notices weigh less than the contacts; an alert stays below the size of an event."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, unnotified_change=0.005)
    notices = [notice("a", DAY_150 - DAY_MS + at, f"n{at:03}") for at in range(100)]
    [alert] = run(*notices, *TWO, rules=rules)
    assert len(alert.reasons) == 64
    assert [(one.signal, one.contact_id) for one in alert.reasons[-3:]] == [
        ("unresolved", "k1"),
        ("unresolved", "k2"),
        ("repeat", "k2"),
    ]
    assert [one.contact_id for one in alert.reasons[:-3]] == [f"n{at:03}" for at in range(61)]


@pytest.mark.parametrize(("count", "named"), [(60, 63), (61, 64), (62, 64)])
def test_64_reasons_are_all_named(count: int, named: int) -> None:
    """The two contacts have three."""
    rules = Ruleset(population_minimum=1, high_value_quantile=0.1, unnotified_change=0.005)
    notices = [notice("a", DAY_150 - DAY_MS + at, f"n{at:03}") for at in range(count)]
    [alert] = run(*notices, *TWO, rules=rules)
    assert len(alert.reasons) == named


@pytest.mark.parametrize(
    ("owner", "expected"), [(None, "retention desk"), ("Ms Meyer", "Ms Meyer"), ("", "")]
)
def test_the_customers_own_contact_is_recommended(owner: str | None, expected: str) -> None:
    [alert] = run(profile("a", HOME, owner=owner), *TWO)
    assert alert.recommended_owner == expected


@pytest.mark.parametrize("asked", [False, True])
def test_an_alert_says_whether_the_customer_asked_not_to_be_got_in_touch_with(asked: bool) -> None:
    """As the latest profile says; nobody without one did."""
    first, latest = profile("a", HOME, left_alone=not asked), profile("a", HOME + 1, left_alone=asked)
    assert [alert.do_not_contact for alert in run(first, latest, *TWO)] == [asked]
    assert [alert.do_not_contact for alert in run(*TWO)] == [False]


def test_counters_are_of_whole_hours_and_of_contacts_up_to_the_moment() -> None:
    """0.81 nats of transfers two days before, then 2.80 of a contact that was cut off: raised by that one."""
    before = contact("a", DAY_150 - 2 * DAY_MS, "k0", transfers_warm=2, resolution="resolved")
    [alert] = run(before, bad("a", DAY_150, "k1", ended_by="agent"))
    seen = alert.counters
    assert (seen.spend_24h, seen.spend_7d, seen.spend_28d) == ("10.00", "70.00", "280.00")
    assert (seen.spend_90d, seen.spend_364d) == ("900.00", "1500.00")
    assert (seen.contacts_24h, seen.contacts_7d, seen.contacts_30d) == (1, 2, 2)
    assert (seen.transfers_30d, seen.hangups_30d, seen.frustration) == (2, 1, 2.95)


@pytest.mark.parametrize(("hours", "contacts"), [(23, 2), (24, 1), (25, 1)])
def test_a_window_of_contacts_leaves_out_its_beginning(hours: int, contacts: int) -> None:
    """(time - 24 h, time]: the contact exactly a day before the decision is not in it."""
    alerts = run(TWO[0], bad("a", DAY_150 + hours * HOUR_MS, "k2"), until=DAY_150 + 3 * DAY_MS)
    assert alerts[0].counters.contacts_24h == contacts


@pytest.mark.parametrize(
    ("days", "spend", "cents"),
    [
        (0.99, 900, 4_500.0),
        (1.0, 0, 4_500.0),
        (1.0, 50, 2_250.0),
        (1.0, 100, 0.0),
        (1.0, 101, 0.0),
        (10.0, 100, 4_050.0),
    ],
)
def test_value_at_risk_is_the_part_of_90_days_that_was_lost(days: float, spend: int, cents: float) -> None:
    """At even odds and 1.00 a day; the part is whole while less than a working day has passed."""
    found = value_at_risk(0.5, Yardstick(100.0, 1.0, 0), Evidence(spend, days, 0.0), Ruleset())
    assert found == pytest.approx(cents, abs=1e-9)


def test_the_arm_goes_by_a_salted_hash() -> None:
    """The share is exclusive: a customer whose place is the share itself is treated."""
    place = int.from_bytes(sha256(b"salt\0a").digest()[:8], "big") / 2**64
    for share, expected in [
        (math.nextafter(place, 0), "treated"),
        (place, "treated"),
        (math.nextafter(place, 1), "holdout"),
    ]:
        assert arm("a", Ruleset(holdout_share=share, holdout_salt="salt")) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.0, {"treated"}), (1.0, {"holdout"})])
def test_nobody_or_everybody_is_held_out(share: float, expected: set[str]) -> None:
    assert {arm(f"c{one}", Ruleset(holdout_share=share)) for one in range(100)} == expected


@pytest.mark.parametrize(
    ("beyond", "time"),
    [(-1, "2024-06-02T01:00:00.000Z"), (0, "2024-06-02T01:00:00.000Z"), (1, "2024-06-02T02:00:00.000Z")],
)
def test_what_a_snooze_held_back_is_raised_at_the_first_hour_after_it(beyond: int, time: str) -> None:
    """All in the anchor's hour: opened, snoozed to its end, and bad enough for a watch by contacts alone."""
    until = DAY_150 + HOUR_MS + beyond
    snooze = disposition("a", DAY_150 + 1, alert_id("a", "crm", "k1"), snooze_until=until)
    [alert] = run(snooze, TWO[0], bad("a", DAY_150 + 2, "k2"))
    assert (alert.state, alert.time) == ("raised", time)


def test_when_the_next_level_comes_is_told_before_it_does() -> None:
    """At the watch of two contacts a lookup says when the alert comes, if nothing is bought, and it does."""
    partition = Partition(DATASET)
    partition.apply(Input.TRANSACTIONS, daily("a", HOME, 150))
    partition.apply(Input.CONTACTS, list(TWO))
    partition.advance(dict.fromkeys(FACTS, DAY_150 + DAY_MS))
    view, nobody = partition.lookup("a"), partition.lookup("b")
    assert view is not None
    assert (view.episode is not None, nobody) == (True, None)
    told = view.next_level_at
    assert told is not None
    assert partition.advance(dict.fromkeys(FACTS, told - 1)) == []
    [alert] = partition.advance(dict.fromkeys(FACTS, told))
    assert (alert.level, alert.time) == ("alert", format_ms(told))
    view = partition.lookup("a")
    assert view is not None
    assert view.next_level_at is None


@pytest.mark.parametrize("cents", [0, 1_000, 5_000, 90_000])
@pytest.mark.parametrize("settle_hours", [0, 30])
def test_when_what_was_bought_clears_it_is_told_before_it_does(cents: int, settle_hours: int) -> None:
    """Two days after an alert a customer buys, or not: until that is judged, only a lookup tells."""
    partition = Partition(replace(DATASET, settle_hours=settle_hours))
    partition.apply(Input.TRANSACTIONS, daily("a", HOME, 150))
    partition.apply(Input.CONTACTS, list(TWO))
    began = DAY_150 + 4 * DAY_MS
    assert partition.advance(dict.fromkeys(FACTS, began))
    if cents:
        partition.apply(Input.TRANSACTIONS, [purchase("a", began + 2 * HOUR_MS, cents)])
    now = began + 4 * HOUR_MS
    assert partition.advance(dict.fromkeys(FACTS, now)) == []
    view = partition.lookup("a")
    assert view is not None
    told = view.clears_at
    assert (told is not None) is (cents >= 5_000)
    until = told or now + 10 * DAY_MS
    assert not [one for one in partition.advance(dict.fromkeys(FACTS, until - 1)) if one.resolution]
    ended = [one.resolution for one in partition.advance(dict.fromkeys(FACTS, until))]
    assert ended == (["returned"] if told else [])
