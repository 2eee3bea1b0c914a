"""Health, metrics and lookup over HTTP: who may ask, what is told, and what never is."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession
from multidict import CIMultiDict

from schemas.alert import Alert
from streams.core.partition.partition import Partition
from streams.core.time import DAY_MS, HOUR_MS
from streams.runtime.http.lookup import LookupAnswer, lookup_answer
from streams.runtime.http.server import PartitionReadiness, PortInUseError, Readiness, WebServer
from streams.runtime.telemetry.metrics import Metrics
from streams.settings import Settings
from tests.core.drive import HOME, contact, notice, purchase
from tests.runtime.dataset import CT, HOLDOUT, RULES, TROUBLE, TX, dataset, silent_dataset, wait
from tests.runtime.workers import NOTHING, FakeWorker, serving, troubled

TOKEN = "open sésame"  # noqa: S105 - of the tests
LONG = "0123456789abcdef" * 2
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Reply:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """Give the body, parsed."""
        return json.loads(self.text)


Ask = Callable[..., Awaitable[Reply]]


def asked(worker: FakeWorker, talk: Callable[[Ask, str], Awaitable[Reply]], **settings: Any) -> Reply:
    """Serve, and give what a conversation with the server ends with."""

    async def converse() -> Reply:
        async with serving(worker, **settings) as address, ClientSession(f"http://{address}") as session:

            async def ask(method: str, path: str, **more: Any) -> Reply:
                async with session.request(method, path, **more) as got:
                    return Reply(got.status, dict(got.headers), await got.text())

            return await talk(ask, address)

    return asyncio.run(converse())


def get(
    worker: FakeWorker, path: str, *, method: str = "GET", token: str | None = None, **more: Any
) -> Reply:
    settings = {} if token is None else {"token": token}
    return asked(worker, lambda ask, _: ask(method, path, **more), **settings)


def look_up(worker: FakeWorker, customer_id: str, **more: Any) -> Reply:
    return get(worker, "/lookup", method="POST", json={"customer_id": customer_id}, **more)


def raw(worker: FakeWorker, sent: bytes) -> bytes:
    """Give what comes back for bytes that no client would send."""

    async def converse() -> bytes:
        async with serving(worker) as address:
            host, port = address.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(sent)
            with suppress(ConnectionError):
                await writer.drain()
            got = await reader.read(1 << 16)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            return got

    return asyncio.run(converse())


# Health and metrics


@pytest.mark.parametrize(("live", "status"), [(True, 200), (False, 503)])
def test_live(live: bool, status: int) -> None:
    worker = FakeWorker()
    worker.live = live
    reply = get(worker, "/live", token=TOKEN)
    assert (reply.status, reply.json) == (status, {"live": live})


def test_metrics_need_no_token() -> None:
    reply = get(FakeWorker(), "/metrics", token=TOKEN)
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain; version=")
    assert "\nretention_partitions_owned 0.0\n" in reply.text


def test_metrics_come_as_openmetrics_when_asked_for() -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0,text/plain;q=0.5"}
    reply = get(FakeWorker(), "/metrics", headers=accept)
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert reply.text.endswith("# EOF\n")


def test_not_ready_before_the_first_assignment() -> None:
    worker = FakeWorker()
    worker.now = NOTHING
    reply = get(worker, "/ready")
    assert (reply.status, reply.json) == (503, {"ready": False, "partitions": [], "why": None})


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_readiness_names_partitions_and_why(ready: bool, status: int) -> None:
    worker = FakeWorker()
    stopped = PartitionReadiness(7, "stopped", "1,000 records in a row were refused")
    worker.now = Readiness(ready, [PartitionReadiness(0, "ready", None), stopped], "Kafka is silent")
    reply = get(worker, "/ready")
    assert reply.status == status
    assert reply.json == {
        "ready": ready,
        "partitions": [
            {"number": 0, "state": "ready", "why": None},
            {"number": 7, "state": "stopped", "why": "1,000 records in a row were refused"},
        ],
        "why": "Kafka is silent",
    }


# Who may ask


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
@pytest.mark.parametrize("host", ["10.0.0.7:8080", "127.0.0.1"])
def test_anybody_is_told_whether_it_is_ready_but_not_why(ready: bool, status: int, host: str) -> None:
    worker = FakeWorker()
    worker.now = Readiness(ready, [PartitionReadiness(0, "ready", None)], "Kafka is silent")
    reply = get(worker, "/ready", token=TOKEN, headers={"Host": host})
    assert (reply.status, reply.json) == (status, {"ready": ready})


@pytest.mark.parametrize("path", ["/ready", "/lookup"])
@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        (f"Bearer {TOKEN[:-1]}", False),
        (f"Bearer {TOKEN}x", False),
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
    ],
)
def test_a_token_is_needed_when_one_is_set(path: str, header: str, welcome: bool) -> None:
    worker = FakeWorker()
    headers = {"Authorization": header}
    method, body = ("GET", {}) if path == "/ready" else ("POST", {"json": {"customer_id": "a"}})
    reply = get(worker, path, method=method, token=TOKEN, headers=headers, **body)
    if welcome:
        assert reply.status in {200, 404}
    else:
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert reply.json == {"error": "the bearer token is missing or wrong"}
        assert worker.asked == []


def test_a_token_in_bytes_that_are_no_text_is_wrong() -> None:
    async def talk(_ask: Ask, address: str) -> Reply:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /ready HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
        got = await reader.read(1 << 16)
        writer.close()
        await writer.wait_closed()
        return Reply(int(got.split()[1]), {}, got.decode())

    assert asked(FakeWorker(), talk, token=TOKEN).status == 401


@pytest.mark.parametrize(
    ("host", "welcome"),
    [
        *((host, True) for host in ("localhost", "127.0.0.1:8080", "[::1]:8080")),
        *((host, False) for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[", "")),
    ],
)
def test_without_a_token_foreign_names_are_refused(host: str, welcome: bool) -> None:
    head = f"Host: {host}\r\nConnection: close\r\n".encode()
    body = b'Content-Length: 19\r\n\r\n{"customer_id":"a"}'
    status = int(raw(FakeWorker(), b"POST /lookup HTTP/1.1\r\n" + head + body).split()[1])
    assert status == 404 if welcome else status in {400, 403}
    told = raw(FakeWorker(), b"GET /ready HTTP/1.1\r\n" + head + b"\r\n")
    assert (b"partitions" in told) is welcome


def test_a_lookup_without_any_token_is_refused() -> None:
    worker = FakeWorker()
    reply = get(worker, "/lookup", method="POST", token=TOKEN, json={"customer_id": "a"})
    assert (reply.status, reply.headers["WWW-Authenticate"], worker.asked) == (401, "Bearer", [])


def test_who_guesses_tokens_has_to_wait_and_is_counted() -> None:
    async def guess(ask: Ask, _address: str) -> Reply:
        for _ in range(10):
            assert (await ask("GET", "/ready", headers={"Authorization": "Bearer a guess"})).status == 401
        for _ in range(2):
            reply = await ask("GET", "/ready", headers=BEARER)
            assert reply.status == 429
            assert 0 < int(reply.headers["Retry-After"]) <= 60
        assert (await ask("GET", "/ready")).status == 200
        return await ask("GET", "/metrics")

    told = asked(FakeWorker(), guess, token=TOKEN).text
    assert 'retention_web_refused_tokens_total{reason="wrong"} 10.0' in told
    assert 'retention_web_refused_tokens_total{reason="limit"} 2.0' in told


def test_behind_a_proxy_others_need_not_wait() -> None:
    async def guess(ask: Ask, _address: str) -> Reply:
        guess = {"Authorization": "Bearer a guess", "X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
        for _ in range(11):
            reply = await ask("GET", "/ready", headers=guess)
        assert reply.status == 429
        return await ask("GET", "/ready", headers={**BEARER, "X-Forwarded-For": "198.51.100.2"})

    assert asked(FakeWorker(), guess, token=TOKEN, behind_proxy=True).status == 200


def test_behind_a_proxy_that_adds_a_header_nobody_chooses_whose_guess_it_is() -> None:
    async def guess(ask: Ask, _address: str) -> Reply:
        for number in range(11):
            headers = CIMultiDict(
                [
                    ("Authorization", "Bearer a guess"),
                    ("X-Forwarded-For", f"203.0.113.{number}"),
                    ("X-Forwarded-For", f"198.51.100.1:{5000 + number}"),
                ]
            )
            reply = await ask("GET", "/ready", headers=headers)
        return reply

    assert asked(FakeWorker(), guess, token=TOKEN, behind_proxy=True).status == 429


def test_with_a_token_any_name_will_do() -> None:
    assert (
        "partitions" in get(FakeWorker(), "/ready", token=TOKEN, headers={**BEARER, "Host": "worker-1"}).json
    )


# Lookup


def as_alert_says(answer: LookupAnswer, alert: Alert) -> None:
    """Check that a lookup at the moment of an alert says what the alert says."""
    episode = answer.open_episode
    assert episode is not None
    same = (
        "alert_id",
        "level",
        "probability",
        "log_odds",
        "usual_spend_per_day",
        "recurring_per_day",
        "spend_since",
        "days_since",
        "days_usual_spend_since",
        "irregularity_days",
        "value_at_risk",
        "trailing_spend",
        "value_cutoff",
        "clears_when",
        "deadline",
        "ruleset",
        "anchor",
    )
    assert {name: getattr(episode, name) for name in same} == {name: getattr(alert, name) for name in same}
    assert (answer.as_of, answer.counters, answer.currency) == (alert.time, alert.counters, alert.currency)
    said = [
        (one.signal, one.nats, contact.contact_id) for contact in answer.contacts for one in contact.signals
    ]
    assert said == [(one.signal, one.nats, one.contact_id) for one in alert.reasons]


def answer_of(partition: Partition, customer_id: str = "a") -> LookupAnswer:
    view = partition.lookup(customer_id)
    assert view is not None
    return lookup_answer(view, "USD")


def test_a_lookup_says_what_an_alert_of_the_same_moment_says() -> None:
    partition = dataset()
    hour, raised = TROUBLE, list[Alert]()
    while not raised:
        hour += HOUR_MS
        raised = wait(partition, hour)
    as_alert_says(answer_of(partition), raised[0])


def test_a_lookup_of_a_silent_episode_says_what_its_alert_says() -> None:
    """The reset of day 147 is the last; S = (28 - 6) / 1.5 opens the episode 28 days later."""
    partition = silent_dataset()
    [raised] = wait(partition, HOME + 175 * DAY_MS)
    as_alert_says(answer_of(partition), raised)
    episode = answer_of(partition).open_episode
    assert episode is not None
    assert (episode.rule, episode.anchor) == ("silent", None)
    assert episode.weighed_from == "2024-05-30T00:00:00.000Z"


def test_a_lookup_over_http() -> None:
    worker = troubled()
    reply = look_up(worker, "a")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    answer = LookupAnswer.model_validate_json(reply.text)
    assert worker.partition is not None
    assert answer == answer_of(worker.partition)
    assert answer.as_of == "2024-06-02T01:00:00.000Z"
    assert answer.first_pane == "2024-01-04T12:00:00.000Z"
    assert (answer.counters.spend_7d, answer.counters.contacts_24h) == ("70.00", 1)
    assert [one.model_dump() for one in answer.contacts] == [
        {
            "source": "crm",
            "contact_id": "k1",
            "version": 1,
            "kind": "inbound",
            "moment": "2024-06-02T00:00:00.000Z",
            "channel": "voice",
            "reason": "billing",
            "nats": 1.85,
            "signals": ({"signal": "unresolved", "nats": 1.85},),
        }
    ]


def test_an_episode_of_which_nothing_was_sent_says_what_would_end_it() -> None:
    """Just below the sum that it names the episode stays open, at the sum it ends."""
    for cents, ends in ((-100, False), (100, True)):
        partition = dataset()
        wait(partition, TROUBLE + HOUR_MS)
        episode = answer_of(partition).open_episode
        assert episode is not None
        assert (episode.level, episode.snoozed_until, episode.cancelled) == (None, None, False)
        named = float(episode.clears_when.split("once ")[1].split(" USD")[0])
        a_day_more = float(episode.usual_spend_per_day) / 2
        spent = round((named + a_day_more) * 100) + cents
        partition.apply(TX, [purchase("a", TROUBLE + 5 * HOUR_MS, spent)])
        wait(partition, TROUBLE + 26 * HOUR_MS)
        assert (answer_of(partition).open_episode is None) is ends


def test_episodes_of_the_hold_out_arm_are_not_shown() -> None:
    worker = troubled(rules=HOLDOUT)
    assert worker.partition is not None
    assert len(worker.partition.open_customers) == 1
    told = look_up(worker, "a").json
    assert told["open_episode"] is None
    assert told["contacts"] != []
    assert "holdout" not in json.dumps(told)


def test_every_kind_of_contact_is_told() -> None:
    partition = dataset()
    after = TROUBLE + DAY_MS
    partition.apply(
        CT, [contact("a", after, "k2", outbound=True), contact("a", after + 1, "k3", recovery=True)]
    )
    partition.apply(CT, [notice("a", after + 2)])
    wait(partition, TROUBLE + 2 * DAY_MS)
    kinds = [(one.kind, one.channel) for one in answer_of(partition).contacts]
    assert kinds == [("inbound", "voice"), ("outbound", "voice"), ("recovery", "voice"), ("notice", None)]


def test_a_customer_of_whom_nothing_is_decided_yet() -> None:
    partition = Partition(RULES)
    partition.apply(TX, [purchase("a", HOME)])
    answer = LookupAnswer.model_validate_json(look_up(FakeWorker(partition), "a").text)
    assert (answer.as_of, answer.contacts, answer.open_episode) == (None, (), None)
    assert answer.first_pane == "2024-01-04T00:00:00.000Z"


def test_who_is_not_here() -> None:
    worker = troubled()
    worker.elsewhere, worker.opening = {"b"}, {"c"}
    assert [look_up(worker, one).status for one in "abcd"] == [200, 421, 503, 404]
    assert look_up(worker, "b").json == {"error": "another worker has this customer"}


@pytest.mark.parametrize("customer_id", ["ä", "\x00", "a" * 128, "\U0001f600" * 128, "[red]", "'\"\\"])
def test_ids_may_be_anything(customer_id: str) -> None:
    """As JSON in ASCII, which is as long as an id can get."""
    reply = look_up(troubled(customer_id), customer_id)
    assert (reply.status, reply.json["customer_id"]) == (200, customer_id)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'"a"', 400),
        (b"null", 400),
        (b'{"customer_id": null}', 400),
        (b'{"customer_id": 7}', 400),
        (b'{"customer_id": ""}', 400),
        (b'{"customer_id": "%s"}' % (b"a" * 129), 400),
        (b'{"customer_id": "\\ud800"}', 400),
        (b'{"customer_id": "\xff"}', 400),
        (b'{"customer_id": "a", "other": 1}', 400),
        (b"[" * 4000, 400),
        (b'{"customer_id": "%s"}' % (b"a" * 5000), 413),
        (b" " * 1_000_000, 413),
    ],
)
def test_a_body_that_is_no_question(body: bytes, status: int) -> None:
    worker = FakeWorker()
    reply = get(worker, "/lookup", method="POST", data=body)
    assert (reply.status, worker.asked) == (status, [])
    assert list(reply.json) == ["error"]
    assert "aaa" not in reply.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/lookup/a", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/lookup", 405),
        ("DELETE", "/metrics", 405),
        ("POST", "/ready", 405),
        *(("OPTIONS", path, 405) for path in ("/ready", "/lookup", "/metrics")),
        ("TRACE", "/ready", 405),
    ],
)
def test_what_is_not_there(method: str, path: str, status: int) -> None:
    reply = get(FakeWorker(), path, method=method)
    assert reply.status == status
    assert list(reply.json) == ["error"]
    assert ("Allow" in reply.headers) is (status == 405)


@pytest.mark.parametrize(("path", "status"), [("/live", 200), ("/ready", 503), ("/lookup", 405)])
def test_head_tells_what_get_does_and_no_more(path: str, status: int) -> None:
    worker = FakeWorker()
    worker.now = NOTHING
    reply = get(worker, path, method="HEAD", token=TOKEN)
    assert (reply.status, reply.text, worker.asked) == (status, "", [])


@pytest.mark.parametrize("path", ["/live", "/metrics", "/ready", "/lookup", "/nothing"])
def test_answers_are_not_kept_and_not_framed(path: str) -> None:
    headers = get(FakeWorker(), path).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "aiohttp" not in headers["Server"]


# What must not show


def test_no_customer_id_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    worker = troubled("secret-customer")
    look_up(worker, "secret-customer")
    get(worker, "/lookup?customer_id=secret-customer")
    raw(worker, b"GET /lookup?customer_id=secret-customer nonsense\r\n\r\n")
    raw(worker, b"POST /lookup HTTP/1.1\r\nHost: localhost\r\nsecret-customer\r\n\r\n")
    worker.bug = KeyError("secret-customer")
    look_up(worker, "secret-customer")
    shown = [record.getMessage() + str(record.exc_info) + str(record.exc_text) for record in caplog.records]
    assert "secret-customer" not in "".join(shown)


def test_of_a_bug_kind_and_place_are_told_but_not_what_it_says(caplog: pytest.LogCaptureFixture) -> None:
    worker = FakeWorker()
    worker.bug = KeyError("secret-customer")
    reply = look_up(worker, "secret-customer")
    assert (reply.status, reply.json) == (500, {"error": "internal error"})
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(told) == 1
    assert told[0].startswith("a request failed: KeyError at lookup:")


# Start and stop


def test_a_port_in_use_is_said_in_one_line() -> None:
    async def twice() -> str:
        async with serving(FakeWorker()) as address:
            port = int(address.rpartition(":")[2])
            second = WebServer(Settings(web_port=port), Metrics(), FakeWorker())
            with pytest.raises(PortInUseError) as caught:
                await second.start()
            await second.stop()
            return str(caught.value).replace(str(port), "PORT")

    assert asyncio.run(twice()) == (
        "127.0.0.1:PORT is in use: set RETENTION_WEB_PORT to another port, or to 0 for any free one"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_said_in_one_line(host: str) -> None:
    async def start() -> str:
        server = WebServer(
            Settings(web_host=host, web_port=0, token=LONG, behind_proxy=True), Metrics(), FakeWorker()
        )
        with pytest.raises(PortInUseError) as caught:
            await server.start()
        return str(caught.value)

    told = asyncio.run(start())
    assert told.startswith(f"{host}:0 can't be listened on: ")
    assert told.count(host) == 1
    assert "\n" not in told


def test_it_stops_at_once_though_a_client_holds_on_and_another_is_slow() -> None:
    async def stop() -> float:
        worker = FakeWorker()
        async with serving(worker) as address:
            host, port = address.split(":")
            idle_reader, idle = await asyncio.open_connection(host, int(port))
            idle.write(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await idle_reader.readuntil(b"}")
            _, slow = await asyncio.open_connection(host, int(port))
            slow.write(b"POST /lookup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
            await asyncio.sleep(0.1)
            started = time.monotonic()
        took = time.monotonic() - started
        for writer in (idle, slow):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        return took

    assert asyncio.run(stop()) < 3


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.http.server.BODY_SECONDS", 0.1)
    sent = b"POST /lookup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{"
    assert raw(FakeWorker(), sent).split()[1] == b"408"
