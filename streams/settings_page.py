"""Settings for people: the manual made of their docstrings, and the values in force without secrets."""

from collections.abc import Iterable, Iterator
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from streams.settings import ENV_PREFIX, Settings, variable

_HIDDEN = "(set, not shown)"

_HEAD = """\
# Settings

All processes read the same environment variables; what is empty counts as not set. A value that can't be used
ends any command with exit code 78. `retention-signals settings` shows the values in force, without secrets.
This page is made from the settings themselves, by `retention-signals settings --manual`.

| variable | default | what it does |
|---|---|---|
"""


def manual() -> str:
    """Return `docs/settings.md`, every setting in the order of the code."""
    rows = (_row(name, field) for name, field in Settings.model_fields.items())
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def effective(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield variable and value in force of every setting; a secret only says that it is set."""
    for name, value in settings:
        yield variable(name), _HIDDEN if isinstance(value, SecretStr) else _shown(value)


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return the names in an environment that begin like settings but are none, as a slip of the pen does."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(
        name for name in environment if name.upper().startswith(ENV_PREFIX) and name.upper() not in known
    )


def _row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    about = " ".join((field.description or "").split())
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    if choices:
        about += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    default = _shown(field.default)
    return f"`{variable(name)}`", f"`{default}`" if default else "", about


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
