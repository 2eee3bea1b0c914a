"""Standard Webhooks: what we sign is what the public library takes, and what we take is what it signs."""

import base64
import hmac
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from streams.crm.delivery import signing
from streams.crm.delivery.signing import SignatureError, load_secrets
from streams.settings import SettingsError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published with the standard
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
PUBLISHED_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
PUBLISHED_TIME = 1_614_265_330
PUBLISHED_BODY = b'{"test": 2432232314}'
PUBLISHED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def secrets(tmp_path: Path, *lines: str) -> signing.Secrets:
    path = tmp_path / "secrets"
    path.write_text("\n".join(lines))
    return load_secrets(path)


def headers(**changed: str) -> dict[str, str]:
    given = {"id": PUBLISHED_ID, "timestamp": str(PUBLISHED_TIME), "signature": PUBLISHED} | changed
    return {f"webhook-{name}": value for name, value in given.items()}


def test_the_published_example_is_signed_as_published_and_accepted(tmp_path: Path) -> None:
    ours = secrets(tmp_path, SECRET)
    assert ours.headers(PUBLISHED_ID, PUBLISHED_TIME, PUBLISHED_BODY) == headers()
    assert ours.verify(headers(), PUBLISHED_BODY, PUBLISHED_TIME) == PUBLISHED_ID
    several = f"v1,{'A' * 43}= v2,{PUBLISHED[3:]} v1a,{'B' * 86}== {PUBLISHED}"
    assert ours.verify(headers(signature=several), PUBLISHED_BODY, PUBLISHED_TIME) == PUBLISHED_ID


@pytest.mark.parametrize("size", [24, 32, 33, 64])
def test_the_public_library_accepts_what_we_sign_and_the_other_way_round(tmp_path: Path, size: int) -> None:
    now = time.time()
    secret = f"whsec_{base64.b64encode(bytes(range(size))).decode()}"
    theirs, body = Webhook(secret), '{"ü": "č"}'
    ours = secrets(tmp_path, secret)
    signed = ours.headers("a-1/7", int(now), body.encode())
    assert theirs.verify(body, signed) == {"ü": "č"}
    with pytest.raises(WebhookVerificationError):
        theirs.verify(body + " ", signed)
    signature = theirs.sign("d-1", datetime.fromtimestamp(int(now), UTC), body)
    given = {"webhook-id": "d-1", "webhook-timestamp": str(int(now)), "webhook-signature": signature}
    assert ours.verify(given, body.encode(), now) == "d-1"


def test_while_a_secret_is_changed_both_sign_and_both_are_accepted(tmp_path: Path) -> None:
    now = int(time.time())
    both = secrets(tmp_path, SECRET, "", f"  {OTHER}  ")
    signed = both.headers("a-1", now, b"{}")
    assert len(signed["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify("{}", signed) == {}
        one = secrets(tmp_path, secret)
        assert both.verify(one.headers("a-1", now, b"{}"), b"{}", now) == "a-1"


def test_signature_required(tmp_path: Path) -> None:
    ours = secrets(tmp_path, SECRET)
    for wrong in (
        {},
        *({name: value for name, value in headers().items() if name != left_out} for left_out in headers()),
        headers(signature=""),
        headers(signature="v1,"),
        headers(signature=PUBLISHED[3:]),
        headers(signature=f"v2,{PUBLISHED[3:]}"),
        headers(signature=PUBLISHED.lower()),
        headers(signature="v1,\ud800ü"),
        headers(id="another"),
        headers(id=f"{PUBLISHED_ID}."),
        headers(id="x" * 129),
        headers(timestamp=str(PUBLISHED_TIME + 1)),
        headers(timestamp=f"{PUBLISHED_TIME}.0"),
        headers(timestamp=f" {PUBLISHED_TIME}"),
        headers(timestamp="١"),
        headers(timestamp="9" * 400),
    ):
        with pytest.raises(SignatureError):
            ours.verify(wrong, PUBLISHED_BODY, PUBLISHED_TIME)
    with pytest.raises(SignatureError, match="no signature is by a secret"):
        ours.verify(headers(), PUBLISHED_BODY + b" ", PUBLISHED_TIME)
    with pytest.raises(SignatureError, match="no signature is by a secret"):
        secrets(tmp_path, OTHER).verify(headers(), PUBLISHED_BODY, PUBLISHED_TIME)


def test_signatures_are_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All with all, by the function made for it, and on also after one is right."""
    compared: list[bool] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(hmac.compare_digest(one, other))
        return compared[-1]

    monkeypatch.setattr(signing, "hmac", type("", (), {"compare_digest": compare, "digest": hmac.digest}))
    ours = secrets(tmp_path, SECRET, OTHER)
    ours.verify(headers(signature=f"{PUBLISHED} v1,x v1,y"), PUBLISHED_BODY, PUBLISHED_TIME)
    assert compared == [True, *[False] * 5]


def test_old_timestamps_refused_and_those_of_the_future(tmp_path: Path) -> None:
    ours = secrets(tmp_path, SECRET)
    for seconds in (-300, 0, 300):
        ours.verify(headers(), PUBLISHED_BODY, PUBLISHED_TIME + seconds)
    for too_many in (-300.5, 300.5, 1e9):
        with pytest.raises(SignatureError, match="more than 5 minutes"):
            ours.verify(headers(), PUBLISHED_BODY, PUBLISHED_TIME + too_many)


def test_an_id_with_a_full_stop_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="full stop"):
        secrets(tmp_path, SECRET).headers("a.1", PUBLISHED_TIME, b"")


def test_one_signature_holds_for_one_id(tmp_path: Path) -> None:
    """What is not ASCII was signed as a question mark: so a message could be had again under another id."""
    ours = secrets(tmp_path, SECRET)
    signed = ours.headers("dis?1", PUBLISHED_TIME, b"{}")
    assert ours.verify(signed, b"{}", PUBLISHED_TIME) == "dis?1"
    with pytest.raises(SignatureError, match="visible ASCII"):
        ours.verify(signed | {"webhook-id": "dis\udc801"}, b"{}", PUBLISHED_TIME)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "line 2: a secret begins with whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa*w", "line 2: after whsec_ stands base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa", "line 2: a secret has 24 to 64 bytes, this one 22"),
        (f"whsec_{'MfKQ' * 22}", "this one 66"),
        ("whsec_MfKQü", "base64"),
    ],
)
def test_a_wrong_secret_is_told_without_showing_it(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(SettingsError) as error:
        secrets(tmp_path, SECRET, line)
    said = str(error.value)
    assert why in said
    assert "openssl rand -base64 32" in said
    assert "RETENTION_CRM_SECRET_FILE" in said
    assert "MfKQ" not in said
    assert error.value.__cause__ is None


def test_a_file_without_secrets_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no secret"):
        secrets(tmp_path, "", " ")
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_secrets(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"whsec_\xff\xfe")
    with pytest.raises(SettingsError, match="not a text file"):
        load_secrets(tmp_path / "binary")


def test_a_secret_shows_in_no_representation(tmp_path: Path) -> None:
    ours = secrets(tmp_path, SECRET)
    assert "MfKQ" not in repr(ours)
    assert "1\\xf2" not in repr(vars(type(ours)))
