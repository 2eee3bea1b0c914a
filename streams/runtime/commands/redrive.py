"""The command `redrive`: refused records back to their topics, once what was wrong is put right."""

import asyncio
from collections import Counter
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.dead_letter import Reason
from schemas.topics import DEAD_LETTERS, INPUTS, MOVES
from streams.console import INTERRUPTED, progress_bar, visible
from streams.core.watermark import Input
from streams.runtime.commands.common import kafka_or_exit, partitions_or_exit, settings_or_exit
from streams.runtime.tools.redrive import (
    Kind,
    OnSelected,
    Redrive,
    RedriveCounts,
    Selection,
    StoredDeadLetter,
)
from streams.settings import Settings

_Reasons = Annotated[
    list[Reason] | None,
    typer.Option("--reason", help="Only dead letters with this reason; may be given more than once."),
]
_Inputs = Annotated[
    list[Input] | None,
    typer.Option("--input", help="Only dead letters from this input; may be given more than once."),
]
_Limit = Annotated[int | None, typer.Option(min=1, help="So many dead letters at most.", show_default=False)]
_Execute = Annotated[bool, typer.Option("--execute", help="Send them; without it nothing is changed.")]
_Again = Annotated[bool, typer.Option("--again", help="Also those that were redriven before.")]
_Show = Annotated[
    int, typer.Option(min=0, help="List so many of those that go: their origin and reason, never the value.")
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
    back unchanged, to the partition that the key belongs to, so those refused as wrong_partition arrive.
    What is refused again is a new dead letter. What is more than 8 days old by its own time will mostly be:
    as too_late.

    A partition that is stopped because too much was refused reads on, within seconds, once one of the
    last records that it refused went back. All that its inputs hold is then read, and what is still bad
    becomes a dead letter, however much that is.

    A dead letter goes back once, also if a redrive dies on the way or two run at a time; --again sends it
    once more. Kafka keeps the marks of what went back for 7 days unless set otherwise
    (offsets.retention.minutes): of what goes back after that, the worker counts nothing twice.
    """
    settings = settings_or_exit()
    partitions = partitions_or_exit(settings, (*INPUTS, MOVES, DEAD_LETTERS))
    selection = Selection(
        reasons=tuple(reason or Reason), sources=tuple(source or Input), limit=limit, again=again
    )
    shown: list[StoredDeadLetter] = []

    def keep(dead_letter: StoredDeadLetter) -> None:
        if len(shown) < show:
            shown.append(dead_letter)

    counts, stopped = _run(settings, partitions, selection, keep, execute=execute)
    _print(counts, shown, execute=execute)
    if stopped:
        typer.echo("stopped before the end: the same command goes on from there")
        raise typer.Exit(INTERRUPTED)


def _run(
    settings: Settings, partitions: int, selection: Selection, on_selected: OnSelected, *, execute: bool
) -> tuple[RedriveCounts, bool]:
    """Return what became of it, and whether it was interrupted."""
    with kafka_or_exit(), progress_bar("redriving" if execute else "reading") as on_progress:
        redrive = Redrive(settings, partitions, selection, on_progress=on_progress, on_selected=on_selected)
        try:
            asyncio.run(redrive.execute() if execute else redrive.look())
        except KeyboardInterrupt:
            return redrive.counts, True
    return redrive.counts, False


def _print(counts: RedriveCounts, shown: list[StoredDeadLetter], *, execute: bool) -> None:
    going = counts.sent if execute else counts.selected
    console = Console()
    if counts.dead_letters:
        console.print(_count_table(counts, going, "sent back" if execute else "would go"))
    if shown:
        console.print(_detail_table(shown))
    if counts.unusable:
        typer.echo(f"left alone, no dead letters of these inputs: {counts.unusable:,}")
    if execute:
        typer.echo(f"dead letters sent back: {going.total():,}")
    else:
        hint = "; --execute sends them" if going else ""
        typer.echo(f"dead letters that would go back: {going.total():,}{hint}")


def _count_table(counts: RedriveCounts, going: Counter[Kind], title: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("reason", "input"):
        table.add_column(name, no_wrap=True)
    for name in ("dead letters", "sent before", title):
        table.add_column(name, justify="right", no_wrap=True)
    for kind in sorted(counts.dead_letters):
        numbers = (counts.dead_letters[kind], counts.sent_before[kind], going[kind])
        table.add_row(kind.reason, kind.source, *(f"{number:,}" for number in numbers))
    return table


def _detail_table(shown: list[StoredDeadLetter]) -> Table:
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
