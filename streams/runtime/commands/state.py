"""The commands `state export | import`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.topics import STATE
from streams.console import Exit, failed, or_exit, progress_bar
from streams.outputs import Force, Output, check_or_exit
from streams.runtime.commands.common import KAFKA_EXITS, admin_or_exit, settings_or_exit, topic_or_exit
from streams.runtime.startup.preflight import PreflightError, preflight
from streams.runtime.tools.state_file import MARK, StateFileError
from streams.runtime.tools.state_move import MoveError
from streams.runtime.tools.state_topic import Positions, export_state, import_state
from streams.settings import variable

state = typer.Typer(help="The workers' state: a backup, and the move to other topics.", no_args_is_help=True)

_EXITS: Final[dict[type[Exception], Exit]] = {
    **KAFKA_EXITS,
    StateFileError: Exit.BAD_DATA,
    MoveError: Exit.CONFIG,
    PreflightError: Exit.CONFIG,
}

_Target = Annotated[Path, typer.Argument(help="The file to write; an earlier export is replaced.")]
_Source = Annotated[Path, typer.Argument(help="A file of `state export`.")]
_Positions = Annotated[
    Positions,
    typer.Option(
        help="Where the inputs go on: where the file says, or at the beginning or end of the topics as they "
        "are now."
    ),
]


@state.command("export")
def state_export(file: _Target, *, force: Force = False) -> None:
    """Write the committed state of all partitions into a file, for a backup or a move.

    Workers may go on: each partition is as of one moment, with its positions. The file holds what customers
    did: keep it as you keep that. It ends in a checksum and is there as a whole or not at all.
    """
    check_or_exit([Output(file, "", MARK)], (), force=force)
    settings = settings_or_exit()
    with admin_or_exit(settings) as admin:
        partitions = topic_or_exit(admin, settings, STATE, f"see {variable('topic_prefix')}").partitions
    with (
        _state_or_exit(f"{file} cannot be written", Exit.CANNOT_CREATE),
        progress_bar("exporting") as on_progress,
    ):
        records = asyncio.run(export_state(settings, file, partitions, on_progress))
    size = file.stat().st_size / 1_000_000
    typer.echo(f"{file}: {records:,} records of {partitions} partitions, {size:,.1f} MB")


@state.command("import")
def state_import(file: _Source, *, positions: _Positions = Positions.KEPT) -> None:
    """Write the state of a file into an empty state topic: all of it, or nothing. Stop the workers first.

    Back into the topics that it came from (a lost or damaged state topic, created again): the inputs go on
    where the file says. Alerts sent since the export are sent again, with the ids that they had.

    To other topics, also with another partition count: stop the producers, let the workers read all there
    is, stop them, export. Set RETENTION_TOPIC_PREFIX and RETENTION_PARTITIONS, `topics create`, and say with
    --positions where the inputs go on: at the `end` if the new topics are empty, or all that they hold is in
    the state; at the `beginning` if they hold what came since. What is in the state already is then dropped
    as a duplicate, or refused as too late if it is more than 8 days old.

    For another count the partitions must stand within an hour of one another; the new ones go on from where
    the hindmost stood. Customers, episodes, revisions and the ids of the last 8 days are exact: no alert
    twice, none lost. What each partition counts of its own customers is recalculated: the purchases that the
    feed guard compares with (an even share of all), the hours of a broken feed (those of any partition), and
    until the weekly refresh the cut-off of high value (that of the middle partition).
    """
    settings = settings_or_exit()
    with _state_or_exit(f"{file} cannot be read", Exit.NO_INPUT):
        context = preflight(settings)
        with progress_bar("importing") as on_progress:
            contents = asyncio.run(import_state(settings, context, file, positions, on_progress))
    typer.echo(
        f"{contents.customers:,} customers of {contents.header.partitions} partitions, exported at "
        f"{contents.header.created}, into {context.partitions} partitions"
    )
    others = [one for one in contents.applications if one != settings.application_id]
    if others:
        typer.echo(f"it was state of {', '.join(others)}, and is of {settings.application_id} now")


@contextmanager
def _state_or_exit(trouble: str, code: Exit) -> Iterator[None]:
    """End the command if the file, the topics or Kafka can't be used."""
    try:
        with or_exit(_EXITS):
            yield
    except OSError as error:
        raise failed(f"{trouble}: {error.strerror}", code) from error
