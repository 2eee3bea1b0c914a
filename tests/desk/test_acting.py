"""What somebody does: understood, held back, undone or written, once; and what stands in the way."""

import asyncio
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from streams.desk.acting import actions as module
from streams.desk.acting.actions import Answer, Phase
from streams.desk.acting.wish import Wish, WishError, wish_of
from streams.settings import SettingsError
from tests.desk.desk_cases import DAY, NOON, DeskOfTests, action_id, alert, id_of, until

FORM = {"action_id": action_id("one"), "alert_id": id_of("a"), "seen": "1:", "do": "acknowledged"}


def wish(desk: DeskOfTests, name: str = "one", **changes: str) -> Wish:
    """Return a wish about the alert `a`, by somebody who sees it as it is."""
    entry = desk.board.get(id_of("a"))
    assert entry is not None
    return wish_of(FORM | {"action_id": action_id(name), "seen": entry.seen} | changes, NOON)


def desk(**changes: Any) -> DeskOfTests:
    found = DeskOfTests(**changes)
    found.take(alert("a"))
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"action_id": "d-1"},
        {"action_id": action_id("x").upper()},
        {"alert_id": ""},
        {"alert_id": "a" * 129},
        {"seen": "s" * 33},
        {"do": "erase"},
        {"do": ""},
        {"do": "snooze"},
        {"do": "snooze", "until": "2026-03-20"},
        {"do": "snooze", "until": "2027-06-01"},
        {"do": "snooze", "until": "tomorrow"},
        {"do": "closed"},
        {"do": "closed", "outcome": "so so"},
        {"action": "shout"},
        {"role": "r" * 61},
        {"role": "lead\u202e"},
    ],
)
def test_a_form_that_makes_no_sense_is_refused_without_its_values(changes: dict[str, str]) -> None:
    with pytest.raises(WishError) as refused:
        wish_of(FORM | changes, NOON)
    assert not [value for value in changes.values() if len(value) > 8 and value in str(refused.value)]


def test_a_wish_becomes_the_event_of_the_contract() -> None:
    form = FORM | {"do": "snooze", "until": "2026-03-21", "role": " lead "}
    said = wish_of(form, NOON).disposition("c-a").model_dump(exclude_none=True)
    assert said == {
        "type": "disposition",
        "event_id": action_id("one"),
        "customer_id": "c-a",
        "time": "2026-03-20T12:00:00.000Z",
        "source": "desk",
        "alert_id": id_of("a"),
        "status": "acknowledged",
        "snooze_until": "2026-03-21T00:00:00.000Z",
        "actor_role": "lead",
    }


def test_an_action_is_held_then_written_once() -> None:
    async def live() -> None:
        one = desk(undo_seconds=0.05)
        first = wish(one)
        assert one.actions.act(first) is Answer.HELD
        assert one.actions.act(first) is Answer.SEEN
        assert one.actions.phase(first.action_id) is Phase.HELD
        await until(lambda: one.ledger.written)
        await until(lambda: not one.actions._held)
        assert one.actions.act(first) is Answer.SEEN
        assert one.actions.phase(first.action_id) is Phase.WRITTEN
        assert not one.actions.undo(first.action_id, first.alert_id)
        entry = one.board.get(id_of("a"))
        assert entry is not None
        assert (entry.held, len(entry.dispositions), len(one.ledger.written)) == (None, 1, 1)
        # What the topic brings of it later is the same.
        assert one.board.take_dispositions(one.ledger.written) == set()

    asyncio.run(live())


def test_what_is_undone_is_never_written() -> None:
    async def live() -> None:
        one = desk(undo_seconds=0.05)
        first = wish(one)
        one.actions.act(first)
        assert one.actions.undo(first.action_id, first.alert_id)
        assert one.actions.undo(first.action_id, first.alert_id)
        # Sent again behind that, it stays undone; so does what was undone before it came.
        assert one.actions.act(first) is Answer.SEEN
        assert one.actions.phase(first.action_id) is Phase.UNDONE
        assert one.actions.undo(action_id("two"), first.alert_id)
        assert one.actions.act(wish(one, "two")) is Answer.SEEN
        await asyncio.sleep(0.1)
        entry = one.board.get(id_of("a"))
        assert entry is not None
        assert (entry.standing, one.ledger.written, one.actions._held) == (None, [], {})

    asyncio.run(live())


def test_who_saw_something_else_is_told_so() -> None:
    async def live() -> None:
        one = desk(undo_seconds=60)
        before = wish(one, "two")
        assert one.actions.act(wish(one)) is Answer.HELD
        assert one.actions.act(before) is Answer.CONFLICT  # another is about to do something
        one.take(alert("a", 2, state="updated"))
        assert one.actions.act(wish(one, "three", seen="1:")) is Answer.CONFLICT
        assert one.actions.act(wish(one, "four", alert_id=id_of("b"))) is Answer.UNKNOWN
        # Who saw all of it goes on: what was held before is written at once.
        assert one.actions.act(wish(one, "five", do="contacted")) is Answer.HELD
        await until(lambda: len(one.ledger.written) == 1)
        entry = one.board.get(id_of("a"))
        assert entry is not None
        assert entry.standing is not None
        assert entry.standing.status == "contacted"
        await one.actions.stop()
        assert [done.status for done in one.ledger.written] == ["acknowledged", "contacted"]

    asyncio.run(live())


def test_what_kafka_does_not_take_is_tried_again_and_can_no_longer_be_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.01)

    async def live() -> None:
        one = desk(undo_seconds=0)
        one.ledger.away = True
        first = wish(one)
        one.actions.act(first)
        await until(lambda: "late" in "".join(text for _, text in one.events._kept))
        assert not one.actions.undo(first.action_id, first.alert_id)
        # What is done next about it waits for the first.
        one.actions.act(wish(one, "two", do="contacted"))
        await asyncio.sleep(0.05)
        one.ledger.away = False
        await until(lambda: len(one.ledger.written) == 2)
        assert [done.status for done in one.ledger.written] == ["acknowledged", "contacted"]

    asyncio.run(live())


@pytest.mark.parametrize("fault", [KafkaTimeoutError("c-a"), SettingsError("c-a"), ValueError("c-a")])
def test_whatever_a_write_fails_with_is_late_and_tried_again_and_shows_no_id(
    fault: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.01)

    async def live() -> None:
        one = desk(undo_seconds=0)
        one.ledger.away, one.ledger.fault = True, fault
        first = wish(one)
        one.actions.act(first)
        await until(lambda: "late" in "".join(text for _, text in one.events._kept))
        one.ledger.away = False
        await until(lambda: one.actions.phase(first.action_id) is Phase.WRITTEN)
        assert len(one.ledger.written) == 1

    asyncio.run(live())
    assert type(fault).__name__ in caplog.text
    assert "c-a" not in caplog.text


def test_to_undo_the_second_leaves_the_first_that_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.01)

    async def live() -> None:
        one = desk(undo_seconds=60)
        entry = one.board.get(id_of("a"))
        assert entry is not None
        one.ledger.away = True
        first = wish(one)
        one.actions.act(first)
        second = wish(one, "two", do="contacted")
        one.actions.act(second)
        await until(lambda: "late" in "".join(text for _, text in one.events._kept))
        assert one.actions.undo(second.action_id, second.alert_id)
        assert entry.held is first.done
        # What comes next still waits for it, and takes its place once it is written.
        one.actions.act(wish(one, "three", do="closed", outcome="benign"))
        one.ledger.away = False
        await until(lambda: one.ledger.written)
        await one.actions.stop()
        assert [done.status for done in one.ledger.written] == ["acknowledged", "closed"]
        assert entry.held is None

    asyncio.run(live())


def test_nothing_is_written_about_a_customer_who_was_erased_meanwhile() -> None:
    async def live() -> None:
        one = desk(undo_seconds=0.05)
        one.actions.act(wish(one))
        assert one.board.erase("c-a", 0) == {id_of("a")}
        await until(lambda: not one.actions._held)
        assert one.ledger.written == []

    asyncio.run(live())


def test_what_is_remembered_is_bounded_and_a_desk_that_ends_takes_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_HELD", 1)
    monkeypatch.setattr(module, "_MOST_UNDONE", 1)

    async def live() -> None:
        one = desk(undo_seconds=60)
        assert one.actions.undo(action_id("x"), "a")
        assert one.actions.undo(action_id("y"), "a")
        assert list(one.actions._undone) == [action_id("y")]
        assert one.actions.act(wish(one)) is Answer.HELD
        assert one.actions.act(wish(one, "two")) is Answer.AWAY
        await one.actions.stop()
        assert one.actions.act(wish(one, "three")) is Answer.AWAY
        assert len(one.ledger.written) == 1

    asyncio.run(live())


@pytest.mark.parametrize("away", [False, True])
def test_the_end_of_the_desk_writes_what_is_held_or_says_that_it_is_lost(
    away: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def live() -> None:
        one = desk(undo_seconds=60)
        one.ledger.away = away
        one.actions.act(wish(one, do="closed", outcome="benign"))
        await one.actions.stop()
        assert len(one.ledger.written) == (not away)

    asyncio.run(live())
    assert ("1 dispositions were not written" in caplog.text) is away
    assert "c-a" not in caplog.text


def test_a_snooze_may_be_as_long_as_a_year() -> None:
    assert wish_of(FORM | {"do": "snooze", "until": "2027-03-20"}, NOON).done.snooze_until_ms == (
        NOON + 365 * DAY - DAY // 2
    )
