"""The command `uplift`: what acting on alerts is worth, from a directory or from the topics."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from schemas.currencies import check_known_currency
from schemas.partitioner import Partitioner
from schemas.topics import ALERTS, DISPOSITIONS, HOLDOUT, TRANSACTIONS
from streams.console import Exit, failed, files_or_exit, progress_bar
from streams.core.ruleset import Ruleset
from streams.files import named
from streams.lab.replay.options import RulesetFile, load_ruleset, replayed
from streams.outputs import Force, Output, check_or_exit, write_or_exit
from streams.runtime.commands.common import (
    admin_or_exit,
    crm_settings_or_exit,
    kafka_or_exit,
    settings_or_exit,
    topic_or_exit,
)
from streams.uplift.cohort import Period
from streams.uplift.comparison import Material, compare
from streams.uplift.document import as_json
from streams.uplift.planning import Smallest
from streams.uplift.readers.directory import read_directory
from streams.uplift.readers.topics import read_topics
from streams.uplift.show import show

_MARK: Final = re.compile(rb'\{\s*"uplift": \{')
_TOPICS: Final = (ALERTS, HOLDOUT, TRANSACTIONS, DISPOSITIONS)

_Directory = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]",
        help="A directory of events, which is replayed; without it the topics of the settings are read.",
        show_default=False,
    ),
]
_Partitions = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Directory: partitions, as the topics have (default: 4).")
]
_Currency = Annotated[
    str | None,
    typer.Option(
        help="Directory: reporting currency (ISO 4217; default: RETENTION_REPORTING_CURRENCY, else USD)."
    ),
]
_Partitioner = Annotated[
    Partitioner | None,
    typer.Option(
        help="Directory: what shares the customers out (default: RETENTION_PARTITIONER, else murmur2)."
    ),
]
_Since = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Only alerts first raised on this day (UTC) or later."),
]
_Until = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Only alerts first raised before this day (UTC)."),
]
_SmallestReturn = Annotated[
    float,
    typer.Option(min=0.1, max=99, help="The smallest difference that matters: points of the return rate."),
]
_SmallestSpend = Annotated[
    float,
    typer.Option(min=0.1, max=1000, help="The same of the spend: per cent of what those held out spend."),
]
_Backfill = Annotated[
    bool,
    typer.Option(
        "--backfill", help="Topics: count alerts that were decided long after the fact too; nobody got them."
    ),
]
_Json = Annotated[Path | None, typer.Option("--json", help="Write all figures here.")]


def uplift_command(  # noqa: PLR0913 - the options of a command are its arguments
    directory: _Directory = None,
    *,
    ruleset: RulesetFile = None,
    since: _Since = None,
    until: _Until = None,
    smallest_return: _SmallestReturn = 5.0,
    smallest_spend: _SmallestSpend = 10.0,
    backfill: _Backfill = False,
    partitions: _Partitions = None,
    currency: _Currency = None,
    partitioner: _Partitioner = None,
    json: _Json = None,
    force: Force = False,
) -> None:
    """Say whether acting on alerts brings customers back: treated against held out.

    Needs a hold-out arm (`holdout_share` of the ruleset); without one it says how long a trial would take.
    Compares return rate and spend of the 90 days after each customer's first alert, with 95 % intervals,
    everybody in their arm, whoever was called. Whose 90 days are not over is counted apart.

    From topics it reads committed records alone, with the settings' ruleset if none is named; nothing is
    written. That nothing can be compared yet is an answer too: the command exits with 0.
    """
    if since is not None and until is not None and since >= until:
        raise failed("--since has to be before --until", Exit.USAGE)
    inputs = [*([] if directory is None else named(directory)), *([] if ruleset is None else [ruleset])]
    check_or_exit([] if json is None else [Output(json, "--json", _MARK)], inputs, force=force)
    period = Period(_ms(since), _ms(until))
    if directory is None:
        if partitions is not None or currency is not None or partitioner is not None:
            raise failed("topics: partitions, currency and partitioner are those of the settings", Exit.USAGE)
        rules, material = _of_topics(ruleset, period, with_backfill=backfill)
    else:
        if backfill:
            raise failed("--backfill is for topics: of a directory all alerts count", Exit.USAGE)
        rules = load_ruleset(ruleset)
        material = _of_directory(directory, rules, period, partitions or 4, currency, partitioner)
    smallest = Smallest(smallest_return / 100, smallest_spend / 100)
    found = compare(material, rules, smallest)
    write_or_exit(json, as_json(found, material.currency, material.notes).encode())
    show(Console(), found, material.currency, smallest, material.notes)
    if json is not None:
        typer.echo(f"figures: {json}")


def _of_directory(  # noqa: PLR0913, PLR0917 - how a directory is read
    directory: Path,
    rules: Ruleset,
    period: Period,
    partitions: int,
    currency: str | None,
    partitioner: Partitioner | None,
) -> Material:
    settings, crm = settings_or_exit(), crm_settings_or_exit()
    money = settings.reporting_currency if currency is None else _known(currency)
    shares = settings.partitioner if partitioner is None else partitioner
    result = replayed(directory, rules, partitions, money, None, partitioner=shares)
    with files_or_exit():
        return read_directory(
            result,
            directory,
            rules,
            period,
            currency=money,
            canary_prefix=crm.canary_prefix,
            now_ms=_now_ms(),
        )


def _of_topics(ruleset: Path | None, period: Period, *, with_backfill: bool) -> tuple[Ruleset, Material]:
    settings, crm = settings_or_exit(), crm_settings_or_exit()
    with kafka_or_exit():
        rules = settings.rules() if ruleset is None else load_ruleset(ruleset)
    with admin_or_exit(settings) as admin:
        advice = "`retention-signals topics create` makes it"
        partitions = {one.name: topic_or_exit(admin, settings, one, advice).partitions for one in _TOPICS}
    with kafka_or_exit(), progress_bar("reading") as on_progress:
        material = read_topics(
            settings,
            rules,
            period=period,
            partitions=partitions,
            canary_prefix=crm.canary_prefix,
            with_backfill=with_backfill,
            now_ms=_now_ms(),
            on_progress=on_progress,
        )
    return rules, material


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _ms(day: datetime | None) -> int | None:
    return None if day is None else int(day.replace(tzinfo=UTC).timestamp()) * 1000


def _known(currency: str) -> str:
    try:
        return check_known_currency(currency)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--currency") from error
