"""The commands `topics create | check | describe`."""

from typing import Annotated

import typer
from kafka.admin import KafkaAdminClient
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from streams.console import Exit, failed, or_exit
from streams.core.time import DAY_MS
from streams.runtime.commands.common import admin_or_exit, settings_or_exit
from streams.runtime.kafka.topics import (
    IN_SYNC,
    POLICY,
    TIMESTAMPS,
    ActualTopic,
    PlannedTopic,
    TopicsError,
    create,
    differences,
    plan,
    read,
)

_Ingest = Annotated[bool, typer.Option("--ingest", help="Also the topics that `ingest` needs.")]

topics = typer.Typer(help="The topics in Kafka.", no_args_is_help=True)


@topics.command("create")
def topics_create(*, ingest: _Ingest = False) -> None:
    """Make the topics that are missing, as the contract has them; those that exist stay as they are."""
    settings = settings_or_exit()
    planned = plan(settings, ingest=ingest)
    with admin_or_exit(settings) as admin:
        with or_exit({TopicsError: Exit.CONFIG}):
            made = create(admin, planned)
        for one in planned:
            typer.echo(f"{one.name}: {'created' if one.name in made else 'exists'}")
        _check(admin, planned)


@topics.command("check")
def topics_check(*, ingest: _Ingest = False) -> None:
    """Compare the topics with the contract; prints each difference in a line and exits with 78."""
    settings = settings_or_exit()
    planned = plan(settings, ingest=ingest)
    with admin_or_exit(settings) as admin:
        _check(admin, planned)
    typer.echo(f"{len(planned)} topics are as the contract has them")


@topics.command("describe")
def topics_describe(*, ingest: _Ingest = False) -> None:
    """Show the topics as they are in Kafka."""
    settings = settings_or_exit()
    planned = plan(settings, ingest=ingest)
    with admin_or_exit(settings) as admin:
        actual = read(admin, planned)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("topic", no_wrap=True)
    for name in ("partitions", "replicas", "in sync"):
        table.add_column(name, justify="right")
    for name in ("cleanup", "keeps", "timestamps", "contract"):
        table.add_column(name)
    unlike = {difference.topic for difference in differences(planned, actual)}
    for one in planned:
        state = "differs" if one.name in unlike else "kept"
        table.add_row(*_row(one.name, actual.get(one.name), state))
    Console().print(table)


def _check(admin: KafkaAdminClient, planned: list[PlannedTopic]) -> None:
    found = differences(planned, read(admin, planned))
    if found:
        raise failed("\n".join(map(str, found)), Exit.CONFIG)


def _row(name: str, actual: ActualTopic | None, state: str) -> list[str]:
    if actual is None:
        return [name, *[""] * 6, "missing"]
    size = (str(actual.partitions), str(actual.replicas), actual.settings.get(IN_SYNC, "?"))
    policy = actual.settings.get(POLICY, "?")
    return [name, *size, policy, _kept(actual), actual.settings.get(TIMESTAMPS, "?"), state]


def _kept(actual: ActualTopic) -> str:
    """Return how long records stay, or with compaction alone how long erasures do."""
    deletes = "delete" in actual.settings.get(POLICY, "")
    kept_ms = int(actual.settings.get("retention.ms" if deletes else "delete.retention.ms", "0"))
    if kept_ms < 0:
        return "for ever"
    return f"{kept_ms / DAY_MS:g} d" if deletes else f"newest, erasures {kept_ms / DAY_MS:g} d"
