"""The commands `kafka up | down | status`: a Kafka for development."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from streams.console import ERRORS, Exit, failed, or_exit
from streams.runtime.local_kafka.broker import LocalKafka, Running, answers
from streams.runtime.local_kafka.distribution import KAFKA_VERSION, LocalKafkaError
from streams.settings import variable

kafka = typer.Typer(help="A Kafka for development, on this machine only.", no_args_is_help=True)

_Folder = Annotated[Path, typer.Option("--folder", help="Where it is kept: program, data, log.")]
_Port = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Port to take if free; else that of last time, 9092 at first."),
]
_Erase = Annotated[bool, typer.Option("--erase", help="Forget its topics and all they hold, too.")]
_FOLDER = Path(".kafka")


@kafka.command("up")
def kafka_up(*, folder: _Folder = _FOLDER, port: _Port = None) -> None:
    """Start Apache Kafka on 127.0.0.1 and wait until it answers: on Docker, else on Java 17 or newer.

    On Java the program comes from Maven Central, once (54 MB). What runs already is left alone.
    """
    local = LocalKafka(folder)
    with _local_kafka_or_exit():
        before = local.running()
        with ERRORS.status(f"starting Apache Kafka {KAFKA_VERSION}, the first time it is fetched ..."):
            broker = local.up(port)
    typer.echo(f"Kafka {'runs already' if broker == before else 'is up'} at {_description(broker)}")
    typer.echo("to use it:")
    typer.echo(
        f"export {variable('bootstrap_servers')}={broker.bootstrap} {variable('replication_factor')}=1"
    )


@kafka.command("down")
def kafka_down(*, folder: _Folder = _FOLDER, erase: _Erase = False) -> None:
    """Stop what `kafka up` started, and nothing else; its data stay unless erased."""
    with _local_kafka_or_exit():
        ended = LocalKafka(folder).down(erase=erase)
    typer.echo("Kafka was not running" if ended is None else f"stopped Kafka at {_description(ended)}")


@kafka.command("status")
def kafka_status(*, folder: _Folder = _FOLDER) -> None:
    """Return whether it runs and where; exits with 69 if it does not answer."""
    with _local_kafka_or_exit():
        broker = LocalKafka(folder).running()
    if broker is None:
        raise failed(f"no Kafka runs in {folder}; `retention-signals kafka up` starts it", Exit.UNAVAILABLE)
    if not answers(broker.bootstrap):
        raise failed(f"Kafka runs but does not answer at {_description(broker)}", Exit.UNAVAILABLE)
    typer.echo(f"Kafka answers at {_description(broker)}")


def _local_kafka_or_exit() -> AbstractContextManager[None]:
    return or_exit({LocalKafkaError: Exit.UNAVAILABLE, OSError: Exit.UNAVAILABLE})


def _description(broker: Running) -> str:
    known_as = "container" if broker.engine == "Docker" else "process"
    return f"{broker.bootstrap} ({broker.engine}, {known_as} {broker.identity[:12]})"
