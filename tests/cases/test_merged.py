"""c10: a customer with two ids, and what is known of both is known of the one that goes on."""

from pathlib import Path
from typing import Final

import pytest

from tests.cases.runs import CONTROL, MANY, ONE, RULESETS, Run, dataset, explained, names, replayed
from tests.cases.world import ANCHOR, DAY, END, HOUR, MINUTE, Event, at, bad_contact, merged, shopping

pytestmark = pytest.mark.slow

Two = tuple[list[Event], list[Event]]
"""What happens under the old id, and under the new one."""

AFTER: Final = ANCHOR + 22 * HOUR
BEFORE: Final = at("08-20 10:15")

GOES_ON: Final[dict[str, Two]] = {
    "buys under the new id": (
        [*shopping(), bad_contact(), merged(AFTER, "new")],
        shopping(END, since=ANCHOR + 2 * DAY),
    ),
    "buys under the old id": ([*shopping(END), bad_contact(), merged(AFTER, "new")], []),
    "buys under both": (
        [*shopping(END, every=7), bad_contact(), merged(AFTER, "new")],
        shopping(END, every=7),
    ),
    "called under the new id": (
        [*shopping(), merged(AFTER, "new")],
        [bad_contact(), *shopping(END, since=ANCHOR + 2 * DAY)],
    ),
}
STOPS: Final[dict[str, Two]] = {
    "merged after the contact": ([*shopping(), bad_contact(), merged(AFTER, "new")], []),
    "merged before it": ([*shopping(), merged(BEFORE, "new")], [bad_contact()]),
    "merged before it, the call centre knows the old id": (
        [*shopping(), merged(BEFORE, "new"), bad_contact()],
        [],
    ),
    "called under the new id, merged after": ([*shopping(), merged(AFTER, "new")], [bad_contact()]),
    "half of the purchases under each": (
        [*shopping(every=7), bad_contact(), merged(AFTER, "new")],
        shopping(since=at("01-04 21:00"), every=7),
    ),
    "told twice, and a minute late": (
        [*shopping(), bad_contact(), merged(AFTER, "new"), merged(AFTER, "new", arrives=AFTER + MINUTE)],
        [],
    ),
}


def _hours(hour: str) -> int:
    return at(f"{hour[5:10]} {hour[11:13]}:00") // HOUR


def seen(tmp_path: Path, two: Two, *options: object, ruleset: str | None = None) -> Run:
    old, new = two
    return replayed(dataset({"old": old, "new": new}).write(tmp_path / "here"), *options, ruleset=ruleset)


@pytest.mark.parametrize("ruleset", RULESETS)
@pytest.mark.parametrize("case", names(GOES_ON))
def test_who_goes_on_buying_by_any_id_is_nobodys_alert(
    tmp_path: Path, case: str, ruleset: str | None
) -> None:
    assert seen(tmp_path, GOES_ON[case], ruleset=ruleset).alerts == []


@pytest.mark.parametrize("ruleset", RULESETS)
@pytest.mark.parametrize("case", names(STOPS))
def test_who_stops_is_found_by_the_new_id_as_if_there_had_been_but_one(
    tmp_path: Path, case: str, ruleset: str | None
) -> None:
    run = seen(tmp_path, STOPS[case], ruleset=ruleset)
    assert run.levels("new") == CONTROL[ruleset]
    assert run.of("old") == []
    # What an open case froze stays, half of the spend there.
    usual = "30.00" if "half" in case else "60.00"
    assert {one["usual_spend_per_day"] for one in run.of("new")} == {usual}


@pytest.mark.parametrize("options", [ONE, ("--partitions", 2), ("--partitions", 3), MANY])
def test_it_does_not_matter_which_partitions_they_are_in(tmp_path: Path, options: tuple[str, int]) -> None:
    two = STOPS["merged after the contact"]
    alone = replayed(dataset({"new": two[0][:-1]}).write(tmp_path / "alone"), *options).levels("new")
    found = seen(tmp_path, two, *options).levels("new")
    assert found["watch"] == alone["watch"]
    # Operational time, which a large partition has, ends with the move.
    assert abs(_hours(found["alert"]) - _hours(alone["alert"])) < 24


def test_an_alert_that_was_sent_ends_under_the_old_id_and_begins_under_the_new_one(tmp_path: Path) -> None:
    run = seen(tmp_path, ([*shopping(), bad_contact(), merged(at("09-20 10:15"), "new")], []))
    told = [(one["revision"], one["state"], one["resolution"], one["time"]) for one in run.of("old")]
    assert told == [
        (1, "raised", None, "2026-09-06T04:00:00.000Z"),
        (2, "updated", None, "2026-09-14T16:00:00.000Z"),
        (3, "resolved", "merged", "2026-09-20T11:00:00.000Z"),
    ]
    assert run.of("old")[-1]["summary"].startswith("The customer is known by another id from now on: ")
    [one] = run.of("new")
    assert (one["revision"], one["state"], one["level"]) == (1, "raised", "alert")
    assert one["time"] == "2026-09-20T12:00:00.000Z"
    assert one["alert_id"] != run.of("old")[0]["alert_id"]
    assert one["anchor"] == run.of("old")[0]["anchor"]


def test_what_is_asked_of_the_new_id_tells_all(tmp_path: Path) -> None:
    seen(tmp_path, STOPS["merged after the contact"])
    told = explained(tmp_path / "here", "new")
    assert "with what was known of old." in told
    assert "usual spend 60.00 usd a day" in told
    assert "merged: the customer is new now" in explained(tmp_path / "here", "old")


def test_a_chain_ends_at_its_last_id_and_a_merge_back_at_the_first(tmp_path: Path) -> None:
    chain = {
        "first": [*shopping(), bad_contact(), merged(AFTER, "second")],
        "second": [merged(AFTER + 5 * MINUTE, "third")],
        "third": [],
    }
    run = replayed(dataset(chain).write(tmp_path / "chain"))
    assert run.levels("third") == CONTROL[None]
    assert {one["customer_id"] for one in run.alerts} == {"third"}
    back = {"first": chain["first"], "second": [merged(AFTER + 2 * HOUR, "first")]}
    run = replayed(dataset(back).write(tmp_path / "back"))
    assert run.levels("first") == CONTROL[None]
    assert {one["customer_id"] for one in run.alerts} == {"first"}


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"merged_into": "old"}, "schema: merged_into: the same as customer_id"),
        ({"merged_into": ""}, "schema: merged_into:"),
        ({"merged_into": None}, "schema: merged_into:"),
    ],
)
def test_a_merge_that_says_nothing_is_refused(tmp_path: Path, wrong: Event, fault: str) -> None:
    old = [*shopping(), bad_contact(), merged(AFTER, "new") | wrong]
    there = dataset({}).write(tmp_path / "unused").parent / "here"
    world = dataset({"old": old})
    text = world.write(there)
    run = replayed(text)
    assert len(run.letters) == 1
    assert run.refused()[0].startswith(fault.partition(" unknown")[0])
    assert run.levels("old") == CONTROL[None]
