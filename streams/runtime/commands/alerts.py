"""The command `alerts`: what a CRM would read."""

from collections.abc import Iterable
from contextlib import suppress
from operator import attrgetter
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from schemas.alert import Alert
from schemas.topics import ALERTS, HOLDOUT
from streams import rulesets
from streams.console import ERRORS, Exit, visible
from streams.runtime.commands.common import admin_or_exit, settings_or_exit, topic_or_exit
from streams.runtime.tools.alert_reader import InvalidAlert, alert_reader

_Follow = Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")]
_FromBeginning = Annotated[
    bool, typer.Option("--from-beginning", help="With --follow: begin with the alerts that are there.")
]
_Json = Annotated[bool, typer.Option("--json", help="One alert a line, as on the topic.")]
_Holdout = Annotated[
    bool, typer.Option("--holdout", help="The alerts of the hold-out arm, which no CRM may see.")
]


def alerts_command(
    *,
    follow: _Follow = False,
    from_beginning: _FromBeginning = False,
    as_json: _Json = False,
    holdout: _Holdout = False,
) -> None:
    """Print the alerts that the topic holds, as a CRM reads them: only what was committed.

    Under the table it says what is known of the probability P, for each ruleset that decided what is shown.
    Without --follow all that are there now, by time; with --follow the new ones as they come, as `tail -f`.
    A record that is no alert is reported, and ends the command with 65 unless it follows.
    """
    settings = settings_or_exit()
    out = _Out(as_json=as_json)
    with admin_or_exit(settings) as admin:
        topic = topic_or_exit(
            admin, settings, HOLDOUT if holdout else ALERTS, "`retention-signals topics create` makes it"
        )
        new = follow and not from_beginning
        with (
            suppress(KeyboardInterrupt),
            alert_reader(settings, topic.name, topic.partitions, new=new) as reader,
        ):
            out.show(reader.existing())
            if follow:
                for found in reader.following():
                    out.show(found)
    if not as_json:
        typer.echo(f"{out.alerts:,} alert records")
    if out.invalid and not follow:
        raise typer.Exit(Exit.BAD_DATA)


class _Out:
    """Standard output; counts the alerts, and the records that are none."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console()
        self._headed = False
        self._noted: set[str] = set()
        self.alerts = 0
        self.invalid = 0

    def show(self, found: Iterable[Alert | InvalidAlert]) -> None:
        """Print alerts by time, and report records that are none."""
        alerts: list[Alert] = []
        for one in found:
            if isinstance(one, Alert):
                alerts.append(one)
            else:
                self.invalid += 1
                self._report(one)
        alerts.sort(key=attrgetter("time"))
        self.alerts += len(alerts)
        if self._as_json:
            for alert in alerts:
                typer.echo(alert.model_dump_json())
        elif alerts:
            self._console.print(_table(alerts, headed=not self._headed))
            self._headed = True
            self._note(alerts)

    def _note(self, alerts: Iterable[Alert]) -> None:
        """Say once of each ruleset that decided how often its stated probability comes true."""
        for name in sorted({alert.ruleset for alert in alerts} - self._noted):
            self._noted.add(name)
            text = f"P of ruleset {visible(name)}: {rulesets.calibration_note_of(name)}"
            self._console.print(text, markup=False, highlight=False)

    def _report(self, one: InvalidAlert) -> None:
        where = f"{one.topic}, partition {one.partition}, offset {one.offset}"
        ERRORS.print(f"no alert: {where}: {visible(one.why)}", markup=False, highlight=False, soft_wrap=True)


def _table(alerts: list[Alert], *, headed: bool) -> Table:
    """Return a line an alert; columns are as wide in every table, so that they line up."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0, expand=True, show_header=headed)
    table.add_column("customer", no_wrap=True, ratio=1, min_width=12)
    for name, width in (("level", 5), ("state", 8)):
        table.add_column(name, no_wrap=True, width=width)
    for name, width in (("P", 4), ("at risk", 8), ("usual/day", 9), ("since", 8), ("days", 4)):
        table.add_column(name, justify="right", no_wrap=True, width=width)
    table.add_column("what happened", no_wrap=True, ratio=3)
    for alert in alerts:
        table.add_row(
            escape(visible(alert.customer_id)),
            alert.level,
            alert.state,
            f"{alert.probability:.2f}",
            _money(alert.value_at_risk),
            _money(alert.usual_spend_per_day),
            _money(alert.spend_since),
            f"{alert.days_since:.0f}",
            escape(visible(f"(do not contact) {alert.summary}" if alert.do_not_contact else alert.summary)),
        )
    return table


def _money(amount: str) -> str:
    """Return whole units from 100 up, as a table has room for."""
    number = float(amount)
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:,.2f}"
