"""The policy by itself: windows, days, ranks, holds, kinds of messages."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from zoneinfo import ZoneInfo

import pytest

from streams.crm.cases.policy import (
    Policy,
    after_lost_create,
    budget_day,
    fold,
    internal_only,
    kind_of,
    look,
    next_look,
    rank,
    resent_as,
    window_end,
)
from streams.crm.cases.standing import Candidate, Case, Decision, Hold, Revision, Standing
from streams.crm.wire import Kind

BUDGETED = Policy(budgets={"alert": 2, "watch": None}, window_ms=100, quiet_ms=1_000)


def test_windows_are_aligned_and_only_a_budget_waits_for_them() -> None:
    assert [window_end(BUDGETED, at) for at in (0, 99, 100, 101)] == [100, 100, 200, 200]
    assert next_look(BUDGETED, "alert", False, 150) == 200
    assert next_look(BUDGETED, "watch", False, 150) == 150
    assert next_look(BUDGETED, "alert", True, 150) == 150


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo"],
)
def test_every_hour_of_two_years_counts_in_the_day_that_its_zone_has(zone: str) -> None:
    policy, there = Policy(zone=ZoneInfo(zone)), ZoneInfo(zone)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(2 * 8_760)]
    days = [budget_day(policy, int(hour.timestamp() * 1000)) for hour in hours]
    assert days == [hour.astimezone(there).strftime("%Y-%m-%d") for hour in hours]
    assert all(before <= after for before, after in pairwise(days))


def test_the_rank() -> None:
    ranked = [
        Candidate("overtakes", "alert", 1, deferred_as="watch"),
        Candidate("deferred, more", "alert", 3, deferred_as="alert"),
        Candidate("deferred, less", "watch", 2, deferred_as="watch"),
        Candidate("new, most", "alert", 9),
        Candidate("new, tie a", "alert", 8),
        Candidate("new, tie b", "alert", 8),
    ]
    for order in permutations(ranked):
        assert sorted(order, key=rank) == ranked


def test_a_look_spends_the_room_of_the_day_and_takes_one_case_an_account() -> None:
    candidates = [
        Candidate("a", "alert", 9, account_id="x"),
        Candidate("b", "alert", 8, account_id="x"),
        Candidate("c", "alert", 7, account_id="y"),
        Candidate("d", "alert", 6),
        Candidate("e", "watch", 5, canary=True, done_ms=149, backfill=True),
        Candidate("f", "watch", 4, done_ms=149),
        Candidate("g", "alert", 3, closing=True),
        Candidate("h", "alert", 2, backfill=True),
        Candidate("i", "alert", 1, holdout=True),
    ]
    assert look(candidates, BUDGETED, 150, spent={"alert": 1, "watch": 99}, busy={"y": "alert"}) == [
        Decision("a", "alert", Standing.ADMITTED),
        Decision("b", "alert", Standing.HELD, Hold.ACCOUNT, 200),
        Decision("c", "alert", Standing.HELD, Hold.ACCOUNT, 200),
        Decision("d", "alert", Standing.DEFERRED, None, 200),
        Decision("e", "watch", Standing.ADMITTED),
        Decision("f", "watch", Standing.HELD, Hold.QUIET, 1_149),
        Decision("g", "alert", Standing.HELD, Hold.CLOSING, 200),
        Decision("h", "alert", Standing.HELD, Hold.BACKFILL, None),
        Decision("i", "alert", Standing.HELD, Hold.HOLDOUT, None),
    ]


def test_a_watch_of_an_account_keeps_its_watches_waiting_and_no_alert() -> None:
    candidates = [
        Candidate("a", "alert", 3, account_id="x"),
        Candidate("b", "alert", 2, account_id="x"),
        Candidate("c", "watch", 1, account_id="x"),
    ]
    found = look(candidates, Policy(window_ms=100), 0, spent={}, busy={"x": "watch"})
    assert [one.why for one in found] == [None, Hold.ACCOUNT, Hold.ACCOUNT]
    found = look(candidates[2:], Policy(window_ms=100), 0, spent={}, busy={"x": "watch"})
    assert [one.why for one in found] == [Hold.ACCOUNT]


def test_a_canary_takes_no_room() -> None:
    candidates = [Candidate(f"k{at}", "alert", 9, canary=True) for at in range(3)]
    rest = [Candidate(f"a{at}", "alert", 1) for at in range(3)]
    decisions = look([*candidates, *rest], BUDGETED, 0, spent={}, busy={})
    assert [one.standing is Standing.ADMITTED for one in decisions] == [True] * 5 + [False]


def test_a_budget_that_was_lowered_below_what_was_spent_admits_nobody() -> None:
    [decision] = look([Candidate("a", "alert", 1)], BUDGETED, 0, spent={"alert": 5}, busy={})
    assert decision.standing is Standing.DEFERRED


def test_revisions_fold() -> None:
    def step(case: Case | None, number: int, *, resolved: bool = False, now: int = 0) -> Case:
        folded = fold(case, Revision(number, "alert", resolved), BUDGETED, now)
        assert folded is not None
        assert folded[1] is None
        return folded[0]

    first = step(None, 3, now=150)
    assert (first.standing, first.look_ms) == (Standing.WAITING, 200)
    assert fold(first, Revision(3, "alert", resolved=False), BUDGETED, 160) is None
    assert fold(first, Revision(2, "alert", resolved=True), BUDGETED, 160) is None
    assert step(first, 4, now=250).look_ms == 200  # it waits no longer for that
    over = step(first, 5, resolved=True)
    assert (over.standing, over.look_ms, over.open) == (Standing.NEVER, None, False)
    assert step(over, 6, resolved=True).standing is Standing.NEVER
    assert step(over, 7, now=250).look_ms == 300
    assert step(None, 1, resolved=True).standing is Standing.NEVER


def test_what_was_deferred_still_goes_first_after_it_was_held() -> None:
    held = Case(1, "alert", open=True, standing=Standing.HELD, why=Hold.BACKFILL, deferred_as="watch")
    assert fold(held, Revision(2, "alert", resolved=False), BUDGETED, 150) == (
        Case(2, "alert", open=True, standing=Standing.WAITING, look_ms=200, deferred_as="watch"),
        None,
    )


def test_what_revisions_do_in_the_crm() -> None:
    there = Case(1, "alert", open=True, standing=Standing.ADMITTED, there=True)
    lost = Case(1, "alert", open=True, standing=Standing.ADMITTED)

    def kind(case: Case, *, resolved: bool) -> tuple[Standing, Kind | None]:
        folded = fold(case, Revision(2, "alert", resolved), BUDGETED, 0)
        assert folded is not None
        return folded[0].standing, folded[1]

    assert kind(there, resolved=False) == (Standing.ADMITTED, Kind.UPDATE)
    assert kind(there, resolved=True) == (Standing.ADMITTED, Kind.CLOSE)
    assert kind(lost, resolved=False) == (Standing.ADMITTED, Kind.CREATE)
    assert kind(lost, resolved=True) == (Standing.NEVER, None)
    assert kind_of(resolved=True, there=True) is Kind.CLOSE
    assert kind_of(resolved=True, there=False, perhaps_there=True) is Kind.CLOSE
    assert kind_of(resolved=False, there=False, perhaps_there=True) is Kind.CREATE
    assert after_lost_create(Kind.CLOSE, perhaps_there=True) is Kind.CLOSE
    assert after_lost_create(Kind.UPDATE) is Kind.CREATE
    assert after_lost_create(Kind.CLOSE) is None


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_is_still_so_is_sent_again(kind: Kind) -> None:
    assert resent_as(kind, newest=True, is_open=True, there=True) is kind
    for there in (False, True):
        closes = Kind.CLOSE if kind is Kind.CLOSE else None
        assert resent_as(kind, newest=True, is_open=False, there=there) is closes
        assert resent_as(kind, newest=False, is_open=True, there=there) is None


def test_what_is_news_makes_a_case_anew_that_was_deleted_in_the_crm() -> None:
    again = {kind: resent_as(kind, newest=True, is_open=True, there=False) for kind in Kind}
    assert again == {
        Kind.CREATE: Kind.CREATE,
        Kind.UPDATE: Kind.CREATE,
        Kind.REFRESH: None,
        Kind.CLOSE: Kind.CLOSE,
    }


def test_a_profile_allows_what_an_older_record_forbids_and_nothing_else() -> None:
    def internal(*, record: bool, profile: bool | None, profile_ms: int) -> bool:
        return internal_only(record=record, record_ms=5, profile=profile, profile_ms=profile_ms)

    assert not internal(record=True, profile=False, profile_ms=6)
    assert internal(record=True, profile=False, profile_ms=5)
    assert internal(record=True, profile=None, profile_ms=9)
    assert internal(record=False, profile=True, profile_ms=0)
    assert not internal(record=False, profile=False, profile_ms=9)
    assert not internal(record=False, profile=None, profile_ms=0)
