"""`topics` as a user runs it, and waiting."""

import time
from collections.abc import Callable

from typer.testing import CliRunner, Result

from streams.runtime.commands_topics import topics
from streams.settings import Settings, variable


def run(settings: Settings, *arguments: str, **changes: object) -> Result:
    """Run `topics` under settings, each that isn't a default as a variable of the environment."""
    values = settings.model_dump(exclude_defaults=True) | changes
    spelled = {
        name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()
    }
    environment = {variable(name): value for name, value in spelled.items()} | {"COLUMNS": "160"}
    return CliRunner().invoke(topics, arguments, env=environment)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
