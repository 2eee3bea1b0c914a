"""Who may deliver: the signature of one of the secrets, of now."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams.sandbox.signatures import Keys, SecretError, load_keys, new_secret
from tests.sandbox.sandbox_cases import OTHER_SECRET, SECRET, signed

BODY = b'{"alert_id":"a"}'
KEYS = Keys([OTHER_SECRET, SECRET])


def test_any_of_the_secrets_is_accepted_whatever_else_signed_too() -> None:
    headers = signed(BODY, "m-1")
    both = headers["webhook-signature"] + " " + signed(BODY, "m-1", new_secret())["webhook-signature"]
    assert KEYS.accepts(BODY, headers)
    assert KEYS.accepts(BODY, headers | {"webhook-signature": both})
    assert KEYS.accepts(BODY, headers | {"webhook-signature": "v1a,AAAA " + both})
    assert not Keys([OTHER_SECRET]).accepts(BODY, headers)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_timestamp_is_refused(minutes: int) -> None:
    assert not KEYS.accepts(BODY, signed(BODY, "m-1", at=datetime.now(UTC) + timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": "m-2"},
        {"webhook-id": ""},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,!"},
        {"webhook-signature": "v1,AAAA,"},
        {"webhook-signature": "v1,\udcff"},
    ],
)
def test_what_is_not_signed_or_is_malformed_is_refused(headers: dict[str, str]) -> None:
    assert not KEYS.accepts(BODY, signed(BODY, "m-1") | headers)


def test_other_bytes_are_refused() -> None:
    assert not KEYS.accepts(BODY + b" ", signed(BODY, "m-1"))
    assert not KEYS.accepts(b"\xff", signed(BODY, "m-1"))


def test_the_first_secret_signs() -> None:
    headers = KEYS.headers("d-1", "{}", datetime.now(UTC))
    assert Keys([OTHER_SECRET]).accepts(b"{}", headers)
    assert not Keys([SECRET]).accepts(b"{}", headers)


def test_a_new_secret_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    first, second = new_secret(), new_secret()
    path.write_text(f"\n{first}\n  {second}\n", encoding="utf-8")
    assert first != second
    assert load_keys(path).accepts(BODY, signed(BODY, "m-1", second))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is no text"),
        (b"plain-secret", "line 1: a secret is whsec_"),
        (SECRET.encode() + b"\nwhsec_c2hvcnQ=", "line 2: a secret is whsec_"),
        (b"whsec_!!!!", "line 1: a secret is whsec_"),
    ],
)
def test_a_file_without_secrets_says_what_to_do_and_never_shows_one(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "secrets"
    path.write_bytes(content)
    with pytest.raises(SecretError) as raised:
        load_keys(path)
    assert why in str(raised.value)
    assert "crm-sandbox secret` makes one" in str(raised.value)
    shown = str(raised.value).replace("whsec_ and", "")
    assert not any(word in shown for word in ("plain-secret", "whsec_", "c2h", "!!!!"))
    assert raised.value.__cause__ is None


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="no-such-file cannot be read: No such file"):
        load_keys(tmp_path / "no-such-file")
