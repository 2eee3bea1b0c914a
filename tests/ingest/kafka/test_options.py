"""Settings as librdkafka is told them: it takes each, and a token is read again from its file."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer

from streams.ingest.kafka.errors import as_ours
from streams.ingest.kafka.options import client_options, member_options, producer_options
from streams.runtime.kafka.errors import KafkaRefusedError, KafkaUnavailableError
from streams.settings import Settings

NOWHERE = {"bootstrap_servers": ("127.0.0.1:1",)}


def test_without_a_password() -> None:
    options = client_options(Settings(**NOWHERE))  # type: ignore[arg-type]
    assert options["bootstrap.servers"] == "127.0.0.1:1"
    assert not any(name.startswith(("sasl", "ssl")) for name in options)


def test_with_a_password_and_tls(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    given: dict[str, Any] = {"kafka_security_protocol": "SASL_SSL", "kafka_username": "me", **NOWHERE}
    options = client_options(Settings(kafka_password_file=tmp_path / "password", **given))
    assert options["sasl.username"] == "me"
    assert options["sasl.password"] == "secret"
    assert options["sasl.mechanism"] == "SCRAM-SHA-512"


def test_a_token_is_read_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    given: dict[str, Any] = {"kafka_security_protocol": "SASL_PLAINTEXT", **NOWHERE}
    given |= {"kafka_sasl_mechanism": "OAUTHBEARER", "kafka_token_file": token}
    read = client_options(Settings(**given))["oauth_cb"]
    assert read("")[0] == "one"
    token.write_text("two\n")
    assert read("")[0] == "two"


def test_the_library_takes_them() -> None:
    settings = Settings(**NOWHERE)  # type: ignore[arg-type]
    Consumer(member_options(settings, "g") | {"log_level": 0}).close()
    Producer(producer_options(settings, "t") | {"log_level": 0}).flush(0)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaRefusedError),
        (KafkaError._AUTHENTICATION, KafkaRefusedError),
        (KafkaError.REQUEST_TIMED_OUT, KafkaUnavailableError),
    ],
)
def test_errors_have_the_exit_codes_of_the_commands(code: int, kind: type[Exception]) -> None:
    assert isinstance(as_ours(KafkaError(code)), kind)
