"""What is read: positions, records that come again, customers who are erased, what ended long ago."""

from collections.abc import Callable
from typing import Any

from streams.crm.cases.standing import Standing
from streams.crm.ledger.rows import AlertRead, MessageState, ProfileRead, Taken
from tests.crm.ledger.records import CUSTOMERS, DAY, NOON, TOPIC, Desk, alert, id_of, words

Open = Callable[..., Desk]


def test_positions_go_with_the_records_and_what_comes_again_changes_nothing(desk: Open) -> None:
    here = desk()
    assert here.ledger.positions() == {}
    batch = [
        AlertRead(TOPIC, 0, 7, alert("a")),
        AlertRead(TOPIC, 0, 9, None),
        AlertRead(TOPIC, 1, 0, alert("b")),
    ]
    assert here.ledger.take(batch, NOON) == Taken(revisions=2)
    assert here.ledger.positions() == {(TOPIC, 0): 10, (TOPIC, 1): 1}
    assert here.ledger.take(batch, NOON) == Taken(again=2)
    assert here.ledger.take(batch[:1], NOON) == Taken(again=1)
    assert here.ledger.positions() == {(TOPIC, 0): 10, (TOPIC, 1): 1}
    # By revision, at another place.
    later = [AlertRead(TOPIC, 0, 10, alert("a", value=3)), AlertRead(TOPIC, 0, 11, alert("a", 2, "updated"))]
    assert here.ledger.take(later, NOON) == Taken(revisions=1, again=1)
    assert {one.revision for one in here.ledger.listing()} == {1, 2}
    here.reopen()
    assert here.ledger.positions() == {(TOPIC, 0): 12, (TOPIC, 1): 1}


def test_the_ids_of_topics_are_those_of_when_they_were_first_read(desk: Open) -> None:
    here = desk()
    assert here.ledger.topic_ids({"a": "first"}) == {"a": "first"}
    here.reopen()
    assert here.ledger.topic_ids({"a": "second", "b": "other"}) == {"a": "first", "b": "other"}


def test_a_record_of_nonsense_does_not_stop_the_rest(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.profile("customer-a", do_not_contact=False, time_ms=NOON)
    odd = alert("a", value=10**30, time="2026-02-31T00:00:00.000Z", do_not_contact=True)
    here.read(odd, alert("b"))
    here.ledger.admit(NOON)
    assert [(one.alert_id, one.internal_only) for one in here.due(NOON)] == [
        (id_of("a"), True),
        (id_of("b"), False),
    ]


def test_profiles_have_positions_too_and_an_old_one_does_not_come_back(desk: Open) -> None:
    here = desk()
    first = ProfileRead(CUSTOMERS, 0, 0, "customer-a", account_id="x")
    here.ledger.take_profiles(
        [first, ProfileRead(CUSTOMERS, 0, 1, "customer-a"), ProfileRead(CUSTOMERS, 0, 2, None)], 0
    )
    here.ledger.take_profiles([first], NOON)
    here.ledger.caught_up(NOON)
    here.read(alert("a"))
    here.ledger.admit(NOON)
    assert here.due(NOON)[0].account_id is None
    assert here.ledger.positions()[CUSTOMERS, 0] == 3


def test_an_erased_customer_is_forgotten_when_the_case_is_closed(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.profile("gone", account_id="x")
    here.read(alert("old", customer="gone"))
    here.ledger.admit(NOON)
    here.read(alert("old", 2, "resolved", customer="gone"), alert("a", customer="gone"))
    here.deliver(NOON)
    here.ledger.admit(NOON)
    here.ledger.delivered(f"{id_of('a')}/1", NOON, "fingerprint of gone")
    here.read(alert("b", customer="gone", backfill=True))
    here.profile("gone", erased=True)
    assert here.ledger.customer_of(id_of("old")) is None
    assert here.ledger.customer_of(id_of("a")) == "gone"  # the CRM still has it
    assert here.ledger.refresh_due(NOON + DAY, 1) == []
    erased: dict[str, Any] = {"customer": "gone", "resolution": "erased"}
    here.read(alert("a", 2, "resolved", **erased), alert("b", 2, "resolved", **erased))
    assert "gone" in words(here.path)
    assert here.deliver(NOON) == [("close", f"{id_of('a')}/2")]
    assert "gone" not in words(here.path)
    here.ledger.tidy(NOON)
    files = [path.read_bytes() for path in here.path.parent.glob(f"{here.path.name}*")]
    assert len(files) == 4  # with its journal, the index of that, and the lock
    assert not any(b"gone" in data for data in files)
    assert {one.standing for one in here.ledger.listing()} == {Standing.DONE, Standing.NEVER}


def test_erased_is_erased_when_only_the_alert_says_so(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("a", customer="gone"), alert("b", customer="gone", backfill=True))
    here.ledger.admit(NOON)
    here.read(alert("b", 2, "resolved", customer="gone", resolution="erased"))
    here.ledger.give_up(f"{id_of('a')}/1", "status_400", NOON)
    here.read(alert("a", 2, "resolved", customer="gone", resolution="erased"))
    assert "gone" not in words(here.path)
    assert [one.state for one in here.ledger.listing(standings=[Standing.NEVER]) if one.state] == [
        MessageState.DROPPED
    ]


def test_what_is_resolved_after_an_erasure_brings_nobody_back(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("a", customer="gone"), alert("b", customer="gone", backfill=True))
    here.ledger.admit(NOON)
    here.ledger.give_up(f"{id_of('a')}/1", "status_400", NOON)
    here.profile("gone", erased=True)
    here.read(alert("a", 2, "resolved", customer="gone"), alert("b", 2, "resolved", customer="gone"))
    assert "gone" not in words(here.path)
    assert here.ledger.figures().given_up == 0


def test_the_close_of_an_erased_customer_is_kept_until_it_went(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("a", customer="gone"))
    here.ledger.admit(NOON)
    here.deliver(NOON)
    here.read(alert("a", 2, "resolved", customer="gone", resolution="erased"))
    here.ledger.give_up(f"{id_of('a')}/2", "status_400", NOON)
    here.ledger.resend(None, NOON)
    assert here.deliver(NOON) == [("close", f"{id_of('a')}/2")]
    assert "gone" not in words(here.path)


def test_who_comes_back_after_an_erasure_is_a_candidate(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("a", backfill=True))
    here.profile("customer-a", erased=True)
    assert here.ledger.customer_of(id_of("a")) is None
    here.read(alert("a", 2, "updated"))
    here.ledger.admit(NOON)
    assert here.ledger.customer_of(id_of("a")) == "customer-a"
    assert here.deliver(NOON) == [("create", f"{id_of('a')}/2")]
    assert len(here.ledger.refresh_due(NOON + DAY, 1)) == 1
    here.read(alert("a", 3, "resolved"))
    here.deliver(NOON)
    assert here.ledger.customer_of(id_of("a")) == "customer-a"


def test_what_was_delivered_is_not_kept(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("a"), alert("b", 1, "resolved"))
    here.ledger.admit(NOON)
    here.deliver(NOON)
    assert "synthetic" not in words(here.path)
    here.read(alert("a", 2, "resolved"))
    here.deliver(NOON)
    assert "Synthetic." not in words(here.path)


def test_what_ended_400_days_ago_is_deleted(desk: Open) -> None:
    here = desk(budgets={"alert": 9})
    here.ledger.caught_up(NOON)
    here.read(alert("a"), alert("b"), alert("c", 1, "resolved"))
    here.ledger.admit(NOON + DAY)
    here.read(alert("a", 2, "resolved"), at=NOON + DAY)
    here.deliver(NOON + DAY)
    here.ledger.disposition_done("d", id_of("a"), snooze_until_ms=None, now_ms=NOON + DAY)
    assert here.ledger.tidy(NOON + 400 * DAY) == 0
    assert here.ledger.tidy(NOON + 400 * DAY + 1) == 1
    assert here.ledger.disposition_seen("d")
    assert here.ledger.tidy(NOON + 401 * DAY + 1) == 1
    assert not here.ledger.disposition_seen("d")
    assert [one.alert_id for one in here.ledger.listing()] == [id_of("b")]
