"""The command `check`: ten questions to the owner of a feed, answered from a directory or from the topics."""

import asyncio
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from schemas.currencies import check_known_currency
from schemas.topics import INPUTS
from streams import rulesets
from streams.check.answer import Verdict
from streams.check.check import Check
from streams.check.readers.directory import read_directory
from streams.check.readers.topics import SAMPLE, read_topics
from streams.check.show import as_json, show
from streams.console import Exit, failed, files_or_exit, progress_bar
from streams.core.ruleset import Ruleset, RulesetError
from streams.runtime.commands.common import kafka_or_exit, partitions_or_exit, settings_or_exit

TOPICS: Final = "topics"

_Source = Annotated[
    str,
    typer.Argument(
        metavar="DIR|topics",
        help="A directory with transactions, contacts, and if you have them customers and dispositions; or "
        "the word `topics`: the input topics of the settings (a directory of that name is ./topics).",
        show_default=False,
    ),
]
_All = Annotated[
    bool, typer.Option("--all", help=f"Topics: read all records, not the newest {SAMPLE:,} of each.")
]
_Ruleset = Annotated[
    Path | None, typer.Option("--ruleset", help="Directory: a built-in version, or a TOML file with rules.")
]
_Partitions = Annotated[
    int | None,
    typer.Option(min=1, max=1024, help="Directory: partitions, as the topics will have (default: 4)."),
]
_Currency = Annotated[
    str | None,
    typer.Option(
        help="Directory: reporting currency (ISO 4217; default: RETENTION_REPORTING_CURRENCY, else USD)."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the answers as JSON, with all details.")]


def check_command(  # noqa: PLR0913 - the options of a command are its arguments
    source: _Source,
    *,
    everything: _All = False,
    ruleset: _Ruleset = None,
    partitions: _Partitions = None,
    currency: _Currency = None,
    as_json_: _Json = False,
) -> None:
    """Answer ten questions about a feed from its data, for whoever owns it.

    Fields that are there, ids that match, lateness, duplicates, currencies, holes, who can be judged, shared
    ids, odd times, refused records: each with good, look or bad, the figure, and what to do. Customer ids
    and payloads are never shown. Exits with 65 if anything is bad, so that a pipeline can stop.

    It holds what a worker holds of each customer. Of more than 200,000 event ids or customers it asks a
    sample. From topics it reads the newest records, which is too little to tell who can be judged: `--all`.
    """
    now_ms = time.time_ns() // 1_000_000
    if source == TOPICS:
        if ruleset is not None or partitions is not None or currency is not None:
            raise failed("topics: ruleset, partitions and currency are those of the settings", Exit.USAGE)
        check = _of_topics(now_ms, everything=everything)
    elif everything:
        raise failed("--all is for topics: of a directory all is read", Exit.USAGE)
    else:
        check = _of_directory(Path(source), _rules(ruleset), partitions or 4, _known(currency), now_ms)
    answers = check.answers()
    if as_json_:
        typer.echo(as_json(answers, check.lines, sampled=check.sampled))
    else:
        show(Console(), answers, check.lines, sampled=check.sampled)
    if any(one.verdict is Verdict.BAD for one in answers):
        raise typer.Exit(Exit.BAD_DATA)


def _of_directory(directory: Path, rules: Ruleset, partitions: int, currency: str, now_ms: int) -> Check:
    check = Check(rules, currency=currency, partitions=partitions, now_ms=now_ms)
    with files_or_exit(), progress_bar("checking") as on_progress:
        read_directory(check, directory, currency=currency, now_ms=now_ms, on_progress=on_progress)
    return check


def _of_topics(now_ms: int, *, everything: bool) -> Check:
    settings = settings_or_exit()
    with kafka_or_exit():
        rules = settings.rules()
    partitions = partitions_or_exit(settings, INPUTS)
    check = Check(
        rules,
        currency=settings.reporting_currency,
        partitions=partitions,
        now_ms=now_ms,
    )
    with kafka_or_exit(), progress_bar("checking") as on_progress:
        asyncio.run(read_topics(check, settings, partitions, everything=everything, on_progress=on_progress))
    return check


def _rules(path: Path | None) -> Ruleset:
    try:
        return rulesets.load(path)
    except (RulesetError, OSError) as error:
        raise failed(f"ruleset {path}: {error}", Exit.CONFIG) from error


def _known(currency: str | None) -> str:
    if currency is None:
        return settings_or_exit().reporting_currency
    try:
        return check_known_currency(currency)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--currency") from error
