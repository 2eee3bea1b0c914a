"""Who may see the pages: without a token whoever is on this machine, with one who knows it."""

import binascii
from base64 import b64decode
from hmac import compare_digest

from aiohttp import web

from streams.addresses import names_loopback
from streams.serving.exposure import Exposure
from streams.serving.failed_tokens import FailedTokens, client_address


class Admission:
    """Checks requests for pages. A browser asks for the token as a password; the name of the user is free."""

    def __init__(self, exposure: Exposure) -> None:
        self._token = exposure.token.encode() if exposure.token else None
        self._behind_proxy = exposure.behind_proxy
        self._failed = FailedTokens()

    def check(self, request: web.Request) -> None:
        """Raise HTTPForbidden, HTTPUnauthorized, or after too many wrong tokens HTTPTooManyRequests."""
        if self._token is None:
            if not names_loopback(request.headers.get("Host", "")):
                raise web.HTTPForbidden(text="only loopback names are answered\n")
            return
        given = _given(request.headers.get("Authorization", ""))
        if given is None:
            raise _unauthorized("the token is needed, as a password")
        address = client_address(
            request.remote, request.headers.getall("X-Forwarded-For", ()), behind_proxy=self._behind_proxy
        )
        seconds = self._failed.wait_seconds(address)
        if seconds:
            raise web.HTTPTooManyRequests(
                text=f"too many wrong tokens: try again in {seconds} s\n",
                headers={"Retry-After": str(seconds)},
            )
        if not compare_digest(given, self._token):
            self._failed.note(address)
            raise _unauthorized("that is not the token")


def _given(header: str) -> bytes | None:
    """Return the token of an Authorization header, `Bearer` or the password of `Basic`; None without one."""
    scheme, _, given = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip().encode(errors="surrogateescape")
        case "basic":
            try:
                return b64decode(given, validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return b""
        case _:
            return None


def _unauthorized(why: str) -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(text=f"{why}\n", headers={"WWW-Authenticate": 'Basic realm="crm-sandbox"'})
