"""A message over a real connection on loopback: what is asked, what becomes of it, what never shows."""

import asyncio
import json
import logging
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from streams.crm.delivery.courier import USER_AGENT, Courier
from streams.crm.delivery.pace import Pace
from streams.crm.delivery.signing import SignatureError
from streams.crm.delivery.transport import MOST_ANSWER_BYTES, Endpoint
from streams.crm.wire import Find, Outcome, Rendered, Request, Result
from streams.crm_settings import CrmSettings
from streams.settings import SettingsError
from tests.crm.delivery.fake_crm import BODY, NOW, SECRETS, FakeCrm, post, serving

CASES = Rendered(
    Request("POST", "/tickets", b'{"new":1}', {"Idempotency-Key": "a-1"}),
    Find("/search?external_id=a-1", "tickets.0.id", Request("PUT", "/tickets/{found}.json", b'{"change":1}')),
)


async def send(url: str, rendered: Rendered | None = None, /, **options: Any) -> Outcome:
    """Send one message to a URL."""
    of_endpoint = {name: options.pop(name) for name in ("allow_private", "ca_file") if name in options}
    endpoint = Endpoint(url, options.pop("timeout_seconds", 30.0), **of_endpoint)
    async with Courier(endpoint, SECRETS, **options) as courier:
        return await courier.send("a-1/7", rendered or post(), NOW)


def sent(*answers: Any, rendered: Rendered | None = None, **options: Any) -> tuple[Outcome, FakeCrm]:
    """Send one message to a CRM that gives these answers."""

    async def converse() -> tuple[Outcome, FakeCrm]:
        async with serving(*answers) as crm:
            return await send(crm.url + options.pop("base", ""), rendered, **options), crm

    return asyncio.run(converse())


def test_a_message_is_signed_and_says_what_it_is() -> None:
    outcome, crm = sent(202, rendered=post("/hook?x=1", headers={"X-Team": "desk"}))
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.DELIVERED, "ok", False)
    assert outcome.seconds > 0
    (asked,) = crm.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/hook?x=1", BODY)
    assert SECRETS.verify(asked.headers, asked.body, NOW) == "a-1/7"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["user-agent"] == USER_AGENT
    assert asked.headers["x-team"] == "desk"
    assert "authorization" not in asked.headers
    with pytest.raises(SignatureError):
        SECRETS.verify(asked.headers, asked.body + b" ", NOW)


def test_each_try_has_the_same_id_and_a_signature_of_its_own() -> None:
    async def converse() -> FakeCrm:
        async with serving(500, 200) as crm, Courier(Endpoint(crm.url), SECRETS) as courier:
            await courier.send("a-1/7", post(), NOW)
            await courier.send("a-1/7", post(), NOW + 60)
            return crm

    one, other = (asked.headers for asked in asyncio.run(converse()).asked)
    assert one["webhook-id"] == other["webhook-id"]
    assert one["webhook-signature"] != other["webhook-signature"]


@pytest.mark.parametrize(
    ("base", "path", "whole"),
    [
        ("", "/hook", "/hook"),
        ("/", "", "/"),
        ("/services/T0/B0/x", "", "/services/T0/B0/x"),
        ("/base/", "/cases/a%2F1?q=%20", "/base/cases/a%2F1?q=%20"),
        ("/base?key=1", "/cases?q=2", "/base/cases?key=1&q=2"),
        ("/base", "?q=2", "/base?q=2"),
        ("", "//evil.example.com/x", "//evil.example.com/x"),
    ],
)
def test_paths_are_appended_to_the_url_of_the_settings(base: str, path: str, whole: str) -> None:
    _, crm = sent(base=base, rendered=post(path))
    assert [asked.path for asked in crm.asked] == [whole]


@pytest.mark.parametrize(
    "rendered",
    [
        *map(post, ("hook", "@evil.example.com/", ".evil.example.com", ":1/x", "http://evil.example.com/")),
        *map(
            post,
            ("/a b", "/a\r\nx: y", "/a#b", "/ü", "/a\\b", "/a/../b", "/a/%2e%2E/b", "/.", "/a/..%2F..%5Cb"),
        ),
        post(headers={"Evil": "a\r\nb: c"}),
        post(headers={"Evil": "ü"}),
        post(headers={"a b": "c"}),
        post(headers={"Webhook-Id": "other"}),
        post(headers={"Host": "evil.example.com"}),
        post(headers={"Content-Length": "1"}),
    ],
)
def test_what_would_leave_the_endpoint_or_split_a_request_is_never_sent(rendered: Rendered) -> None:
    outcome, crm = sent(rendered=rendered)
    assert (outcome.result, outcome.reason) == (Result.REFUSED, "unsendable")
    assert crm.asked == []


def test_an_id_with_a_full_stop_is_never_sent() -> None:
    async def converse() -> Outcome:
        async with serving() as crm, Courier(Endpoint(crm.url), SECRETS) as courier:
            return await courier.send("a.1", post(), NOW)

    assert asyncio.run(converse()).reason == "unsendable"


def test_no_redirects_followed() -> None:
    for status in (301, 302, 303, 307, 308):
        elsewhere = web.Response(status=status, headers={"Location": "/elsewhere"})
        outcome, crm = sent(elsewhere, 200)
        assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "redirect", True)
        assert [asked.path for asked in crm.asked] == ["/hook"]


def test_when_to_come_back_is_passed_on() -> None:
    outcome, _ = sent(web.Response(status=429, headers={"Retry-After": "17"}))
    assert outcome.retry_after == 17.0


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


def dribble(status: int, size: int, *, ends: bool) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return an answer with so long a body, which may never end."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        await response.write(b"x" * size)
        if not ends:
            await asyncio.Event().wait()
        await response.write_eof()
        return response

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def test_one_time_limit_is_over_all_of_it() -> None:
    outcome, _ = sent(never, timeout_seconds=0.2)
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "timeout", True)
    clock = count(0, 3)  # each request takes 3 s
    found = web.json_response({})
    outcome, crm = sent(found, 200, rendered=CASES, timeout_seconds=3.0, clock=lambda: float(next(clock)))
    assert (outcome.reason, outcome.seconds, len(crm.asked)) == ("timeout", 3.0, 1)


def test_a_body_is_not_read_on_and_undoes_no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.crm.delivery.transport._DRAIN_SECONDS", 0.05)
    for status, reason in ((200, "ok"), (500, "status_500")):
        for answer in (
            dribble(status, 10, ends=False),
            dribble(status, MOST_ANSWER_BYTES, ends=False),
            dribble(status, MOST_ANSWER_BYTES + 1, ends=False),
            dribble(status, 10 * MOST_ANSWER_BYTES, ends=True),
        ):
            assert sent(answer)[0].reason == reason


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("\n<!DOCTYPE html><title>Log in</title>", "text/html", "page"),
        ("ok", "text/html", "ok"),  # as Slack says it
        ("", "text/html", "ok"),
        ("<ok/>", "application/xml", "ok"),
    ],
)
def test_a_page_to_log_in_at_is_no_delivery(text: str, kind: str, reason: str) -> None:
    answer = web.Response(text=text, content_type=kind)
    assert sent(answer)[0].reason == reason


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        (["", "<html>"], "page"),  # the headers, and a while later the page
        (["\r\n\r\n", "<html>"], "page"),
        (["\n", "ok"], "ok"),
        ([" " * 2_000, "<html>"], "ok"),  # so far nobody looks
    ],
)
def test_a_page_that_begins_late_is_one(
    pieces: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.crm.delivery.transport._DRAIN_SECONDS", 0.0)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece.encode())
            await asyncio.sleep(0.05)
        return response

    assert sent(answer)[0].reason == reason


def test_a_page_that_never_comes_undoes_no_status() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        return await never(request)

    assert sent(answer, timeout_seconds=0.2)[0].reason == "ok"


def test_a_case_that_is_gone_is_no_fault_of_the_crm() -> None:
    found = web.json_response({"tickets": [{"id": 7}]})
    outcomes = [
        sent(404)[0],
        sent(404, rendered=replace(post(), of_case=True))[0],
        sent(found, 410, rendered=CASES)[0],
        sent(404, rendered=CASES)[0],  # the question's path is the same for all
        sent(web.json_response({}), 404, rendered=CASES)[0],
    ]
    assert [one.endpoint for one in outcomes] == [True, False, False, True, True]


CLOSED = replace(CASES, find=replace(CASES.find or Find("", "", post().request), id_at="tickets.*.id"))


@pytest.mark.parametrize(
    ("tickets", "anew", "asked", "reason"),
    [
        ([(7, "closed"), (8, "open"), (9, "open")], True, "/tickets/8.json", "ok"),
        ([(7, "solved")], True, "/tickets/7.json", "ok"),
        ([(7, "closed"), (8, "closed")], True, "/tickets", "ok"),
        ([(7, "closed")], False, None, "closed_there"),
        ([], True, "/tickets", "ok"),
        ([], False, None, "not_there"),
    ],
)
def test_a_ticket_that_takes_no_more_changes_is_passed_over(
    tickets: list[tuple[int, str]], anew: bool, asked: str | None, reason: str
) -> None:
    assert CLOSED.find is not None
    find = replace(CLOSED.find, closed={"status": "closed"}, anew=anew)
    found = web.json_response({"tickets": [{"id": one, "status": said} for one, said in tickets]})
    outcome, crm = sent(found, 200, rendered=replace(CLOSED, find=find))
    assert (outcome.result, outcome.reason) == (Result.DELIVERED, reason)
    assert [one.path for one in crm.asked[1:]] == ([] if asked is None else [asked])


def test_connection_trouble_is_the_endpoints_and_passes() -> None:
    outcome, _ = sent(hang_up)
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "disconnected", True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        outcome = asyncio.run(send(f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "unreachable", True)
    assert not outcome.unclear


def test_what_was_sent_and_not_answered_may_have_been_done_and_a_question_has_done_nothing() -> None:
    found = web.json_response({"tickets": [{"id": 7}]})
    assert sent(hang_up)[0].unclear
    assert sent(found, hang_up, rendered=CASES)[0].unclear
    assert not sent(hang_up, rendered=CASES)[0].unclear
    assert not sent(500, rendered=CASES)[0].unclear


def test_an_answer_that_is_no_http_is_the_endpoints_too() -> None:
    async def converse() -> Outcome:
        async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(garble, "127.0.0.1", 0) as server:
            return await send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    outcome = asyncio.run(converse())
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "broken_answer", True)


# Ask first


def test_a_case_that_is_there_is_changed_else_it_is_made() -> None:
    for found, path in (
        ({"tickets": [{"id": 7}]}, "/tickets/7.json"),
        ({"tickets": [{"id": "a/b?c"}]}, "/tickets/a%2Fb%3Fc.json"),
        ({"tickets": []}, "/tickets"),
        ({"tickets": [{"id": None}]}, "/tickets"),
        ({"tickets": [{"id": ""}]}, "/tickets"),
        ({"tickets": None}, "/tickets"),
        ([], "/tickets"),
    ):
        outcome, crm = sent(web.json_response(found), 200, rendered=CASES)
        assert outcome.result is Result.DELIVERED
        question, asked = crm.asked
        assert (question.method, question.path, question.body) == ("GET", "/search?external_id=a-1", b"")
        assert SECRETS.verify(question.headers, b"", NOW) == "a-1/7"
        assert asked.path == path
        assert (asked.method, asked.headers.get("idempotency-key")) == (
            ("POST", "a-1") if path == "/tickets" else ("PUT", None)
        )


def test_where_it_cannot_be_told_nothing_is_made() -> None:
    for answer, reason, endpoint in (
        (404, "status_404", True),
        (400, "status_400", True),
        (409, "status_409", False),
        (503, "status_503", True),
        (web.Response(text="<html>"), "find_unreadable", True),
        (web.Response(body=b"[" * MOST_ANSWER_BYTES + b"["), "find_unreadable", True),
        (web.json_response({"tickets": [{"id": {"a": 1}}]}), "find_unreadable", True),
        (web.json_response({"tickets": [{"id": True}]}), "find_unreadable", True),
        (web.json_response({"tickets": [{"id": ".."}]}), "ok", False),
    ):
        outcome, crm = sent(answer, 200, rendered=CASES)
        assert (outcome.reason, outcome.endpoint) == (reason, endpoint)
        assert len(crm.asked) == (2 if reason == "ok" else 1)
    assert sent(web.Response(status=429, headers={"Retry-After": "9"}), rendered=CASES)[0].retry_after == 9


def test_every_request_waits_for_the_pace() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    _, crm = sent(
        web.json_response({}),
        200,
        rendered=CASES,
        pace=Pace(0.01, lambda: 0.0),
        sleep=sleep,
        timeout_seconds=5.0,
    )
    assert len(crm.asked) == 2
    assert slept == [0.0, 100.0]  # and the time limit does not count it


def test_what_waited_for_the_pace_is_signed_when_it_goes() -> None:
    """A CRM refuses signatures of more than five minutes ago: whoever asks for less would get none at all."""
    at = [0.0]

    async def sleep(seconds: float) -> None:
        at[0] += seconds

    pace = Pace(1.0, lambda: at[0])
    pace.rest(3600)
    outcome, crm = sent(200, pace=pace, clock=lambda: at[0], sleep=sleep)
    assert outcome.result is Result.DELIVERED
    (asked,) = crm.asked
    assert SECRETS.verify(asked.headers, asked.body, NOW + 3600) == "a-1/7"


@pytest.mark.parametrize("message_id", ["a\nb: c/1", "ü/1", "a b/1", "a.b/1"])
def test_an_id_that_no_header_can_hold_is_no_fault_of_the_crm(message_id: str) -> None:
    async def converse() -> tuple[Outcome, FakeCrm]:
        async with serving() as crm, Courier(Endpoint(crm.url), SECRETS) as courier:
            return await courier.send(message_id, post(), NOW), crm

    outcome, crm = asyncio.run(converse())
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.REFUSED, "unsendable", False)
    assert crm.asked == []


# Whom it may talk to


class Names(AbstractResolver):
    """Gives a name one address the first time and others later, as a name that is bound anew does."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.asked = list(addresses), 0

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.addresses[min(self.asked, len(self.addresses) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    @override
    async def close(self) -> None:
        pass


def test_private_addresses_refused_by_whatever_name() -> None:
    for address in (
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:10.0.0.1",
        "fd00::1",
        "0.0.0.0",  # noqa: S104 - nobody listens
    ):
        outcome = asyncio.run(send("https://crm.example.com", resolver=Names(address)))
        assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "address_refused", True)
    for host in (
        "10.0.0.1",
        "192.168.0.1",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[fe80::1]",
    ):
        assert asyncio.run(send(f"https://{host}")).reason == "address_refused"
    for host in ("169.254.169.254", "[fe80::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):  # noqa: S104 - nobody listens
        assert asyncio.run(send(f"https://{host}", allow_private=True)).reason == "address_refused"


def test_a_name_of_loopback_that_leads_elsewhere_is_refused() -> None:
    assert asyncio.run(send("http://localhost:1", resolver=Names("8.8.8.8"))).reason == "address_refused"


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name that is bound anew between the check and the connection changes nothing: it is asked once."""

    async def converse() -> tuple[Outcome, int]:
        names = Names("127.0.0.1", "10.0.0.1")
        async with serving() as crm:
            return await send(crm.url.replace("127.0.0.1", "localhost"), resolver=names), names.asked

    outcome, asked = asyncio.run(converse())
    assert (outcome.reason, asked) == ("ok", 1)


def test_https_off_loopback() -> None:
    """The settings refuse such a URL; should one come all the same, nothing is sent."""
    with pytest.raises(ValueError, match="https"):
        CrmSettings(url="http://crm.example.com/hook")
    with pytest.raises(ValueError, match="https"):
        CrmSettings(auth_token_url="http://crm.example.com/token")  # noqa: S106 - no password
    assert CrmSettings(url="http://127.0.0.1:8090").url == "http://127.0.0.1:8090"
    names = Names("8.8.8.8")
    assert asyncio.run(send("http://crm.example.com/hook", resolver=names)).reason == "not_https"
    assert names.asked == 0


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert sent()[0].reason == "ok"


def test_no_cookies_kept() -> None:
    async def converse() -> FakeCrm:
        given = web.Response(headers={"Set-Cookie": "a=b; Path=/"})
        async with (
            serving(given, 200) as crm,
            Courier(
                Endpoint(crm.url.replace("127.0.0.1", "localhost")), SECRETS, resolver=Names("127.0.0.1")
            ) as courier,
        ):
            for _ in range(2):
                await courier.send("a-1/7", post(), NOW)
            return crm

    assert "cookie" not in asyncio.run(converse()).asked[1].headers


def test_tls_is_verified(tmp_path: Path) -> None:
    def certificate(name: str) -> tuple[ssl.SSLContext, Path]:
        key, pem = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        subprocess.run(  # noqa: S603
            ["openssl", *new, *names, "-keyout", key, "-out", pem],  # noqa: S607
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, key)
        return context, pem

    async def converse(served: ssl.SSLContext, ca_file: Path | None) -> tuple[str, int]:
        async with serving(tls=served) as crm:
            url = crm.url.replace("127.0.0.1", "localhost")
            outcome = await send(url, resolver=Names("127.0.0.1"), ca_file=ca_file)
            return outcome.reason, len(crm.asked)

    right, right_file = certificate("localhost")
    other, other_file = certificate("crm.example.com")
    assert asyncio.run(converse(right, right_file)) == ("ok", 1)
    assert asyncio.run(converse(right, None)) == ("tls", 0)
    assert asyncio.run(converse(right, other_file)) == ("tls", 0)
    assert asyncio.run(converse(other, other_file)) == ("tls", 0)
    (tmp_path / "no.pem").write_text("none")
    with pytest.raises(SettingsError, match="RETENTION_CRM_CA_FILE"):
        Courier(Endpoint("https://localhost", ca_file=tmp_path / "no.pem"), SECRETS)


# What never shows


def test_secrets_and_payloads_never_in_logs(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all outcomes, also of a bug, at the lowest level of all loggers."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    caplog.set_level(logging.DEBUG)
    told = web.Response(status=500, text="c-secret-answer", headers={"Set-Cookie": "c-secret-cookie="})
    path = "/hook?token=c-secret-token"
    for answer in (200, 302, 400, 401, 500, told, never, hang_up, dribble(200, 100_000, ends=True)):
        sent(answer, rendered=post(path), timeout_seconds=0.2)
    sent(web.Response(text='{"id": "c-secret-id'), rendered=CASES)
    asyncio.run(send("https://crm.example.com/c-secret-path", resolver=Names("10.0.0.1")))
    sent(rendered=post("/c-secret-1 \r\n"))

    def fails(*_args: object, **_options: object) -> Any:
        raise ValueError("c-secret-bug")

    monkeypatch.setattr("streams.crm.delivery.courier.outcome_of", fails)
    outcome, _ = sent(200, rendered=post(path))
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "bug", True)
    assert "a delivery failed: ValueError at fails" in caplog.text
    for secret in ("c-secret", "v1,", "0123456789abcdef", "whsec_"):
        assert secret not in caplog.text


def test_nothing_that_is_told_shows_where_or_what() -> None:
    endpoint = Endpoint("https://hooks.example.com/c-secret")
    assert "c-secret" not in repr(endpoint)
    courier = Courier(endpoint, SECRETS)
    assert "c-secret" not in repr(courier)
    with pytest.raises(RuntimeError, match="not open"):
        asyncio.run(courier.send("a-1/7", post("/c-secret"), NOW))


def test_the_endpoint_is_that_of_the_settings() -> None:
    settings = CrmSettings(
        url="https://crm.example.com/hooks",
        timeout_seconds=7.5,
        concurrency=9,
        allow_private=True,
        allow_http=True,
    )
    assert Endpoint.of(settings, "https://canary.example.com") == Endpoint(
        "https://canary.example.com", 7.5, allow_private=True, allow_http=True, ca_file=None, connections=9
    )
    assert json.loads(BODY)["customer_id"] == "c-secret-1042"
