"""The command `retention-signals`."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from schemas.export import export, paths
from streams.check.command import check_command
from streams.lazy_commands import add_lazy_commands
from streams.outputs import Force, Output, check_or_exit, write_or_exit, writing_or_exit
from streams.runtime.commands.alerts import alerts_command
from streams.runtime.commands.kafka import kafka
from streams.runtime.commands.lookup import lookup_command
from streams.runtime.commands.publish import publish_command
from streams.runtime.commands.redrive import redrive_command
from streams.runtime.commands.settings import settings_command
from streams.runtime.commands.state import state
from streams.runtime.commands.tick import tick_command
from streams.runtime.commands.topics import topics
from streams.runtime.commands.worker import worker_command

app = typer.Typer(
    help="Raise an alert when a high-value customer's spend drops after a bad contact.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_EXPORTED = re.compile(rb'\{\s*"(\$schema|asyncapi)":[^\0]*?retention-signals')
schema = typer.Typer(help="The wire contract.", no_args_is_help=True)
app.add_typer(schema, name="schema")
add_lazy_commands(app)
app.command("check")(check_command)
app.command("publish")(publish_command)
app.command("tick")(tick_command)
app.command("worker")(worker_command)
app.command("alerts")(alerts_command)
app.command("lookup")(lookup_command)
app.command("redrive")(redrive_command)
app.add_typer(state, name="state")
app.add_typer(kafka, name="kafka")
app.add_typer(topics, name="topics")
app.command("settings")(settings_command)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"retention-signals {version('retention-signals')}")
        raise typer.Exit


@app.callback()
def _start(
    *,
    _asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@schema.command("export")
def schema_export(
    directory: Annotated[Path, typer.Argument(help="Where the documents go; created if need be.")],
    *,
    force: Force = False,
) -> None:
    """Write JSON Schema (2020-12) of every event and an AsyncAPI 3 document of all topics."""
    with writing_or_exit(directory):
        directory.mkdir(parents=True, exist_ok=True)
    check_or_exit((Output(path, "", _EXPORTED) for path in paths(directory)), (), force=force)
    for path in export(directory, write_or_exit):
        typer.echo(path)


def main() -> None:
    """Run the command line."""
    app()
