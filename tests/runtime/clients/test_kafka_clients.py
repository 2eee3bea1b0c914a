"""How aiokafka's clients are told where Kafka is and how to log in."""

import asyncio
import logging
import ssl
from pathlib import Path

import pytest
from aiokafka.codec import has_gzip, has_lz4, has_snappy, has_zstd

from streams.runtime.kafka.clients import aiokafka_options
from streams.runtime.kafka.errors import muted_aiokafka
from streams.settings import Settings, SettingsError


def test_plain_needs_no_login() -> None:
    assert aiokafka_options(Settings(bootstrap_servers=("127.0.0.1:1", "127.0.0.1:2"))) == {
        "bootstrap_servers": ["127.0.0.1:1", "127.0.0.1:2"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


def test_tls_proves_who_the_broker_is() -> None:
    context = aiokafka_options(Settings(kafka_security_protocol="SSL"))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_tls_files_that_are_none_are_one_line(tmp_path: Path) -> None:
    junk = tmp_path / "ca.pem"
    junk.write_text("junk")
    with pytest.raises(SettingsError, match="the TLS files cannot be used"):
        aiokafka_options(Settings(kafka_security_protocol="SSL", kafka_ca_file=junk))


def test_a_password_comes_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("right\n")
    settings = Settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-256",
        kafka_username="worker",
        kafka_password_file=secret,
    )
    options = aiokafka_options(settings)
    assert {name: value for name, value in options.items() if name.startswith("sasl")} == {
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "worker",
        "sasl_plain_password": "right",
    }


def test_a_token_is_read_anew_at_each_log_in(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    settings = Settings(
        kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="OAUTHBEARER", kafka_token_file=file
    )
    provider = aiokafka_options(settings)["sasl_oauth_token_provider"]
    assert asyncio.run(provider.token()) == "first"
    file.write_text("second\n")
    assert asyncio.run(provider.token()) == "second"


def test_its_log_does_not_show_and_then_does(capsys: pytest.CaptureFixture[str]) -> None:
    logger, propagate = logging.getLogger("aiokafka"), logging.getLogger("aiokafka").propagate
    with muted_aiokafka():
        logging.getLogger("aiokafka.client").error("hidden")
        assert not logger.propagate
    assert logger.propagate is propagate
    assert not logger.handlers
    assert capsys.readouterr().err == ""


def test_whatever_producers_compress_with_can_be_read() -> None:
    assert (has_gzip(), has_lz4(), has_snappy(), has_zstd()) == (True, True, True, True)
