"""What is checked before `ingest` touches anything, and what it stands on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.topics import INGEST, INGEST_DEAD_LETTERS, INPUTS, OUTPUTS
from streams.ingest.flow.pipeline import Names
from streams.ingest.formats.decoder import REGISTERED, Decoder
from streams.ingest.formats.registry import Registry, connect
from streams.mapping.config import Config, Source, load
from streams.mapping.mapping import Mapping as RecordMapping
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.topics import differences, existing, plan, read, refusal
from streams.runtime.startup.preflight import PreflightError
from streams.settings import Settings, variable

_NEEDED: Final = (*INPUTS, *INGEST)


@dataclass(frozen=True, slots=True)
class Setup:
    """What `ingest` stands on."""

    mapping: RecordMapping
    sources: Mapping[str, str]
    """The name of the source by topic."""
    decoders: Mapping[str, Decoder]
    """By source."""
    names: Names
    warnings: list[str]
    """How topics differ from the contract without harm."""


def preflight(settings: Settings, path: Path) -> Setup:
    """Return what `ingest` stands on.

    Raises MappingError, PreflightError, SettingsError, and what `admin_client` raises.
    """
    config = load(path)
    topics = _topics(settings, config)
    mapping = RecordMapping(config, settings.reporting_currency)
    planned = [one for one in plan(settings, ingest=True) if one.topic in _NEEDED]
    with admin_client(settings) as admin:
        actual = read(admin, planned)
        there = existing(admin, list(topics))
    found = differences(planned, actual)
    refused = [line for line in (refusal(found, create="topics create --ingest"),) if line]
    refused += [
        f"source {name}: {topic}: there is no such topic"
        for topic, name in topics.items()
        if topic not in there
    ]
    if refused:
        raise PreflightError("\n".join(refused))
    registry = _registry(settings, config)
    partitions, letters = (
        actual[settings.topic_prefix + topic.name].partitions for topic in (INPUTS[0], INGEST_DEAD_LETTERS)
    )
    return Setup(
        mapping=mapping,
        sources=topics,
        decoders={name: Decoder(config.sources[name], registry) for name in topics.values()},
        names=Names(settings.topic_prefix, partitions, settings.partitioner, letters),
        warnings=[str(one) for one in found],
    )


def _topics(settings: Settings, config: Config) -> dict[str, str]:
    """Return the name of the source by topic. Raises PreflightError."""
    problems: list[str] = []
    topics: dict[str, str] = {}
    for name, source in config.sources.items():
        problems += _problems(settings, name, source)
        if source.topic in topics:
            problems.append(f"source {name}: {source.topic} is read by source {topics[source.topic]} already")
        elif source.topic is not None:
            topics[source.topic] = name
    if not topics:
        problems.append("no source has a topic")
    if problems:
        raise PreflightError("\n".join(problems))
    return topics


def _problems(settings: Settings, name: str, source: Source) -> Iterator[str]:
    if source.topic is None:
        return
    own = {settings.topic_prefix + one.name for one in (*INPUTS, *OUTPUTS, *INGEST)}
    if source.topic in own:
        yield f"source {name}: {source.topic} is a topic of the product's own"
    if source.format == "csv":
        yield f"source {name}: csv is for files (`adapt`), a topic has json or a format with a schema"
    if source.format in REGISTERED and settings.schema_registry_url is None:
        yield f"source {name}: {source.format} needs a schema registry: set {variable('schema_registry_url')}"


def _registry(settings: Settings, config: Config) -> Registry | None:
    used = {source.format for source in config.sources.values() if source.topic is not None}
    return connect(settings) if used & REGISTERED.keys() else None
