"""The command `settings`: what is in force, and the manual."""

import os
from typing import Annotated

import typer

from streams.console import ERRORS
from streams.runtime.commands.common import crm_settings_or_exit, desk_settings_or_exit, settings_or_exit
from streams.settings_page import effective, manual, unknown_variables

_Manual = Annotated[bool, typer.Option("--manual", help="Print what each setting does, as Markdown.")]


def settings_command(*, show_manual: _Manual = False) -> None:
    """Print the settings in force, from the environment; secrets only say that they are set."""
    if show_manual:
        typer.echo(manual(), nl=False)
        return
    for name, value in effective(settings_or_exit(), crm_settings_or_exit(), desk_settings_or_exit()):
        typer.echo(f"{name}={value}")
    for name in unknown_variables(os.environ):
        ERRORS.print(f"note: {name} is no setting", markup=False, highlight=False)
