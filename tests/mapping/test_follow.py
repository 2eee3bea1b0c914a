"""Things of which several records tell: orders that change, contacts that go on, contacts of several legs."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.mapping.follow import CALLED_OFF, MOST_LEGS
from streams.mapping.outcomes import OUTDATED, UNCHANGED, Draft, Mapped, Refused, Skipped
from tests.mapping.mappings import META, contact, finished, purchase

TOTAL: Final = purchase(
    event='follow = { by = "id", as = "total", time = "changed", void = "off" }', order_id='"id"'
)
SNAPSHOT: Final = contact(
    event='follow = { by = "id", as = "snapshot", time = "changed" }',
    resolution='"resolution"',
    csat='"csat"',
)
LEGS: Final = contact(
    event='follow = { by = "id", as = "legs", part = "leg", time = "changed" }',
    started_at='"started"',
    ended_at='"ended"',
    reason='"reason"',
    queue_seconds='"queue"',
    transfers_cold='"transfers"',
    escalation_requested='"escalated"',
    phrases='"phrases"',
    csat='"csat"',
)
START: Final = datetime(2024, 3, 1, 12, tzinfo=UTC)


def at(minutes: int) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def order(minutes: int, total: str | None, **changed: Any) -> dict[str, Any]:
    return {"id": "o-1", "customer": "c-1", "at": at(0), "changed": at(minutes), "total": total} | changed


def outcomes(mapping: Any, records: list[dict[str, Any]]) -> list[dict[str, Any] | str]:
    """Return the events of records that come in this order, or why there is none."""
    drafts = [one for record in records for one in mapping.map("orders", record, META)]
    assert all(isinstance(one, Draft) for one in drafts), drafts
    return [_told(one) for one in finished(mapping, drafts)]


def _told(outcome: Mapped | Skipped | Refused) -> dict[str, Any] | str:
    if isinstance(outcome, Mapped):
        return dict(json.loads(outcome.value))
    return outcome.why if isinstance(outcome, Skipped) else outcome.detail


def events(mapping: Any, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in outcomes(mapping, records) if isinstance(one, dict)]


def test_an_order_that_changes_gives_corrections_of_its_purchase() -> None:
    bought, added, called_off = events(
        TOTAL, [order(0, "10"), order(5, "15.50"), order(60, "15.50", off=True), order(70, "15.5", off=True)]
    )
    assert (bought["kind"], bought["amount"], bought["event_id"]) == ("purchase", "10", "o-1")
    assert added == {
        "type": "transaction",
        "event_id": "o-1/1",
        "customer_id": "c-1",
        "source": "orders",
        "kind": "correction",
        "time": "2024-03-01T12:05:00.000Z",
        "original_time": "2024-03-01T12:00:00.000Z",
        "corrects": "o-1",
        "order_id": "o-1",
        "currency": "USD",
        "previous_amount": "10",
        "amount": "15.5",
    }
    assert (called_off["event_id"], called_off["previous_amount"], called_off["amount"]) == (
        "o-1/2",
        "15.5",
        "0",
    )


def test_what_is_known_gives_nothing() -> None:
    assert outcomes(TOTAL, [order(0, "10"), order(0, "10.00"), order(5, "11"), order(3, "12")])[1:] == [
        UNCHANGED,
        {**events(TOTAL, [order(0, "10"), order(5, "11")])[1]},
        OUTDATED,
    ]


def test_an_order_that_was_called_off_before_it_was_known_is_nothing() -> None:
    assert outcomes(TOTAL, [order(5, "10", off=True), order(0, "10")]) == [CALLED_OFF, OUTDATED]
    assert outcomes(TOTAL, [order(5, None, off=True)]) == [CALLED_OFF]


def test_an_order_that_was_called_off_may_go_on() -> None:
    (bought,) = events(TOTAL, [order(5, "10", off=True), order(9, "10")])
    assert (bought["kind"], bought["amount"], bought["time"]) == (
        "purchase",
        "10",
        "2024-03-01T12:00:00.000Z",
    )
    assert [
        one["amount"] for one in events(TOTAL, [order(0, "9"), order(5, "9", off=True), order(9, "10")])
    ] == [*("9", "0", "10")]


def test_a_purchase_that_was_changed_before_it_was_known_counts_when_it_happened() -> None:
    draft = TOTAL.map("orders", order(90, "10"), META)[0]
    assert isinstance(draft, Draft)
    (mapped,) = finished(TOTAL, [draft])
    assert isinstance(mapped, Mapped)
    assert (mapped.time, draft.time) == (int(START.timestamp()) * 1000, mapped.time + 90 * 60_000)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5000), st.booleans()), min_size=1, max_size=12))
def test_what_an_order_comes_to_is_what_its_last_record_says(states: list[tuple[int, bool]]) -> None:
    records = [order(number, str(cents), off=off) for number, (cents, off) in enumerate(states)]
    found = events(TOTAL, [one for record in records for one in (record, record)])
    amounts = [Decimal(one["amount"]) for one in found]
    cents, off = states[-1]
    assert (amounts[-1] if amounts else 0) == (0 if off else cents)
    assert [Decimal(one["previous_amount"]) for one in found[1:]] == amounts[:-1]
    assert len({one["event_id"] for one in found}) == len(found)


def test_a_contact_that_is_told_as_a_whole_gives_a_version_for_each_change() -> None:
    record = {"id": "t-1", "customer": "c-1", "at": at(0)}
    told = outcomes(
        SNAPSHOT,
        [
            record | {"changed": at(0), "resolution": "unknown"},
            record | {"changed": at(9), "at": at(9), "resolution": "unknown"},
            record | {"changed": at(20), "resolution": "resolved"},
            record | {"changed": at(20), "resolution": "resolved"},
            record | {"changed": at(15), "resolution": "unresolved"},
            record | {"changed": at(99), "resolution": "resolved", "csat": 1},
        ],
    )
    versions = [one for one in told if isinstance(one, dict)]
    assert [one for one in told if isinstance(one, str)] == [UNCHANGED, UNCHANGED, OUTDATED]
    assert [(one["version"], one["event_id"], one["time"][11:16], one.get("csat")) for one in versions] == [
        (1, "t-1/1", "12:00", None),
        (2, "t-1/2", "12:20", None),
        (3, "t-1/3", "13:39", 1),
    ]


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["resolved", "unresolved", "unknown"]), min_size=1, max_size=10))
def test_versions_count_up_and_the_last_is_what_the_last_record_says(states: list[str]) -> None:
    records = [
        {"id": "t-1", "customer": "c-1", "at": at(0), "changed": at(number), "resolution": state}
        for number, state in enumerate(states)
    ]
    found = events(SNAPSHOT, [one for record in records for one in (record, record)])
    assert [one["version"] for one in found] == list(range(1, len(found) + 1))
    assert found[-1]["resolution"] == states[-1]


def leg(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "id": "k-1",
        "leg": f"leg-{number}",
        "customer": "c-1",
        "at": at(10 * number),
        "started": at(10 * number),
        "ended": at(10 * number + 9),
        "changed": at(10 * number + 10),
    } | changed


def test_the_legs_of_a_contact_are_put_together() -> None:
    first, last = events(
        LEGS,
        [
            leg(1, reason="bill", queue=30, phrases=["policy"]),
            leg(
                2, reason="supervisor", queue=60, transfers=1, escalated=True, phrases=["not_allowed"], csat=2
            ),
        ],
    )
    assert (first["version"], first["reason"], first["queue_seconds"]) == (1, "bill", 30)
    assert {
        name: last.get(name) for name in ("version", "contact_id", "reason", "queue_seconds", "csat")
    } == {
        "version": 2,
        "contact_id": "k-1",
        "reason": "bill",
        "queue_seconds": 90,
        "csat": 2,
    }
    assert (last["escalation_requested"], last["transfers_cold"]) == (True, 1)
    assert last["phrases"] == ["not_allowed", "policy"]
    assert (last["started_at"][11:16], last["ended_at"][11:16]) == ("12:10", "12:29")


def test_a_leg_that_is_written_again_replaces_itself_and_stays_in_its_place() -> None:
    late = leg(1, reason="bill", queue=30, changed=at(500), csat=1)
    told = outcomes(LEGS, [leg(1, reason="bill"), leg(2, reason="other"), late, leg(1, reason="old")])
    assert told[3] == OUTDATED
    assert isinstance(told[2], dict)
    assert (told[2]["version"], told[2]["reason"], told[2]["queue_seconds"]) == (3, "bill", 30)


legs = st.lists(
    st.builds(
        leg,
        st.integers(1, 4),
        queue=st.none() | st.integers(0, 90),
        transfers=st.none() | st.just(1),
        escalated=st.none() | st.booleans(),
        reason=st.none() | st.sampled_from(["bill", "order"]),
        phrases=st.none()
        | st.lists(st.sampled_from(["policy", "not_allowed"]), min_size=1, max_size=2, unique=True),
        csat=st.none() | st.integers(1, 5),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=40)
@given(legs, st.randoms())
def test_legs_in_any_order_give_the_same_contact_in_the_end(
    records: list[dict[str, Any]], random: Any
) -> None:
    # Each was written at another time: of two states of a leg at one time nobody knows the later one.
    records = [record | {"changed": at(100 + number)} for number, record in enumerate(records)]
    shuffled = [*records, *records]
    random.shuffle(shuffled)
    one, other = events(LEGS, records), events(LEGS, shuffled)
    varying = {"version", "event_id", "time"}
    assert {k: v for k, v in one[-1].items() if k not in varying} == {
        k: v for k, v in other[-1].items() if k not in varying
    }
    for found in (one, other):
        assert [each["version"] for each in found] == list(range(1, len(found) + 1))


def test_what_is_remembered_may_be_forgotten_some_days_after_the_last_record() -> None:
    (draft,) = TOTAL.map("orders", order(5, "10"), META)
    assert isinstance(draft, Draft)
    _, memory = TOTAL.finish(draft, None)
    assert TOTAL.follows("orders/it")
    assert TOTAL.expires("orders/it", memory) == draft.time + 120 * 86_400_000
    assert TOTAL.expires("orders/it", None) is None
    assert not purchase().follows("orders/it")
    assert purchase().hops == frozenset()
    assert TOTAL.hops == {"orders/it"}


def test_an_event_that_is_refused_is_not_remembered_so_that_it_can_come_again() -> None:
    longest = "o" * 128
    first, second = (
        draft
        for record in (order(0, "10"), order(1, "12"))
        for draft in TOTAL.map("orders", record | {"id": longest}, META)
    )
    assert isinstance(first, Draft)
    assert isinstance(second, Draft)
    _, memory = TOTAL.finish(first, None)
    (refused,), after = TOTAL.finish(second, memory)
    assert isinstance(refused, Refused), "the id of its correction is longer"
    assert after == memory


def test_a_name_that_many_contacts_share_does_not_grow_without_end() -> None:
    leg = {"id": "0", "customer": "c-1", "at": at(0)}
    found = outcomes(
        LEGS, [leg | {"leg": str(n), "changed": at(n), "queue": 1} for n in range(MOST_LEGS + 2)]
    )
    assert [one for one in found if isinstance(one, str)] == [
        "follow: more than 100 legs, so `by` is no name of a single contact"
    ] * 2


def test_a_thing_has_a_name_that_can_be_a_key() -> None:
    leg = {"id": "i", "customer": "c-1", "at": at(0), "leg": "x" * 1_001, "changed": at(0)}
    (refused,) = LEGS.map("orders", leg, META)
    assert isinstance(refused, Refused)
    assert refused.detail == "follow: a name of more than 1,000 characters"
