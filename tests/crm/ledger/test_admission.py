"""Who is admitted: windows, the budget, what is held, and what is seen of the rest."""

from collections.abc import Callable
from random import Random
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from streams.crm.cases.standing import Hold, Standing
from tests.crm.ledger.records import DAY, MINUTE, NOON, Desk, alert, id_of

Open = Callable[..., Desk]
END = NOON + 10 * MINUTE
"""The end of the window of NOON."""


def _standings(desk: Desk) -> dict[str, tuple[Standing, Hold | None]]:
    return {one.alert_id: (one.standing, one.why) for one in desk.ledger.listing(limit=1_000_000)}


def _standing(desk: Desk, name: str) -> tuple[Standing, Hold | None]:
    return _standings(desk)[id_of(name)]


def _created(desk: Desk, at: int) -> list[str]:
    """Return the alerts that were created in the CRM, in order."""
    return [message_id.split("/")[0] for kind, message_id in desk.deliver(at) if kind == "create"]


def test_of_1000_alerts_in_a_window_exactly_the_50_of_highest_value_are_admitted(desk: Open) -> None:
    here = desk(budgets={"alert": 50})
    here.ledger.caught_up(NOON)
    values = Random(14).sample(range(1_000, 1_000_000), 1_000)
    ranked = [f"a{at}" for at in sorted(range(1_000), key=lambda at: -values[at])]
    for first in range(0, 1_000, 100):  # spread over the window
        batch = [alert(f"a{at}", value=values[at]) for at in range(first, first + 100)]
        here.read(*batch, at=NOON + first * 500)
        assert here.ledger.admit(NOON + first * 500).admitted == {}
    assert here.ledger.admit(END - 1).admitted == {}

    seen = here.ledger.admit(END)

    assert (seen.admitted, seen.deferred, seen.held) == ({"alert": 50}, {"alert": 950}, {})
    assert _created(here, END) == [id_of(name) for name in ranked[:50]]
    listed = here.ledger.listing(standings=[Standing.DEFERRED], limit=1_000)
    assert [one.alert_id for one in listed] == [id_of(name) for name in ranked[50:]]
    assert here.ledger.figures().deferred == {"alert": 950}

    # Nothing more on this day, whatever comes.
    here.read(alert("rich", value=10_000_000), at=END)
    assert here.ledger.admit(END + 10 * MINUTE).deferred == {"alert": 1}
    assert here.ledger.admit(NOON + DAY // 2 - 1).admitted == {}

    # Next day: what was deferred goes first, of highest value; what came back meanwhile never goes.
    here.read(alert(ranked[50], 2, "resolved"), at=END)
    midnight = NOON + DAY // 2
    here.read(alert("new", value=20_000_000), at=midnight - 1)
    assert here.ledger.admit(midnight).admitted == {"alert": 50}
    assert _created(here, midnight) == [id_of(name) for name in ["rich", *ranked[51:100]]]
    assert _standing(here, ranked[50]) == (Standing.NEVER, None)
    assert _standing(here, "new") == (Standing.DEFERRED, None)


def test_a_create_says_since_when_its_alert_waits_unless_it_was_held(desk: Open) -> None:
    here = desk(budgets={"alert": 1})
    here.ledger.caught_up(NOON)
    here.read(alert("a", value=9), alert("b", backfill=True), at=NOON)
    here.read(alert("a", 2, "updated", value=9), alert("late", value=3), at=NOON + MINUTE)
    here.ledger.admit(END)
    assert [(one.opened_ms, one.was_deferred) for one in here.due(END)] == [(NOON, False)]
    assert here.ledger.figures().oldest_deferred_ms == {"alert": NOON + MINUTE}
    here.deliver(END)
    here.read(alert("b", 2, "updated", value=5), alert("a", 3, "resolved"), at=END)
    here.deliver(END)
    again = END + MINUTE
    here.read(alert("a", 4), at=again)
    for day in (1, 2, 3):
        here.ledger.admit(NOON + day * DAY)
    seen = {one.alert_id: (one.opened_ms, one.was_deferred) for one in here.due(NOON + 3 * DAY)}
    assert seen == {id_of("late"): (NOON + MINUTE, True), id_of("b"): (None, True), id_of("a"): (again, True)}
    assert here.ledger.figures().oldest_deferred_ms == {}


def test_a_deferred_watch_that_becomes_alert_overtakes(desk: Open) -> None:
    here = desk(budgets={"watch": 0, "alert": 1})
    here.ledger.caught_up(NOON)
    here.read(alert("w", level="watch", value=1), alert("a", value=500), alert("b", value=400))
    assert here.ledger.admit(END).deferred == {"watch": 1, "alert": 1}
    here.read(alert("w", 2, "updated", value=2), at=END)
    here.ledger.admit(END + 10 * MINUTE)
    assert here.ledger.admit(NOON + DAY).admitted == {"alert": 1}
    assert _created(here, NOON + DAY) == [id_of("a"), id_of("w")]
    here.read(alert("c", value=9_999), at=NOON + 2 * DAY - 1)
    here.ledger.admit(NOON + 2 * DAY)
    assert _created(here, NOON + 2 * DAY) == [id_of("b")]  # c is worth more, and new


def test_the_newest_revision_counts_and_is_the_one_that_goes(desk: Open) -> None:
    here = desk(budgets={"alert": 1})
    here.ledger.caught_up(NOON)
    here.read(alert("a", value=1), alert("b", value=2), alert("a", 2, "updated", value=3))
    here.ledger.admit(END)
    assert here.deliver(END) == [("create", f"{id_of('a')}/2")]


def test_without_a_budget_all_go_at_once_and_ranked(desk: Open) -> None:
    here = desk(budgets={"watch": 5})
    here.ledger.caught_up(NOON)
    here.read(alert("a", value=1), alert("b", value=3), alert("w", level="watch"), alert("c", value=2))
    assert here.ledger.admit(NOON).admitted == {"alert": 3}
    assert _created(here, NOON) == [id_of(name) for name in "bca"]
    assert _standing(here, "w") == (Standing.WAITING, None)
    here.read(alert("w", 2, "updated"), at=NOON + 1)  # an alert now: there is no budget
    assert here.ledger.admit(NOON + 1).admitted == {"alert": 1}


def test_what_is_in_the_crm_costs_nothing_when_it_changes(desk: Open) -> None:
    here = desk(budgets={"watch": 1, "alert": 0})
    here.ledger.caught_up(NOON)
    here.read(alert("w", level="watch"))
    here.ledger.admit(END)
    here.read(alert("w", 2, "updated", level="alert"), alert("w", 3, "resolved"), at=END)
    kinds = [kind for kind, _ in here.deliver(END)]
    assert kinds == ["create", "update", "close"]


def test_the_budget_is_of_a_day_of_the_zone_also_when_the_clocks_change(desk: Open) -> None:
    here = desk(budgets={"alert": 2}, zone=ZoneInfo("Europe/Berlin"), window_ms=3_600_000)
    here.ledger.caught_up(NOON)
    here.read(*(alert(f"a{at}") for at in range(8)))
    saturday = NOON + 8 * DAY
    admitted = [
        (hour, count)
        for hour in range(72)
        if (count := here.ledger.admit(saturday + hour * 3_600_000).admitted.get("alert"))
    ]
    # Noon UTC; 23:00 and then, after a day of 23 hours, 22:00 UTC.
    assert admitted == [(0, 2), (11, 2), (34, 2), (58, 2)]


def test_nothing_is_admitted_before_all_was_read_and_what_is_resolved_never(desk: Open) -> None:
    here = desk()
    here.read(alert("a"), alert("b"))
    assert here.ledger.admit(NOON + DAY).admitted == {}
    here.read(alert("a", 2, "resolved"))
    here.ledger.caught_up(NOON + DAY)
    here.ledger.admit(NOON + DAY)
    assert _created(here, NOON + DAY) == [id_of("b")]
    assert _standing(here, "a") == (Standing.NEVER, None)
    here.reopen()
    here.read(alert("c"))
    assert here.ledger.admit(NOON + DAY).admitted == {}


def test_after_a_start_all_that_was_read_is_compared_in_one_window(desk: Open) -> None:
    here = desk(budgets={"alert": 1})
    here.read(alert("early", value=1), at=NOON)
    here.read(alert("late", value=2), at=NOON + 25 * MINUTE)
    here.ledger.caught_up(NOON + 26 * MINUTE)
    assert here.ledger.admit(NOON + 26 * MINUTE).admitted == {}
    here.ledger.admit(NOON + 30 * MINUTE)
    assert _created(here, NOON + 30 * MINUTE) == [id_of("late")]


def test_a_start_with_another_budget_takes_it_at_once(desk: Open) -> None:
    here = desk(budgets={"alert": 0})
    here.read(alert("a"))
    here.ledger.caught_up(NOON)
    here.ledger.admit(END)
    assert _standing(here, "a") == (Standing.DEFERRED, None)
    here.reopen(budgets={})
    here.ledger.caught_up(END + 1)
    assert here.ledger.admit(END + 1).admitted == {"alert": 1}


def test_backfill_is_held_until_a_revision_is_none_or_the_setting_allows_it(desk: Open) -> None:
    here = desk()
    here.read(alert("a", backfill=True), alert("b", backfill=True), alert("c", backfill=True))
    here.ledger.caught_up(NOON)
    assert here.ledger.admit(NOON).admitted == {}
    assert _standing(here, "a") == (Standing.HELD, Hold.BACKFILL)
    here.read(alert("b", 2, "updated"), alert("c", 2, "resolved", backfill=True))
    assert here.ledger.admit(NOON).admitted == {"alert": 1}
    assert _created(here, NOON) == [id_of("b")]
    here.reopen(backfill=True)
    here.ledger.caught_up(NOON)
    here.ledger.admit(NOON)
    assert _created(here, NOON) == [id_of("a")]


def test_a_candidate_whose_newest_revision_is_backfill_waits_no_more(desk: Open) -> None:
    here = desk(budgets={"alert": 5})
    here.ledger.caught_up(NOON)
    here.read(alert("a"), alert("a", 2, "updated", backfill=True))
    assert here.ledger.admit(END).admitted == {}
    assert _standing(here, "a") == (Standing.HELD, Hold.BACKFILL)


def test_the_holdout_arm_never_goes(desk: Open) -> None:
    here = desk()
    here.read(alert("a", arm="holdout"))
    here.ledger.caught_up(NOON)
    assert here.ledger.admit(NOON).admitted == {}
    assert _standing(here, "a") == (Standing.HELD, Hold.HOLDOUT)


def test_quiet_after_a_case_was_closed(desk: Open) -> None:
    here = desk(quiet_ms=3 * DAY)
    here.ledger.caught_up(NOON)
    here.read(alert("a", customer="c"))
    here.ledger.admit(NOON)
    here.read(alert("a", 2, "resolved", customer="c"))
    here.deliver(NOON)
    here.read(alert("b", customer="c"), alert("other"), alert("a", 3, customer="c"), at=NOON + 1)
    seen = here.ledger.admit(NOON + 1)
    assert (seen.admitted, seen.held) == ({"alert": 1}, {Hold.QUIET: 2})
    assert here.ledger.admit(NOON + 3 * DAY - 1).admitted == {}
    assert here.ledger.admit(NOON + 3 * DAY).admitted == {"alert": 2}


def test_a_case_that_the_crm_refused_does_not_block_its_account(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    for customer in "ab":
        here.profile(f"customer-{customer}", account_id="acme")
    here.read(alert("a", value=2), alert("b", value=1))
    here.ledger.admit(NOON)
    [message] = here.due(NOON)
    here.ledger.give_up(message.message_id, "status_422", NOON)
    here.ledger.admit(END)
    assert [one.alert_id for one in here.due(END)] == [id_of("b")]


def test_one_case_an_account_until_it_is_closed(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    for customer in ("a", "b", "c"):
        here.profile(f"customer-{customer}", account_id="acme")
    here.read(alert("a", value=1), alert("b", value=3), alert("c", value=2), alert("none"))
    seen = here.ledger.admit(NOON)
    assert (seen.admitted, seen.held) == ({"alert": 2}, {Hold.ACCOUNT: 2})
    message = next(one for one in here.due(NOON) if one.alert_id == id_of("b"))
    assert (message.account_id, message.other_open) == ("acme", 2)
    here.read(alert("b", 2, "resolved"))
    assert here.ledger.admit(END).admitted == {}  # not closed in the CRM as yet
    here.deliver(END)
    assert here.ledger.admit(END + 10 * MINUTE).admitted == {"alert": 1}
    assert _created(here, END + 10 * MINUTE) == [id_of("c")]
    assert _standing(here, "a") == (Standing.HELD, Hold.ACCOUNT)


def test_an_alert_goes_though_a_watch_of_its_account_is_open(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    for customer in "abcd":
        here.profile(f"customer-{customer}", account_id="acme")
    here.read(alert("a", level="watch"))
    here.ledger.admit(NOON)
    here.read(alert("b", level="watch"), alert("c"))
    seen = here.ledger.admit(NOON)
    assert (seen.admitted, seen.held) == ({"alert": 1}, {Hold.ACCOUNT: 1})
    assert _created(here, NOON) == [id_of("a"), id_of("c")]
    here.read(alert("d"), alert("b", 2, "updated"))
    assert here.ledger.admit(END).held == {Hold.ACCOUNT: 1}
    assert _standing(here, "d") == _standing(here, "b") == (Standing.HELD, Hold.ACCOUNT)


def test_the_canary_has_no_window_no_budget_and_is_never_held(desk: Open) -> None:
    here = desk(budgets={"alert": 1}, quiet_ms=DAY)
    here.ledger.caught_up(NOON)
    canary: dict[str, Any] = {"customer": "retention-canary-1", "backfill": True}
    here.read(*(alert(f"k{at}", **canary) for at in range(3)), alert("a"), alert("b"))
    assert here.ledger.admit(NOON).admitted == {"alert": 3}
    assert all(message.canary for message in here.due(NOON))
    here.read(alert("k1", 2, "resolved", **canary))
    here.deliver(NOON)
    here.read(alert("k4", **canary), at=NOON)
    assert here.ledger.admit(NOON).admitted == {"alert": 1}
    assert here.ledger.admit(END).admitted == {"alert": 1}


def test_a_case_that_opens_again_is_a_candidate_anew_once_it_is_closed(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    here.read(alert("a"))
    here.ledger.admit(NOON)
    here.read(alert("a", 2, "resolved"), alert("a", 3))
    assert here.ledger.admit(NOON).held == {Hold.CLOSING: 1}
    assert here.deliver(NOON) == [("create", f"{id_of('a')}/1"), ("close", f"{id_of('a')}/2")]
    assert here.ledger.admit(END).admitted == {"alert": 1}
    assert here.deliver(END) == [("create", f"{id_of('a')}/3")]


def test_10000_candidates_are_ranked_and_admitted_in_a_moment(desk: Open) -> None:
    here = desk(budgets={"alert": 5_000}, quiet_ms=DAY)
    one = alert("x")
    here.read(
        *(
            one.model_copy(update={"alert_id": f"{at}", "customer_id": f"{at}", "value_at_risk": f"{at}.00"})
            for at in range(10_000)
        )
    )
    here.ledger.caught_up(NOON)
    start = perf_counter()
    assert here.ledger.admit(END).admitted == {"alert": 5_000}
    assert perf_counter() - start < 15  # a third of a second, with room for a busy machine


def test_what_is_asked_all_the_time_uses_an_index(desk: Open) -> None:
    here = desk()
    here.ledger.caught_up(NOON)
    asked: list[str] = []
    here.ledger._connection.set_trace_callback(asked.append)
    here.ledger.due(NOON, 4)
    here.ledger.admit(NOON)
    here.ledger.refresh_due(NOON, DAY)
    here.ledger.figures()
    here.ledger._connection.set_trace_callback(None)
    selects = [one for one in asked if one.lstrip().startswith("SELECT")]
    assert len(selects) == 7
    for one in selects:
        plan = [row["detail"] for row in here.ledger._connection.execute(f"EXPLAIN QUERY PLAN {one}")]
        assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], plan


def test_a_clock_that_was_ahead_keeps_no_case_waiting_once_it_is_right(desk: Open) -> None:
    here = desk(budgets={"alert": 1})
    here.ledger.caught_up(NOON)
    here.ledger.admit(NOON + 30 * DAY)
    here.read(alert("a"), at=NOON + 30 * DAY)
    here.ledger.admit(NOON)
    assert here.ledger.admit(END).admitted == {"alert": 1}
