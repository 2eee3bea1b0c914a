"""The events of the input topics: all that Kafka holds, or the newest of each partition."""

from collections.abc import Callable
from typing import Final

from schemas.dead_letter import Reason
from schemas.events import Refusal, Tick
from schemas.hot import Decoded, Decoder
from streams.check.check import Check
from streams.console import OnProgress
from streams.core.watermark import FACTS, GIVEN, Input
from streams.runtime.kafka.committed_reader import HeadedRecord, committed_reader
from streams.runtime.kafka.errors import transaction_errors
from streams.settings import Settings

SAMPLE: Final = 100_000
"""Records of each input that are read, the newest, unless all are."""

_STEPS: Final = 1_000
_KEY: Final = Refusal(Reason.KEY_MISMATCH, "key: not the customer_id")
_TICK_KEY: Final = Refusal(Reason.KEY_MISMATCH, "key: null for a tick")
_PLACE: Final = Refusal(Reason.WRONG_PARTITION, "key: belongs to another partition")
_NO_VALUE: Final = Refusal(Reason.SCHEMA, "value: required")


async def read_topics(
    check: Check, settings: Settings, partitions: int, *, everything: bool, on_progress: OnProgress
) -> None:
    """Let a check take the records of the input topics, one partition after the other.

    It is told that they are a sample if a partition may hold more than is read of it.

    Raises SettingsError, KafkaUnavailableError, KafkaRefusedError.
    """
    decoder = Decoder(settings.reporting_currency)
    most = None if everything else max(1, SAMPLE // partitions)
    with transaction_errors(settings):
        for number, source in enumerate((*(one for one in GIVEN if one not in FACTS), *FACTS)):
            decode = decoder.of(source)
            topic = settings.topic_prefix + source.value
            async with committed_reader(settings, topic, partitions, most=most) as reader:
                if most is not None:
                    check.sampled |= any(one.end - one.start >= most for one in reader.bounds)
                read, offsets = 0, max(1, reader.offsets)
                for partition in range(partitions):
                    async for batch in reader.read(partition):
                        for record in batch:
                            _take(check, source, partition, record, decode)
                        read += len(batch)
                        on_progress(_STEPS * number + _STEPS * read // offsets, _STEPS * len(GIVEN))


def _take(
    check: Check, source: Input, partition: int, record: HeadedRecord, decode: Callable[[bytes], Decoded]
) -> None:
    raw = record.value
    if raw is None:
        if source is not Input.CUSTOMERS:  # there it erases the customer
            check.take(source, b"", _NO_VALUE, partition)
        return
    event = decode(raw)
    check.take(source, raw, event, partition, misplaced=_misplaced(check, partition, record.key, event))


def _misplaced(check: Check, partition: int, key: bytes | None, event: Decoded) -> Refusal | None:
    """Return why a worker would refuse a sound event for its key or its partition."""
    if isinstance(event, Refusal):
        return None
    if isinstance(event, Tick):
        return None if key is None else _TICK_KEY
    if key != event.customer_id.encode():
        return _KEY
    return None if check.home(event.customer_id) == partition else _PLACE
