"""What all commands share: exit codes, error messages, progress bars, and text from outside made harmless."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from streams.files import InputError

ERRORS = Console(stderr=True)

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

OnProgress = Callable[[int, int], None]
"""Called with how much is done, and how much there is to do."""

OnStep = Callable[[str, int, int], None]
"""Called with the name of a step, how much of it is done, and how much there is to do."""

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


@contextmanager
def files_or_exit() -> Iterator[None]:
    """End the command if the files of a directory can't be used."""
    try:
        yield
    except InputError as error:
        raise input_failed(error) from error


@contextmanager
def or_exit(codes: Mapping[type[Exception], Exit]) -> Iterator[None]:
    """End the command with the message of an error, and the code that its kind has."""
    try:
        yield
    except tuple(codes) as error:
        raise failed(str(error), exit_code(error, codes)) from error


def exit_code(error: Exception, codes: Mapping[type[Exception], Exit]) -> Exit:
    """Return the code of an error by its kind. Raises KeyError."""
    for kind, code in codes.items():
        if isinstance(error, kind):
            return code
    raise KeyError(type(error).__name__)


def progress_columns(numbers: ProgressColumn) -> Progress:
    """Return bars on a terminal, each with a description, numbers, and the time that it took."""
    columns = (TextColumn("{task.description}"), BarColumn(), numbers, TimeElapsedColumn())
    return Progress(*columns, console=ERRORS, disable=not ERRORS.is_terminal, transient=True)


@contextmanager
def progress_bar(what: str) -> Iterator[OnProgress]:
    """Show a bar on a terminal while something is done, and give what moves it."""
    with progress_columns(TaskProgressColumn()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@contextmanager
def step_bars() -> Iterator[OnStep]:
    """Show a bar for each step on a terminal, and give what moves them."""
    with progress_columns(MofNCompleteColumn()) as bars:
        tasks: dict[str, TaskID] = {}

        def move(step: str, done: int, of: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step)
            bars.update(tasks[step], completed=done, total=of)

        yield move


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
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _UNSEEN:
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"
