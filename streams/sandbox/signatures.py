"""Standard Webhooks by the public library: who may deliver, and our own signature on what goes back."""

import binascii
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from standardwebhooks import Webhook, WebhookVerificationError

PREFIX: Final = "whsec_"
MAKE_ONE: Final = "`retention-signals crm-sandbox secret` makes one"
_NEW_BYTES: Final = 32
_FEWEST_BYTES: Final = 24
_MOST_BYTES: Final = 64


class SecretError(Exception):
    """A file of secrets that can't be used; the message never holds one."""


class Keys:
    """Secrets that are accepted, each; the first of them signs."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._webhooks = [Webhook(text) for text in texts]

    def accepts(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return whether one of the secrets signed the body within five minutes of now."""
        given = dict(headers)
        for webhook in self._webhooks:
            # The library lets through what its decoders say of a malformed signature.
            with suppress(WebhookVerificationError, ValueError):
                webhook.verify(body, given, json_parse=False)
                return True
        return False

    def headers(self, message_id: str, body: str, now: datetime) -> dict[str, str]:
        """Return what is sent along with a body; `now` is in UTC."""
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhooks[0].sign(message_id, now, body),
        }


def new_secret() -> str:
    """Return a new secret."""
    return PREFIX + b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def load_keys(path: Path) -> Keys:
    """Return the secrets of a file, a line each; raise SecretError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SecretError(f"{path} cannot be read: {error.strerror}; {MAKE_ONE}") from error
    except UnicodeDecodeError:
        raise SecretError(f"{path} is no text; {MAKE_ONE}") from None
    found = {at: line.strip() for at, line in enumerate(lines, 1) if line.strip()}
    if not found:
        raise SecretError(f"{path} is empty; {MAKE_ONE}")
    for at, text in found.items():
        if not _is_secret(text):
            raise SecretError(
                f"{path}, line {at}: a secret is {PREFIX} and base64 of {_FEWEST_BYTES} to {_MOST_BYTES} "
                f"bytes; {MAKE_ONE}"
            )
    return Keys(found.values())


def _is_secret(text: str) -> bool:
    if not text.startswith(PREFIX):
        return False
    try:
        return _FEWEST_BYTES <= len(b64decode(text.removeprefix(PREFIX), validate=True)) <= _MOST_BYTES
    except (binascii.Error, ValueError):
        return False
