"""The command `retention-signals`."""

from importlib.metadata import version
from typing import Annotated

import typer

from streams.lazy_commands import add_lazy_commands

app = typer.Typer(
    help="Raise an alert when a high-value customer's spend drops after a bad contact.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
add_lazy_commands(app)


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


def main() -> None:
    """Run the command line."""
    app()
