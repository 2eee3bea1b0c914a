"""Settings for people: the manual made of their docstrings, and the values in force without secrets."""

from collections.abc import Iterable, Iterator
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from streams.crm_settings import CrmSettings
from streams.desk_settings import DeskSettings
from streams.settings import ENV_PREFIX, Settings

_HIDDEN = "(set, not shown)"

_HEAD = """\
# Settings

All processes read the same environment variables; what is empty counts as not set. A value that can't be used
ends any command with exit code 78. `retention-signals settings` shows the values in force, without secrets.
This page is made from the settings themselves, by `retention-signals settings --manual`.

| variable | default | what it does |
|---|---|---|
"""
_CRM_HEAD = """
## The bridge to a CRM, and the canary

| variable | default | what it does |
|---|---|---|
"""
_DESK_HEAD = """
## The desk

| variable | default | what it does |
|---|---|---|
"""
_KINDS = (Settings, CrmSettings, DeskSettings)


def manual() -> str:
    """Return `docs/settings.md`, every setting in the order of the code."""
    return _HEAD + _table(Settings) + _CRM_HEAD + _table(CrmSettings) + _DESK_HEAD + _table(DeskSettings)


def effective(*settings: BaseSettings) -> Iterator[tuple[str, str]]:
    """Yield variable and value in force of every setting; a secret only says that it is set."""
    for one in settings:
        for name, value in one:
            yield _variable(type(one), name), _HIDDEN if isinstance(value, SecretStr) else _shown(value)


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return the names in an environment that begin like settings but are none, as a slip of the pen does."""
    known = {_variable(kind, name) for kind in _KINDS for name in kind.model_fields}
    return sorted(
        name for name in environment if name.upper().startswith(ENV_PREFIX) and name.upper() not in known
    )


def _table(kind: type[BaseSettings]) -> str:
    rows = (_row(_variable(kind, name), field) for name, field in kind.model_fields.items())
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _variable(kind: type[BaseSettings], name: str) -> str:
    return f"{kind.model_config['env_prefix']}{name}".upper()


def _row(variable: str, field: FieldInfo) -> tuple[str, str, str]:
    about = " ".join((field.description or "").split())
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    if choices:
        about += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    default = _shown(field.default)
    return f"`{variable}`", f"`{default}`" if default else "", about


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
