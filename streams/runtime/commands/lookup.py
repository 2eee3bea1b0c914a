"""The command `lookup`: what the workers know of one customer."""

import json
from typing import Annotated, Final

import typer
from rich.console import Console

from streams.console import Exit, failed, or_exit
from streams.runtime.commands.common import settings_or_exit
from streams.runtime.tools.lookup_client import BadIdError, NoAnswerError, WrongTokenError, look_up
from streams.runtime.tools.lookup_text import show

_EXITS: Final[dict[type[Exception], Exit]] = {
    BadIdError: Exit.USAGE,
    NoAnswerError: Exit.UNAVAILABLE,
    WrongTokenError: Exit.NO_PERMISSION,
}


def lookup_command(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer_id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the worker's answer as JSON.")] = False,
) -> None:
    """Show what the running workers know of a customer: spend, contacts, the open episode.

    Asks the workers of RETENTION_WORKER_ADDRESSES one after the other, with
    the token of RETENTION_TOKEN_FILE or RETENTION_TOKEN, until one answers
    that has the customer's partition. An episode of the hold-out arm is not
    shown.

    Exit codes: 64 no customer_id, 66 no event of the customer was accepted,
    69 no worker answers for the customer, 77 wrong token, 78 settings.
    """
    settings = settings_or_exit()
    with or_exit(_EXITS):
        answer = look_up(
            settings.worker_addresses, settings.web_token(), customer_id, ca_file=settings.worker_ca_file
        )
    if answer is None:
        raise failed("no event of that customer was accepted", Exit.NO_INPUT)
    if as_json:
        # In ASCII: an id may hold what a terminal obeys.
        typer.echo(json.dumps(answer.model_dump(mode="json"), indent=2))
    else:
        show(Console(), answer)
