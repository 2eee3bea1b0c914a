"""What has to be there before a server listens where other machines reach it."""

from pathlib import Path
from typing import Any

import pytest

from streams.serving.exposure import Exposure

TOKEN = "0123456789abcdef" * 2
PEM, KEY = Path("server.pem"), Path("server.key")


def problems(**changes: Any) -> list[str]:
    given = {
        "host": "0.0.0.0",  # noqa: S104 - nobody listens
        "token": TOKEN,
        "certificate_file": None,
        "key_file": None,
        "behind_proxy": False,
    }
    return list(Exposure(**given | changes).problems())


def test_on_loopback_nothing_is_needed() -> None:
    assert problems(host="127.0.0.1", token=None) == problems(host="::1", token="x") == []  # noqa: S106


def test_off_loopback_tls_or_a_proxy_is_needed() -> None:
    (why,) = problems()
    assert "RETENTION_WEB_CERTIFICATE_FILE" in why
    assert "--behind-proxy" in why
    assert problems(behind_proxy=True) == problems(certificate_file=PEM, key_file=KEY) == []


@pytest.mark.parametrize("token", [None, "", "x", TOKEN[1:], "a" * 64, "abcdefg" * 9])
def test_a_token_that_can_be_guessed_is_refused_with_what_makes_one(token: str | None) -> None:
    (why,) = problems(token=token, behind_proxy=True)
    assert "`openssl rand -hex 32 > FILE` makes one" in why
    assert not token or len(token) < 3 or token not in why


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - nobody listens
def test_a_certificate_and_its_key_need_each_other(host: str) -> None:
    assert "need each other" in problems(host=host, certificate_file=PEM, behind_proxy=True)[0]
    assert "need each other" in problems(host=host, key_file=KEY, behind_proxy=True)[0]


def test_the_token_is_not_represented() -> None:
    assert TOKEN not in repr(Exposure("::", TOKEN, None, None, behind_proxy=True))
