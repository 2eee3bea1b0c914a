"""The bearer token of a server: whether one is right, and how often one may be wrong."""

from hmac import compare_digest

from aiohttp import web
from prometheus_client import CollectorRegistry

from streams.runtime.telemetry.web_metrics import WebMetrics
from streams.serving.failed_tokens import FailedTokens, client_address
from streams.settings import Settings


class Tokens:
    """Knows the token, if there is one, and who gave wrong ones."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        token = settings.web_token()
        self._token = None if token is None else token.encode()
        self._behind_proxy = settings.behind_proxy
        self._failed, self._metrics = FailedTokens(), WebMetrics(registry)

    @property
    def needed(self) -> bool:
        """Return whether a token is set."""
        return self._token is not None

    def check(self, request: web.Request) -> None:
        """Raise HTTPUnauthorized unless a request has the token, HTTPTooManyRequests after too many wrong."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise _unauthorized()
        if not self.is_right(request, given.strip()):
            raise _unauthorized()

    def is_right(self, request: web.Request, given: str) -> bool:
        """Return whether this is the token; raises HTTPTooManyRequests after too many that were not."""
        address = client_address(
            request.remote, request.headers.getall("X-Forwarded-For", ()), behind_proxy=self._behind_proxy
        )
        seconds = self._failed.wait_seconds(address)
        if seconds:
            self._metrics.refused.labels("limit").inc()
            raise web.HTTPTooManyRequests(
                reason=f"too many wrong tokens: try again in {seconds} s",
                headers={"Retry-After": str(seconds)},
            )
        if self._token is not None and compare_digest(given.encode(errors="replace"), self._token):
            return True
        self._failed.note(address)
        self._metrics.refused.labels("wrong").inc()
        return False


def _unauthorized() -> web.HTTPUnauthorized:
    return web.HTTPUnauthorized(
        reason="the bearer token is missing or wrong", headers={"WWW-Authenticate": "Bearer"}
    )
