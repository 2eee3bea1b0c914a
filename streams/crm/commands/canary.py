"""The command `canary`: synthetic customers that go the whole way, again and again."""

import asyncio
import json
from typing import Annotated, Final

import typer
from kafka.errors import KafkaError

from schemas.topics import CONTACTS, TRANSACTIONS
from streams.console import Exit
from streams.core.ruleset import Ruleset
from streams.crm.bridge.process import now_ms
from streams.crm.canary.customers import WARM_UP_DAYS, canaries, history, unfit
from streams.crm.canary.process import CanaryProcess
from streams.crm.delivery.courier import Courier
from streams.crm.delivery.signing import load_secrets
from streams.crm.delivery.transport import Endpoint
from streams.crm_settings import CrmSettings, crm_variable
from streams.runtime.commands.common import (
    KAFKA_EXITS,
    BehindProxy,
    crm_settings_or_exit,
    ended,
    kafka_or_exit,
    partitions_or_exit,
    settings_or_exit,
)
from streams.runtime.commands.worker import set_up_logging
from streams.runtime.http.server import PortInUseError
from streams.settings import Settings, SettingsError, variable

_EXITS: Final[dict[type[Exception], Exit]] = {
    **KAFKA_EXITS,
    KafkaError: Exit.UNAVAILABLE,
    PortInUseError: Exit.CONFIG,
}

canary = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@canary.callback()
def canary_command(context: typer.Context, *, behind_proxy: BehindProxy = False) -> None:
    """Let synthetic customers go the whole way and back, again and again, until SIGTERM or Ctrl-C.

    One in each partition buys twice a day (where others do, so that a broken feed still shows), and every
    RETENTION_CRM_CANARY_HOURS has a contact that goes as wrong as one can. The worker raises an alert, the
    bridge delivers it here (the bridge's RETENTION_CRM_CANARY_URL is this process, with the path /canary), a
    disposition that closes it goes back to RETENTION_CRM_BRIDGE_URL, and the close comes here again. How long
    ago that last happened is the metric retention_canary_age_seconds: above two turns or three, something
    between is broken.

    Nobody is judged before twelve weeks of purchases, so the first round takes as long, unless `canary
    history` was published before; nor where fewer than 20 customers of the partition buy. Give it the
    RETENTION_RULESET_FILE of the workers: it chooses ids that are not held out.
    """
    if context.invoked_subcommand is not None:
        return
    settings, crm = settings_or_exit(behind_proxy=behind_proxy or None), crm_settings_or_exit()
    rules = _rules_or_exit(settings)
    set_up_logging(settings)
    partitions = partitions_or_exit(settings, (TRANSACTIONS, CONTACTS))
    try:
        asyncio.run(_run(settings, crm, rules, partitions))
    except Exception as error:  # noqa: BLE001 - the one place where it ends
        raise ended(error, _EXITS, "the canary; it ends") from None


@canary.command("history")
def history_command(
    *,
    days: Annotated[int, typer.Option(min=WARM_UP_DAYS + 7, max=400, help="How many, up to now.")] = 120,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Of the topics, instead of RETENTION_PARTITIONS.")
    ] = None,
) -> None:
    """Print what the canary's customers would have bought, a line each, for `transactions.jsonl`.

    Sort the lines in by time before history is published, and the canary goes its first round at once.
    """
    settings, crm = settings_or_exit(partitions=partitions), crm_settings_or_exit()
    rules = _rules_or_exit(settings)
    customers = canaries(crm.canary_prefix, settings.partitions, settings.partitioner, rules)
    for event in history(customers, now_ms(), days, crm.canary_spend_per_day, settings.reporting_currency):
        typer.echo(json.dumps(event))


def _rules_or_exit(settings: Settings) -> Ruleset:
    """Return the ruleset of the workers; ends the command if a canary can't work under it."""
    with kafka_or_exit():
        rules = settings.rules()
        why = unfit(rules)
        if why is not None:
            raise SettingsError(f"{variable('ruleset_file')}: {why}")
    return rules


async def _run(settings: Settings, crm: CrmSettings, rules: Ruleset, partitions: int) -> None:
    if crm.secret_file is None:
        raise SettingsError(f"{crm_variable('secret_file')} is needed: that of the bridge")
    secrets = load_secrets(crm.secret_file)
    bridge = Courier(Endpoint.of(crm, crm.bridge_url), secrets)
    await CanaryProcess(settings, crm, rules, partitions, secrets, bridge).run()
