"""The command `retention-signals`."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Final

import typer

from streams.console import ERRORS, Exit
from streams.lazy_commands import add_lazy_commands

_SERVERS: Final = frozenset({"worker", "bridge", "canary", "desk", "ingest", "crm-sandbox"})
_REST: Final = "RETENTION_CONFIG_ERROR_SECONDS"
_MOST_SECONDS: Final = 3600.0

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
    try:
        app()
    except SystemExit as ended:
        seconds = rest_seconds(ended.code, sys.argv[1:], os.environ)
        if seconds and not sys.stdin.isatty():
            ERRORS.print(f"it ends in {seconds:g} s ({_REST}): to start it again at once mends nothing")
            time.sleep(seconds)
        raise


def rest_seconds(code: object, arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return how long a process waits before it ends: servers after an error of their configuration.

    The setting is read by itself, because those that it stands among may be what can't be used.
    """
    if code != Exit.CONFIG or arguments[:1] == [] or arguments[0] not in _SERVERS:
        return 0.0
    try:
        seconds = float(environment.get(_REST) or 0)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds <= _MOST_SECONDS else 0.0
