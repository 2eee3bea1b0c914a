"""How the bridge logs in, and how a login is renewed."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from typing_extensions import override

from streams.crm.delivery.courier import Courier
from streams.crm.delivery.login import (
    FileLogin,
    Login,
    LoginError,
    NoLogin,
    OAuthLogin,
    login_of,
    read_secret,
)
from streams.crm.delivery.transport import Endpoint
from streams.crm.wire import Outcome, Result
from streams.crm_settings import CrmSettings
from tests.crm.delivery.fake_crm import NOW, SECRETS, FakeCrm, post, serving


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    return path


def token(text: str, **more: Any) -> web.Response:
    return web.json_response({"access_token": text, "token_type": "bearer", **more})


def sent(
    login: Login | Path, *answers: web.Response | int, times: tuple[float, ...] = (0.0,)
) -> tuple[list[Outcome], FakeCrm]:
    """Send a message at each of these times; a path stands for OAuth with this secret, at the same server."""

    async def converse() -> tuple[list[Outcome], FakeCrm]:
        async with serving(*answers) as crm:
            how = OAuthLogin(f"{crm.url}/token", "me&you", login) if isinstance(login, Path) else login
            async with Courier(Endpoint(crm.url), SECRETS, how) as courier:
                return [await courier.send("a-1/7", post(), NOW + after) for after in times], crm

    return asyncio.run(converse())


def shown(crm: FakeCrm) -> list[str | None]:
    """Return the Authorization of each request that was no question for a token, which is a dash."""
    return ["-" if one.path == "/token" else one.headers.get("authorization") for one in crm.asked]


def test_bearer_and_basic(secret: Path) -> None:
    assert shown(sent(FileLogin(secret))[1]) == ["Bearer s3cret"]
    assert shown(sent(FileLogin(secret, "me"))[1]) == ["Basic bWU6czNjcmV0"]
    assert shown(sent(NoLogin())[1]) == [None]


def test_a_file_is_read_again_when_its_secret_is_refused(secret: Path) -> None:
    class Changed(FileLogin):
        """The file changes while the first request is under way."""

        @override
        def refused(self, authorization: str) -> bool:
            secret.write_text("new\n")
            return super().refused(authorization)

    (outcome,), crm = sent(Changed(secret), 401, 200)
    assert outcome.result is Result.DELIVERED
    assert shown(crm) == ["Bearer s3cret", "Bearer new"]
    (outcome,), crm = sent(FileLogin(secret), 401, 200)
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "status_401", True)
    assert len(crm.asked) == 1  # the same would be refused again


@pytest.mark.parametrize("text", [None, "", "\n", "a\nb", "s\x00"])
def test_a_file_that_cannot_be_used_is_the_endpoints_trouble(secret: Path, text: str | None) -> None:
    if text is None:
        secret.unlink()
    else:
        secret.write_text(text)
    (outcome,), crm = sent(FileLogin(secret))
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, "login_file", True)
    assert crm.asked == []
    with pytest.raises(LoginError):
        read_secret(secret)


def test_oauth_asks_once_for_a_token_and_again_before_it_ends(secret: Path) -> None:
    outcomes, crm = sent(
        secret,
        *(token("t1", expires_in=3600), 200, 200, token("t2"), 200, 200),
        times=(0.0, 3_569.0, 3_571.0, 1e6),
    )
    assert {one.result for one in outcomes} == {Result.DELIVERED}
    assert shown(crm) == ["-", "Bearer t1", "Bearer t1", "-", "Bearer t2", "Bearer t2"]
    asked = crm.asked[0]
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "webhook-signature" not in asked.headers
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["me&you"],
        "client_secret": ["s3cret"],
    }


def test_oauth_refreshes_once_on_401(secret: Path) -> None:
    (outcome,), crm = sent(secret, token("t1"), 401, token("t2"), 200)
    assert outcome.result is Result.DELIVERED
    assert shown(crm) == ["-", "Bearer t1", "-", "Bearer t2"]
    (outcome,), crm = sent(secret, token("t1"), 401, token("t2"), 401)
    assert (outcome.reason, outcome.endpoint) == ("status_401", True)
    assert len(crm.asked) == 4


def test_many_under_way_ask_for_one_token(secret: Path) -> None:
    async def converse() -> FakeCrm:
        async with serving(token("t1"), 200) as crm:
            login = OAuthLogin(f"{crm.url}/token", "me", secret)
            async with Courier(Endpoint(crm.url), SECRETS, login) as courier:
                await asyncio.gather(*(courier.send(f"a-{one}/1", post(), NOW) for one in range(8)))
                return crm

    assert shown(asyncio.run(converse())).count("-") == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (400, "login_status_400"),
        (401, "login_status_401"),
        (503, "login_status_503"),
        (web.Response(status=302, headers={"Location": "/hook"}), "login_redirect"),
        (web.Response(text="{"), "login_unreadable"),
        (web.json_response({"access_token": ""}), "login_unreadable"),
        (web.json_response({"access_token": "a\r\nb"}), "login_unreadable"),
        (web.json_response({"access_token": 7}), "login_unreadable"),
        (web.json_response({"access_token": "x" * 70_000}), "login_unreadable"),
    ],
)
def test_without_a_token_nothing_is_sent(secret: Path, answer: web.Response | int, reason: str) -> None:
    (outcome,), crm = sent(secret, answer, 200)
    assert (outcome.result, outcome.reason, outcome.endpoint) == (Result.RETRY, reason, True)
    assert len(crm.asked) == 1


def test_the_token_endpoint_is_guarded_too(secret: Path) -> None:
    login = OAuthLogin("https://169.254.169.254/token", "me", secret)
    (outcome,), crm = sent(login)
    assert (outcome.reason, crm.asked) == ("login_address_refused", [])


def test_the_way_is_that_of_the_settings(secret: Path) -> None:
    def of(**given: Any) -> Login:
        return login_of(CrmSettings(auth_secret_file=secret, auth_user="me", **given))

    assert isinstance(of(auth="none"), NoLogin)
    assert isinstance(of(auth="bearer"), FileLogin)
    assert shown(sent(of(auth="bearer"))[1]) == ["Bearer s3cret"]
    assert shown(sent(of(auth="basic"))[1]) == ["Basic bWU6czNjcmV0"]
    url = "https://crm.example.com/token"
    assert isinstance(of(auth="oauth", auth_token_url=url), OAuthLogin)
    assert "s3cret" not in repr(of(auth="bearer"))
