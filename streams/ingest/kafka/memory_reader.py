"""What was remembered, read back from its topic when a partition comes to this process."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from streams.ingest.flow.record import Place, Record
from streams.ingest.kafka.options import client_options, reader_options
from streams.ingest.kafka.records import sorted_out
from streams.settings import Settings

_ASK_SECONDS: Final = 10.0


class MemoryReader:
    """Reads partitions of the memory to where they ended when it began.

    Ends count records of open transactions too: of a process that died, the broker has to end its last one
    first, else what it hides would be missed.
    """

    def __init__(self, settings: Settings, group: str, ends: Mapping[Place, int]) -> None:
        self._left = {place: end for place, end in ends.items() if end > 0}
        self._consumer = Consumer(reader_options(settings, f"{group}-memory"))
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in self._left])

    @property
    def done(self) -> bool:
        """Return whether all is read."""
        return not self._left

    def read(self, seconds: float) -> Iterable[Record]:
        """Return what came within so many seconds."""
        found = sorted_out(self._consumer.consume(5_000, seconds))
        for place, records in found.records.items():
            self._reach(place, records[-1].offset + 1)
            yield from records
        for place, end in found.ends.items():
            self._reach(place, end)

    def close(self) -> None:
        """Let go."""
        self._consumer.close()

    def _reach(self, place: Place, offset: int) -> None:
        if offset >= self._left.get(place, offset + 1):
            del self._left[place]


def ends_of(settings: Settings, places: Collection[Place]) -> dict[Place, int]:
    """Return where partitions end, what open transactions wrote included. Raises KafkaException."""
    admin = AdminClient(client_options(settings))
    latest = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
    answers = admin.list_offsets(
        latest, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_ASK_SECONDS
    )
    return {Place(one.topic, one.partition): answer.result().offset for one, answer in answers.items()}
