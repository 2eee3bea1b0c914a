"""What all commands share: exit codes, and how an error is said."""

from enum import IntEnum

import typer
from rich.console import Console
from rich.markup import escape

ERRORS = Console(stderr=True)


class Exit(IntEnum):
    """Exit codes, as sysexits.h numbers them."""

    USAGE = 64
    BAD_DATA = 65
    NO_INPUT = 66
    UNAVAILABLE = 69
    SOFTWARE = 70
    CANNOT_CREATE = 73
    NO_PERMISSION = 77
    CONFIG = 78


def failed(message: str, code: Exit) -> typer.Exit:
    """Print an error, a line for each of the message's, and return what ends the command."""
    for line in message.splitlines():
        ERRORS.print(f"[red]error:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    return typer.Exit(code)
