"""Settings of every process, from the environment. Their docstrings are the manual, `docs/settings.md`."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemas.common import Currency
from schemas.currencies import check_known_currency
from schemas.partitioner import Partitioner
from schemas.topics import DEFAULT_PREFIX
from streams import rulesets
from streams.addresses import HTTPS, is_loopback, split_address
from streams.core.ruleset import VERSIONS, Ruleset, RulesetError
from streams.serving.exposure import Exposure

ENV_PREFIX: Final = "RETENTION_"
_Kind = TypeVar("_Kind", bound=BaseSettings)


class SettingsError(ValueError):
    """Settings that can't be used; the message has one line for each, and never a secret."""


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _check_address(text: str) -> str:
    split_address(text)
    return text


def _check_worker_address(text: str) -> str:
    split_address(text.removeprefix(HTTPS))
    return text


def _check_resume(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,4}(@[0-9]{1,18})?", text):
        raise ValueError("write a partition and the number of its stop, 1@345, or a partition alone")
    return text


_Addresses = Annotated[
    tuple[Annotated[str, AfterValidator(_check_address)], ...],
    NoDecode,
    BeforeValidator(_split),
    Field(min_length=1),
]
_WorkerAddresses = Annotated[
    tuple[Annotated[str, AfterValidator(_check_worker_address)], ...],
    NoDecode,
    BeforeValidator(_split),
    Field(min_length=1),
]


class Settings(BaseSettings):
    """What a process is told from outside. Rules that decide alerts are in the ruleset file instead."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        use_attribute_docstrings=True,
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        extra="forbid",
    )

    bootstrap_servers: _Addresses = ("127.0.0.1:9092",)
    """Kafka brokers to begin with, `host:port`, separated by commas."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to Kafka. `SASL_PLAINTEXT` shows the password, so it is refused unless all brokers are on
    loopback."""

    kafka_allow_plaintext: bool = False
    """Whether it is on purpose that Kafka off loopback is talked to without TLS, as in a network of its own.
    Else each start warns that customers' data go unencrypted."""

    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "SCRAM-SHA-512"
    """How to log in to Kafka when the protocol is one of SASL."""

    kafka_username: str | None = None
    """User for `PLAIN` and `SCRAM`."""

    kafka_password: SecretStr | None = None
    """Password for `PLAIN` and `SCRAM`. The file is better: the environment shows in many places."""

    kafka_password_file: Path | None = None
    """File with that password; a newline at the end is left out."""

    kafka_token_file: Path | None = None
    """File with the bearer token for `OAUTHBEARER`; read again at each log-in, so it may be renewed."""

    kafka_ca_file: Path | None = None
    """PEM file of the authorities that may sign the brokers' certificates; the system's when not set."""

    kafka_certificate_file: Path | None = None
    """PEM file of the client's certificate, for mutual TLS."""

    kafka_key_file: Path | None = None
    """PEM file of the client's key, for mutual TLS."""

    schema_registry_url: str | None = None
    """Schema registry for `ingest`, with Confluent's REST interface: `https://registry.example.com`. Off
    loopback `http` is refused."""

    schema_registry_user: str | None = None
    """User at the schema registry, if it asks for one."""

    schema_registry_password_file: Path | None = None
    """File with that user's password; a newline at the end is left out."""

    schema_registry_ca_file: Path | None = None
    """PEM file of the authorities that may sign the registry's certificate; the system's when not set."""

    application_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = "retention"
    """Consumer group and prefix of the transactional ids. State of another application is refused."""

    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,200}$")] = DEFAULT_PREFIX
    """What the names of all topics begin with."""

    partitions: Annotated[int, Ge(1), Le(1024)] = 4
    """Partitions of every topic. To change it later, move the state with `state export | import`."""

    replication_factor: Annotated[int, Ge(1), Le(32)] = 3
    """Copies of every topic. From 3 on, two must be in sync to accept a write; 1 is for development."""

    reporting_currency: Annotated[Currency, AfterValidator(check_known_currency)] = "USD"
    """Currency (ISO 4217) that all money is counted in; its unit is always the hundredth."""

    partitioner: Partitioner = "murmur2"
    """How the producers of all inputs place a key: `murmur2` (Java, kafka-python, aiokafka; of librdkafka
    `murmur2_random`), `crc32` (librdkafka's default, so confluent-kafka, Go and node-rdkafka), `fnv1a` (of
    librdkafka, and Sarama), or `unchecked`: any other that all of them share. With `unchecked` no record is
    refused for its partition, two ids are merged only if one partition knows both, `lookup` asks every
    worker, state can't be moved to another partition count, and `publish` places by murmur2. `topics check`
    finds out which it is."""

    strict_fields: bool = False
    """Whether a record with a field that the contract does not have is refused; else the field is left out
    and counted, which lets producers grow fields before we know them."""

    ruleset_file: Path | None = None
    """A built-in version of the rules (`4`, the default, `3`, `2` or `1`), or a TOML file with rules to
    change."""

    clock: Literal["live", "event"] = "live"
    """What moves time: records and ticks, and on `live` also the wall clock while an input is caught up."""

    stale_feed_hours: Annotated[float, Field(gt=0, le=8784, allow_inf_nan=False)] = 36.0
    """On the live clock, purchases whose newest record or tick is older are stale: time stands still."""

    quiet_contacts_hours: Annotated[float, Field(gt=0, le=8784, allow_inf_nan=False)] | None = None
    """On the live clock, time stands still when contacts bring nothing for longer; not set: they may be quiet
    forever."""

    commit_interval_ms: Annotated[int, Ge(10), Le(10_000)] = 250
    """Longest time between commits while no alert waits; never less than 10 ms for each partition owned."""

    compiled: bool = True
    """Whether workers use the compiled hot path, where there is one; it decides nothing otherwise than the
    Python that it stands for, and is quicker. Their log says which runs."""

    resume_partitions: Annotated[
        tuple[Annotated[str, AfterValidator(_check_resume)], ...],
        NoDecode,
        BeforeValidator(_split),
    ] = ()
    """Partitions whose stop ends when a worker starts, as `worker --resume-partition` does: `1@345,3@80`."""

    watchdog_seconds: Annotated[float, Field(ge=5, le=3600, allow_inf_nan=False)] = 60.0
    """A worker or `ingest` ends itself when its event loop, a commit or a restore stands still for longer."""

    broker_answer_seconds: Annotated[float, Field(ge=5, le=3600, allow_inf_nan=False)] = 20.0
    """The worker is not ready while no broker has answered for longer: heartbeats ask every 2 s."""

    web_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address for health, metrics and lookup. Anything but loopback is refused without a token of at least 32
    random characters, and without TLS or a proxy that has it."""

    web_port: Annotated[int, Ge(0), Le(65_535)] = 8080
    """Port for health, metrics and lookup; 0 takes any free one."""

    web_certificate_file: Path | None = None
    """PEM file of the server's certificate, and of those between it and the authority: all is then served
    over TLS. What has changed is read within a minute."""

    web_key_file: Path | None = None
    """PEM file of that certificate's key."""

    behind_proxy: bool = False
    """Whether TLS ends before the server, as at a proxy or a mesh: off loopback nothing is served without TLS
    otherwise. `--behind-proxy` says the same. Whose token was wrong is then told by `X-Forwarded-For`."""

    config_error_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0.0
    """After an error that a restart does not mend (exit code 78), a process that serves waits for so long
    before it ends, so that what restarts it does not run in circles."""

    token: SecretStr | None = None
    """Token for lookup, the pages of the desk, and what is told of readiness beside yes or no. The file
    is better: the environment shows in many places."""

    token_file: Path | None = None
    """File with that token; a newline at the end is left out."""

    worker_addresses: _WorkerAddresses = ("127.0.0.1:8080",)
    """Workers that `lookup` asks, one after the other, `host:port`, over TLS `https://host:port`, separated
    by commas."""

    worker_ca_file: Path | None = None
    """PEM file of the authorities that may sign the workers' certificates; the system's when not set."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for problem in _problems(self):
            raise ValueError(problem)
        return self

    def kafka_secret(self) -> str | None:
        """Return the password for Kafka, from its file or the environment."""
        return _secret(self.kafka_password, self.kafka_password_file)

    def schema_registry_secret(self) -> str | None:
        """Return the password for the schema registry, from its file."""
        return _secret(None, self.schema_registry_password_file)

    def web_token(self) -> str | None:
        """Return the token for lookup and readiness, from its file or the environment."""
        return _secret(self.token, self.token_file)

    def exposure(self) -> Exposure:
        """Return where it listens, and what guards it there."""
        return Exposure(
            self.web_host,
            self.web_token(),
            self.web_certificate_file,
            self.web_key_file,
            self.behind_proxy,
        )

    def plaintext_warning(self) -> str | None:
        """Return what is to be said when Kafka off loopback is talked to unencrypted, and not on purpose."""
        hosts = (split_address(address)[0] for address in self.bootstrap_servers)
        if self.kafka_security_protocol != "PLAINTEXT" or self.kafka_allow_plaintext:
            return None
        if all(map(is_loopback, hosts)):
            return None
        return (
            "KAFKA IS NOT ON THIS MACHINE, AND IS TALKED TO WITHOUT TLS: whoever is on the way reads and "
            f"changes what customers did. Set {variable('kafka_security_protocol')} to SSL or SASL_SSL. "
            f"If it is on purpose, {variable('kafka_allow_plaintext')}=true ends this warning"
        )

    def rules(self) -> Ruleset:
        """Return the rules that decide alerts. Raises SettingsError."""
        try:
            return rulesets.load(self.ruleset_file)
        except (RulesetError, OSError) as error:
            raise SettingsError(f"{variable('ruleset_file')}: {self.ruleset_file}: {error}") from error


def load_settings(**given: Any) -> Settings:
    """Return the settings of the environment, and before them those given that aren't None.

    Raises SettingsError.
    """
    return load_as(Settings, **given)


def load_as(kind: type[_Kind], **given: Any) -> _Kind:
    """Return settings of a kind as `load_settings` does. Raises SettingsError."""
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        prefix = kind.model_config["env_prefix"].upper()
        lines = [_line(prefix, one["loc"], one["msg"]) for one in error.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{ENV_PREFIX}{name.upper()}"


def _line(prefix: str, location: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    return f"{prefix}{str(location[0]).upper()}: {said}" if location else said


def _secret(given: SecretStr | None, file: Path | None) -> str | None:
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    return None if given is None else given.get_secret_value()


def _problems(settings: Settings) -> Iterable[str]:
    """Say what single settings can't: what two of them together, or the files they name, make unusable."""
    yield from _file_problems(settings)
    yield from _kafka_problems(settings)
    yield from _registry_problems(settings)
    if settings.token is not None and settings.token_file is not None:
        yield _both("token", "token_file")
    yield from settings.exposure().problems()


def _file_problems(settings: Settings) -> Iterable[str]:
    for name, value in settings:
        if isinstance(value, Path) and not (name == "ruleset_file" and str(value) in VERSIONS):
            try:
                if not value.read_bytes().strip() and name != "ruleset_file":
                    yield f"{variable(name)}: {value} is empty"
            except OSError as error:
                yield f"{variable(name)}: {value} cannot be read: {error.strerror}"


def _kafka_problems(settings: Settings) -> Iterable[str]:
    if settings.kafka_password is not None and settings.kafka_password_file is not None:
        yield _both("kafka_password", "kafka_password_file")
    if (settings.kafka_certificate_file is None) != (settings.kafka_key_file is None):
        yield f"{variable('kafka_certificate_file')} and {variable('kafka_key_file')} need each other"
    if settings.kafka_security_protocol.startswith("SASL_"):
        yield from _sasl_problems(settings)


def _sasl_problems(settings: Settings) -> Iterable[str]:
    hosts = (split_address(address)[0] for address in settings.bootstrap_servers)
    if settings.kafka_security_protocol == "SASL_PLAINTEXT" and not all(map(is_loopback, hosts)):
        yield f"{variable('kafka_security_protocol')}: off loopback SASL needs TLS, so SASL_SSL"
    mechanism = settings.kafka_sasl_mechanism
    if mechanism == "OAUTHBEARER" and settings.kafka_token_file is None:
        yield f"{variable('kafka_token_file')} is needed for OAUTHBEARER"
    if mechanism != "OAUTHBEARER" and not (settings.kafka_username and settings.kafka_secret()):
        yield (
            f"{variable('kafka_username')} and {variable('kafka_password_file')} are needed for {mechanism}"
        )


def _registry_problems(settings: Settings) -> Iterable[str]:
    url, name = settings.schema_registry_url, variable("schema_registry_url")
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            yield f"{name}: write a URL, https://registry.example.com"
        elif parts.username is not None or parts.password is not None:
            yield f"{name}: the user goes into {variable('schema_registry_user')}, the password into its file"
        elif parts.scheme == "http" and not is_loopback(parts.hostname):
            yield f"{name}: off loopback it has to be https"
    if (settings.schema_registry_user is None) != (settings.schema_registry_password_file is None):
        user, password = variable("schema_registry_user"), variable("schema_registry_password_file")
        yield f"{user} and {password} need each other"


def _both(one: str, other: str) -> str:
    return f"{variable(one)} and {variable(other)} are both set: keep one"
