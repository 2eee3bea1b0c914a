"""The command `demo`."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from streams.console import INTERRUPTED, Exit, failed, files_or_exit, or_exit
from streams.demo.broker import DemoKafka, some_kafka
from streams.demo.play import Demo, outputs, play, replay
from streams.demo.processes import DemoError
from streams.demo.signals import signals_as_ctrl_c
from streams.files import named
from streams.lab.generate.command import generate_command
from streams.outputs import Force, check_or_exit
from streams.runtime.commands.common import kafka_or_exit, settings_or_exit
from streams.runtime.local_kafka.distribution import LocalKafkaError
from streams.settings import Settings

DRAWN: Final = ("transactions.jsonl", "contacts.jsonl", "customers.jsonl")
"""The event files that a demo draws, beside `truth.jsonl`."""

_Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="A directory of events to show, instead of a year of real baskets with synthetic contacts.",
        show_default=False,
    ),
]
_Out = Annotated[Path, typer.Option("--out", help="Where data, alerts, report and logs go.")]
_Seconds = Annotated[float, typer.Option("--seconds", min=1, help="How long publishing takes.")]
_Keep = Annotated[bool, typer.Option("--keep", help="At the end leave Kafka and the topics as they are.")]
_NoKafka = Annotated[bool, typer.Option("--no-kafka", help="Only replay.")]


def demo_command(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    data: _Data = None,
    out: _Out = Path("out/demo"),
    seconds: _Seconds = 50.0,
    keep: _Keep = False,
    no_kafka: _NoKafka = False,
    force: Force = False,
) -> None:
    """Show all of it: history into Kafka, two workers on it, alerts as they come, and the same by replay.

    Kafka is that of RETENTION_BOOTSTRAP_SERVERS if it is set and answers, else that of `kafka up` if it
    runs, else one is started on 127.0.0.1 with Docker or Java 17; where none can be, there is only replay.
    Half-way a worker is killed and started again: exits with 1 if the topic does not hold exactly the alerts
    of replay at the end. Topics and group have names of their own, and all that was started is stopped; on a
    terminal the desk stays, until Enter is pressed.
    """
    settings = settings_or_exit()
    if not force:
        _check_outputs(data, out)
    try:
        with signals_as_ctrl_c(), _alone(out):
            demo = Demo(_history(data, out), out, seconds, keep=keep, synthetic=data is None, force=force)
            with ExitStack() as stack, kafka_or_exit(), files_or_exit(), or_exit({DemoError: Exit.SOFTWARE}):
                kafka = None if no_kafka else _kafka(stack, settings, out / "kafka", keep=keep)
                equal = play(demo, kafka) if kafka else replay(demo, settings)
    except KeyboardInterrupt:
        typer.echo("stopped before the end, and all that was started with it", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if not equal:
        raise typer.Exit(1)


def _check_outputs(data: Path | None, out: Path) -> None:
    """End the command if something that no demo has written would be lost."""
    if out.is_dir():
        check_or_exit(outputs(out), [] if data is None else named(data))
    drawn = out / "data"
    others = [path for path in named(drawn) if path.exists() and path.name not in DRAWN]
    mine = (drawn / "truth.jsonl").exists() or not any(path.exists() for path in named(drawn))
    if data is None and (others or not mine):
        raise failed(
            f"{drawn} holds event files that no demo has written: --force replaces them", Exit.CANNOT_CREATE
        )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Make the folder, and keep others out: what else runs from it was left behind."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Not emptied, and no link is followed: what lies there may be somebody else's.
        with open(os.open(out / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW), "rb") as lock:  # noqa: PTH123
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise failed(f"another demo runs in {out}", Exit.UNAVAILABLE) from error
    except OSError as error:
        raise failed(f"{out} cannot be written: {error.strerror}", Exit.CANNOT_CREATE) from error


def _history(data: Path | None, out: Path) -> Path:
    if data is not None:
        return data
    directory = out / "data"
    generate_command(directory, force=True)
    return directory


def _kafka(stack: ExitStack, settings: Settings, folder: Path, *, keep: bool) -> DemoKafka | None:
    try:
        kafka = stack.enter_context(some_kafka(settings, folder, keep=keep))
    except (LocalKafkaError, OSError) as error:
        typer.echo(f"no Kafka, so there is only replay: {error}")
        return None
    typer.echo(f"Kafka at {','.join(kafka.settings.bootstrap_servers)} ({kafka.whose})")
    return kafka
