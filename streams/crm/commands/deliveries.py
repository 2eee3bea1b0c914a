"""`bridge deliveries` and `bridge resend`: what became of each alert, and sending again what was given up."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.times import format_ms
from streams.console import Exit, or_exit, visible
from streams.crm.bridge.process import now_ms
from streams.crm.cases.standing import Standing
from streams.crm.ledger.errors import LedgerError
from streams.crm.ledger.ledger import Visit
from streams.crm.ledger.rows import Listed
from streams.runtime.commands.common import crm_settings_or_exit

_Ledger = Annotated[
    Path | None,
    typer.Option("--ledger", help="The ledger's file, instead of RETENTION_CRM_LEDGER.", show_default=False),
]
_Standing = Annotated[
    list[Standing] | None,
    typer.Option(
        "--standing",
        help="Only these; may be given several times. Without it all but `never`.",
        show_default=False,
    ),
]
_Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]
_GivenUp = Annotated[
    bool,
    typer.Option(
        "--given-up", help="Only messages that were given up, oldest first, by the ids for `resend`."
    ),
]
_Customers = Annotated[bool, typer.Option("--customers", help="With the ids of the customers.")]
_Json = Annotated[bool, typer.Option("--json", help="One case a line, as JSON.")]

_WIDTH = 150
"""Where nobody says how wide it is, as in a pipe."""
_WORTH_A_LOOK: Final = tuple(one for one in Standing if one is not Standing.NEVER)
"""After years of history most cases were resolved before anybody heard of them."""


def deliveries_command(  # noqa: PLR0913 - the options of a command are its arguments
    *,
    ledger: _Ledger = None,
    standing: _Standing = None,
    given_up: _GivenUp = False,
    limit: _Limit = 100,
    customers: _Customers = False,
    as_json: _Json = False,
) -> None:
    """List the cases in the ledger, the highest value at risk first; a bridge may run beside it.

    `waiting` is in the window in which new cases are compared, `deferred` found no room in the budget, `held`
    says why, `admitted` is in the CRM or on its way, `done` was closed there, `never` was resolved before.
    """
    crm = crm_settings_or_exit(ledger=ledger)
    with or_exit({LedgerError: Exit.NO_INPUT}), Visit.open(crm.ledger) as visit:
        found = (
            visit.given_up(limit=limit, customers=customers)
            if given_up
            else visit.listing(standings=standing or _WORTH_A_LOOK, limit=limit, customers=customers)
        )
        figures = visit.figures()
    if as_json:
        for one in found:
            typer.echo(json.dumps(asdict(one)))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(_table(found, by_message=given_up, customers=customers))
    many = ", ".join(
        f"{number:,} {_standing(*key)}" for key, number in sorted(figures.cases.items(), key=str)
    )
    typer.echo(f"{many or 'no cases'}; {figures.queued:,} messages queued, {figures.given_up:,} given up")


def resend_command(
    messages: Annotated[
        list[str] | None,
        typer.Argument(metavar="MESSAGE ...", help="Their ids, as `deliveries --given-up` shows."),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
    ledger: _Ledger = None,
) -> None:
    """Send messages again that were given up; a bridge that runs does it at once, else the next one.

    They say how things stand when they go. What newer messages have overtaken is dropped: it would tell the
    CRM what is no longer so.
    """
    if everything == bool(messages):
        raise typer.BadParameter("give the ids of messages, or --all")
    crm = crm_settings_or_exit(ledger=ledger)
    with or_exit({LedgerError: Exit.NO_INPUT}), Visit.open(crm.ledger) as visit:
        done = visit.resend(None if everything else messages, now_ms())
    typer.echo(f"{done.queued:,} queued, {done.dropped:,} dropped as overtaken")
    for one in done.unknown:
        typer.echo(f"not given up, or not known: {visible(one)}", err=True)
    if done.unknown:
        raise typer.Exit(Exit.BAD_DATA)


def _table(found: Iterable[Listed], *, by_message: bool, customers: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in ("message" if by_message else "alert", *(("customer",) if customers else ())):
        table.add_column(name, overflow="fold")  # whole, to be copied
    table.add_column("level", no_wrap=True)
    table.add_column("at risk", justify="right", no_wrap=True)
    for name in ("standing", "last message", "tries", "told", "next"):
        table.add_column(name, no_wrap=True)
    for one in found:
        kind = f"{one.kind} {one.state}" if one.kind else ""
        table.add_row(
            escape(visible((one.message_id if by_message else None) or one.alert_id)),
            *((escape(visible(one.customer_id or "")),) if customers else ()),
            one.level,
            f"{one.value_cents / 100:,.2f} {one.currency}",
            _standing(one.standing, one.why) + (", synthetic" if one.canary else ""),
            f"{kind}: {one.reason}" if one.reason else kind,
            str(one.attempts or ""),
            "" if one.told_ms is None else format_ms(one.told_ms)[:16],
            "" if one.next_ms is None else format_ms(one.next_ms)[:19],
        )
    return table


def _standing(standing: Standing, why: str | None) -> str:
    return f"{standing} ({why})" if why else str(standing)
