"""Standard Webhooks: what is sent is signed, and what comes back has to be.

The scheme is symmetric, `v1`: HMAC-SHA256 of `id.timestamp.body`. A secret is changed without a gap by having
the old and the new one in the file for a while: all of them sign, and any of them is accepted.
"""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from streams.crm_settings import crm_variable
from streams.settings import SettingsError

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
TOLERANCE_SECONDS: Final = 300
"""So far a timestamp may be from our clock, either way."""
MOST_ID_CHARACTERS: Final = 128
"""An id becomes the id of an event, and those are no longer."""
PREFIX: Final = "whsec_"
_VERSION: Final = "v1"
_KEY_BYTES: Final = range(24, 65)
_ID: Final = re.compile(r"[\x21-\x2d\x2f-\x7e]+")
"""What is not ASCII is signed as something else than it arrives as: one signature would hold for many ids."""
_TIMESTAMP: Final = re.compile("[0-9]{1,15}")
_MAKE: Final = "printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\""


class SignatureError(Exception):
    """What came is not signed by one of our secrets, or not now; the message is for whoever sent it."""


class Secrets:
    """The secrets that sign and verify. Their text shows in no representation."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def headers(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers that sign a body; `timestamp` in seconds.

        Raises ValueError for an id with a full stop, which would let its end be taken for the timestamp, and
        for one that no header can hold.
        """
        if not _ID.fullmatch(message_id):
            raise ValueError("the id of a message is of visible ASCII, and has no full stop")
        signed = _signed(message_id, str(timestamp), body)
        return {
            ID_HEADER: message_id,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: " ".join(_signature(key, signed) for key in self._keys),
        }

    def verify(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        """Return the id of a message that is signed; raise SignatureError for any other.

        Names of headers are in lower case, or the mapping does not mind. Every signature given is compared
        with every one that would be right, so the time taken tells nothing about them.
        """
        message_id = headers.get(ID_HEADER, "")
        timestamp = headers.get(TIMESTAMP_HEADER, "")
        given = headers.get(SIGNATURE_HEADER, "")
        if not (message_id and timestamp and given):
            raise SignatureError(f"{ID_HEADER}, {TIMESTAMP_HEADER} and {SIGNATURE_HEADER} are needed")
        if not _ID.fullmatch(message_id) or len(message_id) > MOST_ID_CHARACTERS:
            raise SignatureError(
                f"{ID_HEADER}: at most {MOST_ID_CHARACTERS} characters of visible ASCII, and no full stop"
            )
        if not _TIMESTAMP.fullmatch(timestamp):
            raise SignatureError(f"{TIMESTAMP_HEADER}: write the seconds since 1970, a whole number")
        signed = _signed(message_id, timestamp, body)
        right = [_signature(key, signed).encode() for key in self._keys]
        matches = [
            hmac.compare_digest(one.encode(errors="replace"), other)
            for one in given.split(" ")
            for other in right
        ]
        if not any(matches):
            raise SignatureError(f"{SIGNATURE_HEADER}: no signature is by a secret that is known here")
        if abs(now_s - int(timestamp)) > TOLERANCE_SECONDS:
            raise SignatureError(
                f"{TIMESTAMP_HEADER}: more than {TOLERANCE_SECONDS // 60} minutes from the time here"
            )
        return message_id


def load_secrets(path: Path) -> Secrets:
    """Return the secrets of a file, one a line; blank lines are skipped.

    Raises SettingsError, which names file and line, and never shows what stands there.
    """
    where = f"{crm_variable('secret_file')}: {path}"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{where} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # Not `from`: the error holds the bytes.
        raise SettingsError(f"{where}: not a text file. To make a secret: {_MAKE}") from None
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                keys.append(_key(line.strip()))
            except ValueError as error:
                raise SettingsError(f"{where}, line {number}: {error}. To make a secret: {_MAKE}") from None
    if not keys:
        raise SettingsError(f"{where} holds no secret. To make one: {_MAKE}")
    return Secrets(keys)


def _key(secret: str) -> bytes:
    """Return the key of a secret; raises ValueError, with a message that does not show it."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a secret begins with {PREFIX}")
    encoded = secret.removeprefix(PREFIX)
    try:
        key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        raise ValueError(f"after {PREFIX} stands base64") from None
    if len(key) not in _KEY_BYTES:
        few, many = _KEY_BYTES[0], _KEY_BYTES[-1]
        raise ValueError(f"a secret has {few} to {many} bytes, this one {len(key)}")
    return key


def _signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode(errors="replace") + body


def _signature(key: bytes, signed: bytes) -> str:
    return f"{_VERSION},{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
