"""The command `schema export`."""

import re
from pathlib import Path
from typing import Annotated

import typer

from schemas.export import export, paths
from streams.outputs import Force, Output, check_or_exit, write_or_exit, writing_or_exit

_EXPORTED = re.compile(rb'\{\s*"(\$schema|asyncapi)":[^\0]*?retention-signals')
schema = typer.Typer(help="The wire contract.", no_args_is_help=True)


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
