"""The command `desk`."""

import asyncio
from typing import Annotated, Final

import typer

from schemas.topics import ALERTS, CUSTOMERS, DISPOSITIONS
from streams.console import Exit
from streams.crm.dispositions.writer import DispositionWriter
from streams.desk.process import DeskProcess, Topics
from streams.desk_settings import DeskSettings
from streams.runtime.commands.common import (
    KAFKA_EXITS,
    BehindProxy,
    crm_settings_or_exit,
    desk_settings_or_exit,
    ended,
    settings_or_exit,
    topics_or_exit,
)
from streams.runtime.commands.worker import set_up_logging
from streams.runtime.http.server import PortInUseError
from streams.settings import Settings

_EXITS: Final[dict[type[Exception], Exit]] = {**KAFKA_EXITS, PortInUseError: Exit.CONFIG}


def desk_command(
    *,
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="Say on each page that all of it is synthetic, as in the demo."),
    ] = False,
    behind_proxy: BehindProxy = False,
) -> None:
    """Show a page with whom to call first, and why, and take what was done about it, until SIGTERM or Ctrl-C.

    Reads the alert topic from its beginning, and keeps no database: everything is made anew at each start.
    What somebody does about an alert is held back for RETENTION_DESK_UNDO_SECONDS, then written to the
    dispositions topic as the bridge writes it. The workers of RETENTION_WORKER_ADDRESSES are asked how they
    are, and how things stand with a customer. The pages are at RETENTION_WEB_PORT (on one machine another
    than that of a worker), beside /live, /ready and /metrics. Off loopback RETENTION_TOKEN_FILE is needed to
    log in, and TLS, its own or that of a proxy. For history set RETENTION_CLOCK=event, as for the worker: it
    is then the time of the newest alert.
    """
    settings, own = settings_or_exit(behind_proxy=behind_proxy or None), desk_settings_or_exit()
    prefix = crm_settings_or_exit().canary_prefix
    set_up_logging(settings)
    try:
        found = topics_or_exit(settings, (ALERTS, CUSTOMERS, DISPOSITIONS))
        alerts, customers, done = (
            settings.topic_prefix + one.name for one in (ALERTS, CUSTOMERS, DISPOSITIONS)
        )
        topics = Topics(alerts, customers, done, found[alerts].partitions)
        asyncio.run(_run(settings, own, topics, prefix, synthetic=synthetic))
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - the one place where it ends
        raise ended(error, _EXITS, "the desk; it ends") from None


async def _run(
    settings: Settings, own: DeskSettings, topics: Topics, prefix: str, *, synthetic: bool
) -> None:
    writer = DispositionWriter(settings)
    desk = DeskProcess(settings, own, topics, writer, canary_prefix=prefix, synthetic=synthetic)
    try:
        await desk.run()
    finally:
        await writer.close()
