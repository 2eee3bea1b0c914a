"""The commands `bridge`: run it, see what it would send, what it sent, and send again."""

import asyncio
import time
from typing import Final
from urllib.parse import urlsplit

import typer
from kafka.errors import KafkaError

from schemas.topics import ALERTS, CUSTOMERS, DISPOSITIONS
from streams.console import Exit
from streams.crm.bridge.channel import Channel, Channels
from streams.crm.bridge.process import Bridge, Topics, now_ms, policy_of
from streams.crm.bridge.reader import RecreatedError
from streams.crm.commands.deliveries import deliveries_command, resend_command
from streams.crm.commands.preview import preview_command
from streams.crm.delivery.circuit import Circuit
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.guard import AddressRefusedError, check_literal
from streams.crm.delivery.login import Login, NoLogin, login_of
from streams.crm.delivery.pace import Pace
from streams.crm.delivery.signing import Secrets, SignatureError, load_secrets
from streams.crm.delivery.transport import Endpoint
from streams.crm.dispositions.routes import DispositionRoute
from streams.crm.dispositions.writer import DispositionWriter
from streams.crm.ledger.errors import LedgerError
from streams.crm.payload.template import Template, TemplateError
from streams.crm_settings import CrmSettings, crm_variable
from streams.runtime.commands.common import (
    KAFKA_EXITS,
    BehindProxy,
    crm_settings_or_exit,
    ended,
    settings_or_exit,
    topics_or_exit,
)
from streams.runtime.commands.worker import set_up_logging
from streams.runtime.http.server import PortInUseError
from streams.runtime.telemetry.bridge_metrics import BridgeMetrics
from streams.settings import Settings, SettingsError

_EXITS: Final[dict[type[Exception], Exit]] = {
    **KAFKA_EXITS,
    KafkaError: Exit.UNAVAILABLE,
    TemplateError: Exit.CONFIG,
    PortInUseError: Exit.CONFIG,
    LedgerError: Exit.CONFIG,
    RecreatedError: Exit.CONFIG,
}

bridge = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
bridge.command("preview")(preview_command)
bridge.command("deliveries")(deliveries_command)
bridge.command("resend")(resend_command)


@bridge.callback()
def bridge_command(context: typer.Context, *, behind_proxy: BehindProxy = False) -> None:
    """Deliver alerts to a CRM, each once, and take its dispositions back, until SIGTERM or Ctrl-C.

    Reads the alert topic, keeps a ledger of what became of each alert (RETENTION_CRM_LEDGER), and sends
    cases to RETENTION_CRM_URL in the form of RETENTION_CRM_TEMPLATE, signed as Standard Webhooks by the
    secrets of RETENTION_CRM_SECRET_FILE. What was resolved before it came, and what was decided long after
    the fact, is only in the ledger. With RETENTION_CRM_BUDGET_ALERTS and _WATCHES so many new cases a day
    go out, those with the highest value at risk first. Dispositions of the CRM come to POST /dispositions,
    beside /live, /ready and /metrics, at RETENTION_WEB_PORT (on one machine another than that of a worker).
    One bridge has the ledger; a second one waits.

    See `bridge preview` first: it shows what would be sent, and sends nothing.
    """
    if context.invoked_subcommand is not None:
        return
    settings, crm = settings_or_exit(behind_proxy=behind_proxy or None), crm_settings_or_exit()
    set_up_logging(settings)
    try:
        secrets, template = _secrets(crm), Template.load(crm.template)
        found = topics_or_exit(settings, (ALERTS, CUSTOMERS, DISPOSITIONS))
        alerts, customers = (settings.topic_prefix + one.name for one in (ALERTS, CUSTOMERS))
        ids = {name: found[name].topic_id for name in (alerts, customers)}
        topics = Topics(alerts, customers, found[alerts].partitions, ids)
        asyncio.run(_run(settings, crm, secrets, template, topics))
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - the one place where it ends
        raise ended(error, _EXITS, "the bridge; it ends, and goes on from its ledger") from None


def _secrets(crm: CrmSettings) -> Secrets:
    """Return the secrets that sign. Raises SettingsError, also where there is nowhere to deliver."""
    if crm.url is None:
        raise SettingsError(f"{crm_variable('url')} is needed: where do cases go?")
    if crm.secret_file is None:
        raise SettingsError(
            f"{crm_variable('secret_file')} is needed: it signs what goes out, and what comes back has to be "
            "signed by it"
        )
    for url in filter(None, (crm.url, crm.canary_url)):
        try:
            check_literal(str(urlsplit(url).hostname), allow_private=crm.allow_private)
        except AddressRefusedError:
            raise SettingsError(
                f"{crm_variable('url')} and {crm_variable('canary_url')}: a private address is refused "
                f"unless {crm_variable('allow_private')} is set"
            ) from None
    return load_secrets(crm.secret_file)


async def _run(
    settings: Settings, crm: CrmSettings, secrets: Secrets, template: Template, topics: Topics
) -> None:
    metrics, writer = BridgeMetrics(), DispositionWriter(settings)
    one = Bridge(settings, crm, policy_of(crm), topics, metrics)
    channels = Channels(
        _channel(crm, str(crm.url), secrets, template, login_of(crm)),
        None
        if crm.canary_url is None
        else _channel(crm, crm.canary_url, secrets, Template.load("generic"), NoLogin()),
    )
    dispositions = DispositionRoute(
        verify=lambda headers, body: secrets.verify(headers, body, time.time()),
        verify_error=SignatureError,
        ledger=one.ledger,
        writer=writer,
        now_ms=now_ms,
        on_answer=metrics.answered,
    )
    try:
        await one.run(channels, [dispositions.route()])
    finally:
        await writer.close()


def _channel(crm: CrmSettings, url: str, secrets: Secrets, template: Template, login: Login) -> Channel:
    pace = Pace(crm.requests_per_second, time.monotonic)
    courier = Courier(Endpoint.of(crm, url), secrets, login, pace=pace)
    return Channel(courier, template, Circuit(time.monotonic), pace)
