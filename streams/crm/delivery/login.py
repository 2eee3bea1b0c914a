"""How the bridge logs in at the CRM: what stands in the Authorization header, and how it is renewed."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, Protocol
from urllib.parse import urlencode

from pydantic import BaseModel, Field, ValidationError
from typing_extensions import override

from streams.crm_settings import CrmSettings

PostForm = Callable[[str, bytes], Awaitable[bytes]]
"""Posts a form to a URL and returns the body of the answer; guarded and timed as a delivery is.

It raises LoginError if the answer is none of success.
"""
_EARLY_SECONDS: Final = 30.0
"""A token is renewed so long before it ends: clocks differ, and a request takes its time."""
_FORBIDDEN: Final = frozenset(map(chr, (*range(32), 127)))


class LoginError(Exception):
    """Logging in failed; `reason` is a word of a closed set, and nothing of a secret is in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Login(Protocol):
    """A way to log in. Its secret shows in no representation."""

    async def authorization(self, post: PostForm, now_s: float) -> str | None:
        """Return the value of the Authorization header, None for none. Raises LoginError."""

    def refused(self, authorization: str) -> bool:
        """Take that a value was refused, and return whether there may be a better one."""


class NoLogin(Login):
    """The signature is all."""

    @override
    async def authorization(self, post: PostForm, now_s: float) -> str | None:
        return None

    @override
    def refused(self, authorization: str) -> bool:
        return False


class FileLogin(Login):
    """A bearer token, or user and password, with the secret in a file: read again when it is refused."""

    def __init__(self, path: Path, user: str | None = None) -> None:
        """Take the file, and for `basic` the user."""
        self._path, self._user = path, user
        self._value: str | None = None

    @override
    async def authorization(self, post: PostForm, now_s: float) -> str | None:
        if self._value is None:
            self._value = self._read()
        return self._value

    @override
    def refused(self, authorization: str) -> bool:
        self._value = None
        try:
            return self._read() != authorization
        except LoginError:
            return False

    def _read(self) -> str:
        secret = read_secret(self._path)
        if self._user is None:
            return f"Bearer {secret}"
        return f"Basic {b64encode(f'{self._user}:{secret}'.encode()).decode()}"


class _Token(BaseModel):
    """What a token endpoint answers, RFC 6749, section 5.1."""

    access_token: Annotated[str, Field(min_length=1)]
    expires_in: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class OAuthLogin(Login):
    """OAuth client credentials: a token is asked for once, and again when it ends or is refused.

    Id and secret go into the form, not into a Basic header: RFC 6749 allows either, and the token endpoints
    of CRMs know this one.
    """

    def __init__(self, url: str, client_id: str, secret_file: Path) -> None:
        self._url, self._client_id, self._path = url, client_id, secret_file
        self._value: str | None = None
        self._until: float | None = None
        self._asking = asyncio.Lock()

    @override
    async def authorization(self, post: PostForm, now_s: float) -> str | None:
        async with self._asking:  # else all that is under way would ask, each for itself
            if self._value is None or (self._until is not None and now_s >= self._until):
                self._value = None
                token = await self._ask(post)
                ends = token.expires_in
                self._until = None if ends is None else now_s + max(ends - _EARLY_SECONDS, ends / 2)
                self._value = f"Bearer {token.access_token}"
            return self._value

    @override
    def refused(self, authorization: str) -> bool:
        if self._value == authorization:  # else another request has renewed it meanwhile
            self._value = None
        return True

    async def _ask(self, post: PostForm) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": read_secret(self._path),
        }
        answer = await post(self._url, urlencode(form).encode())
        try:
            token = _Token.model_validate_json(answer)
        except ValidationError:
            raise LoginError("login_unreadable") from None  # the error holds the answer
        if not _FORBIDDEN.isdisjoint(token.access_token):
            raise LoginError("login_unreadable")
        return token


def login_of(settings: CrmSettings) -> Login:
    """Return the way to log in that the settings name; they have been checked."""
    match settings:
        case CrmSettings(auth="bearer", auth_secret_file=Path() as path):
            return FileLogin(path)
        case CrmSettings(auth="basic", auth_secret_file=Path() as path, auth_user=str(user)):
            return FileLogin(path, user)
        case CrmSettings(
            auth="oauth", auth_secret_file=Path() as path, auth_user=str(user), auth_token_url=str(url)
        ):
            return OAuthLogin(url, user, path)
        case _:
            return NoLogin()


def read_secret(path: Path) -> str:
    """Return the secret in a file, without the newline at its end. Raises LoginError."""
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise LoginError("login_file") from None
    if not secret or not _FORBIDDEN.isdisjoint(secret):
        raise LoginError("login_file")
    return secret
