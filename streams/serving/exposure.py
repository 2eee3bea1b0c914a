"""What has to be there before a server listens where other machines reach it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streams.addresses import is_loopback

TOKEN_FILE: Final = "RETENTION_TOKEN_FILE"  # noqa: S105 - the name of a setting
CERTIFICATE_FILE: Final = "RETENTION_WEB_CERTIFICATE_FILE"
KEY_FILE: Final = "RETENTION_WEB_KEY_FILE"
BEHIND_PROXY: Final = "RETENTION_BEHIND_PROXY"
FEWEST_CHARACTERS: Final = 32
_FEWEST_DIFFERENT: Final = 8
"""Random ones have more, also in hexadecimal: 32 of them have fewer once in ten million times."""
MAKE_ONE: Final = f"`openssl rand -hex {FEWEST_CHARACTERS} > FILE` makes one"


@dataclass(frozen=True, slots=True, repr=False)
class Exposure:
    """Where a server listens, and what guards it there. It is not represented: it holds the token."""

    host: str
    token: str | None
    certificate_file: Path | None
    key_file: Path | None
    behind_proxy: bool

    @property
    def is_off_loopback(self) -> bool:
        """Return whether other machines may reach it."""
        return not is_loopback(self.host)

    def problems(self) -> Iterator[str]:
        """Yield why it must not listen, and what to do; nothing of the token."""
        if (self.certificate_file is None) != (self.key_file is None):
            yield f"{CERTIFICATE_FILE} and {KEY_FILE} need each other"
        if self.is_off_loopback:
            yield from _token_problems(self.token)
            if self.certificate_file is None and not self.behind_proxy:
                yield (
                    f"off loopback tokens and answers must not go unencrypted: set {CERTIFICATE_FILE} and "
                    f"{KEY_FILE}, or {BEHIND_PROXY}=true (--behind-proxy) if TLS ends before this server"
                )


def _token_problems(token: str | None) -> Iterator[str]:
    if not token:
        yield f"off loopback a token is needed: set {TOKEN_FILE}; {MAKE_ONE}"
    elif len(token) < FEWEST_CHARACTERS or len(set(token)) < _FEWEST_DIFFERENT:
        yield f"off loopback a token has at least {FEWEST_CHARACTERS} random characters; {MAKE_ONE}"
