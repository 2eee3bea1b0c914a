"""The command `secrets`: what the processes of a deployment share, made where it is missing."""

import os
import secrets
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from streams.console import Exit, failed
from streams.serving.exposure import FEWEST_CHARACTERS

_MADE: Final[dict[str, tuple[Callable[[], str], str]]] = {
    "token": (
        lambda: secrets.token_hex(FEWEST_CHARACTERS),
        "opens lookup, and the pages of the desk and the sandbox (RETENTION_TOKEN_FILE)",
    ),
    "webhook": (
        lambda: f"whsec_{b64encode(secrets.token_bytes(FEWEST_CHARACTERS)).decode()}",
        "signs what goes to the CRM and comes back (RETENTION_CRM_SECRET_FILE)",
    ),
}
"""By the name of the file: what makes its text, and what it is for."""


def secrets_command(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIRECTORY", help="Where they are kept, a file each for its owner alone."),
    ],
) -> None:
    """Make the secrets that the processes of a deployment share, where they are missing.

    What is there stays as it is, so it may run before every start. To change a secret, delete its file, run
    this again, and start anew whoever reads it. Nothing of a secret is printed.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, (make, use) in _MADE.items():
            found = _made(directory / name, make)
            typer.echo(f"{directory / name}: {'made' if found else 'is there already'}; it {use}")
    except OSError as error:
        raise failed(f"{error.filename}: {error.strerror}", Exit.CANNOT_CREATE) from error


def _made(path: Path, make: Callable[[], str]) -> bool:
    """Return whether a secret was made; a file that is there appeared whole, so it is left alone."""
    if path.exists():
        return False
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(f"{make()}\n")
    try:
        os.link(new, path)  # unlike a rename it never replaces what another made meanwhile
    except FileExistsError:
        return False
    finally:
        new.unlink()
    return True
