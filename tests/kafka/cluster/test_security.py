"""A real Kafka behind a password and behind TLS: the right key opens, a wrong one is one line."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.errors import KafkaRefusedError, KafkaUnavailableError
from streams.runtime.kafka.topics import create, plan
from streams.runtime.local_kafka.distribution import LocalKafkaError, find_java
from streams.runtime.local_kafka.engine import free_port, is_free
from streams.runtime.local_kafka.java import Java
from streams.settings import Settings, SettingsError
from tests.kafka.commands import run, until

pytestmark = pytest.mark.kafka


@contextmanager
def running(engine: Java, **settings: Any) -> Iterator[dict[str, Any]]:
    """Run a broker, and give the settings that fit it."""
    port = free_port()
    process = engine.start(port)
    try:
        until(lambda: not is_free(port))
        yield {"bootstrap_servers": (f"127.0.0.1:{port}",), "replication_factor": 1, **settings}
    finally:
        engine.kill(process)


@pytest.fixture
def java(jars: Path) -> Path:
    """Give the folder that keeps Apache Kafka; skip where there is only Docker."""
    try:
        find_java()
    except LocalKafkaError as error:
        pytest.skip(f"NOT TESTED: {error}")
    return jars


class LockedJava(Java):
    """A broker that asks for a password."""

    @override
    def _settings(self, port: int, data: Path) -> str:
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        users = 'username="broker" password="b" user_broker="b" user_worker="right";'
        return super()._settings(port, data).replace("PLAINTEXT", "SASL_PLAINTEXT") + (
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT\n"
            "sasl.enabled.mechanisms=PLAIN\n"
            "sasl.mechanism.inter.broker.protocol=PLAIN\n"
            f"listener.name.sasl_plaintext.plain.sasl.jaas.config={login} {users}\n"
        )


def test_a_password_opens_and_a_wrong_one_is_one_line(java: Path, tmp_path: Path) -> None:
    login = {
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_sasl_mechanism": "PLAIN",
        "kafka_username": "worker",
    }
    secret = tmp_path / "password"
    secret.write_text("right\n")
    with running(LockedJava(tmp_path / "locked", java), **login) as fitting:
        settings = Settings(**fitting, kafka_password_file=secret)
        with admin_client(settings) as admin:
            assert len(create(admin, plan(settings))) == 9
        secret.write_text("wrong-horse\n")
        with pytest.raises(KafkaRefusedError), admin_client(settings):
            pass
        told = run(settings, "check")
    assert told.exit_code == 77
    address = settings.bootstrap_servers[0]
    assert told.stderr == f"error: Kafka at {address} refuses user, password or mechanism\n"
    assert "wrong-horse" not in told.output


class TlsJava(Java):
    """A broker that shows a certificate nobody has signed but itself."""

    @override
    def _settings(self, port: int, data: Path) -> str:
        return super()._settings(port, data).replace("PLAINTEXT", "SSL") + (
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,SSL:SSL\n"
            f"ssl.keystore.location={self._folder.parent / 'keys'}\nssl.keystore.password=changeit\n"
            f"ssl.truststore.location={self._folder.parent / 'keys'}\nssl.truststore.password=changeit\n"
        )


def keytool(folder: Path, *arguments: str) -> None:
    tool = str(Path(find_java()).with_name("keytool"))
    store = ["-keystore", str(folder / "keys"), "-storepass", "changeit", "-alias", "broker"]
    subprocess.run(  # noqa: S603 - the JDK's own
        [tool, *arguments, *store], check=True, capture_output=True
    )


def test_tls_trusts_the_authorities_of_the_file_and_nobody_else(java: Path, tmp_path: Path) -> None:
    alternative = "SAN=ip:127.0.0.1"
    keytool(tmp_path, "-genkeypair", "-keyalg", "RSA", "-dname", "CN=broker", "-ext", alternative)
    authority = tmp_path / "ca.pem"
    keytool(tmp_path, "-exportcert", "-rfc", "-file", str(authority))
    with running(TlsJava(tmp_path / "tls", java), kafka_security_protocol="SSL") as fitting:
        trusting = Settings(**fitting, kafka_ca_file=authority)
        with admin_client(trusting) as admin:
            assert len(create(admin, plan(trusting))) == 9
        stranger = Settings(**fitting)
        with pytest.raises(KafkaUnavailableError, match="certificate verify failed"), admin_client(stranger):
            pass
    authority.write_text("junk")
    with pytest.raises(SettingsError, match="TLS files cannot be used"), admin_client(trusting):
        pass
    assert run(trusting, "check").exit_code == 78
