"""The commands `state export | import`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from schemas.topics import STATE
from streams.console import ERRORS, Exit, failed
from streams.outputs import Force, Output, check_or_exit
from streams.runtime.commands.common import admin_or_exit, kafka_or_exit, settings_or_exit
from streams.runtime.kafka.topics import plan, read
from streams.runtime.startup.preflight import PreflightError, preflight
from streams.runtime.tools.state_file import MARK, StateFileError
from streams.runtime.tools.state_move import MoveError
from streams.runtime.tools.state_topic import Positions, Told, export_state, import_state
from streams.settings import Settings, variable

state = typer.Typer(help="The workers' state: a backup, and the move to other topics.", no_args_is_help=True)

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
    partitions = _partitions(settings)
    with _ending(f"{file} cannot be written", Exit.CANNOT_CREATE), _told("exporting") as told:
        records = asyncio.run(export_state(settings, file, partitions, told))
    size = file.stat().st_size / 1_000_000
    typer.echo(f"{file}: {records:,} records of {partitions} partitions, {size:,.1f} MB")


@state.command("import")
def state_import(file: _Source, *, positions: _Positions = Positions.KEPT) -> None:
    """Write the state of a file into an empty state topic: all of it, or nothing. Stop the workers first.

    Back into the topics that it came from (a lost or damaged state topic, made anew): the inputs go on where
    the file says. Alerts sent since the export are sent again, with the ids that they had.

    To other topics, also with another partition count: stop the producers, let the workers read all there
    is, stop them, export. Set RETENTION_TOPIC_PREFIX and RETENTION_PARTITIONS, `topics create`, and say with
    --positions where the inputs go on: at the `end` if the new topics are empty, or all that they hold is in
    the state; at the `beginning` if they hold what came since. What is in the state already is then dropped
    as a duplicate, or refused as too late if it is more than 8 days old.

    For another count the partitions must stand within an hour of one another; the new ones go on from where
    the hindmost stood. Customers, episodes, revisions and the ids of the last 8 days are exact: no alert
    twice, none lost. What each partition counts of its own customers is made anew: the purchases that the
    feed guard compares with (an even share of all), the hours of a broken feed (those of any partition), and
    until the weekly refresh the cut-off of high value (that of the middle partition).
    """
    settings = settings_or_exit()
    with _ending(f"{file} cannot be read", Exit.NO_INPUT):
        context = preflight(settings)
        with _told("importing") as told:
            contents = asyncio.run(import_state(settings, context, file, positions, told))
    typer.echo(
        f"{contents.customers:,} customers of {contents.header.partitions} partitions, exported at "
        f"{contents.header.created}, into {context.partitions} partitions"
    )
    others = [one for one in contents.applications if one != settings.application_id]
    if others:
        typer.echo(f"it was state of {', '.join(others)}, and is of {settings.application_id} now")


def _partitions(settings: Settings) -> int:
    planned = [one for one in plan(settings) if one.topic is STATE]
    with admin_or_exit(settings) as admin:
        found = read(admin, planned).get(planned[0].name)
    if found is None:
        raise failed(f"{planned[0].name}: missing; see {variable('topic_prefix')}", Exit.CONFIG)
    return found.partitions


@contextmanager
def _ending(trouble: str, code: Exit) -> Iterator[None]:
    """End the command if the file, the topics or Kafka don't do."""
    try:
        with kafka_or_exit():
            yield
    except StateFileError as error:
        raise failed(str(error), Exit.BAD_DATA) from error
    except (MoveError, PreflightError) as error:
        raise failed(str(error), Exit.CONFIG) from error
    except OSError as error:
        raise failed(f"{trouble}: {error.strerror}", code) from error


@contextmanager
def _told(doing: str) -> Iterator[Told]:
    """Give what moves a progress bar."""
    columns = (TextColumn(doing), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=ERRORS, disable=not ERRORS.is_terminal, transient=True) as bar:
        task = bar.add_task(doing)
        yield lambda done, of: bar.update(task, completed=done, total=of)
