"""The first records of each source beside what a mapping makes of them; nothing is written.

This alone shows payloads: on the terminal of who asked for it.
"""

import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from msgspec.json import Encoder

from streams.console import visible
from streams.ingest.flow.pipeline import Pipeline
from streams.ingest.flow.record import Prepared, Record
from streams.ingest.formats.registry import RegistryAwayError
from streams.ingest.kafka.errors import as_ours, error_of
from streams.ingest.kafka.options import reader_options
from streams.ingest.kafka.records import sorted_out
from streams.ingest.preflight import Setup
from streams.mapping.outcomes import Draft, Mapped, Memory, Refused, Skipped
from streams.runtime.kafka.errors import KafkaUnavailableError
from streams.settings import Settings

_ASK_SECONDS: Final = 10.0
_SILENT_SECONDS: Final = 10.0
_MOST_SHOWN: Final = 4_000
_ENCODER: Final = Encoder(decimal_format="number")
"""A number shows as the number that it is in the record, not as the text that keeps its digits."""


def dry_run(settings: Settings, setup: Setup, pipeline: Pipeline, most: int) -> Iterator[str]:
    """Yield what to print, a line each, for so many records of each source.

    Raises KafkaUnavailableError, KafkaRefusedError, also where the schema registry is away.
    """
    memories: dict[str, Memory] = {}
    for topic, source in setup.sources.items():
        records = _first(settings, topic, most)
        yield f"{source}: {len(records):,} records of {topic}"
        for record in records:
            yield f"\n{topic}, partition {record.partition}, offset {record.offset}"
            try:
                yield f"  {shown(pipeline.read(record))}"
                prepared = pipeline.prepare(record)
            except RegistryAwayError as error:
                raise KafkaUnavailableError(str(error)) from None
            for line in _results(setup, prepared, memories):
                yield f"  -> {line}"
        yield ""


def _results(setup: Setup, prepared: Prepared, memories: dict[str, Memory]) -> Iterator[str]:
    for one in prepared.outcomes:
        if not isinstance(one, Draft):
            yield _told(one)
            continue
        finished, memory = setup.mapping.finish(one, memories.get(one.state_key))
        if memory is not None:
            memories[one.state_key] = memory
        yield from map(_told, finished)


def _told(one: Mapped | Skipped | Refused) -> str:
    match one:
        case Mapped():
            return f"{one.source}, key {visible(one.customer_id)}: {visible(one.value.decode())}"
        case Skipped():
            return f"skipped by {one.rule}: {visible(one.why)}"
        case Refused():
            return f"refused by {one.rule}, {one.reason}: {visible(one.detail)}"


def shown(found: object) -> str:
    """Return a record as the mapping sees it, in one line."""
    text = found if isinstance(found, str) else _ENCODER.encode(found).decode()
    return visible(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} ...")


def _first(settings: Settings, topic: str, most: int) -> list[Record]:
    """Return the first records of a topic, partition by partition."""
    consumer = Consumer(reader_options(settings, f"{settings.application_id}-ingest-dry-run"))
    try:
        partitions = consumer.list_topics(topic, _ASK_SECONDS).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        records: list[Record] = []
        left, heard = set(partitions), time.monotonic()
        while len(records) < most and left and time.monotonic() - heard < _SILENT_SECONDS:
            found = sorted_out(consumer.consume(most, 0.2))
            if found.records or found.ends:
                heard = time.monotonic()
            for batch in found.records.values():
                records += batch
            left -= {place.partition for place in found.ends}
        return sorted(records, key=lambda one: (one.partition, one.offset))[:most]
    except KafkaException as error:
        raise as_ours(error_of(error)) from None
    finally:
        consumer.close()
