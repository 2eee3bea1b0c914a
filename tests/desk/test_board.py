"""What the desk knows: records and dispositions in any order, what is seen of them, what goes wrong most."""

from typing import Any

import pytest

from schemas.disposition import Disposition
from schemas.times import format_ms
from streams.crm.ledger.rows import ProfileRead
from streams.desk.board.board import Board
from streams.desk.board.policy import Group, policy_of
from streams.desk.board.queue import NONE, Filters, Overview, view_of
from streams.desk.pages.policy_page import sparkline, trend
from tests.desk.desk_cases import DAY, NOON, alert, id_of


def disposition(name: str, event_id: str = "d-1", time: int = NOON, **others: Any) -> Disposition:
    fields = {
        "type": "disposition",
        "event_id": event_id,
        "customer_id": f"c-{name}",
        "time": format_ms(time),
        "source": "crm",
        "alert_id": id_of(name),
        "status": "acknowledged",
    }
    return Disposition.model_validate(fields | others)


def profile(name: str, says: bool | None, time: int = NOON, **others: Any) -> ProfileRead:
    return ProfileRead("customers", 0, 0, f"c-{name}", do_not_contact=says, time_ms=time, **others)


def seen(board: Board, **filters: Any) -> list[str]:
    """Return the customers of a queue, in order."""
    return [one.customer_id for one in Overview(board).queue(Filters(**filters), NOON).entries]


def test_a_record_that_came_before_changes_nothing() -> None:
    board = Board()
    assert board.take([alert("a", 2)]) == {id_of("a")}
    version = board.version
    assert board.take([alert("a", 1), alert("a", 2)]) == set()
    assert board.version == version
    board.take([alert("a", 3, state="resolved")])
    entry = board.get(id_of("a"))
    assert entry is not None
    assert [one.revision for one in entry.history] == [2, 3]
    assert (entry.is_open, entry.resolution, entry.alert.revision) == (False, "returned", 3)


def test_a_disposition_may_come_before_its_alert_and_twice() -> None:
    board = Board()
    board.take_dispositions([disposition("a"), disposition("a")])
    board.take([alert("a")])
    entry = board.get(id_of("a"))
    assert entry is not None
    assert len(entry.dispositions) == 1
    assert entry.standing is not None
    assert board.take_dispositions([disposition("a")]) == set()


def test_what_was_done_is_kept_in_the_order_of_its_time_and_bounded() -> None:
    board = Board()
    many = [disposition("a", f"d-{at}", NOON + at, action="c" * 9_999) for at in range(100)]
    board.take_dispositions([many[50], *many[:50], *many[51:], disposition("a", "old", NOON - DAY)])
    board.take([alert("a")])
    entry = board.get(id_of("a"))
    assert entry is not None
    assert len(entry.dispositions) == 60
    before = entry.seen
    # What is read once more, or late, does not become the newest.
    board.take_dispositions([many[0], disposition("a", "late", NOON - DAY)])
    assert (entry.standing.event_id if entry.standing else "", entry.seen) == ("d-99", before)
    assert max(len(one.action or "") for one in entry.dispositions) == 200


def test_a_second_episode_is_new_again() -> None:
    board = Board()
    board.take([alert("a")])
    board.take_dispositions([disposition("a", time=NOON - DAY + 1)])
    entry = board.get(id_of("a"))
    assert entry is not None
    assert entry.standing is not None
    board.take([alert("a", 2, state="resolved"), alert("a", 3, time=NOON)])
    assert entry.standing is None
    assert entry.raised_ms == NOON


def test_the_erased_and_the_canary_are_not_kept_and_the_resolved_for_a_while() -> None:
    board = Board(canary_prefix="canary-")
    board.take([alert("a"), alert("b"), alert("c", state="resolved", time=NOON - 3 * DAY)])
    board.take([alert("d", customer_id="canary-0")])
    board.take([alert("a", 2, state="resolved", resolution="erased")])
    assert board.erase("c-b", 0) == {id_of("b")}
    assert board.erase("nobody", 0) == set()
    assert [one.customer_id for one in board] == ["c-c"]
    assert (board.tidy(NOON - 4 * DAY), len(board)) == (0, 1)
    assert (board.tidy(NOON - 2 * DAY), len(board), board.let_go) == (1, 0, 1)


@pytest.mark.parametrize("null_first", [True, False])
def test_who_was_erased_does_not_come_back_with_a_start_and_who_returns_does(null_first: bool) -> None:
    """The topics are read side by side, so what came first may be read last: the log's clock tells."""
    old = [alert("a"), alert("a", 2, state="resolved")]
    back = alert("back", customer_id="c-a")
    null = profile("a", None, erased=True, appended_ms=20)
    board = Board()
    board.take_dispositions([disposition("a")])
    if null_first:
        assert board.take_profiles([null]) == set()
    assert board.take([*old, back], [9, 20, 21]) == {id_of("back")} | (set() if null_first else {id_of("a")})
    if not null_first:
        assert board.take_profiles([null]) == {id_of("a")}
    # Nor with a profile that comes later, or when all is read once more.
    board.take_profiles([profile("a", None, appended_ms=22)])
    assert board.take([*old, back], [9, 20, 21]) == set()
    assert board.take_profiles([null]) == set()
    assert [one.alert_id for one in board] == [id_of("back")]
    assert board._early == {}


def test_that_an_open_alert_was_erased_says_it_of_the_earlier_ones_when_the_null_is_gone() -> None:
    board = Board()
    earlier, last = alert("a", state="resolved"), alert("b", customer_id="c-a")
    board.take_profiles([profile("a", True)])  # who is back: read first, and still heeded
    board.take([earlier, last], [1, 2])
    ends = alert("b", 2, customer_id="c-a", state="resolved", resolution="erased")
    assert board.take([ends], [3]) == {id_of("a"), id_of("b")}
    board.take([alert("back", customer_id="c-a")], [4])
    assert [(one.alert_id, one.do_not_contact) for one in board] == [(id_of("back"), True)]


def test_who_was_erased_is_remembered_no_longer_than_what_was_resolved_would_be() -> None:
    board = Board()
    board.erase("c-a", NOON - DAY)
    board.erase("c-a", NOON - 2 * DAY)  # read once more: the last one counts
    board.erase("c-b", NOON - 3 * DAY)
    board.tidy(NOON - 2 * DAY)
    assert board._erased == {"c-a": NOON - DAY}


@pytest.mark.parametrize(
    ("record", "says", "since", "nobody"),
    [
        (False, True, NOON, True),
        (False, True, NOON - 2 * DAY, True),
        (True, False, NOON, False),
        (True, False, NOON - 2 * DAY, True),
        (True, None, NOON, True),
        (False, None, NOON, False),
    ],
)
def test_whether_a_customer_may_be_contacted_follows_record_and_profile_whichever_comes_first(
    record: bool, says: bool | None, since: int, nobody: bool
) -> None:
    asked, theirs = alert("a", do_not_contact=record), profile("a", says, since)
    later, sooner = Board(), Board()
    later.take([asked])
    version = later.version
    # Only what changes is told, and only once.
    assert later.take_profiles([theirs]) == ({id_of("a")} if nobody != record else set())
    assert later.take_profiles([theirs]) == set()
    assert later.version - version == (nobody != record)
    assert sooner.take_profiles([theirs]) == set()
    assert sooner.take([asked]) == {id_of("a")}
    assert [one.do_not_contact for board in (later, sooner) for one in board] == [nobody, nobody]


def test_a_profile_that_no_longer_says_so_leaves_it_to_the_record_and_little_is_kept() -> None:
    board = Board(canary_prefix="canary-")
    board.take([alert("a"), alert("b", do_not_contact=True)])
    board.take_profiles([profile("a", True), profile("b", False), profile("c", None)])
    assert {one.customer_id: one.do_not_contact for one in board} == {"c-a": True, "c-b": False}
    # A newer record asks for it: the profile that allowed it is older.
    assert board.take([alert("b", 2, time=NOON + 1, do_not_contact=True)]) == {id_of("b")}
    assert board.take_profiles([profile("a", None)]) == {id_of("a")}
    assert {one.customer_id: one.do_not_contact for one in board} == {"c-a": False, "c-b": True}
    board.take_profiles(
        [profile("b", None, erased=True), ProfileRead("customers", 0, 0, "canary-1", None, True)]
    )
    board.take_profiles([ProfileRead("customers", 0, 0, None)])
    assert board._profiles == {}


def test_views_follow_deadline_snooze_and_state() -> None:
    board = Board()
    board.take([alert("a"), alert("late", days=91.0), alert("b"), alert("done", state="resolved")])
    board.take_dispositions([disposition("b", snooze_until=format_ms(NOON + DAY))])
    views = {one.customer_id: view_of(one, NOON) for one in board}
    assert views == {"c-a": "open", "c-late": "overdue", "c-b": "snoozed", "c-done": "resolved"}
    entry = board.get(id_of("b"))
    assert entry is not None
    assert view_of(entry, NOON + DAY) == "open"


@pytest.mark.parametrize(
    ("filters", "customers"),
    [
        ({}, ["c-a", "c-b", "c-c"]),
        ({"level": "watch"}, ["c-b"]),
        ({"signal": "ivr_dead_end"}, ["c-c"]),
        ({"reason": "billing"}, ["c-b"]),
        ({"reason": NONE}, ["c-c"]),
        ({"channel": "chat", "level": "watch"}, ["c-b"]),
        ({"owner": "desk-east"}, ["c-a"]),
        ({"standing": "contacted"}, ["c-a"]),
        ({"standing": "new"}, ["c-b", "c-c"]),
        ({"age": "1"}, ["c-a", "c-b"]),
        ({"age": "older"}, ["c-c"]),
        ({"customer": "C-B"}, ["c-b"]),
        ({"sort": "deadline"}, ["c-c", "c-b", "c-a"]),
        ({"sort": "newest"}, ["c-a", "c-b", "c-c"]),
    ],
)
def test_filters_leave_what_they_say(filters: dict[str, Any], customers: list[str]) -> None:
    board = Board()
    board.take(
        [
            alert("a", value=300, recommended_owner="desk-east"),
            alert("b", value=200, level="watch", reason="billing", channel="chat", days=20.0),
            alert(
                "c", value=100, reason=None, days=80.0, time=NOON - 40 * DAY, signals=(("ivr_dead_end", 0.5),)
            ),
        ]
    )
    board.take_dispositions([disposition("a", status="contacted")])
    assert seen(board, **filters) == customers


def test_a_query_is_read_tolerantly_and_comes_back() -> None:
    filters = Filters.of({"view": "snoozed", "level": "alert", "customer": " 7 ", "limit": "100", "age": "7"})
    assert (filters.view, filters.level, filters.customer, filters.limit) == ("snoozed", "alert", "7", 100)
    assert filters.query() == "view=snoozed&level=alert&age=7&customer=7&limit=100"
    assert (filters.cleared, filters.narrow) == ("view=snoozed", 3)
    odd = {"view": "x", "level": "x", "limit": "-1", "sort": "x", "age": "x", "standing": "x", "other": "x"}
    assert Filters.of(odd) == Filters()
    assert Filters.of({"limit": "9" * 300}).limit == 2_000
    assert len(Filters.of({"reason": "r" * 10_000}).reason) == 200


def test_an_overview_is_made_anew_when_something_changed() -> None:
    board = Board()
    overview = Overview(board)
    board.take([alert("a")])
    assert overview.queue(Filters(), NOON).counts["open"] == 1
    board.take([alert("b", value=1)])
    found = overview.queue(Filters(), NOON)
    assert (len(found.entries), found.at_risk, found.alerts) == (2, 100_001, 2)
    assert found.choices.listed("reason") == [("delivery", 2)]
    assert overview.queue(Filters(), NOON + 100 * DAY).counts["overdue"] == 2


def groups(board: Board, by: Any = "signal", weeks: int = 12) -> dict[str, Group]:
    return {one.name: one for one in policy_of(board, by, weeks, NOON)}


def test_what_is_at_risk_is_split_by_weight_and_adds_up() -> None:
    board = Board()
    board.take(
        [
            alert("a", value=10_000, signals=(("escalation_refused", 3.0), ("powerless_phrase", 1.0))),
            alert("b", value=4_000, signals=(("powerless_phrase", 0.3),), reason="billing"),
            alert("late", value=9_999, days=91.0),
            alert("back", state="resolved"),
        ]
    )
    found = groups(board)
    assert {name: one.at_risk for name, one in found.items()} == {
        "escalation_refused": 7_500,
        "powerless_phrase": 6_500,
    }
    phrase = found["powerless_phrase"]
    assert [(one.name, one.at_risk) for one in phrase.parts] == [("billing", 4_000), ("delivery", 2_500)]
    assert (phrase.customers, phrase.returned, phrase.total) == (2, 1, 4)
    by_reason = groups(board, "reason")
    assert {name: one.at_risk for name, one in by_reason.items()} == {"delivery": 10_000, "billing": 4_000}
    assert by_reason["billing"].parts[0].name == "powerless_phrase"
    assert set(groups(board, "channel")) == {"voice"}


def test_a_trend_compares_four_weeks_with_those_before() -> None:
    board = Board()
    board.take(alert(f"n{one}", time=NOON - one * DAY, days=80.0) for one in range(1, 22))
    board.take(alert(f"o{one}", time=NOON - (30 + one) * DAY, days=80.0) for one in range(1, 8))
    found = groups(board)["escalation_refused"]
    assert (found.recent, found.before, found.raised[-1]) == (21, 7, 6)
    assert trend(found) == "+200 %"
    assert "28 alerts in 12 weeks" in str(sparkline(found))
    few = Board()
    few.take([alert("a")])
    assert trend(groups(few)["escalation_refused"]) == "(0 before)"


def test_silence_alone_is_a_reason_too() -> None:
    board = Board()
    board.take([alert("a", anchor=None, rule="silent", reasons=(), value=500)])
    assert groups(board)["silence"].at_risk == 500
    assert set(groups(board, "reason")) == {NONE}
