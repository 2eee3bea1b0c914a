"""The command `replay`: a directory in; alerts, a ranked table and a report out."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.alert import Alert
from schemas.partitioner import DEFAULT as DEFAULT_PARTITIONER
from streams.console import Exit, failed, visible
from streams.files import named
from streams.lab.replay.findings import findings
from streams.lab.replay.input_summary import tell
from streams.lab.replay.open_now import OpenAlert, open_now
from streams.lab.replay.options import (
    BySort,
    Currency,
    Directory,
    PartitionerOption,
    Partitions,
    RulesetFile,
    StrictFields,
    load_ruleset,
    replayed,
)
from streams.lab.replay.replay import ReplayResult
from streams.lab.replay.summary import report_data, run_summary
from streams.lab.replay.watch import Watcher
from streams.lab.report import render
from streams.lab.report.words import day, money, signal_label
from streams.lab.story import RunSummary
from streams.outputs import PAGE, Force, Output, check_or_exit, write_or_exit

_ALERTS: Final = re.compile(rb'\{"type":"alert","event_id":"')
_DEAD_LETTERS: Final = re.compile(rb'\{"file":"[^"\n]*","line":[0-9]+,"reason":"')

_AlertsFile = Annotated[Path | None, typer.Option("--alerts", help="Write the alerts here, one a line.")]
_HoldoutFile = Annotated[
    Path | None,
    typer.Option("--holdout", help="Write the alerts of the hold-out arm here; they go nowhere else."),
]
_ReportFile = Annotated[Path | None, typer.Option("--report", help="Write the report (one HTML file) here.")]
_DeadLettersFile = Annotated[
    Path | None,
    typer.Option("--dead-letters", help="Write the refused lines here: file, line, reason, never a value."),
]
_Strict = Annotated[bool, typer.Option("--strict", help="Exit with 65 if any line was refused.")]
_Lenient = Annotated[
    bool,
    typer.Option(
        "--lenient",
        help="Exit with 0 also if half of an input was refused, or an input can't be used at all.",
    ),
]
_Top = Annotated[int, typer.Option(min=0, help="How many customers the table shows.")]


_SharedIds = Annotated[
    str,
    typer.Option(
        "--shared-ids",
        help="Customer ids that many people share, to the letter, between commas: they are set apart.",
    ),
]


def replay_command(  # noqa: PLR0913 - the options of a command are its arguments
    directory: Directory,
    *,
    alerts: _AlertsFile = None,
    report: _ReportFile = None,
    dead_letters: _DeadLettersFile = None,
    holdout: _HoldoutFile = None,
    ruleset: RulesetFile = None,
    partitions: Partitions = 4,
    currency: Currency = "USD",
    top: _Top = 15,
    sort: BySort = False,
    shared_ids: _SharedIds = "",
    partitioner: PartitionerOption = DEFAULT_PARTITIONER,
    strict_fields: StrictFields = False,
    strict: _Strict = False,
    lenient: _Lenient = False,
    force: Force = False,
) -> None:
    """Replay history from files, and rank the customers to win back.

    The same rules as the worker, on event time, without a broker: the same files give the same alerts.
    Exits with 65 if an input can't be used, or half of it was refused: the alerts are then those of the rest.
    """
    if strict and lenient:
        raise failed("--strict and --lenient: choose one", Exit.USAGE)
    written = {"alerts": alerts, "hold-out alerts": holdout, "report": report, "dead letters": dead_letters}
    inputs = [*named(directory), *([ruleset] if ruleset else [])]
    check_or_exit(replay_outputs(alerts, holdout, report, dead_letters), inputs, force=force)
    rules = load_ruleset(ruleset)
    if shared_ids:
        rules = replace(rules, shared_ids=(*rules.shared_ids, *shared_ids.split(",")))
    watcher = None if report is None else Watcher(rules)
    result = replayed(
        directory,
        rules,
        partitions,
        currency,
        watcher,
        by_time=sort,
        partitioner=partitioner,
        strict_fields=strict_fields,
    )
    found = findings(result, directory, rules)
    summary = run_summary(result, directory, partitions, found)
    write_or_exit(alerts, _lines(alert.model_dump_json().encode() for alert in result.alerts))
    write_or_exit(holdout, _lines(alert.model_dump_json().encode() for alert in result.holdout))
    write_or_exit(dead_letters, _lines(map(msgspec.json.encode, result.dead_letters)))
    if report is not None and watcher is not None:
        page = render(report_data(watcher.stories(result), summary, rules, currency))
        write_or_exit(report, page.encode())
    console = Console()
    _show(console, result, summary, top, open_now(result))
    for what, path in written.items():
        if path is not None:
            typer.echo(f"{what}: {path}")
    tell(console, result, found, listed=dead_letters is not None)
    if (strict and result.dead_letters) or (not lenient and any(one.grave for one in found)):
        raise typer.Exit(Exit.BAD_DATA)


def replay_outputs(
    alerts: Path | None, holdout: Path | None, report: Path | None, dead_letters: Path | None
) -> list[Output]:
    """Return the outputs that were asked for."""
    asked = [
        (alerts, "--alerts", _ALERTS),
        (holdout, "--holdout", _ALERTS),
        (report, "--report", PAGE),
        (dead_letters, "--dead-letters", _DEAD_LETTERS),
    ]
    return [Output(path, option, mark) for path, option, mark in asked if path is not None]


def _lines(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _show(
    console: Console, result: ReplayResult, summary: RunSummary, top: int, still: list[OpenAlert]
) -> None:
    ranked = [one for one in still if not one.now.overdue]
    if ranked and top:
        console.print(_table(ranked[:top], result.last_ms or 0))
        if len(ranked) > top:
            console.print(f"and {len(ranked) - top} more open")
    if top and len(still) > len(ranked):
        console.print(f"{len(still) - len(ranked)} open past their deadline, not listed", highlight=False)
    for file, outcomes in summary.outcomes.items():
        late = f" ({outcomes['late']:,} of them late)" if outcomes.get("late") else ""
        counted = ", ".join(
            f"{count:,} {outcome}{late if outcome == 'applied' else ''}"
            for outcome, count in outcomes.items()
            if count and outcome != "late"
        )
        console.print(f"{file}: {counted or 'empty'}", highlight=False, markup=False)
    console.print(
        f"{len(result.alerts):,} alert records, {summary.episodes + summary.silent:,} episodes, "
        f"{summary.customers:,} customers, {summary.seconds:.1f} s",
        highlight=False,
    )


def _table(ranked: list[OpenAlert], last_ms: int) -> Table:
    """Return the ranking, one line for each alert; the last column is cut where it does not fit."""
    title = f"Customers to win back as of {day(last_ms)}, by value at risk ({ranked[0].alert.currency})"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, expand=True)
    table.padding = (0, 1, 0, 0)
    table.add_column("customer", no_wrap=True, max_width=24)
    table.add_column("level", no_wrap=True)
    for name in ("P", "at risk", "usual/day", "since", "days"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what happened", no_wrap=True, ratio=1)
    for alert, now in ranked:
        table.add_row(
            escape(visible(alert.customer_id)),
            alert.level,
            f"{now.odds.probability:.2f}",
            money(now.at_risk),
            money(now.usual_per_day),
            money(now.spend),
            f"{now.days:.0f}",
            escape(what_happened(alert)),
        )
    return table


def what_happened(alert: Alert) -> str:
    """Return what weighed most, after a note if the customer must not be contacted."""
    return f"(do not contact) {_heaviest(alert)}" if alert.do_not_contact else _heaviest(alert)


def _heaviest(alert: Alert) -> str:
    """Return what weighed most in the anchor, or in any contact if the anchor is forgotten."""
    if alert.anchor is None:
        return signal_label("silence")
    anchor = alert.anchor.contact_id
    heaviest = max(alert.reasons, key=lambda one: (one.contact_id == anchor, one.nats), default=None)
    return "" if heaviest is None else signal_label(heaviest.signal)
