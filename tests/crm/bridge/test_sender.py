"""What is due goes out: tried again, given up, held back, each alert in its order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from schemas.alert import Alert
from streams.crm.bridge import sender as module
from streams.crm.bridge.sender import Sender
from streams.crm.delivery.circuit import FAULTS, FIRST_SECONDS
from streams.crm.ledger.errors import LedgerError
from streams.crm.payload.case import case_of, fingerprint
from streams.crm.payload.examples import alert as example
from streams.crm.payload.examples import lookup
from streams.crm.payload.template import Template, TemplateError
from streams.crm.wire import Kind, Outcome
from tests.crm.bridge.desk import (
    DOWN,
    GONE,
    HANGS,
    LOCKED,
    LOST,
    OK,
    REFUSED,
    Bench,
    for_a_while,
    slower,
    until,
)
from tests.crm.ledger.records import RENDERED, alert, id_of

Make = Callable[..., Bench]
HOUR = 3600


def first(name: str) -> str:
    """Return the id of the first message of an alert."""
    return f"{id_of(name)}/1"


@asynccontextmanager
async def sending(sender: Sender) -> AsyncIterator[asyncio.Event]:
    """Run a sender; it is asked to stop at the end, and what it raises is raised."""
    stopping = asyncio.Event()
    task = asyncio.create_task(sender.run(stopping))
    try:
        yield stopping
    finally:
        stopping.set()
        await task


def told(bench: Bench) -> dict[str, str | None]:
    """Return the fingerprint that the ledger has of each case in the CRM."""
    return {one.alert_id: one.told for one in bench.desk.ledger.refresh_due(bench.clock.ms, 0)}


def fingerprint_now(bench: Bench, of: Alert, kind: Kind = Kind.CREATE) -> str:
    """Return the fingerprint of what is told now."""
    case = case_of(
        of,
        kind,
        bench.now.answer,
        account_id=None,
        others_of_account=0,
        internal_only=False,
        canary=False,
        refreshed_at=bench.clock.ms,
    )
    return fingerprint(case)


def test_a_retry_is_the_same_message_byte_for_byte_though_things_stand_otherwise(bench: Make) -> None:
    """And what the ledger keeps as told is what the CRM was told, not how things stand by then."""
    one, record = bench(), example()
    message_id = record.event_id
    one.crm.answers[message_id] = [LOCKED, DOWN]
    one.now.answer = lookup()
    one.admit(record)
    first_told = fingerprint_now(one, record)

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.count("tries_total", status="status_409") == 1)
            one.now.answer = None  # a body that was made anew would have the figures of the alert
            await for_a_while()
            assert len(one.crm.sent) == 1  # not before its time
            for tries in (2, 3):
                one.clock.go_on(600)
                await until(lambda tries=tries: len(one.crm.sent) == tries)  # type: ignore[misc]
                await for_a_while()
            await until(lambda: one.count("deliveries_total", kind="create", result="delivered") == 1)

    asyncio.run(go())
    assert {sent.message_id for sent in one.crm.sent} == {message_id}
    assert len({repr(sent.rendered) for sent in one.crm.sent}) == 1
    assert first_told != fingerprint_now(one, record)
    assert told(one) == {record.alert_id: first_told}
    assert one.count("tries_total", status="ok") == 1
    assert one.count("delivery_seconds_sum") == 1200


def test_a_bridge_that_starts_in_between_sends_the_stored_bytes_and_does_not_know_what_they_tell(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was under way is broken off, and goes again with the same id; the next refresh tells anew."""
    monkeypatch.setattr(module, "_LAST_SECONDS", 0.01)
    one, record = bench(), example()
    one.crm.answers[record.event_id] = [HANGS]
    one.now.answer = lookup()
    one.admit(record)

    async def go(sent: int) -> None:
        async with sending(one.sender()):
            await until(lambda: len(one.crm.sent) == sent)
            one.now.answer = None
            await for_a_while()

    asyncio.run(go(1))
    assert one.crm.under_way == 0
    one.desk.reopen()
    one.desk.ledger.caught_up(one.clock.ms)
    asyncio.run(go(2))
    before, after = one.crm.sent
    assert (before.message_id, before.rendered) == (after.message_id, after.rendered)
    assert one.desk.ledger.figures().queued == 0
    assert told(one) == {record.alert_id: None}


def test_what_is_under_way_at_the_end_has_time_for_its_answer(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    one.admit(alert("a"))
    ended = asyncio.Event()

    async def slowly(*_: Any) -> Any:
        await ended.wait()
        return OK

    async def go() -> None:
        monkeypatch.setattr(one.crm, "send", slowly)
        async with sending(one.sender()) as stopping:
            await until(lambda: bool(one.desk.ledger.due(one.clock.ms, 1)[0].rendered))
            stopping.set()
            await for_a_while()
            ended.set()

    asyncio.run(go())
    assert one.count("deliveries_total", kind="create", result="delivered") == 1
    assert module._LAST_SECONDS <= 5


def test_a_crm_that_asks_for_fewer_requests_gets_none_for_so_long_and_no_circuit_opens(bench: Make) -> None:
    """Nor does what waits for it take the room of the canary."""
    one = bench()
    one.crm.usual = slower(1800)
    names = [f"a{number}" for number in range(3 * FAULTS)]

    async def go() -> None:
        async with sending(one.sender(concurrency=1)):
            one.admit(*map(alert, names))
            await until(lambda: one.count("tries_total", status="status_429") == 1)
            one.admit(alert("bird", customer="retention-canary-0"))
            await until(lambda: one.canary.ids == [first("bird")])
            await for_a_while()
            assert len(one.crm.sent) == 1
            assert one.channels.crm.circuit.standing().state == "closed"
            assert one.channels.crm.pace.wait() == 1800
            one.crm.usual = OK
            one.clock.go_on(1800)
            one.desk.ledger.admit(one.clock.ms)
            for _ in names:
                one.clock.go_on(1)
                await asyncio.sleep(0.01)
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert sorted(set(one.crm.ids)) == sorted(map(first, names))
    assert len(one.crm.sent) == len(names) + 1


def test_an_open_circuit_sends_one_probe_now_and_then_and_the_canary_goes_on(bench: Make) -> None:
    """Also where more wait for the CRM than the sender looks at."""
    one = bench()
    one.crm.usual = DOWN
    names = [f"a{number}" for number in range(150)]

    async def go() -> None:
        async with sending(one.sender()):
            one.admit(*map(alert, names))
            await until(lambda: one.channels.crm.circuit.standing().state == "open")
            await for_a_while()
            assert FAULTS <= len(one.crm.sent) < FAULTS + 4
            before = len(one.crm.sent)
            one.clock.go_on(0.001)
            one.admit(alert("bird", customer="retention-canary-0"))
            await until(lambda: one.canary.ids == [first("bird")])
            assert len(one.crm.sent) == before
            one.clock.go_on(FIRST_SECONDS)
            await until(lambda: len(one.crm.sent) == before + 1)
            await for_a_while()
            assert len(one.crm.sent) == before + 1  # the probe failed
            one.crm.usual = OK
            one.clock.go_on(2 * FIRST_SECONDS)
            await until(lambda: one.channels.crm.circuit.standing().state == "closed")
            one.clock.go_on(600)
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert one.crm.most_under_way == 4
    assert sorted(set(one.crm.ids)) == sorted(map(first, names))


def test_alerts_that_the_crm_never_takes_keep_a_new_one_waiting_for_one_probe(bench: Make) -> None:
    one = bench()
    one.crm.usual = DOWN
    bad = [f"bad{number}" for number in range(FAULTS)]

    async def go() -> None:
        async with sending(one.sender()):
            one.admit(*map(alert, bad))
            await until(lambda: one.channels.crm.circuit.standing().state == "open")
            one.clock.go_on(60)  # all of them are due again, and longer than what comes now
            tried = len(one.crm.sent)
            one.admit(alert("new"))
            await until(lambda: len(one.crm.sent) > tried)

    asyncio.run(go())
    assert one.crm.ids[FAULTS:][0] == first("new")


def test_a_crm_that_hangs_does_not_keep_the_canary_waiting(bench: Make) -> None:
    one = bench()
    one.crm.usual = None

    async def go() -> None:
        async with sending(one.sender(concurrency=1)):
            one.admit(alert("a"), alert("b"))
            await until(lambda: one.crm.under_way == 1)
            one.admit(alert("bird", customer="retention-canary-0"))
            await until(lambda: one.count("deliveries_total", kind="create", result="delivered") == 1)
            assert (len(one.crm.sent), one.canary.ids) == (1, [first("bird")])
            one.crm.usual = OK

    asyncio.run(go())


@pytest.mark.parametrize("apart", [True, False])
def test_the_canary_goes_its_own_way_and_without_one_to_the_crm(bench: Make, apart: bool) -> None:
    one = bench(canary_apart=apart)
    one.admit(alert("a"), alert("bird", customer="retention-canary-0"))

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    if apart:
        assert (one.crm.ids, one.canary.ids) == ([first("a")], [first("bird")])
    else:
        assert (sorted(one.crm.ids), one.canary.ids) == (sorted(map(first, ("a", "bird"))), [])


def test_what_fails_for_too_long_is_given_up_and_kept(bench: Make, caplog: pytest.LogCaptureFixture) -> None:
    one = bench()
    one.crm.answers[first("a")] = [LOCKED] * 3
    one.admit(alert("a"))

    async def go() -> None:
        async with sending(one.sender(give_up_hours=2)):
            for tries in (1, 2, 3):
                await until(lambda tries=tries: one.count("tries_total", status="status_409") == tries)  # type: ignore[misc]
                one.clock.go_on(HOUR)
            await until(lambda: one.desk.ledger.figures().given_up == 1)
            one.clock.go_on(HOUR)
            await for_a_while()

    asyncio.run(go())
    assert one.crm.ids == [first("a")] * 3
    [kept] = one.desk.ledger.given_up()
    assert (kept.message_id, kept.reason, kept.attempts) == (first("a"), "status_409", 3)
    assert one.count("deliveries_total", kind="create", result="given_up") == 1
    assert "customer-a" not in caplog.text


@pytest.mark.parametrize(("answer", "closed"), [(LOST, True), (LOCKED, False)])
def test_what_the_crm_may_have_is_closed_and_what_it_has_not_is_not(
    bench: Make, answer: Outcome, closed: bool
) -> None:
    one = bench()
    one.crm.answers[first("a")] = [answer, REFUSED]
    one.admit(alert("a"))

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.count("tries_total", status=answer.reason) == 1)
            one.clock.go_on(HOUR)
            await until(lambda: one.desk.ledger.figures().given_up == 1)
            one.desk.read(alert("a", 2, "resolved"), at=one.clock.ms)
            await for_a_while()
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert one.crm.ids == [first("a"), first("a"), *([f"{id_of('a')}/2"] if closed else [])]


def test_how_late_a_case_is_is_measured_from_its_alert_without_what_was_held_and_the_canary(
    bench: Make,
) -> None:
    one = bench()
    one.desk.reopen(budgets={"watch": 1}, quiet_ms=HOUR * 1000)
    one.desk.ledger.caught_up(one.clock.ms)
    one.admit(alert("a"), alert("w", level="watch", value=9), alert("x", level="watch", value=1))
    one.admit(alert("bird", customer="retention-canary-0"))

    def seconds(what: str, budget: str) -> float:
        return one.count(f"case_seconds_{what}", budget=budget)

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.desk.ledger.figures().queued == 0)
            for later in (600, 24 * HOUR):
                one.clock.go_on(later)
                one.desk.ledger.admit(one.clock.ms)
                await until(lambda: one.desk.ledger.figures().queued == 0)
            one.desk.read(alert("a", 2, "resolved"), at=one.clock.ms)
            await until(lambda: one.desk.ledger.figures().queued == 0)
            one.admit(alert("quiet", customer="customer-a"))
            one.clock.go_on(HOUR)
            one.desk.ledger.admit(one.clock.ms)
            await until(lambda: first("quiet") in one.crm.ids)
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert len(one.crm.ids) == 5
    assert (seconds("count", "room"), seconds("sum", "room")) == (2, 0 + 600)
    assert (seconds("count", "deferred"), seconds("sum", "deferred")) == (1, 600 + 24 * HOUR)


def test_what_is_refused_is_given_up_at_once_and_can_be_sent_again(bench: Make) -> None:
    one = bench()
    one.crm.answers[first("a")] = [REFUSED]
    one.admit(alert("a"), alert("b"))

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.desk.ledger.figures().queued == 0)
            assert one.desk.ledger.figures().given_up == 1
            one.desk.ledger.resend(None, one.clock.ms)
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert one.crm.ids.count(first("a")) == 2
    assert one.desk.ledger.figures().given_up == 0


def test_a_kind_that_the_template_leaves_out_is_done_without_a_request(bench: Make) -> None:
    one = bench(template=Template.load("slack"))
    record = example()
    one.admit(record)

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.desk.ledger.figures().queued == 0)
            one.now.answer = lookup()
            assert one.desk.ledger.queue_refresh(record.alert_id, one.clock.ms) is not None
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert one.crm.ids == [record.event_id]
    assert one.count("deliveries_total", kind="refresh", result="left_out") == 1
    assert told(one) == {record.alert_id: fingerprint_now(one, record, Kind.REFRESH)}


def test_a_message_that_cannot_be_made_is_given_up_and_the_others_go_on(
    bench: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = bench()
    render = Template.render

    def fails(self: Template, case: Any, kind: Kind, message_id: str) -> Any:
        if message_id == first("a"):
            raise TemplateError("own.toml: create.body.title: there is no such filter")
        return render(self, case, kind, message_id)

    monkeypatch.setattr(Template, "render", fails)
    one.admit(alert("a"), alert("b"))

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert one.crm.ids == [first("b")]
    [kept] = one.desk.ledger.given_up()
    assert (kept.message_id, kept.reason) == (first("a"), "template")
    assert "own.toml: create.body.title" in caplog.text
    assert "customer-a" not in caplog.text


def test_of_an_alert_one_is_under_way_at_a_time_and_of_all_no_more_than_allowed(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    answer = asyncio.Event()
    usual = one.crm.send

    async def gated(message_id: str, rendered: Any, now_s: float) -> Any:
        outcome = await usual(message_id, rendered, now_s)
        if message_id == first("a"):
            await answer.wait()
        return outcome

    async def go() -> None:
        monkeypatch.setattr(one.crm, "send", gated)
        async with sending(one.sender(concurrency=3)):
            one.admit(alert("a"), *(alert(f"b{number}") for number in range(20)))
            one.admit(alert("a", 2, "updated"), alert("a", 3, "resolved"))
            await until(lambda: one.desk.ledger.figures().queued == 3)
            await for_a_while()
            assert [each for each in one.crm.ids if each.startswith(id_of("a"))] == [first("a")]
            answer.set()
            await until(lambda: one.desk.ledger.figures().queued == 0)

    asyncio.run(go())
    assert [each for each in one.crm.ids if each.startswith(id_of("a"))] == [
        f"{id_of('a')}/{revision}" for revision in (1, 2, 3)
    ]
    assert 1 < one.crm.most_under_way <= 3


def test_a_ledger_that_fails_ends_it_and_nothing_stays_under_way(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    one.crm.answers[first("b")] = [HANGS]
    one.admit(alert("a"), alert("b"))

    def full(*_: object) -> None:
        raise LedgerError("the ledger failed: database or disk is full")

    monkeypatch.setattr(one.desk.ledger, "delivered", full)

    async def go() -> None:
        async with asyncio.timeout(20):
            await one.sender().run(asyncio.Event())

    with pytest.raises(LedgerError, match="disk is full"):
        asyncio.run(go())
    assert one.crm.under_way == 0


def gone(bench: Bench, record: Alert) -> list[float]:
    """Deliver a case, then say of its next revision that it is gone; return the minutes of the tries."""
    bench.admit(alert("a"))
    bench.desk.deliver(bench.clock.ms)
    bench.admit(record)
    bench.crm.usual = GONE
    start = bench.clock.ms

    async def go() -> None:
        async with sending(bench.sender()):
            for _ in range(40):
                await for_a_while()
                bench.clock.go_on(60)

    asyncio.run(go())
    return [(one.at_ms - start) / 60_000 for one in bench.crm.sent]


def test_the_close_of_a_case_that_was_deleted_is_done_after_a_quarter_of_an_hour(bench: Make) -> None:
    one = bench()
    tries = gone(one, alert("a", 2, "resolved"))
    assert 15 <= tries[-1] <= 26
    assert one.count("deliveries_total", kind="close", result="delivered") == 1
    assert one.count("tries_total", status="gone_there") == 1
    assert one.desk.ledger.figures().queued == one.desk.ledger.figures().given_up == 0


def test_an_update_of_a_case_that_was_deleted_is_given_up_and_the_next_is_a_create(bench: Make) -> None:
    one = bench()
    tries = gone(one, alert("a", 2, "updated"))
    assert 15 <= tries[-1] <= 26
    assert one.count("deliveries_total", kind="update", result="given_up") == 1
    one.admit(alert("a", 3, "updated"))
    [message] = one.desk.due(one.clock.ms)
    assert message.kind is Kind.CREATE


def test_a_crm_that_comes_back_with_404_after_an_outage_is_asked_once_more(bench: Make) -> None:
    one = bench()
    one.admit(alert("a"))
    one.desk.deliver(one.clock.ms)
    one.admit(alert("a", 2, "resolved"))
    close = f"{id_of('a')}/2"
    ledger = one.desk.ledger
    ledger.store_body(close, RENDERED, one.clock.ms)
    ledger.retry(close, one.clock.ms, "status_503")
    one.clock.go_on(HOUR)
    one.crm.answers[close] = [GONE]

    async def go() -> None:
        async with sending(one.sender()):
            await until(lambda: one.count("tries_total", status="status_404") == 1)
            one.clock.go_on(600)
            await until(lambda: one.count("deliveries_total", kind="close", result="delivered") == 1)

    asyncio.run(go())
    assert one.count("tries_total", status="ok") == 1
