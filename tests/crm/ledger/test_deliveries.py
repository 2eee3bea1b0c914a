"""What goes out: in order, one at a time, the same bytes again; what is given up, sent again, refreshed."""

from collections.abc import Callable

import pytest

from streams.crm.cases.standing import Standing
from streams.crm.ledger.rows import MessageState, Resent
from streams.crm.wire import Find, Kind, Rendered, Request
from tests.crm.ledger.records import DAY, NOON, RENDERED, Desk, alert, id_of

Open = Callable[..., Desk]
HOUR = 3_600_000


@pytest.fixture
def here(desk: Open) -> Desk:
    """Return a ledger with one case that is admitted."""
    made = desk()
    made.ledger.caught_up(NOON)
    made.read(alert("a"))
    made.ledger.admit(NOON)
    return made


def _id(revision: int | str, name: str = "a") -> str:
    return f"{id_of(name)}/{revision}"


def _state(desk: Desk, name: str = "a") -> tuple[Standing, MessageState | None]:
    listed = {one.alert_id: one for one in desk.ledger.listing()}[id_of(name)]
    return listed.standing, listed.state


def test_every_revision_is_a_message_and_they_go_in_order_one_at_a_time(here: Desk) -> None:
    here.read(alert("a", 2, "updated", value=5), alert("a", 3, "resolved"), alert("b"))
    here.ledger.admit(NOON)
    assert [(one.kind, one.message_id) for one in here.due(NOON)] == [
        (Kind.CREATE, _id(1)),
        (Kind.CREATE, _id(1, "b")),
    ]
    assert [one.message_id for one in here.ledger.due(NOON, 1, {id_of("a")})] == [_id(1, "b")]
    here.ledger.delivered(_id(1), NOON)
    update = here.due(NOON)[0]
    assert (update.kind, update.alert.value_at_risk) == (Kind.UPDATE, "0.05")
    here.ledger.retry(_id(2), NOON + 5, "timeout")
    assert [one.message_id for one in here.due(NOON + 4)] == [_id(1, "b")]  # the close waits behind
    assert [one.message_id for one in here.due(NOON + 5)] == [_id(1, "b"), _id(2)]
    here.ledger.delivered(_id(2), NOON + 5)
    here.ledger.delivered(_id(3), NOON + 6)
    assert _state(here) == (Standing.DONE, MessageState.DELIVERED)


def test_a_retry_has_the_same_bytes_and_says_since_when(here: Desk) -> None:
    found = Rendered(
        Request("PUT", "/c", b"\x00\xff", {"if-match": "1"}),
        Find("/c?id=1", "cases.0.id", Request("PATCH", "/c/{found}", b"")),
    )
    here.ledger.store_body(_id(1), found, NOON + 1)
    here.ledger.retry(_id(1), NOON + HOUR, "status_503")
    here.reopen()
    [message] = here.due(NOON + HOUR)
    assert (message.rendered, message.tried_ms, message.attempts) == (found, NOON + 1, 1)
    assert here.ledger.listing()[0].reason == "status_503"
    here.ledger.store_body(_id(1), found, NOON + 2)
    assert here.due(NOON + HOUR)[0].tried_ms == NOON + 1


def test_what_was_tried_is_made_anew_once_the_customer_must_not_be_contacted(here: Desk) -> None:
    """As it was made it asks somebody to call, however long the CRM was away."""
    here.ledger.store_body(_id(1), RENDERED, NOON)
    here.ledger.retry(_id(1), NOON + 1, "timeout")
    here.profile("customer-b", do_not_contact=True)
    here.profile("customer-a", do_not_contact=False)
    assert here.due(NOON + 1)[0].rendered == RENDERED
    here.profile("customer-a", do_not_contact=True)
    [message] = here.due(NOON + 1)
    assert (message.rendered, message.internal_only, message.message_id) == (None, True, _id(1))


def test_what_was_tried_least_may_go_first(here: Desk) -> None:
    here.read(alert("b"))
    here.ledger.admit(NOON)
    here.ledger.retry(_id(1), NOON - 1, "status_500")
    orders = [here.ledger.due(NOON, 2, least_tried=least) for least in (False, True)]
    assert [[one.message_id for one in order] for order in orders] == [
        [_id(1), _id(1, "b")],
        [_id(1, "b"), _id(1)],
    ]


def test_what_is_said_twice_counts_once(here: Desk) -> None:
    here.ledger.delivered(_id(1), NOON, "as of noon")
    here.ledger.give_up(_id(1), "late", NOON)
    here.ledger.retry(_id(1), NOON, "late")
    here.ledger.store_body(_id(1), RENDERED, NOON)
    here.ledger.delivered(_id(1), NOON + 5, "again")
    here.ledger.delivered("unknown", NOON)
    assert here.due(NOON + DAY) == []
    assert here.ledger.figures().given_up == 0
    here.read(alert("a", 2, "updated"))
    assert here.due(NOON)[0].told == "as of noon"
    here.ledger.delivered(_id(2), NOON)
    here.read(alert("a", 3, "resolved"), alert("a", 4))
    assert here.due(NOON)[0].told == "as of noon"
    here.ledger.delivered(_id(3), NOON)
    here.ledger.admit(NOON)
    assert here.due(NOON)[0].told is None
    assert here.ledger.listing()[0].told_ms is None


def test_after_a_lost_create_the_next_one_creates(here: Desk) -> None:
    here.read(alert("a", 2, "updated"))
    here.ledger.give_up(_id(1), "status_422", NOON)
    assert here.deliver(NOON) == [("create", _id(2))]
    here.read(alert("a", 3, "updated"))
    assert here.deliver(NOON) == [("update", _id(3))]
    assert here.ledger.resend(None, NOON) == Resent(0, 1)  # the CRM has something newer


def test_after_a_lost_create_that_was_the_last_a_later_revision_creates(here: Desk) -> None:
    here.ledger.give_up(_id(1), "status_422", NOON)
    here.read(alert("a", 2, "updated"))
    assert here.deliver(NOON) == [("create", _id(2))]


@pytest.mark.parametrize("resolved_first", [True, False])
def test_a_case_whose_create_was_lost_is_not_closed(here: Desk, *, resolved_first: bool) -> None:
    if resolved_first:
        here.read(alert("a", 2, "resolved"))
        here.ledger.give_up(_id(1), "status_422", NOON)
    else:
        here.ledger.give_up(_id(1), "status_422", NOON)
        here.read(alert("a", 2, "resolved"))
    assert here.deliver(NOON) == []
    assert _state(here)[0] is Standing.NEVER
    assert here.ledger.resend(None, NOON) == Resent(0, 1)
    here.read(alert("a", 3))
    here.ledger.admit(NOON)
    assert here.deliver(NOON) == [("create", _id(3))]


def _refused(desk: Desk) -> None:
    desk.ledger.store_body(_id(1), RENDERED, NOON)
    desk.ledger.give_up(_id(1), "status_422", NOON, untaken=True)


@pytest.mark.parametrize("resolved_first", [True, False])
def test_a_case_that_the_crm_may_have_is_closed_though_its_create_was_refused(
    here: Desk, *, resolved_first: bool
) -> None:
    """A try that had no answer may have arrived: then the CRM refuses the same once more."""
    here.ledger.store_body(_id(1), RENDERED, NOON)
    here.ledger.retry(_id(1), NOON, "timeout")
    if resolved_first:
        here.read(alert("a", 2, "resolved"))
        _refused(here)
    else:
        _refused(here)
        here.read(alert("a", 2, "resolved"))
    assert here.ledger.resend(None, NOON) == Resent(0, 1)
    assert here.deliver(NOON) == [("close", _id(2))]
    assert _state(here) == (Standing.DONE, MessageState.DELIVERED)


def test_that_the_crm_may_have_a_case_outlives_a_crash_and_being_sent_again(here: Desk) -> None:
    here.ledger.store_body(_id(1), RENDERED, NOON)  # and the bridge is killed
    here.reopen()
    _refused(here)
    assert here.ledger.resend(None, NOON) == Resent(1, 0)
    _refused(here)
    here.read(alert("a", 2, "resolved"))
    assert here.deliver(NOON) == [("close", _id(2))]


def test_a_case_that_the_crm_clearly_never_took_is_not_closed(here: Desk) -> None:
    here.ledger.store_body(_id(1), RENDERED, NOON)
    here.ledger.retry(_id(1), NOON, "status_409", untaken=True)
    _refused(here)
    here.read(alert("a", 2, "resolved"))
    assert here.deliver(NOON) == []
    assert _state(here)[0] is Standing.NEVER


def test_a_case_that_opened_again_outlives_a_lost_create(here: Desk) -> None:
    here.read(alert("a", 2, "resolved"), alert("a", 3))
    here.ledger.give_up(_id(1), "status_422", NOON)
    assert _state(here) == (Standing.WAITING, MessageState.DROPPED)
    here.ledger.admit(NOON)
    assert here.deliver(NOON) == [("create", _id(3))]


def test_a_lost_update_is_sent_again_if_it_is_the_newest(here: Desk) -> None:
    here.read(alert("a", 2, "updated"), alert("a", 3, "updated"))
    here.ledger.delivered(_id(1), NOON)
    here.ledger.store_body(_id(2), RENDERED, NOON)
    here.ledger.give_up(_id(2), "status_400", NOON)
    here.ledger.store_body(_id(3), RENDERED, NOON)
    here.ledger.give_up(_id(3), "status_400", NOON)
    assert [one.message_id for one in here.ledger.given_up()] == [_id(2), _id(3)]
    assert here.ledger.figures().given_up == 2

    seen = here.ledger.resend([_id(2), _id(3), "what"], NOON + DAY)

    assert seen == Resent(queued=1, dropped=1, unknown=("what",))
    [message] = here.due(NOON + DAY)
    assert (message.kind, message.message_id, message.rendered) == (Kind.UPDATE, _id(3), None)
    assert (message.attempts, message.tried_ms) == (0, None)


def test_a_lost_close_ends_the_case_and_can_be_sent_again(here: Desk) -> None:
    here.read(alert("a", 2, "resolved"))
    here.ledger.delivered(_id(1), NOON)
    here.ledger.give_up(_id(2), "status_404", NOON)
    assert _state(here) == (Standing.DONE, MessageState.GIVEN_UP)
    here.ledger.resend([_id(2)], NOON)
    assert here.deliver(NOON) == [("close", _id(2))]
    assert _state(here) == (Standing.DONE, MessageState.DELIVERED)


def test_after_a_lost_close_the_crm_is_taken_to_have_nothing(here: Desk) -> None:
    here.read(alert("a", 2, "resolved"), alert("a", 3))
    here.ledger.delivered(_id(1), NOON)
    here.ledger.give_up(_id(2), "status_404", NOON)
    here.ledger.admit(NOON)
    here.ledger.give_up(_id(3), "status_422", NOON)
    here.read(alert("a", 4, "updated"))
    assert here.deliver(NOON) == [("create", _id(4))]


def test_a_case_that_was_deleted_in_the_crm_is_created_by_what_is_news(here: Desk) -> None:
    here.read(alert("a", 2, "updated"), alert("a", 3, "updated"))
    here.ledger.delivered(_id(1), NOON)
    here.ledger.give_up(_id(2), "status_404", NOON, gone=True)
    assert here.ledger.refresh_due(NOON + DAY, HOUR) == []
    assert here.deliver(NOON) == [("create", _id(3))]
    here.read(alert("a", 4, "updated"))
    here.ledger.give_up(_id(4), "status_404", NOON, gone=True)
    here.read(alert("a", 5, "updated"))
    assert here.deliver(NOON) == [("create", _id(5))]


def test_of_a_case_that_was_deleted_in_the_crm_nothing_is_closed(here: Desk) -> None:
    here.read(alert("a", 2, "updated"))
    here.ledger.delivered(_id(1), NOON)
    here.ledger.give_up(_id(2), "status_410", NOON, gone=True)
    here.read(alert("a", 3, "resolved"))
    assert here.due(NOON) == []
    assert here.ledger.resend(None, NOON) == Resent(dropped=1)


def test_what_is_sent_again_makes_a_case_anew_that_was_deleted_there_but_for_a_refresh(here: Desk) -> None:
    here.deliver(NOON)
    refresh = here.ledger.queue_refresh(id_of("a"), NOON)
    assert refresh is not None
    here.ledger.give_up(refresh, "status_404", NOON, gone=True)
    assert here.ledger.resend(None, NOON) == Resent(dropped=1)
    here.read(alert("a", 2, "updated"))
    here.deliver(NOON)
    here.read(alert("a", 3, "updated"))
    here.ledger.give_up(_id(3), "status_404", NOON, gone=True)
    assert here.ledger.resend(None, NOON) == Resent(queued=1)
    assert here.deliver(NOON) == [("create", _id(3))]


def test_other_alerts_of_the_account_count_while_they_are_open(here: Desk) -> None:
    here.read(alert("b"), alert("c", backfill=True), alert("d", 1, "resolved"), alert("e"))
    here.ledger.admit(NOON)
    for name in "abcde":
        here.profile(f"customer-{name}", account_id="acme" if name != "e" else "other")
    assert [one.other_open for one in here.due(NOON)] == [2, 2, 0]
    here.read(alert("a", 2, "resolved"))  # not closed in the CRM as yet
    assert [one.other_open for one in here.due(NOON)] == [2, 1, 0]


def test_a_case_that_opened_again_stays_a_candidate_when_its_close_goes(here: Desk) -> None:
    here.read(alert("a", 2, "resolved"), alert("a", 3))
    here.deliver(NOON)
    assert _state(here)[0] is Standing.WAITING
    here.ledger.admit(NOON)
    assert here.deliver(NOON) == [("create", _id(3))]


def test_an_open_case_is_told_how_things_stand_now(here: Desk) -> None:
    ledger = here.ledger
    assert ledger.refresh_due(NOON + DAY, HOUR) == []  # the CRM does not have it as yet
    assert ledger.queue_refresh(id_of("a"), NOON) is None
    ledger.delivered(_id(1), NOON, "t1")
    assert ledger.refresh_due(NOON + HOUR - 1, HOUR) == []
    [one] = ledger.refresh_due(NOON + HOUR, HOUR)
    assert (one.alert_id, one.alert.revision, one.told) == (id_of("a"), 1, "t1")
    ledger.nothing_new(id_of("a"), NOON + HOUR)
    assert ledger.refresh_due(NOON + 2 * HOUR - 1, HOUR) == []
    assert ledger.queue_refresh(id_of("a"), NOON + 2 * HOUR) == _id(f"1/now/{NOON + 2 * HOUR}")
    assert ledger.queue_refresh(id_of("a"), NOON + 2 * HOUR) is None  # one is under way
    assert here.deliver(NOON + 2 * HOUR) == [("refresh", _id(f"1/now/{NOON + 2 * HOUR}"))]
    assert ledger.queue_refresh(id_of("a"), NOON + 3 * HOUR) == _id(f"1/now/{NOON + 3 * HOUR}")
    ledger.give_up(_id(f"1/now/{NOON + 3 * HOUR}"), "status_400", NOON + 3 * HOUR)
    assert ledger.refresh_due(NOON + 4 * HOUR - 1, HOUR) == []
    assert len(ledger.refresh_due(NOON + 4 * HOUR, HOUR)) == 1
    ledger.disposition_done("d", id_of("a"), snooze_until_ms=NOON + 9 * HOUR, now_ms=NOON)
    ledger.disposition_done("d2", id_of("a"), snooze_until_ms=None, now_ms=NOON)
    assert ledger.refresh_due(NOON + 9 * HOUR - 1, HOUR) == []
    assert len(ledger.refresh_due(NOON + 9 * HOUR, HOUR)) == 1
    here.read(alert("a", 2, "resolved"))
    assert ledger.refresh_due(NOON + DAY, HOUR) == []


def test_nobody_contacts_a_customer_who_asked_not_to_be(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.profile("customer-b", do_not_contact=True, time_ms=NOON)
    here.profile("customer-c", do_not_contact=False, time_ms=NOON + 1)
    here.profile("customer-d", do_not_contact=False, time_ms=NOON - 1)
    here.read(*(alert(name, do_not_contact=name in "acd") for name in "abcde"))
    here.ledger.admit(NOON)
    internal = {one.alert_id for one in here.due(NOON) if one.internal_only}
    assert internal == {id_of(name) for name in "abd"}
    here.profile("customer-b", do_not_contact=None)
    assert id_of("b") not in {one.alert_id for one in here.due(NOON) if one.internal_only}
    here.deliver(NOON)
    told = {one.alert_id for one in here.ledger.refresh_due(NOON + DAY, HOUR) if one.internal_only}
    assert told == {id_of(name) for name in "ad"}


def test_the_crm_is_told_at_once_who_must_not_be_contacted_from_now_on(here: Desk) -> None:
    ledger = here.ledger
    here.deliver(NOON)
    here.profile("customer-a", account_id="acme", do_not_contact=False, at=NOON + 1)
    assert ledger.refresh_due(NOON + 2, DAY) == []
    here.profile("customer-a", account_id="acme", do_not_contact=True, at=NOON + 3)
    [one] = ledger.refresh_due(NOON + 3, DAY)
    assert (one.internal_only, one.told) == (True, None)
    # What was made before does not tell it, though it goes after.
    assert ledger.queue_refresh(id_of("a"), NOON + 4) is not None
    [message] = here.due(NOON + 4)
    ledger.store_body(message.message_id, RENDERED, NOON + 4)
    here.profile("customer-a", at=NOON + 5)
    ledger.delivered(message.message_id, NOON + 6, "told")
    [one] = ledger.refresh_due(NOON + 7, DAY)
    assert (one.internal_only, one.told) == (False, None)
    ledger.queue_refresh(id_of("a"), NOON + 2000)
    [message] = here.due(NOON + 2000)
    ledger.store_body(message.message_id, RENDERED, NOON + 2000)
    ledger.delivered(message.message_id, NOON + 2001, "told")
    assert ledger.refresh_due(NOON + 2002, DAY) == []


def test_also_of_a_snoozed_case_the_crm_is_told_who_must_not_be_contacted(here: Desk) -> None:
    ledger = here.ledger
    here.deliver(NOON)
    ledger.disposition_done("d", id_of("a"), snooze_until_ms=NOON + 30 * DAY, now_ms=NOON)
    assert ledger.refresh_due(NOON + DAY, HOUR) == []
    here.profile("customer-a", do_not_contact=True, at=NOON + DAY)
    [one] = ledger.refresh_due(NOON + DAY, HOUR)
    assert one.internal_only
    assert ledger.queue_refresh(id_of("a"), NOON + DAY + 1) is not None
    assert [kind for kind, _ in here.deliver(NOON + DAY + 2)] == ["refresh"]
    assert ledger.refresh_due(NOON + 29 * DAY, HOUR) == []
    assert len(ledger.refresh_due(NOON + 31 * DAY, HOUR)) == 1


@pytest.mark.parametrize("snoozed", [False, True])
def test_a_wish_not_to_be_contacted_outlives_a_message_that_is_given_up(here: Desk, snoozed: bool) -> None:
    ledger = here.ledger
    here.deliver(NOON)
    if snoozed:
        ledger.disposition_done("d", id_of("a"), snooze_until_ms=NOON + 30 * DAY, now_ms=NOON)
    here.read(alert("a", 2, "updated"))
    ledger.store_body(_id(2), RENDERED, NOON)
    ledger.retry(_id(2), NOON, "status_503")
    here.profile("customer-a", do_not_contact=True, at=NOON + 1)
    ledger.give_up(_id(2), "status_422", NOON + 2)
    assert len(ledger.refresh_due(NOON + 2, DAY)) == 1  # at once
    told = ledger.queue_refresh(id_of("a"), NOON + 3)
    assert told is not None
    ledger.give_up(told, "status_422", NOON + 3)
    assert ledger.refresh_due(NOON + 2 + DAY, DAY) == []
    assert len(ledger.refresh_due(NOON + 3 + DAY, DAY)) == 1  # and again, until it is told
    assert ledger.queue_refresh(id_of("a"), NOON + 3 + DAY) is not None
    here.deliver(NOON + 3 + DAY)
    assert len(ledger.refresh_due(NOON + 3 + 2 * DAY, DAY)) == (not snoozed)


def test_no_refresh_has_an_id_that_the_crm_may_know_from_before_the_ledger_was_put_back(desk: Open) -> None:
    ids = []
    for at in (NOON, NOON + HOUR):  # the second ledger begins where there is none
        one = desk()
        one.ledger.caught_up(at)
        one.read(alert("a"), at=at)
        one.ledger.admit(at)
        one.deliver(at)
        ids += [one.ledger.queue_refresh(id_of("a"), at + 1)]
        one.deliver(at + 1)
        ids += [one.ledger.queue_refresh(id_of("a"), at + 2)]  # within the same second
    assert len(set(ids)) == 4


def test_a_retry_that_a_wrong_clock_has_planned_is_due_after_a_restart(here: Desk) -> None:
    here.ledger.retry(_id(1), NOON + 30 * DAY, "status_500")
    assert here.due(NOON + DAY) == []
    here.reopen()
    here.ledger.caught_up(NOON + DAY)
    assert [one.message_id for one in here.due(NOON + DAY)] == [_id(1)]
    here.ledger.retry(_id(1), NOON + DAY + HOUR, "status_503")
    here.ledger.caught_up(NOON + DAY)
    assert here.due(NOON + DAY) == []
