"""What the desk decides goes to the bridge, signed, and the answer is seen; from page and terminal."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from schemas.disposition import Disposition
from streams.sandbox.desk import BridgeUrlError, Desk, DeskError, Status, Turned
from streams.sandbox.signatures import Keys
from streams.sandbox.store import Store
from tests.lab.datasets import run
from tests.sandbox.sandbox_cases import HOSTILE, SECRET, Bridge, Client, bridge, case, sandbox

AS_OF = datetime.fromisoformat("2026-03-05T10:00:00Z")
BEFORE = timedelta(milliseconds=1)


def talked(store: Store, talk: Callable[[Client, Bridge], Awaitable[Any]], **options: Any) -> Any:
    """Run a bridge and a sandbox, and return what a talk with them ends with."""

    async def serve() -> Any:
        async with bridge() as one, sandbox(store, one.url, **options) as client:
            return await talk(client, one)

    return asyncio.run(serve())


def as_event(got: tuple[str, dict[str, Any]], customer_id: str = "c") -> Disposition:
    """Return what the bridge makes of a disposition; raises if it is none by the wire contract."""
    webhook_id, body = got
    whole = {
        **body,
        "type": "disposition",
        "event_id": webhook_id,
        "source": "crm",
        "customer_id": customer_id,
    }
    return Disposition.model_validate_json(json.dumps(whole))


def test_the_words_are_those_of_the_wire_contract() -> None:
    assert [one.value for one in Status] == list(get_args(Disposition.model_fields["status"].annotation))
    outcomes, _none = get_args(Disposition.model_fields["outcome"].annotation)
    assert [one.value for one in Turned] == list(get_args(outcomes))


@pytest.mark.parametrize(
    ("form", "status", "outcome", "days"),
    [
        ({"do": "acknowledged"}, "acknowledged", None, None),
        ({"do": "contacted"}, "contacted", None, None),
        ({"do": "snooze"}, "acknowledged", None, 14),
        ({"do": "closed", "outcome": "benign"}, "closed", "benign", None),
    ],
)
def test_a_button_sends_a_disposition_of_the_wire_contract(
    store: Store, form: dict[str, str], status: str, outcome: str | None, days: int | None
) -> None:
    async def talk(client: Client, one: Bridge) -> Any:
        await client.deliver(case())
        answer = await client.post("/dispose?id=a-1", **form)
        return answer, one.got, (await client.get("/case?id=a-1"))[1]

    answer, (got,), page = talked(store, talk, time_of_case=True)
    event = as_event(got)
    assert answer == (303, "/case?id=a-1#desk")
    assert (event.alert_id, event.status, event.outcome) == ("a-1", status, outcome)
    assert datetime.fromisoformat(got[1]["time"]) == AS_OF - BEFORE
    if days is None:
        assert event.snooze_until is None
    else:
        assert datetime.fromisoformat(got[1]["snooze_until"]) == AS_OF - BEFORE + timedelta(days=days)
    assert "The bridge: 202, <bdi>taken</bdi>" in page
    assert "Send again" not in page


def test_the_list_says_what_the_desk_did(store: Store) -> None:
    async def talk(client: Client, one: Bridge) -> Any:
        await client.deliver(case())
        await client.post("/dispose?id=a-1", do="contacted")
        one.status = 422
        await client.post("/dispose?id=a-1", do="closed", outcome="benign")
        return await client.json("/cases.json"), (await client.get("/"))[1]

    (shown,), page = talked(store, talk)
    assert shown["sandbox"]["told"] == {"status": "contacted", "outcome": None, "snooze_until": None}
    assert '<td data-label="Stands">contacted</td>' in page


def test_what_was_not_taken_is_sent_again_with_the_same_id_and_bytes(store: Store) -> None:
    async def talk(client: Client, one: Bridge) -> Any:
        await client.deliver(case())
        one.status = 503
        await client.post("/dispose?id=a-1", do="contacted")
        failed = (await client.get("/case?id=a-1"))[1]
        one.status = 202
        (sent,) = store.dispositions("a-1")
        for _ in range(2):
            await client.post(f"/again?id={sent.id}")
        return one.got, failed, (await client.get("/case?id=a-1"))[1]

    got, failed, taken = talked(store, talk)
    assert len(got) == 2
    assert got[0] == got[1]
    assert "The bridge: 503" in failed
    assert "Send again" in failed
    assert "Send again" not in taken


def test_a_bridge_that_is_away_is_said_so(store: Store) -> None:
    async def serve() -> Any:
        async with sandbox(store, "http://127.0.0.1:1") as client:
            await client.deliver(case())
            answer = await client.post("/dispose?id=a-1", do="contacted")
            return answer[0], (await client.get("/case?id=a-1"))[1]

    status, page = asyncio.run(serve())
    assert status == 303
    assert "can&#39;t be reached: " in page
    assert "Send again" in page


def test_a_form_of_a_foreign_page_or_half_filled_in_sends_nothing(store: Store) -> None:
    async def talk(client: Client, one: Bridge) -> Any:
        await client.deliver(case())
        answers = [
            await client.post("/dispose?id=a-1", "http://evil.example", do="contacted"),
            await client.post("/dispose?id=a-1", "null", do="contacted"),
            await client.post("/again?id=a-1", "", do="contacted"),
            await client.post("/dispose?id=a-1"),
            await client.post("/dispose?id=a-1", do="explode"),
            await client.post("/dispose?id=a-1", do="closed", outcome=""),
            await client.post("/dispose?id=a-2", do="contacted"),
            await client.post("/dispose", do="contacted"),
            await client.post("/again?id=nothing"),
        ]
        return [status for status, _ in answers], one.got

    assert talked(store, talk) == ([403] * 3 + [400] * 6, [])


def test_a_hostile_alert_id_is_one_id_all_the_way(store: Store) -> None:
    async def talk(client: Client, one: Bridge) -> Any:
        await client.deliver(case(HOSTILE), "m-1")
        page = (await client.get("/"))[1]
        link = page.partition('href="/case?id=')[2].partition('"')[0]
        shown = await client.get(f"/case?id={link}")
        place = shown[1].partition('action="/dispose?id=')[2].partition('"')[0]
        _, back = await client.post(f"/dispose?id={place}", do="contacted")
        return shown[0], one.got[0][1]["alert_id"], (await client.get(back.partition("#")[0]))[0]

    assert talked(store, talk) == (200, HOSTILE, 200)


def test_without_a_time_of_its_case_nothing_is_sent(store: Store) -> None:
    async def talk(client: Client, one: Bridge) -> Any:
        await client.deliver(case(as_of="yesterday"))
        return await client.post("/dispose?id=a-1", do="contacted"), one.got

    assert talked(store, talk, time_of_case=True) == (
        (400, "the case does not say as of when it is (as_of)\n"),
        [],
    )


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://127.0.0.1", "http://crm.example", "http://["])
def test_a_bridge_is_a_url_and_off_loopback_https(store: Store, url: str) -> None:
    with pytest.raises(BridgeUrlError):
        Desk(store, Keys([SECRET]), url)
    assert issubclass(BridgeUrlError, DeskError)


# In the terminal


def disposed(store: Store, db: Path, *arguments: object, status: int = 202) -> tuple[Any, Bridge]:
    """Run `crm-sandbox dispose` beside a running bridge, and return how it ended."""
    secret = db.with_name("secret")
    secret.write_text(SECRET, encoding="utf-8")

    async def serve() -> Any:
        async with bridge() as one, sandbox(store) as client:
            one.status = status
            await client.deliver(case())
            given = ("--db", db, "--bridge", one.url, "--secret-file", secret)
            done = await asyncio.to_thread(run, "crm-sandbox", "dispose", *arguments, *given)
            return done, one

    done: tuple[Any, Bridge] = asyncio.run(serve())
    return done


def test_dispose_does_the_same_as_the_button(store: Store, db: Path) -> None:
    given = ("a-1", "--status", "closed", "--outcome", "benign", "--action", "call", "--time-of-case")
    done, one = disposed(store, db, *given)
    assert (done.code, done.out, done.err) == (0, "the bridge took it: 202 taken\n", "")
    event = as_event(one.got[0])
    assert (event.status, event.outcome, event.action) == ("closed", "benign", "call")
    assert datetime.fromisoformat(one.got[0][1]["time"]) == AS_OF - BEFORE
    assert [sent.status for sent in store.dispositions("a-1")] == [202]


@pytest.mark.parametrize(("status", "code"), [(422, 65), (404, 65), (503, 69)])
def test_dispose_ends_with_what_the_bridge_answered(store: Store, db: Path, status: int, code: int) -> None:
    done, _ = disposed(store, db, "a-1", "--status", "contacted", "--snooze-days", "2", status=status)
    assert (done.code, done.out) == (code, "")
    assert done.err == f"error: the bridge answered {status}: no"


def test_dispose_of_no_case(store: Store, db: Path) -> None:
    done, one = disposed(store, db, "a-9", "--status", "contacted")
    assert (done.code, done.err, one.got) == (65, "error: there is no such case", [])
