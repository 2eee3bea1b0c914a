"""Settings: parsed once, refused in words, never a secret shown."""

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from streams.crm_settings import CrmSettings
from streams.desk_settings import DeskSettings
from streams.runtime.commands.settings import settings_command
from streams.settings import ENV_PREFIX, Settings, SettingsError, load_settings
from streams.settings_page import manual

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


def given(monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"{ENV_PREFIX}{name.upper()}", str(value))


def refusal(monkeypatch: pytest.MonkeyPatch, **settings: object) -> str:
    given(monkeypatch, **settings)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def run(*arguments: str) -> Result:
    app = Typer()
    app.command()(settings_command)
    return CliRunner().invoke(app, arguments)


def test_the_page_is_what_the_settings_say() -> None:
    """When this fails, write it anew: `retention-signals settings --manual > docs/settings.md`."""
    assert PAGE.read_text(encoding="utf-8") == manual() == run("--manual").stdout


def test_every_setting_is_explained() -> None:
    fields = {**Settings.model_fields, **CrmSettings.model_fields}
    assert [name for name, field in fields.items() if not field.description] == []


def test_lists_are_separated_by_commas_and_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, bootstrap_servers="a:1, [::1]:9092,", partitions="")
    settings = load_settings()
    assert settings.bootstrap_servers == ("a:1", "[::1]:9092")
    assert settings.partitions == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("bootstrap_servers", value) for value in ("a", "a:", ":1", "a:0", "a:65536", "a:²", ",")),
        *(("partitions", value) for value in ("0", "1025", "4.5", "many")),
        *(("stale_feed_hours", value) for value in ("0", "nan", "inf", "-1")),
        *(("reporting_currency", value) for value in ("usd", "EURO")),
        *(("resume_partitions", value) for value in ("x", "1@", "@1", "1@x", "-1", "1,2@", "١")),
        *(("application_id", value) for value in ("a b", "a/b", "ä")),
        ("topic_prefix", "a b"),
        ("clock", "sun"),
        ("kafka_security_protocol", "TLS"),
        ("commit_interval_ms", "9"),
        ("web_port", "65536"),
        ("replication_factor", "0"),
        ("ruleset_file", "/no/such/file"),
        ("kafka_ca_file", "/"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    told = refusal(monkeypatch, **{name: value})
    assert told.startswith(f"RETENTION_{name.upper()}: ")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("protocol", "servers", "accepted"),
    [
        ("SASL_PLAINTEXT", "127.0.0.1:9092", True),
        ("SASL_PLAINTEXT", "localhost:9092,[::1]:9092", True),
        ("SASL_PLAINTEXT", "127.0.0.1:9092,kafka:9092", False),
        ("SASL_SSL", "kafka:9092", True),
    ],
)
def test_a_password_off_loopback_needs_tls(
    monkeypatch: pytest.MonkeyPatch, protocol: str, servers: str, accepted: bool
) -> None:
    login = {"kafka_username": "u", "kafka_password": "secret", "kafka_security_protocol": protocol}
    given(monkeypatch, bootstrap_servers=servers, **login)
    if accepted:
        assert load_settings().kafka_secret() == "secret"
    else:
        assert refusal(monkeypatch).endswith("off loopback SASL needs TLS, so SASL_SSL")


def test_a_log_in_must_be_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, kafka_security_protocol="SASL_SSL", kafka_username="u")
    assert refusal(monkeypatch).endswith("are needed for SCRAM-SHA-512")
    assert refusal(monkeypatch, kafka_sasl_mechanism="OAUTHBEARER") == (
        "RETENTION_KAFKA_TOKEN_FILE is needed for OAUTHBEARER"
    )


def test_a_certificate_needs_its_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pem = tmp_path / "client.pem"
    pem.write_text("certificate")
    assert "need each other" in refusal(monkeypatch, kafka_certificate_file=pem)


GOOD = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        *((host, True) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "worker-1", "localhost.example.com")),  # noqa: S104
    ],
)
def test_the_web_off_loopback_needs_a_token_and_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, accepted: bool
) -> None:
    given(monkeypatch, web_host=host)
    if accepted:
        assert load_settings().web_token() is None
    else:
        assert refusal(monkeypatch).startswith("off loopback a token is needed: set RETENTION_TOKEN_FILE; ")
    secret = tmp_path / "token"
    secret.write_text(f"{GOOD}\r\n")
    given(monkeypatch, token_file=secret)
    if not accepted:
        assert "RETENTION_WEB_CERTIFICATE_FILE" in refusal(monkeypatch)
    given(monkeypatch, behind_proxy=True)
    assert load_settings().web_token() == GOOD


@pytest.mark.parametrize(
    ("servers", "changes", "warned"),
    [
        ("127.0.0.1:9092,localhost:9093", {}, False),
        ("127.0.0.1:9092,kafka:9092", {}, True),
        ("kafka:9092", {"kafka_allow_plaintext": True}, False),
        ("kafka:9092", {"kafka_security_protocol": "SSL"}, False),
    ],
)
def test_kafka_off_loopback_without_tls_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, servers: str, changes: dict[str, object], warned: bool
) -> None:
    given(monkeypatch, bootstrap_servers=servers, **changes)
    warning = load_settings().plaintext_warning()
    assert warning is None or "RETENTION_KAFKA_ALLOW_PLAINTEXT=true" in warning
    assert (warning is not None) is warned


def test_workers_are_asked_over_tls_where_their_address_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, worker_addresses="https://worker-1:8080,[::1]:8081")
    assert load_settings().worker_addresses == ("https://worker-1:8080", "[::1]:8081")
    assert "not host:port" in refusal(monkeypatch, worker_addresses="http://worker-1:8080/")


def test_a_secret_comes_from_one_place_and_is_not_empty(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("\n")
    assert refusal(monkeypatch, token_file=secret) == f"RETENTION_TOKEN_FILE: {secret} is empty"
    secret.write_text("open sesame")
    assert refusal(monkeypatch, token="other") == (  # noqa: S106
        "RETENTION_TOKEN and RETENTION_TOKEN_FILE are both set: keep one"
    )


def test_no_secret_is_ever_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse")
    given(monkeypatch, token="open sesame", kafka_password_file=secret, bandwidth="1")  # noqa: S106
    told = run()
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert len(lines) == sum(len(one.model_fields) for one in (Settings, CrmSettings, DeskSettings))
    assert {"RETENTION_TOKEN=(set, not shown)", f"RETENTION_KAFKA_PASSWORD_FILE={secret}"} < set(lines)
    assert told.stderr == "note: RETENTION_BANDWIDTH is no setting\n"
    given(monkeypatch, kafka_password="battery staple", clock="sun")  # noqa: S106
    with pytest.raises(SettingsError) as caught:
        load_settings()
    shown = [told.output, run().output, str(caught.value)]
    for word in ("sesame", "horse", "battery"):
        assert all(word not in text for text in shown)
    assert run().exit_code == 78
