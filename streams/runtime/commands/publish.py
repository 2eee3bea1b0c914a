"""The command `publish`: a directory of events to the topics."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TextColumn

from schemas.times import format_ms
from schemas.topics import INPUTS
from streams.console import INTERRUPTED, Exit, failed, files_or_exit, progress_bar, progress_columns
from streams.core.watermark import NEVER
from streams.files import find
from streams.runtime.commands.common import StrictFields, kafka_or_exit, partitions_or_exit, settings_or_exit
from streams.runtime.tools.prescan import Prescan
from streams.runtime.tools.publish import (
    EventTimeSpeed,
    FixedRate,
    Published,
    Publisher,
    Schedule,
    prescan_for,
)
from streams.settings import Settings

_Directory = Annotated[
    Path,
    typer.Argument(
        help="A directory with transactions, contacts, and if you have them customers and dispositions, "
        "as .jsonl, .jsonl.gz or .parquet.",
        show_default=False,
    ),
]
_Rate = Annotated[float | None, typer.Option(min=0.001, help="Records a second.", show_default=False)]
_Speed = Annotated[
    float | None,
    typer.Option(min=0.001, help="Event time so many times as fast as it went.", show_default=False),
]


def publish_command(
    directory: _Directory, *, rate: _Rate = None, speed: _Speed = None, strict_fields: StrictFields = False
) -> None:
    """Publish history to the topics: a worker on the event clock then gives the alerts that `replay` gives.

    Profiles and dispositions go first, then transactions and contacts as event time has them: as fast as it
    goes, or at a pace. The key is the customer, the value the line as it is; a line that can't be read is
    published too, so that the worker reports it. Every partition gets a tick for each day of event time
    and one at the end, which takes a worker on the event clock to where `replay` ends.

    What is published a second time counts as late or as a duplicate: begin again with fresh topics.
    """
    if rate is not None and speed is not None:
        raise failed("--rate and --speed: choose one", Exit.USAGE)
    settings = settings_or_exit(strict_fields=strict_fields or None)
    with files_or_exit():
        find(directory)
    with kafka_or_exit():
        settings.rules()  # known to be usable before anything takes long
    partitions = partitions_or_exit(settings, INPUTS)
    with files_or_exit(), kafka_or_exit(), progress_bar("reading") as on_progress:
        prescanned = prescan_for(settings, directory, partitions, on_progress)
    _publish(settings, prescanned, partitions, _schedule(rate, speed))


def _schedule(rate: float | None, speed: float | None) -> Schedule | None:
    if rate is not None:
        return FixedRate(rate)
    return None if speed is None else EventTimeSpeed(speed)


def _publish(settings: Settings, prescanned: Prescan, partitions: int, schedule: Schedule | None) -> None:
    started = time.monotonic()
    numbers = TextColumn(
        "{task.completed:,} of {task.total:,} lines, {task.fields[rate]:,.0f}/s, {task.fields[at]}"
    )
    with kafka_or_exit(), files_or_exit(), progress_columns(numbers) as bar:
        task = bar.add_task("publishing", total=prescanned.lines.total(), rate=0.0, at="")

        def on_progress(published: Published) -> None:
            done = published.lines.total()
            at = "" if published.reached == NEVER else format_ms(published.reached)[:10]
            bar.update(task, completed=done, rate=done / (time.monotonic() - started), at=at)

        publisher = Publisher(settings, partitions, schedule=schedule, on_progress=on_progress)
        try:
            asyncio.run(publisher.publish_directory(prescanned))
        except KeyboardInterrupt:
            stopped = True
        else:
            stopped = False
    _show(prescanned, publisher.published, time.monotonic() - started)
    if stopped:
        typer.echo(
            "stopped before the end: the last tick is missing, so time has not reached the newest event"
        )
        raise typer.Exit(INTERRUPTED)


def _show(prescanned: Prescan, published: Published, seconds: float) -> None:
    for source, path in prescanned.paths.items():
        of = (
            "" if published.lines[source] == prescanned.lines[source] else f" of {prescanned.lines[source]:,}"
        )
        typer.echo(f"{path.name}: {published.lines[source]:,}{of} lines to {source}")
    typer.echo(f"ticks: {published.ticks:,}")
    for reason, lines in sorted(prescanned.refused.items()):
        typer.echo(f"a worker will refuse: {lines:,} {reason.value}")
    if prescanned.left_out:
        typer.echo(f"left out, larger than Kafka takes: {prescanned.left_out:,}")
    if prescanned.blank:
        typer.echo(f"blank lines, skipped: {prescanned.blank:,}")
    for source, ahead in prescanned.ahead.items():
        if ahead:
            typer.echo(
                f"left out, dated a year or more ahead of the lines around them: {len(ahead):,} of "
                f"{prescanned.paths[source].name}, first line {min(ahead):,}"
            )
    rate = published.arrived / seconds if seconds else 0
    typer.echo(f"{published.arrived:,} records arrived, {seconds:.1f} s, {rate:,.0f}/s")
