"""Commands as a user runs them, and waiting."""

import time
from collections.abc import Callable
from typing import Any

import typer
from typer.testing import CliRunner, Result

from streams.runtime.commands.topics import topics
from streams.settings import Settings, variable


def environment(settings: Settings, **changes: object) -> dict[str, str]:
    """Return settings as a process is told them, each that isn't a default."""
    values = settings.model_dump(exclude_defaults=True) | changes
    spelled = {
        name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()
    }
    return {variable(name): value for name, value in spelled.items()} | {"COLUMNS": "160"}


def run(settings: Settings, *arguments: str, **changes: object) -> Result:
    """Run `topics` under settings."""
    return CliRunner().invoke(topics, arguments, env=environment(settings, **changes))


def run_command(
    command: Callable[..., Any], settings: Settings, *arguments: object, **changes: object
) -> Result:
    """Run a command under settings."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)), env=environment(settings, **changes))


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
