"""The command `redrive`: refused records back to their topics, once what was wrong is put right."""

import asyncio
from collections import Counter
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from schemas.dead_letter import Reason
from schemas.topics import DEAD_LETTERS, INPUTS, MOVES
from streams.console import ERRORS, Exit, failed, visible
from streams.core.watermark import Input
from streams.runtime.commands.common import admin_or_exit, kafka_or_exit, settings_or_exit
from streams.runtime.kafka.topics import differences, plan, read, refusal
from streams.runtime.tools.redrive import Choice, Kind, Redrivable, Redrive, Redriven, Shown
from streams.settings import Settings

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

_Reasons = Annotated[
    list[Reason] | None,
    typer.Option("--reason", help="Only letters with this reason; may be given more than once."),
]
_Inputs = Annotated[
    list[Input] | None,
    typer.Option("--input", help="Only letters from this input; may be given more than once."),
]
_Limit = Annotated[int | None, typer.Option(min=1, help="So many letters at most.", show_default=False)]
_Execute = Annotated[bool, typer.Option("--execute", help="Send them; without it nothing is changed.")]
_Again = Annotated[bool, typer.Option("--again", help="Also letters that were redriven before.")]
_Show = Annotated[
    int, typer.Option(min=0, help="List so many of the letters that go: whence and why, never the value.")
]


def redrive_command(  # noqa: PLR0913 - one for each option
    *,
    reason: _Reasons = None,
    source: _Inputs = None,
    limit: _Limit = None,
    execute: _Execute = False,
    again: _Again = False,
    show: _Show = 0,
) -> None:
    """Send dead letters back to the topics they came from; first see what would go, then --execute.

    Put right what they were refused for before: the settings, the release, the producer. Bytes and key go
    back unchanged, to the partition that the key belongs to, so letters refused as wrong_partition arrive.
    What is refused again is a new dead letter. What is more than 8 days old by its own time will mostly be:
    as too_late.

    A partition that is stopped because too much was refused reads on, within seconds, once a letter of the
    last ones that it refused went back. All that its inputs hold is then read, and what is still bad becomes
    a dead letter, however much that is.

    A letter goes back once, also if a redrive dies on the way or two run at a time; --again sends it once
    more. Kafka keeps the marks of what went back for 7 days unless told otherwise
    (offsets.retention.minutes): of what goes back after that, the worker counts nothing twice.
    """
    settings = settings_or_exit()
    partitions = _partitions(settings)
    choice = Choice(reasons=tuple(reason or Reason), sources=tuple(source or Input), limit=limit, again=again)
    shown: list[Redrivable] = []

    def keep(dead_letter: Redrivable) -> None:
        if len(shown) < show:
            shown.append(dead_letter)

    redriven, stopped = _run(settings, partitions, choice, keep, execute=execute)
    _print(redriven, shown, execute=execute)
    if stopped:
        typer.echo("stopped before the end: the same command goes on from there")
        raise typer.Exit(INTERRUPTED)


def _partitions(settings: Settings) -> int:
    """Return how many partitions the topics have; ends the command if they don't fit together."""
    planned = [one for one in plan(settings) if one.topic in (*INPUTS, MOVES, DEAD_LETTERS)]
    with admin_or_exit(settings) as admin:
        actual = read(admin, planned)
    found = differences(planned, actual)
    refused = refusal(found)
    if refused:
        raise failed(refused, Exit.CONFIG)
    counts = {one.partitions for one in actual.values()}
    if len(counts) > 1:
        raise failed("\n".join(map(str, found)), Exit.CONFIG)
    return counts.pop()


def _run(
    settings: Settings, partitions: int, choice: Choice, shown: Shown, *, execute: bool
) -> tuple[Redriven, bool]:
    """Return what became of it, and whether it was interrupted."""
    with kafka_or_exit(), _bar() as bar:
        task = bar.add_task("redriving" if execute else "reading", total=None)

        def told(redriven: Redriven, offsets: int) -> None:
            bar.update(task, completed=redriven.read, total=offsets)

        redrive = Redrive(settings, partitions, choice, told=told, shown=shown)
        try:
            asyncio.run(redrive.execute() if execute else redrive.look())
        except KeyboardInterrupt:
            return redrive.redriven, True
    return redrive.redriven, False


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERRORS, disable=not ERRORS.is_terminal, transient=True)


def _print(redriven: Redriven, shown: list[Redrivable], *, execute: bool) -> None:
    going = redriven.sent if execute else redriven.chosen
    console = Console()
    if redriven.dead_letters:
        console.print(_table(redriven, going, "sent back" if execute else "would go"))
    if shown:
        console.print(_listed(shown))
    if redriven.unusable:
        typer.echo(f"left alone, no letters of these inputs: {redriven.unusable:,}")
    if execute:
        typer.echo(f"letters sent back: {going.total():,}")
    else:
        hint = "; --execute sends them" if going else ""
        typer.echo(f"letters that would go back: {going.total():,}{hint}")


def _table(redriven: Redriven, going: Counter[Kind], title: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("reason", "input"):
        table.add_column(name, no_wrap=True)
    for name in ("dead_letters", "went before", title):
        table.add_column(name, justify="right", no_wrap=True)
    for kind in sorted(redriven.dead_letters):
        numbers = (redriven.dead_letters[kind], redriven.before[kind], going[kind])
        table.add_row(kind.reason, kind.source, *(f"{number:,}" for number in numbers))
    return table


def _listed(shown: list[Redrivable]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("topic", no_wrap=True)
    for name in ("partition", "offset"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    table.add_column("detail", overflow="fold")
    for dead_letter in shown:
        headers = dead_letter.headers
        table.add_row(
            headers.dl_topic,
            headers.dl_partition,
            headers.dl_offset,
            headers.dl_reason,
            escape(visible(headers.dl_detail)),
        )
    return table
