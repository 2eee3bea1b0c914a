"""What the webhook takes, what it remembers of each delivery, and how it misbehaves when it is told to."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from streams.sandbox.desk import Desk
from streams.sandbox.faults import FaultSettings
from streams.sandbox.server import MOST_BYTES, PortError, Sandbox
from streams.sandbox.signatures import Keys
from streams.sandbox.store import Store
from tests.sandbox.sandbox_cases import HOSTILE, OTHER_SECRET, SECRET, Client, case, sandbox, signed

Talk = Callable[[Client], Awaitable[Any]]


def talked(store: Store, talk: Talk, **options: Any) -> Any:
    """Run a sandbox, and return what a talk with it ends with."""

    async def run() -> Any:
        async with sandbox(store, **options) as client:
            return await talk(client)

    return asyncio.run(run())


def test_a_webhook_id_seen_before_changes_nothing_and_is_counted(store: Store) -> None:
    async def talk(client: Client) -> Any:
        first = await client.deliver(case(level="watch"), "m-1")
        again = await client.deliver(case(level="watch"), "m-1")
        other = await client.deliver(case(level="alert"), "m-1")
        return first, again, other, await client.json("/deliveries.json"), await client.json("/cases.json")

    first, again, other, delivered, cases = talked(store, talk)
    assert (first, again, other) == (
        (200, {"status": "stored"}),
        (200, {"status": "seen"}),
        (200, {"status": "seen"}),
    )
    (one,) = delivered["deliveries"]
    assert (one["webhook_id"], one["kind"], one["tries"], one["duplicates"], one["told"]) == (
        "m-1",
        "create",
        3,
        2,
        [200, 200, 200],
    )
    assert delivered["counts"] == {
        "cases": 1,
        "messages": 1,
        "tries": 3,
        "duplicates": 2,
        "refused": 0,
        "faults": 0,
        "late": 0,
        "other_body": 1,
        "unsigned": 0,
    }
    assert [(one["level"], one["sandbox"]["messages"]) for one in cases] == [("watch", 1)]


def test_a_case_is_what_its_highest_revision_says_and_unknown_fields_are_kept(store: Store) -> None:
    async def talk(client: Client) -> Any:
        await client.deliver(case())
        await client.deliver(case(revision=3, kind="update", new_field={"deep": [1]}))
        await client.deliver(case(revision=2, kind="update", level="watch"))
        await client.deliver(case(revision=3, kind="refresh", probability=0.5, other="x"), "a-1/3/now/1")
        return await client.json("/cases.json"), await client.json("/deliveries.json")

    ((one,), delivered) = talked(store, talk)
    assert (one["kind"], one["revision"], one["level"], one["other"]) == ("refresh", 3, "alert", "x")
    assert delivered["counts"]["late"] == 1
    assert [each["late"] for each in delivered["deliveries"]] == [False, False, True, False]


def test_open_ones_come_first_each_by_value_at_risk(store: Store) -> None:
    async def talk(client: Client) -> Any:
        for name, risk in (("a", "9.50"), ("b", "100.00"), ("c", None), ("d", "100.00"), ("e", "1e999999")):
            await client.deliver(case(name, value_at_risk=risk))
        await client.deliver(case("f", kind="close", value_at_risk="5000.00"))
        await client.deliver(case("g", state="no_longer_open", value_at_risk=None))
        return await client.json("/cases.json")

    cases = talked(store, talk)
    assert [one["alert_id"] for one in cases] == ["b", "d", "a", "c", "e", "f", "g"]
    assert [one["sandbox"]["open"] for one in cases] == [True] * 5 + [False] * 2


def test_a_case_can_open_again(store: Store) -> None:
    async def talk(client: Client) -> Any:
        for revision, kind in enumerate(("create", "close", "create"), 1):
            await client.deliver(case(revision=revision, kind=kind))
        return await client.json("/cases.json")

    assert [(one["revision"], one["sandbox"]["open"]) for one in talked(store, talk)] == [(3, True)]


def test_signature_is_required(store: Store) -> None:
    async def talk(client: Client) -> Any:
        body = json.dumps(case()).encode()
        wrong = signed(body, "m-1", OTHER_SECRET)
        answers = [
            await client.deliver(body, "m-1", **wrong),
            await client.deliver(body, "m-1", **{"webhook-signature": "v1"}),
            await client.deliver(body + b" ", "m-1", **signed(body, "m-1")),
        ]
        return answers, await client.json("/deliveries.json")

    answers, delivered = talked(store, talk, fail=1.0)
    assert [status for status, _ in answers] == [401, 401, 401]
    assert (delivered["counts"]["unsigned"], delivered["deliveries"]) == (3, [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b'{"alert_id": NaN}', 400),
        (b'{"alert_id": "a", "probability": Infinity}', 400),
        (b"{}", 400),
        (b'{"alert_id": ""}', 400),
        (b'{"alert_id": 7}', 400),
        (b'{"alert_id": "\\ud800"}', 400),
        (b'{"alert_id": "a"}', 200),
        (b'{"alert_id": "a", "kind": "\\ud800", "revision": 1e400, "state": {}, "what_happened": 3}', 200),
        (b'{"alert_id": "a", "revision": 99999999999999999999, "as_of": "0001-01-01T00:00:00+23:59"}', 200),
        (b'{"alert_id": "a", "customer_id": "\\ud800\\u0000", "value_at_risk": "NaN", "deadline": []}', 200),
        (b'{"alert_id": "../a/?&#", "probability": true, "days_since": 1e-999, "level": "<b>"}', 200),
    ],
)
def test_a_body_is_taken_if_it_names_an_alert_and_shown_whatever_else_it_holds(
    store: Store, body: bytes, status: int
) -> None:
    async def talk(client: Client) -> Any:
        answer = await client.deliver(body, "m-1")
        cases = await client.json("/cases.json")
        shown = [(await client.get("/"))[0]]
        for one in cases:
            async with client.http.get(client.url + "/case", params={"id": one["alert_id"]}) as page:
                shown.append(page.status)
        return answer, cases, shown, await client.json("/deliveries.json")

    answer, cases, shown, delivered = talked(store, talk)
    assert answer[0] == status
    assert set(shown) == {200}
    assert len(cases) == (status == 200)
    assert delivered["counts"]["refused"] == (status == 400)


def test_a_body_of_any_size_or_a_strange_id_is_not_taken(store: Store) -> None:
    async def talk(client: Client) -> Any:
        data = b" " * (MOST_BYTES + 1)
        async with client.http.post(client.url + "/webhook", data=data, headers=signed(data, "m")) as answer:
            large = answer.status
        return large, (await client.deliver(case(), "x" * 257))[0], await client.json("/cases.json")

    assert talked(store, talk) == (413, 400, [])


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_failure_comes_before_or_after_the_effect(store: Store, after_effect: bool) -> None:
    async def talk(client: Client) -> Any:
        first = await client.deliver(case())
        kept = await client.json("/cases.json")
        told = await client.change_faults(fail=0)
        again = await client.deliver(case())
        return first[0], len(kept), told[0], again, await client.json("/deliveries.json")

    status, kept, told, again, delivered = talked(store, talk, fail=1.0, after_effect=after_effect)
    assert (status, kept, told) == (500, int(after_effect), 200)
    assert again == (200, {"status": "seen" if after_effect else "stored"})
    assert delivered["deliveries"][0]["told"] == [500, 200]
    assert (delivered["counts"]["faults"], delivered["counts"]["messages"]) == (1, 1)


def test_too_many_requests_are_refused_with_the_time_to_wait(store: Store) -> None:
    async def talk(client: Client) -> Any:
        await client.deliver(case("a"))
        body = json.dumps(case("b")).encode()
        async with client.http.post(
            client.url + "/webhook", data=body, headers=signed(body, "b/1")
        ) as answer:
            return answer.status, answer.headers["Retry-After"], await client.json("/cases.json")

    status, seconds, cases = talked(store, talk, rate=0.001, after_effect=True)
    assert (status, seconds) == (429, "1000")
    assert [one["alert_id"] for one in cases] == ["a"]


def test_a_late_answer_is_an_answer(store: Store) -> None:
    answer, delivered = talked(
        store,
        lambda client: _both(client.deliver(case()), client, "/deliveries.json"),
        slow=1.0,
        slow_seconds=0,
    )
    assert answer == (200, {"status": "stored"})
    assert delivered["counts"]["faults"] == 1


async def _tried(client: Client) -> None:
    """Return once a delivery has come."""
    while not (await client.json("/deliveries.json"))["counts"]["tries"]:
        pass


async def _both(first: Awaitable[Any], client: Client, path: str) -> tuple[Any, Any]:
    return await first, await client.json(path)


@pytest.mark.parametrize("after_effect", [False, True])
def test_no_answer_ever_and_the_sender_goes(store: Store, after_effect: bool) -> None:
    async def talk(client: Client) -> Any:
        waiting = asyncio.create_task(client.deliver(case()))
        await _tried(client)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        return await client.json("/cases.json"), await client.json("/deliveries.json")

    cases, delivered = talked(store, talk, hang=1.0, after_effect=after_effect)
    assert len(cases) == after_effect
    assert [one["told"] for one in delivered["deliveries"]] == [[None]]


def test_the_sandbox_stops_though_somebody_waits(store: Store) -> None:
    async def run() -> Any:
        async with sandbox(store, hang=1.0) as client:
            waiting = asyncio.create_task(client.deliver(case()))
            await _tried(client)
        with pytest.raises(aiohttp.ClientError):
            await waiting

    asyncio.run(run())


@pytest.mark.parametrize(
    "given", [{"fail": 2}, {"fail": 0.6, "hang": 0.6}, {"no_such": 1}, {"rate": "many"}, [1]]
)
def test_faults_that_make_no_sense_change_nothing(store: Store, given: Any) -> None:
    async def talk(client: Client) -> Any:
        async with client.http.post(client.url + "/faults", json=given) as answer:
            return answer.status, await client.json("/faults")

    status, now = talked(store, talk, fail=0.25)
    assert (status, now["fail"], now["hang"]) == (400, 0.25, 0)


def test_faults_are_not_to_be_changed_by_a_foreign_page(store: Store) -> None:
    async def talk(client: Client) -> Any:
        async with client.http.post(client.url + "/faults", data='{"fail":1}') as answer:
            plain = answer.status
        async with client.http.post(
            client.url + "/faults", json={"fail": 1}, headers={"Host": "evil.example"}
        ) as answer:
            foreign = answer.status
        return plain, foreign, (await client.json("/faults"))["fail"]

    assert talked(store, talk) == (415, 403, 0)


def test_what_was_kept_is_there_after_a_restart(store: Store) -> None:
    talked(store, lambda client: client.deliver(case()))
    assert talked(store, lambda client: client.deliver(case())) == (200, {"status": "seen"})


def test_all_can_be_marked_synthetic(store: Store) -> None:
    async def talk(client: Client) -> Any:
        await client.deliver(case(synthetic=False))
        return await client.json("/cases.json")

    assert talked(store, talk, synthetic=True)[0]["sandbox"]["synthetic"] is True


def test_nothing_that_came_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def talk(client: Client) -> Any:
        await client.deliver(case(customer_id="somebody"))
        await client.deliver(b'{"customer_id": "somebody"}', "m-2")
        await client.get(f"/case?id={HOSTILE}")
        store.close()  # now everything fails
        return await client.deliver(case("b", customer_id="somebody"))

    assert talked(store, talk) == (500, {"error": "internal error"})
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("streams")]
    assert len(ours) == 1
    assert "ProgrammingError" in ours[0]
    assert "somebody" not in caplog.text


def test_a_port_that_is_taken_is_named(store: Store) -> None:
    async def talk(client: Client) -> Any:
        port = int(client.url.rpartition(":")[2])
        keys = Keys([SECRET])
        second = Sandbox(store, keys, Desk(store, keys, client.url), FaultSettings())
        with pytest.raises(PortError, match=f"port {port} is in use; --port 0"):
            await second.start(port)

    talked(store, talk)
