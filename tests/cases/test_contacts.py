"""c09, c11: calls that reached nobody, legs of one call, and who asked not to be called."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.cases.runs import CONTROL, MANY, RULESETS, Run, dataset, disagreements, names, replayed
from tests.cases.world import (
    ANCHOR,
    DAY,
    HOUR,
    MINUTE,
    Event,
    at,
    bad_contact,
    contact,
    shopping,
    stamp,
    stops,
)


def gone(*contacts: Event) -> list[Event]:
    """Return who stops buying on 1 September, with these contacts alone."""
    return [*shopping(), *contacts]


def dialled(**fields: Any) -> list[Event]:
    """Return three outbound calls of an afternoon, and who stops buying."""
    calls = (
        contact(
            ANCHOR + number * HOUR, f"o{number}", **{"direction": "outbound", "reason": "offer", **fields}
        )
        for number in range(3)
    )
    return gone(*calls)


HANDED_ON: Final[Event] = {"ended_by": "agent", "ended_stage": "transfer", "transfers_warm": 1}


def legs(minutes: float, first: Event, second: Event) -> list[Event]:
    """Return a call in two legs, the second begun so long after the first ended, and 20 minutes long."""
    begun = ANCHOR + round(minutes * MINUTE)
    return gone(
        contact(ANCHOR, "leg1", direction="inbound", **first),
        contact(begun + 20 * MINUTE, "leg2", direction="inbound", started_at=stamp(begun), **second),
    )


NOBODY_ANSWERED: Final = {
    "dropped by the dialer": dialled(ended_by="system"),
    "dropped in the queue": dialled(ended_by="system", ended_stage="queue", queue_seconds=200),
    "dropped in the menu": dialled(ended_by="system", ended_stage="ivr"),
    "ended by nobody": dialled(),
    "line lost": dialled(ended_by="network"),
    "said not to be answered": dialled(answered=False, ended_by="system"),
    "voicemail, hung up by the agent": dialled(answered=False, ended_by="agent", ended_stage="agent"),
    "noted as unresolved": dialled(answered=False, resolution="unresolved", ended_by="system"),
    "nothing known of the result": dialled(resolution="unknown", ended_by="system"),
    "nothing of it happened": dialled(
        ended_by="system", transfers_cold=0, hold_count=0, escalation_requested=False, complaint=False
    ),
    "letters without an answer": dialled(channel="email", answered=False),
}

SOMEBODY_ANSWERED: Final = {
    "answered": gone(bad_contact(ANCHOR, direction="outbound", answered=True)),
    "unresolved, so there was a talk": gone(bad_contact(ANCHOR, direction="outbound")),
    "the last of three": [*dialled(ended_by="system"), bad_contact(ANCHOR + 3 * HOUR, direction="outbound")],
    "a call of the customer after three": [*dialled(ended_by="system"), bad_contact(ANCHOR + 3 * HOUR)],
    "a recovery that reached nobody": gone(
        bad_contact(),
        contact(at("09-02"), "sorry", direction="outbound", recovery=True, answered=False, ended_by="system"),
    ),
}

ONE_CALL: Final = {
    "at once": legs(0, HANDED_ON, {"ended_by": "customer", "ended_stage": "agent"}),
    "nine minutes": legs(9, HANDED_ON, {"ended_by": "customer"}),
    "29 minutes": legs(29, HANDED_ON, {}),
    "30 minutes": legs(30, HANDED_ON, {}),
    "begun before the first ended": legs(-3, HANDED_ON, {}),
    "of one case": legs(5, HANDED_ON | {"case_id": "c9"}, {"case_id": "c9"}),
    "only the second has a case": legs(5, HANDED_ON, {"case_id": "c9"}),
    "handed on, says no stage": legs(5, {"ended_by": "agent", "transfers_warm": 1}, {}),
    "handed on, nobody ended it": legs(5, {"ended_stage": "transfer", "transfers_warm": 1}, {}),
    "named, hours apart": legs(200, {}, {"parent_contact_id": "leg1"}),
    "named, not handed on": legs(2, {"ended_by": "customer"}, {"parent_contact_id": "leg1"}),
    "three": [
        *legs(5, HANDED_ON, HANDED_ON | {"transfers_warm": 0}),
        contact(ANCHOR + 50 * MINUTE, "leg3", direction="inbound", started_at=stamp(ANCHOR + 26 * MINUTE)),
    ],
    "the leg ends before what it is of": gone(
        contact(ANCHOR, "leg2", parent_contact_id="leg1", direction="inbound"),
        contact(ANCHOR + 5 * MINUTE, "leg1", direction="inbound", **HANDED_ON),
    ),
}
"""Of a call in legs in which nothing else went wrong."""

UNRESOLVED: Final[Event] = {"resolution": "unresolved"}

ONE_FAILURE: Final = {
    "each leg says so": legs(
        1, {**HANDED_ON, "transfers_warm": 0, "transfers_cold": 1, **UNRESOLVED}, UNRESOLVED
    ),
    "the last says so": legs(1, {**HANDED_ON, "transfers_warm": 0, "transfers_cold": 1}, UNRESOLVED),
}
"""Of a call in legs that came to what the bad contact comes to."""

TWO_CALLS: Final = {
    "31 minutes": legs(31, HANDED_ON, {}),
    "not handed on": legs(5, {"ended_by": "customer"}, UNRESOLVED),
    "cut off": legs(5, {"ended_by": "agent", "ended_stage": "agent"}, {}),
    "cut off in a transfer": legs(5, {"ended_by": "system", "ended_stage": "transfer"}, {}),
    "another case": [
        *legs(5, HANDED_ON | {"case_id": "c9"}, {"case_id": "c8", "complaint": True}),
        contact(at("09-02"), "again", case_id="c8"),
    ],
}
"""Which are two calls, or one that was cut off, and say more than a call in legs."""

CALLERS: Final = {
    **{f"nobody, {name}": events for name, events in NOBODY_ANSWERED.items()},
    **{f"somebody, {name}": events for name, events in SOMEBODY_ANSWERED.items()},
    **{f"one, {name}": events for name, events in ONE_CALL.items()},
    **{f"failed, {name}": events for name, events in ONE_FAILURE.items()},
    **{f"two, {name}": events for name, events in TWO_CALLS.items()},
}


@pytest.fixture(name="seen", scope="module")
def seen_fixture(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay all of them at once."""
    return replayed(dataset(CALLERS, 300).write(tmp_path_factory.mktemp("calls") / "here"), *MANY)


@pytest.mark.parametrize("name", names(NOBODY_ANSWERED))
def test_outbound_calls_that_reached_nobody_say_nothing(seen: Run, name: str) -> None:
    assert seen.of(f"nobody, {name}") == []


@pytest.mark.parametrize("name", names(SOMEBODY_ANSWERED))
def test_bad_contacts_count_whoever_called_and_whatever_reached_nobody(seen: Run, name: str) -> None:
    found = seen.levels(f"somebody, {name}")
    assert [found[level][:10] for level in ("watch", "alert")] == ["2026-09-06", "2026-09-14"]


@pytest.mark.parametrize("name", names(ONE_CALL))
def test_legs_of_one_call_are_no_calling_back(seen: Run, name: str) -> None:
    assert seen.of(f"one, {name}") == []


@pytest.mark.parametrize("name", names(ONE_FAILURE))
def test_what_a_call_came_to_counts_once_for_all_its_legs(seen: Run, name: str) -> None:
    found = seen.levels(f"failed, {name}")
    assert [found[level][:10] for level in ("watch", "alert")] == ["2026-09-06", "2026-09-14"]


@pytest.mark.parametrize("name", names(TWO_CALLS))
def test_calling_back_and_being_cut_off_count_as_ever(seen: Run, name: str) -> None:
    assert "alert" in seen.levels(f"two, {name}")


@pytest.mark.parametrize("name", names(CALLERS))
def test_the_words_agree_with_the_figures(seen: Run, name: str) -> None:
    assert [said for one in seen.of(name) for said in disagreements(one)] == []


def asked(when: int, number: int = 0, **fields: object) -> Event:
    """Return what a profile says from a moment on."""
    profile = {"type": "profile", "time": stamp(when), "source": "crm", "event_id": f"p{number}"}
    return profile | fields


@pytest.mark.parametrize("ruleset", RULESETS)
def test_who_asked_not_to_be_called_is_marked_in_every_record(tmp_path: Path, ruleset: str | None) -> None:
    """It is said by the profile in force when the record was made."""
    people = {
        "never": [*stops(), asked(at("01-02"), do_not_contact=True)],
        "may": [*stops(), asked(at("01-02"), do_not_contact=False)],
        "no word": [*stops(), asked(at("01-02"), preferred_owner="key accounts")],
        "no more": [
            *stops(),
            asked(at("01-02"), do_not_contact=True),
            asked(at("08-01"), 1, do_not_contact=False),
        ],
        "since the call": [*stops(), asked(ANCHOR + DAY, do_not_contact=True)],
    }
    seen = replayed(dataset(people, 120).write(tmp_path / "here"), ruleset=ruleset)
    marked = {who: {one["do_not_contact"] for one in seen.of(who)} for who in people}
    assert marked == {who: {who in {"never", "since the call"}} for who in people}
    assert {who: seen.levels(who) for who in people} == dict.fromkeys(people, CONTROL[ruleset])
    assert seen.said.count("(do not contact)") == 2
