"""The state topic to a file, and a file to an empty state topic, in one transaction."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from msgspec import msgpack

from schemas.times import format_ms
from schemas.topics import MOVES, STATE
from streams.console import OnProgress
from streams.core.customer.journal.expansion import without_journal
from streams.core.customer.state import StateError, keep_newest
from streams.core.watermark import Input
from streams.runtime.kafka.admin import admin_client
from streams.runtime.kafka.committed_reader import CommittedReader, committed_reader
from streams.runtime.kafka.errors import transaction_errors
from streams.runtime.kafka.groups import members_of
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.transactions import transaction, transactional
from streams.runtime.partition.processor import PROCESSOR_KEY, ProcessorState
from streams.runtime.startup.preflight import StartupContext
from streams.runtime.tools.state_file import Entry, Header, StateFileError, read_entries, writing
from streams.runtime.tools.state_move import Contents, Move, MoveError, Target, contents_of
from streams.settings import Settings, variable

IMPORT_SECONDS: Final = 600.0
"""The longest an import may take: most brokers take transactions of up to 900 s."""

_PROGRESS_EVERY: Final = 1_000


class Positions(StrEnum):
    """Where inputs go on after an import."""

    KEPT = "kept"
    BEGINNING = "beginning"
    END = "end"


async def export_state(settings: Settings, path: Path, partitions: int, on_progress: OnProgress) -> int:
    """Write the committed state of all partitions into a file, and return how many records that are.

    Each partition is as of one moment; workers may go on. Raises StateFileError if there is no state, or a
    history is on its way from one partition to another; OSError, SettingsError, KafkaUnavailableError,
    KafkaRefusedError.
    """
    topic = settings.topic_prefix + STATE.name
    header = Header(settings.application_id, topic, partitions, format_ms(time.time_ns() // 1_000_000))
    written, positions = 0, [0] * partitions
    with transaction_errors(settings), writing(path, header) as writer:
        async with committed_reader(settings, topic, partitions) as reader:
            for partition in range(partitions):
                state = await _state_of(reader, partition)
                for key, value in state.items():
                    writer.write(Entry(partition, key, value))
                written += len(state)
                positions[partition] = _moves_read(state)
                on_progress(partition + 1, partitions)
        if not written:
            raise StateFileError(f"{topic} holds no state")
        under_way = await _moves_after(settings, positions)
        if under_way:
            raise StateFileError(
                f"{under_way} histories of merged customers are on their way from one partition to another, "
                "and in the state of neither: let the workers read them, and export again"
            )
    return written


def _moves_read(state: dict[bytes, bytes]) -> int:
    """Return up to where a partition has read histories of merged customers."""
    processor = state.get(PROCESSOR_KEY)
    if processor is None:
        return 0
    return msgpack.decode(processor, type=ProcessorState).positions.get(MOVES.name, 0)


async def _moves_after(settings: Settings, positions: list[int]) -> int:
    """Return how many histories were sent beyond these positions; to be asked after the state was read."""
    found = 0
    async with committed_reader(settings, settings.topic_prefix + MOVES.name, len(positions)) as reader:
        for partition, position in enumerate(positions):
            async for records in reader.read(partition):
                found += sum(one.offset >= position for one in records)
    return found


async def _state_of(reader: CommittedReader, partition: int) -> dict[bytes, bytes]:
    """Return the newest values of a partition, without those that were erased; raises StateFileError.

    Customers are whole records, whatever the journal had of them: so they can go to any partition.
    """
    state: dict[bytes, bytes] = {}
    async for records in reader.read(partition):
        keep_newest(state, ((record.key or b"", record.value) for record in records))
    try:
        return without_journal(state)
    except StateError as error:
        raise StateFileError(f"partition {partition}: {error}") from error


async def import_state(
    settings: Settings, context: StartupContext, path: Path, positions: Positions, on_progress: OnProgress
) -> Contents:
    """Write a file's state into the state topic, all of it or nothing, and return what it holds.

    Raises StateFileError, MoveError, OSError, SettingsError, KafkaUnavailableError, KafkaRefusedError.
    """
    contents = contents_of(path)
    application = settings.application_id
    if await asyncio.to_thread(_workers, settings):
        raise MoveError(f"workers of {application} are running: stop them first")
    with transaction_errors(settings):
        # Whoever else is importing is shut out, and undone, before the topic is looked at.
        async with transactional(settings, f"{application}-import", IMPORT_SECONDS) as producer:
            await _check_empty(settings, context.partitions)
            target = Target(
                application=application,
                partitions=context.partitions,
                topics=context.topic_ids,
                positions=await _positions(settings, context.partitions, positions),
                partitioner=settings.partitioner,
            )
            entries = _entries(path, contents, on_progress)
            await _write(settings, producer, Move(contents, target).entries(entries))
    return contents


def _workers(settings: Settings) -> int:
    with admin_client(settings) as admin:
        return members_of(admin, settings.application_id)


async def _check_empty(settings: Settings, partitions: int) -> None:
    topic = settings.topic_prefix + STATE.name
    async with committed_reader(settings, topic, partitions) as reader:
        for partition in range(partitions):
            async for records in reader.read(partition):
                if any(record.value is not None for record in records):
                    raise MoveError(
                        f"{topic} holds state already: import under a new {variable('topic_prefix')}, or "
                        "delete the topic and create it again"
                    )


async def _positions(
    settings: Settings, partitions: int, wanted: Positions
) -> list[Mapping[Input, int]] | None:
    """Return where the inputs go on, by partition; None for where the file says."""
    if wanted is Positions.KEPT:
        return None
    found: list[dict[Input, int]] = [{} for _ in range(partitions)]
    for source in Input:
        async with committed_reader(settings, settings.topic_prefix + source.value, partitions) as reader:
            for number, held in enumerate(reader.bounds):
                found[number][source] = held.end if wanted is Positions.END else held.start
    return list(found)


def _entries(path: Path, contents: Contents, on_progress: OnProgress) -> Iterator[Entry]:
    """Yield the records of a file, reporting progress."""
    for number, entry in enumerate(read_entries(path)):
        if number % _PROGRESS_EVERY == 0:
            on_progress(number, contents.customers)
        yield entry


async def _write(settings: Settings, producer: Any, entries: Iterable[Entry]) -> None:
    topic = settings.topic_prefix + STATE.name
    outbox = Outbox(producer)
    try:
        async with transaction(producer, IMPORT_SECONDS):
            for entry in entries:
                outbox.put(topic, entry.partition, entry.key, entry.value)
                if outbox.has_full:
                    await outbox.send_full()
            await outbox.finish()
    finally:
        await outbox.close()
