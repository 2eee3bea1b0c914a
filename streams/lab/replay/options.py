"""What the commands over a directory of events share: options, the ruleset file, the progress bar."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.currencies import check_known_currency
from schemas.partitioner import DEFAULT as DEFAULT_PARTITIONER
from schemas.partitioner import Partitioner
from streams import rulesets
from streams.console import Exit, failed, files_or_exit, progress_bar
from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset, RulesetError
from streams.lab.replay.replay import ReplayResult, Sampler, replay_directory

Directory = Annotated[
    Path,
    typer.Argument(
        help="A directory with transactions, contacts, and if you have them customers and dispositions, "
        "as .jsonl, .jsonl.gz or .parquet.",
    ),
]
RulesetFile = Annotated[
    Path | None,
    typer.Option(
        "--ruleset",
        help=f"A built-in version ({', '.join(VERSIONS)}; {DEFAULT.version} is the default), or a TOML file "
        'with the rules to change (`based_on = "1"` starts from version 1).',
    ),
]
Partitions = Annotated[int, typer.Option(min=1, max=1024, help="Partitions, as the topics have.")]


PartitionerOption = Annotated[
    Partitioner,
    typer.Option(
        "--partitioner",
        envvar="RETENTION_PARTITIONER",
        help="What shares the customers out, as the producers of the topics do; unchecked goes by murmur2.",
    ),
]
StrictFields = Annotated[
    bool,
    typer.Option(
        "--strict-fields",
        envvar="RETENTION_STRICT_FIELDS",
        help="Refuse lines with a field that the contract does not have, instead of leaving it out.",
    ),
]

BySort = Annotated[
    bool,
    typer.Option(
        "--sort",
        help="Sort each file by time before it is replayed; it is held in memory. Without it the order of "
        "the lines is the order of arrival.",
    ),
]


def _currency(code: str) -> str:
    try:
        return check_known_currency(code)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


Currency = Annotated[
    str,
    typer.Option(
        callback=_currency, envvar="RETENTION_REPORTING_CURRENCY", help="Reporting currency (ISO 4217)."
    ),
]


def load_ruleset(path: Path | None) -> Ruleset:
    """Return the ruleset of a file or a built-in version; ends the command if it does not parse."""
    try:
        return rulesets.load(path)
    except RulesetError as error:
        raise failed(f"ruleset {path}: {error}", Exit.CONFIG) from error
    except OSError as error:
        built_in = f"built in are {', '.join(VERSIONS)}"
        raise failed(f"ruleset {path} cannot be read: {error.strerror}; {built_in}", Exit.NO_INPUT) from error


def replayed(  # noqa: PLR0913 - what all commands over a directory take
    directory: Path,
    rules: Ruleset,
    partitions: int,
    currency: str,
    sampler: Sampler | None,
    *,
    by_time: bool = False,
    partitioner: Partitioner = DEFAULT_PARTITIONER,
    strict_fields: bool = False,
) -> ReplayResult:
    """Return what a replay gives, with a bar on a terminal; ends the command if it can't be read."""
    with files_or_exit(), progress_bar("replaying") as progress:
        return replay_directory(
            directory,
            ruleset=rules,
            partitions=partitions,
            currency=currency,
            progress=progress,
            sampler=sampler,
            by_time=by_time,
            partitioner=partitioner,
            strict_fields=strict_fields,
        )
