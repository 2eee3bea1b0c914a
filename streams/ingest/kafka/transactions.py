"""Transactions of one process: outputs and positions, all or nothing, and never by who was replaced."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from streams.ingest.flow.batch import Output
from streams.ingest.flow.record import Place
from streams.ingest.kafka.errors import as_ours, error_of
from streams.ingest.kafka.options import TRANSACTION_SECONDS, producer_options
from streams.runtime.kafka.errors import KafkaRefusedError
from streams.settings import Settings

_START_SECONDS: Final = 30.0
_STEP_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0
_QUEUE_SECONDS: Final = 0.5


class UndoneError(Exception):
    """A transaction that was undone; the same may be tried again."""


class LostError(Exception):
    """A producer that can't go on: what becomes of its last transaction, only the broker knows."""


class Transactions:
    """A producer with an id that no other process has: a group's generation fences, not the id."""

    def __init__(self, settings: Settings) -> None:
        name = f"{settings.application_id}-ingest-{uuid4().hex}"
        self._producer = Producer(producer_options(settings, name))
        self._drafts: dict[Place, int] = {}
        self._failed: KafkaError | None = None

    def open(self) -> None:
        """Introduce itself to Kafka. Raises KafkaUnavailableError, KafkaRefusedError."""
        try:
            self._producer.init_transactions(_START_SECONDS)
        except KafkaException as error:
            raise as_ours(error_of(error)) from None

    def commit(
        self, outputs: Sequence[Output], positions: Mapping[Place, int], group: object
    ) -> Mapping[Place, int]:
        """Write all in one transaction, and return the offset after the last draft in each partition.

        `group` is the group's metadata from when the records were read. Raises UndoneError, LostError, and
        KafkaRefusedError where a right is missing.
        """
        deadline = time.monotonic() + TRANSACTION_SECONDS
        self._drafts, self._failed = {}, None
        last = set(_last_drafts(outputs).values())
        offsets = [TopicPartition(*place, position) for place, position in positions.items()]
        try:
            self._producer.begin_transaction()
            for index, output in enumerate(outputs):
                self._send(output, told=index in last)
            # Before the positions: once they are there, a successor waits for the transaction's end.
            self._flush(deadline)
            _retried(
                lambda: self._producer.send_offsets_to_transaction(offsets, group, _STEP_SECONDS), deadline
            )
            _retried(lambda: self._producer.commit_transaction(_STEP_SECONDS), deadline)
        except KafkaException as error:
            self._undo(error_of(error))
        return self._drafts

    def close(self) -> None:
        """Let go; an open transaction is undone by the broker in time."""
        with suppress(KafkaException):  # a producer that was fenced does not even take that
            self._producer.purge()
            self._producer.flush(_CLOSE_SECONDS)

    def _send(self, output: Output, *, told: bool) -> None:
        named: dict[str, Any] = {"on_delivery": self._delivered} if told else {}
        while True:
            try:
                self._producer.produce(
                    output.topic, output.value, output.key, output.partition, headers=output.headers, **named
                )
            except BufferError:
                self._producer.poll(_QUEUE_SECONDS)
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self._failed = error
        else:
            place = Place(message.topic(), message.partition())
            self._drafts[place] = message.offset() + 1

    def _flush(self, deadline: float) -> None:
        while self._producer.flush(0.5):
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its name
        if self._failed is not None:
            raise KafkaException(self._failed)

    def _undo(self, cause: KafkaError) -> None:
        """Abort, and raise what says how that went, or that a right is missing."""
        undone = not cause.fatal() and self._aborted()
        refused = as_ours(cause)
        if isinstance(refused, KafkaRefusedError):
            raise refused from None
        raise (UndoneError if undone else LostError)(cause.name()) from None

    def _aborted(self) -> bool:
        deadline = time.monotonic() + TRANSACTION_SECONDS
        try:
            _retried(lambda: self._producer.abort_transaction(_STEP_SECONDS), deadline)
        except KafkaException:
            return False
        return True


def _last_drafts(outputs: Iterable[Output]) -> dict[Place, int]:
    """Return the index of the last draft for each partition: to be told of each would cost a call each."""
    drafts = ((index, output) for index, output in enumerate(outputs) if output.is_draft)
    return {Place(output.topic, output.partition): index for index, output in drafts}


def _retried(step: Callable[[], object], deadline: float) -> None:
    """Do a step again while Kafka says that it may work. Raises KafkaException."""
    while True:
        try:
            step()
        except KafkaException as error:
            if not error_of(error).retriable() or time.monotonic() > deadline:
                raise
        else:
            return
