"""What a browser is answered: what is hostile is shown and never obeyed, and only who may can see and act."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import pytest

from schemas.times import parse_ms
from streams.core.ruleset import DEFAULT
from streams.crm.ledger.rows import ProfileRead
from streams.crm.payload.examples import lookup
from streams.desk.web.routes import HEADERS, MOST_BYTES
from tests.desk.desk_cases import (
    BLIND,
    HOSTILE,
    Client,
    DeskOfTests,
    action_id,
    alert,
    client_of,
    id_of,
    served,
    until,
)

TOKEN = "the token of the tests"  # noqa: S105 - of nothing
_T = TypeVar("_T")


def asked(desk: DeskOfTests, what: Callable[[Client], Awaitable[_T]], **settings: Any) -> _T:
    """Return what a client learns of a desk that is served."""

    async def live() -> _T:
        async with client_of(desk, **settings) as client:
            return await what(client)

    return asyncio.run(live())


def hostile() -> DeskOfTests:
    desk = DeskOfTests()
    desk.take(
        alert(
            "h",
            alert_id=HOSTILE,
            customer_id=HOSTILE,
            reason=HOSTILE,
            recommended_owner=HOSTILE,
            summary=HOSTILE,
            clears_when=HOSTILE,
            signals=((HOSTILE, 1.0),),
            ruleset=HOSTILE,
        )
    )
    return desk


def test_hostile_text_is_escaped_everywhere() -> None:
    async def look(client: Client) -> list[tuple[int, str]]:
        parts = await client.parts("/?reason=%3Cscript%3E")
        quoted = "%22%3E%3Cscript%3E"
        pages = ["/", f"/?customer={quoted}&level={quoted}&view={quoted}", "/policy", "/policy?by=reason"]
        found = [await client.get(path) for path in pages]
        async with client.http.get(client.url + "/alert", params={"id": HOSTILE}) as answer:
            found.append((answer.status, await answer.text()))
        return [*found, (200, parts["rows"] + parts["part"])]

    for status, text in asked(hostile(), look):
        assert status == 200
        assert "<script>document" not in text
        assert "onerror" not in text
        assert not {"\u202e", "\x1b"} & set(text)


def test_a_csv_is_what_is_seen_and_no_formula() -> None:
    async def look(client: Client) -> tuple[str, str, str]:
        return (
            (await client.get("/queue.csv?level=alert"))[1],
            (await client.get("/queue.csv?level=watch"))[1],
            (await client.get("/policy.csv?by=reason"))[1],
        )

    desk = DeskOfTests()
    desk.take(alert("a", customer_id='=HYPERLINK("x")', reason="+1\n@b", summary='a, "b"'), alert("b"))
    found, none, policy = asked(desk, look)
    rows = list(csv.DictReader(io.StringIO(found)))
    assert [row["customer_id"] for row in rows] == ['\'=HYPERLINK("x")', "c-b"]
    assert (rows[0]["about"], rows[0]["value_at_risk"], rows[0]["summary"]) == (
        "'+1\\u000a@b",
        "1000.00",
        'a, "b"',
    )
    assert rows[0]["standing"] == "new"
    assert none.count("\n") == 1
    assert [row["group"] for row in csv.DictReader(io.StringIO(policy))] == ["'+1\\u000a@b", "delivery"]


def test_every_answer_has_the_policy_and_files_are_kept_by_their_name() -> None:
    async def look(client: Client) -> dict[str, Any]:
        found = {}
        for path in (
            "/",
            "/desk.js",
            "/desk.css",
            "/desk.svg",
            "/login",
            "/queue.csv",
            "/alert?id=x",
            "/live",
        ):
            async with client.http.get(client.url + path) as answer:
                found[path] = answer.status, dict(answer.headers), await answer.text()
        return found

    found = asked(DeskOfTests(), look)
    for path, (status, headers, text) in found.items():
        assert status == (404 if path == "/alert?id=x" else 200)
        assert headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "retention-signals"
        kept = path in {"/desk.js", "/desk.css", "/desk.svg"}
        assert headers["Cache-Control"].startswith("private" if kept else "no-store")
        if not kept:
            assert not [one for one in (" style=", "<style", " onclick", "javascript:") if one in text]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_only_this_machine_is_answered_without_a_token() -> None:
    async def look(client: Client) -> list[int]:
        names = ("evil.example", "127.0.0.1.evil.example", "localhost:1", "[::1]")
        return [(await client.get("/", Host=name))[0] for name in names]

    assert asked(DeskOfTests(), look) == [403, 403, 200, 200]


def test_with_a_token_nothing_is_shown_before_one_logs_in() -> None:
    async def look(client: Client) -> None:
        for path in ("/", "/alert?id=a", "/policy", "/queue.csv"):
            assert (await client.get(path))[0] == 303
        assert (await client.get("/events"))[0] == 401
        assert (await client.get("/", **{"X-Desk-Parts": "1"}))[0] == 401
        assert (await client.post("/act", {}))[0] == 401
        async with client.http.post(client.url + "/login", data={"token": TOKEN}) as answer:
            assert answer.status == 403  # from no page of ours
        for token, status in (("wrong", 401), ("", 401), (TOKEN + "\udcff", 401), (TOKEN, 303)):
            async with client.http.post(
                client.url + "/login",
                data={"token": token.encode(errors="surrogateescape").decode(errors="replace")},
                headers={"Origin": client.url},
                allow_redirects=False,
            ) as answer:
                assert answer.status == status
        async with client.http.post(
            client.url + "/login",
            data={"token": TOKEN},
            headers={"Origin": client.url.replace("http", "https")},
            allow_redirects=False,
        ) as answer:
            cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-desk=")
        assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        value = cookie.split(";")[0].split("=")[1]
        for kept, status in (
            (value, 200),
            (value[:-1] + "x", 303),
            ("1." + value.split(".", 1)[1], 303),
            ("", 303),
        ):
            assert (await client.get("/", Cookie=f"desk={kept}"))[0] == status

    desk = DeskOfTests()
    asked(desk, look, token=TOKEN)

    async def of_another(client: Client) -> int:
        return (await client.get("/", Cookie="desk=9999999999.aa.bb"))[0]

    assert asked(desk, of_another, token=TOKEN + "2") == 303


def test_who_guesses_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.desk.web.guard._WRONG_SECONDS", 0.0)

    async def guess(client: Client) -> list[tuple[int, str | None]]:
        told = []
        for token in (*["a guess"] * 10, TOKEN):
            async with client.http.post(
                client.url + "/login",
                data={"token": token},
                headers={"Origin": client.url},
                allow_redirects=False,
            ) as answer:
                told.append((answer.status, answer.headers.get("Retry-After")))
                shown = await answer.text()
        assert "Too many wrong tokens: try again in " in shown
        return told

    *wrong, (status, seconds) = asked(DeskOfTests(), guess, token=TOKEN)
    assert wrong == [(401, None)] * 10
    assert status == 429
    assert 0 < int(seconds or 0) <= 60


def test_what_changes_something_has_to_come_from_a_page_of_ours() -> None:
    desk = DeskOfTests(undo_seconds=0)
    desk.take(alert("a"))

    async def look(client: Client) -> None:
        good = client.csrf
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": client.url.replace("http", "ftp")},
            {"Origin": "http://[bad"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            assert (await client.post("/act", {}, **headers))[0] == 403
            assert (await client.post("/undo", {}, **headers))[0] == 403
        client.csrf = "0" * len(good)
        assert (await client.act(desk, "a", "acknowledged"))[0] == 403
        client.csrf = ""
        assert (await client.act(desk, "a", "acknowledged"))[0] == 403
        client.csrf = good
        async with client.http.post(
            client.url + "/act",
            json={"csrf": good},
            headers={"Origin": client.url, "Accept": "application/json"},
        ) as answer:
            assert answer.status == 403
        status, _ = await client.post("/act", {"role": "r" * MOST_BYTES})
        assert status == 413
        assert desk.ledger.written == []
        assert (await client.act(desk, "a", "acknowledged"))[0] == 202

    asked(desk, look)


def test_no_bytes_of_a_request_are_a_fault_of_the_desk() -> None:
    """Broken encodings, and characters that are none: refused like anything else that does not fit."""

    async def look(client: Client) -> None:
        for cookie in ("desk=\udcff.\udcff", "__Host-desk=9999999999.\udc80.aa", 'desk="'):
            assert (await client.get("/", Cookie=cookie))[0] == 303
        for kind in ("utf-7", "nonsense", "utf-16"):
            async with client.http.post(
                client.url + "/login",
                data=b"token=+2AA-x",
                headers={
                    "Origin": client.url,
                    "Content-Type": f"application/x-www-form-urlencoded; charset={kind}",
                },
            ) as answer:
                assert answer.status == 401
        assert (await client.get("/events", Cookie="desk=" + "9" * 5000))[0] == 401

    asked(DeskOfTests(), look, token=TOKEN)


def test_an_act_is_answered_with_what_became_of_it() -> None:
    desk = DeskOfTests(undo_seconds=60)
    desk.take(alert("a"), alert("b", days=100.0), alert("c", state="resolved"))

    async def look(client: Client) -> None:
        assert await client.act(desk, "a", "closed") == (422, {"error": "outcome: say how it ended"})
        held = {"status": "held"}
        assert await client.act(desk, "a", "acknowledged", role="lead") == (202, held)
        assert await client.act(desk, "a", "acknowledged") == (200, {"status": "seen", "phase": "held"})
        status, told = await client.act(desk, "a", "contacted", seen="1:")
        assert (status, told["now"]) == (409, "revision 1, alert, acknowledged")
        status, told = await client.act(desk, "b", "contacted", seen="0:")
        assert told["now"] == "revision 1, alert, new, past its deadline"
        status, told = await client.act(desk, "c", "contacted", seen="0:")
        assert told["now"] == "resolved, returned"
        assert (await client.act(desk, "a", "contacted", alert_id="none"))[0] == 404
        undo = {"action_id": action_id("a-acknowledged"), "alert_id": id_of("a")}
        assert await client.post("/undo", undo) == (200, {"status": "undone"})
        assert (await client.act(desk, "a", "acknowledged"))[1] == {"status": "seen", "phase": "undone"}
        assert (await client.post("/undo", undo | {"action_id": "x"}))[0] == 422
        # Before all is read nobody knows what is new: the page sends it again.
        desk.reading = True
        for path in ("/act", "/undo"):
            assert await client.post(path, undo) == (503, {"error": "the desk is still reading"})
        desk.reading = False
        await desk.actions.stop()
        assert (await client.act(desk, "a", "contacted"))[0] == 503

    asked(desk, look)


def test_what_was_worked_on_and_resolved_by_itself_can_be_told_how_it_turned_out_once() -> None:
    desk = DeskOfTests(undo_seconds=0)
    desk.take(alert("a"))

    async def look(client: Client) -> None:
        await client.act(desk, "a", "contacted", action="call")
        await until(lambda: len(desk.ledger.written) == 1)
        desk.take(alert("a", revision=2, state="resolved"))
        story = f"/alert?id={id_of('a')}"
        assert "How did it turn out?</h2>" in (await client.get(story))[1]
        await client.act(desk, "a", "closed", outcome="returned")
        await until(lambda: len(desk.ledger.written) == 2)
        assert "How did it turn out?</h2>" not in (await client.get(story))[1]

    asked(desk, look)


def test_all_of_it_works_without_a_script() -> None:
    desk = DeskOfTests(undo_seconds=60)
    desk.take(alert("a"), alert("b", level="watch"))

    async def look(client: Client) -> None:
        assert ">c-a<" not in (await client.get("/?level=watch"))[1]
        form = {
            "do": "closed",
            "outcome": "benign",
            "alert_id": id_of("a"),
            "seen": desk.board.get(id_of("a")).seen,  # type: ignore[union-attr]
            "back": "level=alert&x=%26",
        }
        data = form | {"action_id": action_id("x"), "csrf": client.csrf}
        headers = {"Origin": client.url, "Accept": "text/html"}
        post = client.http.post
        async with post(f"{client.url}/act", data=data, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 303
            where = answer.headers["Location"]
        assert where == f"/alert?id={id_of('a')}&level=alert&x=%26"
        story = (await client.get(where))[1]
        assert "It is written in some seconds." in story
        async with post(
            f"{client.url}/act", data=data | {"action_id": action_id("y")}, headers=headers
        ) as answer:
            assert answer.status == 409
            assert "Nothing was done" in await answer.text()
        undo = {"action_id": action_id("x"), "alert_id": id_of("a"), "csrf": client.csrf}
        async with post(f"{client.url}/undo", data=undo, headers=headers, allow_redirects=False) as answer:
            assert answer.headers["Location"] == f"/alert?id={id_of('a')}"
        assert (await client.get("/login"))[0] == 200
        assert desk.ledger.written == []

    asked(desk, look)


def test_a_story_says_what_is_known_of_now_and_what_is_not() -> None:
    example = lookup()
    assert example.open_episode is not None
    desk = DeskOfTests()
    desk.take(
        alert(
            "a",
            alert_id=example.open_episode.alert_id,
            level="watch",
            time=parse_ms("2026-01-01T00:00:00Z"),
        ),
        alert("own", level="watch", ruleset="mine+abc"),
        alert("gone", state="resolved"),
        alert("quiet", anchor=None, rule="silent", reasons=()),
    )

    async def look(client: Client) -> list[str]:
        found = [(await client.get(f"/alert?id={id_of(name)}"))[1] for name in ("own", "gone", "quiet")]
        desk.found = example
        found.append((await client.get(f"/alert?id={example.open_episode.alert_id}"))[1])  # type: ignore[union-attr]
        return found

    own, gone, quiet, now = asked(desk, look)
    cleared = example.open_episode.model_copy(update={"clears_at": "2026-03-21T07:00:00.000Z"})
    desk.found = example.model_copy(update={"open_episode": cleared})
    clears = asked(desk, lambda client: client.get(f"/alert?id={cleared.alert_id}"))[1]
    assert "Enough has been bought: it clears on 21 Mar 2026 07:00 UTC" in clears
    assert "clears 21 Mar<" in clears  # in the picture
    assert "No worker told how things stand now: the figures are those of the alert." in own
    assert "The rules that decided (mine+abc) are not known here" in own
    assert "When it becomes an alert a worker could tell" in own
    assert "It has ended: returned. Nothing more is needed." in gone
    assert "How did it turn out?" in gone
    assert "a fall in spend" in quiet
    assert "as things stand now" in now
    assert DEFAULT.hash not in own


def test_contacted_is_not_offered_for_who_asked_not_to_be_by_the_profile_or_by_the_worker() -> None:
    desk = DeskOfTests()
    desk.take(alert("a"), alert("b", do_not_contact=True))

    async def look(client: Client) -> tuple[str, str, str, list[int]]:
        _, free = await client.get(f"/alert?id={id_of('a')}")
        desk.found = lookup(do_not_contact=True)
        _, told = await client.get(f"/alert?id={id_of('a')}")
        desk.found = None
        desk.board.take_profiles([ProfileRead("customers", 0, 0, "c-a", do_not_contact=True)])
        _, asked_not_to = await client.get(f"/alert?id={id_of('a')}")
        rows = (await client.get("/"))[1] + (await client.get("/queue.csv"))[1]
        # Who called them all the same says so, from a page that is old or made by hand.
        codes = [(await client.act(desk, name, "contacted"))[0] for name in ("a", "b")]
        return free, told, asked_not_to + rows, codes

    free, told, now, codes = asked(desk, look)
    offered, call_nobody = 'value="contacted"', "<strong>Call nobody.</strong>"
    assert (offered in free, call_nobody in free) == (True, False)
    assert (offered in told, call_nobody in told, 'data-quiet="1"' in told) == (False, True, True)
    assert (offered in now, call_nobody in now, now.count('data-quiet="1"')) == (False, True, 3)
    assert now.count(",yes,raised,") == 2
    assert codes == [202, 202]


def test_where_nothing_is_trusted_nothing_is_said_to_be_well() -> None:
    desk = DeskOfTests(trusted=BLIND)

    async def look(client: Client) -> tuple[str, str]:
        return (await client.get("/"))[1], (await client.get("/policy"))[1]

    queue, policy = asked(desk, look)
    assert "This list is empty because something is broken" in queue
    assert "What is open is not known" in queue
    assert "Nobody is to be called. The workers" not in queue
    assert "an empty list means nothing" in policy


def test_a_page_that_listens_is_told_and_too_many_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = DeskOfTests()

    async def live() -> None:
        async with served(desk) as url, aiohttp.ClientSession() as http:
            place = desk.events.place
            desk.take(alert("a"))
            async with http.get(
                f"{url}/events", params={"from": "x"}, headers={"Last-Event-ID": place}
            ) as answer:
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                text = ""
                while "event: change" not in text or not text.endswith("\n\n"):
                    text += (await answer.content.readline()).decode()
                assert f'data: ["{id_of("a")}"]' in text
                monkeypatch.setattr("streams.desk.web.routes.MOST_PAGES", 1)
                async with http.get(f"{url}/events") as another:
                    assert another.status == 503

    asyncio.run(live())


def test_a_bug_shows_no_data(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    desk = DeskOfTests()

    def broken() -> None:
        raise ValueError("c-secret")

    monkeypatch.setattr(desk, "health", broken)

    async def look(client: Client) -> tuple[int, str]:
        return await client.get("/")

    async def live() -> tuple[int, str]:
        async with served(desk) as url, aiohttp.ClientSession() as http:
            return await look(Client(url, http))

    assert asyncio.run(live()) == (500, '{"error": "internal error"}')
    assert "ValueError at broken" in caplog.text
    assert "c-secret" not in caplog.text
