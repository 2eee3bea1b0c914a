"""The commands `topics create | check | describe`."""

from collections.abc import Collection
from contextlib import suppress
from typing import Annotated, Final

import typer
from kafka.admin import KafkaAdminClient
from pydantic_core import from_json
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from schemas.topics import INPUTS
from schemas.unknown_fields import UnknownFields, unknown_fields
from streams.console import Exit, failed, or_exit
from streams.core.time import DAY_MS
from streams.core.watermark import Input
from streams.runtime.commands.common import admin_or_exit, kafka_or_exit, settings_or_exit
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
from streams.runtime.startup.partitioners import LEAST_KEYS, Placement, placement, problem
from streams.runtime.startup.samples import Sampled, sample_inputs

_SAMPLE_SECONDS: Final = 15.0
_TOPICS: Final = {topic.name: topic for topic in INPUTS}

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
    """Compare the topics with the contract, and look at the newest records of each input.

    Prints each difference in a line and exits with 78. Of the inputs it tells which partitioner their
    producers have, and which fields of theirs the contract does not have. Where the partitioner is not that
    of the settings, or inputs disagree, it says what to do, and exits with 78 too: no worker starts on them.
    """
    settings = settings_or_exit()
    planned = plan(settings, ingest=ingest)
    with admin_or_exit(settings) as admin:
        partitions = _check(admin, planned)
    typer.echo(f"{len(planned)} topics are as the contract has them")
    with kafka_or_exit():
        samples = sample_inputs(settings, partitions, _SAMPLE_SECONDS)
    for source, sample in samples.items():
        if not sample:
            continue
        topic = settings.topic_prefix + source.value
        typer.echo(f"{topic}: {_placed(placement(source, sample, partitions))}")
        fields = _unknown_fields(source, sample)
        if fields.total:
            typer.echo(f"{topic}: unknown fields in the newest {len(sample):,} records: {fields.described()}")
    wrong = problem(samples, partitions, settings.partitioner, settings.topic_prefix)
    if wrong is not None:
        raise failed(wrong, Exit.CONFIG)


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


def _check(admin: KafkaAdminClient, planned: list[PlannedTopic]) -> int:
    """Return how many partitions the topics have; ends the command if they differ from the contract."""
    found = differences(planned, read(admin, planned))
    if found:
        raise failed("\n".join(map(str, found)), Exit.CONFIG)
    return planned[0].partitions


def _placed(found: Placement) -> str:
    looked = f"{found.keys:,} {'key' if found.keys == 1 else 'keys'} looked at"
    if found.partitioner is not None:
        return f"{looked}, placed by {found.partitioner}"
    few = found.keys < LEAST_KEYS
    why = f"fewer than {LEAST_KEYS} tell nothing of the partitioner" if few else ""
    if found.partitions == 1:
        why = "in the one partition that there is"
    shares = ", ".join(f"{share:.0%} as {one}" for one, share in found.shares.items())
    return f"{looked}, {why or f'placed by no one partitioner that is known: {shares}'}"


def _unknown_fields(source: Input, sample: Collection[Sampled]) -> UnknownFields:
    fields = UnknownFields(_TOPICS[source])
    for one in sample:
        with suppress(ValueError):
            fields.note(unknown_fields(from_json(one.value or b"null"), fields.topic))
    return fields


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
