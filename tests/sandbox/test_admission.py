"""A sandbox that other machines reach: who sees its pages, over TLS, and what it refuses to start with."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from streams.sandbox.desk import Desk
from streams.sandbox.faults import FaultSettings
from streams.sandbox.server import Sandbox
from streams.sandbox.signatures import Keys
from streams.sandbox.store import Store
from streams.serving import certificates
from streams.serving.exposure import Exposure
from tests.certificates import make_pair
from tests.lab.datasets import run
from tests.sandbox.sandbox_cases import SECRET, signed

TOKEN = "0123456789abcdef" * 2


def reached(
    store: Store, exposure: Exposure, talk: Callable[[aiohttp.ClientSession, str], Awaitable[Any]]
) -> Any:
    """Run a sandbox as it is exposed, and return what a conversation ends with."""
    keys = Keys([SECRET])

    async def converse() -> Any:
        desk = Desk(store, keys, "http://127.0.0.1:1")
        one = Sandbox(store, keys, desk, FaultSettings(), exposure=exposure)
        url = await one.start()
        try:
            async with aiohttp.ClientSession() as http:
                return await talk(http, url)
        finally:
            await one.stop()

    return asyncio.run(converse())


def test_with_a_token_pages_want_it_and_what_is_signed_does_not(store: Store) -> None:
    async def talk(http: aiohttp.ClientSession, url: str) -> list[int]:
        found = []
        for login in ("", "anybody:wrong", f"anybody:{TOKEN}"):
            given = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
            for path in ("/", "/cases.json", "/faults", "/live"):
                async with http.get(url + path, headers={"Host": "crm-sandbox", **given}) as answer:
                    found.append(answer.status)
                    if answer.status == 401:
                        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        async with http.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            found.append(answer.status)
        body = b'{"alert_id": "a-1"}'
        async with http.post(url + "/webhook", data=body, headers=signed(body, "m-1")) as answer:
            found.append(answer.status)
        return found

    exposure = Exposure("127.0.0.1", TOKEN, None, None, behind_proxy=True)
    no, yes = [401, 401, 401, 200], [200] * 4
    assert reached(store, exposure, talk) == [*no, *no, *yes, 200, 200]


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic YQ==", "Bearer ", "Bearer \u00ff", "Digest x"])
def test_what_is_no_token_is_wrong(store: Store, header: str) -> None:
    async def talk(http: aiohttp.ClientSession, url: str) -> int:
        async with http.get(url, headers={"Authorization": header}) as answer:
            return answer.status

    assert reached(store, Exposure("127.0.0.1", TOKEN, None, None, behind_proxy=False), talk) == 401


def test_who_guesses_has_to_wait(store: Store) -> None:
    async def talk(http: aiohttp.ClientSession, url: str) -> list[int]:
        found = []
        for token in [*["a guess"] * 10, TOKEN]:
            async with http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                found.append(answer.status)
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        return found

    exposure = Exposure("127.0.0.1", TOKEN, None, None, behind_proxy=False)
    assert reached(store, exposure, talk) == [*[401] * 10, 429]


def test_over_tls_forms_come_from_its_own_pages(store: Store, tmp_path: Path) -> None:
    pair = make_pair(tmp_path)

    async def talk(http: aiohttp.ClientSession, url: str) -> list[int]:
        trusts = ssl.create_default_context(cafile=pair.certificate)
        found = []
        for origin in (url, url.replace("https", "ftp"), "https://evil.example"):
            async with http.post(
                f"{url}/dispose?id=a", data={"do": "x"}, headers={"Origin": origin}, ssl=trusts
            ) as answer:
                found.append(answer.status)
        return found

    exposure = Exposure("127.0.0.1", None, pair.certificate, pair.key, behind_proxy=False)
    assert reached(store, exposure, talk) == [400, 403, 403]


def test_its_certificate_is_looked_at_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    monkeypatch.setattr(certificates, "_RENEW_SECONDS", 0.01)
    monkeypatch.setattr(certificates.Certificate, "renew", lambda _: looked.set())
    pair = make_pair(tmp_path)

    async def talk(_http: aiohttp.ClientSession, _url: str) -> bool:
        return await asyncio.wait_for(looked.wait(), 10)

    exposure = Exposure("127.0.0.1", None, pair.certificate, pair.key, behind_proxy=False)
    assert reached(store, exposure, talk)


def test_off_loopback_it_does_not_start_without_what_guards_it(tmp_path: Path) -> None:
    secret, token = tmp_path / "secret", tmp_path / "token"
    secret.write_text(SECRET)
    started = ("crm-sandbox", "--host", "0.0.0.0", "--secret-file", secret, "--db", tmp_path / "db")  # noqa: S104
    done = run(*started, "--behind-proxy")
    assert (done.code, "off loopback a token is needed" in done.err) == (78, True)
    for text, why in (
        ("short", "at least 32 random characters"),
        ("\n", "is empty"),
        (TOKEN, "--behind-proxy"),
    ):
        token.write_text(text)
        done = run(*started, "--token-file", token)
        assert (done.code, why in done.err.replace("\n", " ")) == (78, True), done.err
    done = run(*started, "--token-file", tmp_path / "none")
    assert (done.code, "cannot be read" in done.err) == (78, True)
    done = run(*started[:1], *started[3:], "--certificate-file", token, "--key-file", token)
    assert (done.code, "are no pair" in done.err.replace("\n", " ")) == (78, True)
