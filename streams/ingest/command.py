"""The command `ingest`."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated, Final

import typer

from streams.console import Exit
from streams.ingest.dry_run import dry_run
from streams.ingest.flow.memories import Memories
from streams.ingest.flow.pipeline import Pipeline
from streams.ingest.preflight import Setup, preflight
from streams.ingest.process import Ingest
from streams.ingest.session import TooManyRefusedError
from streams.mapping.config import MappingError
from streams.runtime.commands.common import KAFKA_EXITS, BehindProxy, ended, settings_or_exit
from streams.runtime.commands.worker import set_up_logging
from streams.runtime.http.server import PortInUseError
from streams.runtime.startup.preflight import PreflightError
from streams.settings import Settings

log = logging.getLogger(__name__)

_EXITS: Final[dict[type[Exception], Exit]] = {
    **KAFKA_EXITS,
    MappingError: Exit.CONFIG,
    PreflightError: Exit.CONFIG,
    PortInUseError: Exit.CONFIG,
    TooManyRefusedError: Exit.BAD_DATA,
}


def ingest_command(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The mapping, with the topic of each source: FILE.toml.")
    ],
    *,
    dry: Annotated[
        int | None,
        typer.Option(
            "--dry-run",
            min=1,
            metavar="N",
            help="Show the first N records of each source beside what they come to; writes nothing. It "
            "prints what is in them.",
        ),
    ] = None,
    redrive: Annotated[
        bool,
        typer.Option(
            "--redrive",
            help="Map the dead letters again that are there now, once each, and end. Whatever is refused "
            "again is a new dead letter.",
        ),
    ] = False,
    behind_proxy: BehindProxy = False,
) -> None:
    """Read other people's topics, map them, write to our inputs: exactly once, until SIGTERM or Ctrl-C.

    Start several to share the work: as many as the topics have partitions. Each serves /metrics, /live and
    /ready at RETENTION_WEB_PORT. For old records start one, so that all are in the order of their time. The
    topics that it needs of its own are made by `topics create --ingest`.

    What can't be mapped goes to the dead letters of `ingest`, each with its reason. If that is 1,000 records
    of a source in a row, or a tenth, it stops with 65. Exits with 78 if settings, mapping or topics don't let
    it start, 69 if Kafka is away, 77 if it won't let us in. A schema registry that is away is waited for.
    """
    settings = settings_or_exit(behind_proxy=behind_proxy or None)
    set_up_logging(settings)
    try:
        setup = preflight(settings, config)
        if dry is not None:
            _show(settings, setup, dry)
            return
        for warning in setup.warnings:
            log.warning("%s", warning)
        asyncio.run(Ingest(settings, setup, redrive=redrive).run())
    except Exception as error:  # noqa: BLE001 - the one place where it ends
        raise ended(error, _EXITS, "ingest; it ends, nothing committed is lost") from None


def _show(settings: Settings, setup: Setup, most: int) -> None:
    pipeline = Pipeline(setup.mapping, setup.sources, setup.decoders, setup.names, Memories())
    for line in dry_run(settings, setup, pipeline, most):
        typer.echo(line)
