"""Who may see the desk and act there.

Without a token only this machine is served, by a name of its own: a web page could make its own name point
here. With one, whoever knows it logs in and gets a cookie, signed by a key made of the token: it outlives a
restart of the desk, and ends with the token. What changes something has to come from a page of ours: the
origin is checked, and a second secret that only such a page can read.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from streams.addresses import names_loopback

SESSION_SECONDS: Final = 12 * 3600
_PLAIN, _SECURE = "desk", "__Host-desk"
"""Names of the cookie; the second only over TLS."""
_NOBODY: Final = "loopback"
_WRONG_SECONDS: Final = 0.5


IsRight = Callable[[web.Request, str], bool]
"""Returns whether a request gives the token; raises HTTPTooManyRequests after too many that were wrong."""


class Guard:
    """Knows whether there is a token; `is_right` knows which."""

    def __init__(self, token: str | None, is_right: IsRight) -> None:
        self._has_token, self._is_right = token is not None, is_right
        # A cookie tells nothing of the token, and one of another token does not fit.
        own = secrets.token_bytes(32) if token is None else token.encode()
        self._key = sha256(b"retention-signals desk\0" + own).digest()

    @property
    def has_token(self) -> bool:
        """Return whether one has to log in."""
        return self._has_token

    def session(self, request: web.Request) -> str | None:
        """Return who asks, as a text that is only compared; None if they may not."""
        if not self._has_token:
            return _NOBODY if names_loopback(request.headers.get("Host", "")) else None
        for name in (_SECURE, _PLAIN):
            cookie = request.cookies.get(name, "")
            body, _, signed = cookie.rpartition(".")
            until = body.partition(".")[0]
            if (
                self._is(signed, "session", body)
                and until.isascii()
                and until.isdigit()
                and int(until) > time.time()
            ):
                return body
        return None

    async def log_in(self, request: web.Request, given: str) -> str | None:
        """Return a cookie for whoever knows the token; None for anybody else, and not soon.

        Raises HTTPTooManyRequests.
        """
        if not (self._has_token and self._is_right(request, given)):
            await asyncio.sleep(_WRONG_SECONDS)
            return None
        body = f"{int(time.time()) + SESSION_SECONDS}.{secrets.token_hex(16)}"
        return f"{body}.{self._sign('session', body)}"

    def csrf(self, session: str) -> str:
        """Return what a page of this session sends with what changes something."""
        return self._sign("csrf", session)

    def is_ours(self, request: web.Request, session: str, given: str) -> bool:
        """Return whether a request that changes something was sent from a page of this session."""
        return is_same_origin(request) and self._is(given, "csrf", session)

    def _sign(self, what: str, text: str) -> str:
        return hmac.new(self._key, f"{what}\0{text}".encode(errors="replace"), sha256).hexdigest()

    def _is(self, given: str, what: str, text: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self._sign(what, text).encode())


def is_same_origin(request: web.Request) -> bool:
    """Return whether a browser says that the request comes from a page of this host."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return False
    try:
        origin = urlsplit(request.headers.get("Origin", ""))
    except ValueError:
        return False
    return origin.scheme in {"http", "https"} and origin.netloc == request.headers.get("Host")


def set_cookie(response: web.Response, request: web.Request, cookie: str) -> None:
    """Give a cookie, or take it away (empty). TLS ends before us: by the origin the browser tells of it."""
    secure = request.headers.get("Origin", "").startswith("https://")
    response.set_cookie(
        _SECURE if secure else _PLAIN,
        cookie,
        max_age=SESSION_SECONDS if cookie else 0,
        httponly=True,
        secure=secure,
        samesite="Strict",
        path="/",
    )
