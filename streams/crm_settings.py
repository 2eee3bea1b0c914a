"""Settings of what stands between the alerts and a CRM: the bridge, its ledger, the canary.

Their docstrings are a part of `docs/settings.md`. What is common to all processes, Kafka and the web server
among it, is in `streams.settings`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.addresses import is_loopback
from streams.settings import load_as

CRM_PREFIX: Final = "RETENTION_CRM_"


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is no time zone, as Europe/Berlin is") from error
    return name


def _check_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("write a URL, https://crm.example.com/hooks")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the user and the secret have settings of their own")
    return text


_Url = Annotated[str, AfterValidator(_check_url)]
_Budget = Annotated[int, Ge(0), Le(1_000_000)]


class CrmSettings(BaseSettings):
    """What the bridge and the canary are told from outside."""

    model_config = SettingsConfigDict(
        env_prefix=CRM_PREFIX,
        use_attribute_docstrings=True,
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        extra="forbid",
    )

    url: _Url | None = None
    """Where cases go: the webhook, or the base URL of the CRM, `https://crm.example.com`. Off loopback only
    `https`; redirects are not followed."""

    allow_private: bool = False
    """Whether `url` may lead to a private address (10.0.0.0/8 and the like). Loopback may be named."""

    allow_http: bool = False
    """Whether the addresses here may be `http` off loopback, so that whoever is on the way reads it: for a
    network that nobody else is on, as that of Compose."""

    ca_file: Path | None = None
    """PEM file of the authorities that may sign the CRM's certificate; the system's when not set."""

    template: str = "generic"
    """What a case looks like to the CRM: `generic`, `salesforce`, `zendesk`, `slack`, or a file."""

    secret_file: Path | None = None
    """File with the secrets that sign what goes out and what comes back, `whsec_...`, a line each. The first
    signs first; of several all sign and all are accepted, so that a secret can be changed."""

    auth: Literal["none", "bearer", "basic", "oauth"] = "none"
    """How the bridge logs in at the CRM, beside its signature: a bearer token, user and password, or OAuth
    client credentials."""

    auth_user: str | None = None
    """User for `basic`, client id for `oauth`."""

    auth_secret_file: Path | None = None
    """File with the bearer token, the password, or the client's secret; read again when it is refused."""

    auth_token_url: _Url | None = None
    """Where `oauth` gets its tokens."""

    timeout_seconds: Annotated[float, Field(ge=0.1, le=300, allow_inf_nan=False)] = 10.0
    """The longest that the CRM may take for an answer."""

    requests_per_second: Annotated[float, Field(ge=0.1, le=10_000, allow_inf_nan=False)] = 10.0
    """The most requests a second."""

    concurrency: Annotated[int, Ge(1), Le(100)] = 4
    """The most requests under way at once; of one alert there is never more than one."""

    give_up_hours: Annotated[float, Field(gt=0, le=8784, allow_inf_nan=False)] = 72.0
    """A delivery that fails for longer is given up: it is kept, and `bridge resend` sends it again."""

    refresh_hours: Annotated[float, Field(ge=0.001, le=8784, allow_inf_nan=False)] = 24.0
    """How often an open case is told how things stand now, while they change."""

    budget_alerts: _Budget | None = None
    """The most new cases a day of level `alert`; not set: no limit."""

    budget_watches: _Budget | None = None
    """The most new cases a day of level `watch`; not set: no limit."""

    budget_window_seconds: Annotated[float, Field(ge=0.1, le=86_400, allow_inf_nan=False)] = 600.0
    """New cases wait for so long to be compared, where there is a budget: the highest value goes first."""

    budget_zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    """Time zone in which the day of the budget begins, `Europe/Berlin`."""

    quiet_days: Annotated[float, Field(ge=0, le=3660, allow_inf_nan=False)] = 0.0
    """After a case was closed, a new one about the same customer waits for so long."""

    backfill: bool = False
    """Whether alerts that were decided long after the fact (`backfill`) are delivered. Else they are only in
    the ledger."""

    ledger: Path = Path("bridge.ledger")
    """SQLite file with every alert and what became of it. It makes deliveries exactly-once: keep it
    on a volume."""

    canary_prefix: Annotated[str, Field(min_length=1, max_length=64)] = "retention-canary-"
    """What the ids of the canary's synthetic customers begin with; no real one may."""

    canary_url: _Url | None = None
    """Where the canary's cases go, instead of the CRM, in the `generic` form. They count in no budget."""

    bridge_url: _Url = "http://127.0.0.1:8080"
    """Where the canary and the sandbox send dispositions: the bridge."""

    canary_hours: Annotated[float, Field(ge=0.005, le=720, allow_inf_nan=False)] = 1.0
    """How often a synthetic customer has a bad contact; there is one in each partition, and they take turns.
    A round takes some 12 seconds, and as much longer as the purchases are late. From 24 on, `canary` counts
    as a source that stopped in between."""

    canary_spend_per_day: Annotated[str, Field(pattern=r"^[1-9]\d{0,8}\.\d\d$")] = "1000.00"
    """What a synthetic customer buys for each day, in the reporting currency: enough to be of high value."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for problem in _problems(self):
            raise ValueError(problem)
        return self


def load_crm_settings(**given: Any) -> CrmSettings:
    """Return the settings of the environment, and before them those given that aren't None.

    Raises SettingsError.
    """
    return load_as(CrmSettings, **given)


def crm_variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{CRM_PREFIX}{name.upper()}"


def _problems(settings: CrmSettings) -> Iterable[str]:
    for name in ("url", "auth_token_url", "canary_url", "bridge_url"):
        parts = urlsplit(getattr(settings, name) or "")
        if parts.scheme == "http" and not (settings.allow_http or is_loopback(parts.hostname or "")):
            yield f"{crm_variable(name)}: off loopback it has to be https"
    for name in ("ca_file", "secret_file", "auth_secret_file"):
        path = getattr(settings, name)
        if path is not None:
            try:
                if not path.read_bytes().strip():
                    yield f"{crm_variable(name)}: {path} is empty"
            except OSError as error:
                yield f"{crm_variable(name)}: {path} cannot be read: {error.strerror}"
    if settings.auth != "none" and settings.auth_secret_file is None:
        yield f"{crm_variable('auth_secret_file')} is needed for {settings.auth}"
    if settings.auth in {"basic", "oauth"} and settings.auth_user is None:
        yield f"{crm_variable('auth_user')} is needed for {settings.auth}"
    if settings.auth == "oauth" and settings.auth_token_url is None:
        yield f"{crm_variable('auth_token_url')} is needed for oauth"
