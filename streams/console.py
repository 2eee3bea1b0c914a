"""What all commands share: exit codes, how an error is said, and text from outside made harmless."""

import unicodedata
from collections.abc import Iterator, Sequence
from enum import IntEnum

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from streams.files import InputError

ERRORS = Console(stderr=True)

# Categories that a page or a terminal might obey instead of showing.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


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


def input_failed(error: InputError) -> typer.Exit:
    """Print what is wrong with the files of a directory, and return what ends the command."""
    return failed(str(error), Exit.BAD_DATA if error.unusable else Exit.NO_INPUT)


def first_of(names: Sequence[str], most: int) -> str:
    """Return the first so many of some names, as they are, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def merge_notes(
    into: str | None, former: Sequence[str], *, included: str = "", style: str = ""
) -> Iterator[Text]:
    """Yield what is said of merges of an id, a line each: where it went, in a style, and what came to it.

    `included` is said of what went along.
    """
    if into is not None:
        yield Text(f"Merged: the customer is {visible(into)} now{included}.", style=style)
    if former:
        yield Text(f"With what was known of {', '.join(map(visible, former))}.")


def visible(text: str) -> str:
    """Return the text with every control, format, surrogate and unassigned character written as an escape."""
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _UNSEEN:
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
