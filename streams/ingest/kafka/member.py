"""A member of the group: what it is given, and what of it is read ahead."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.ingest.flow.record import Place
from streams.ingest.kafka.errors import as_ours, error_of
from streams.ingest.kafka.options import member_options
from streams.ingest.kafka.records import Fetched, sorted_out
from streams.settings import Settings

_MOST_MESSAGES: Final = 1_000
_STATISTICS_MS: Final = 2_000
_COMMITTED_SECONDS: Final = 2.0


class Assigned(Protocol):
    """Called from within `fetch` when the group changes."""

    def __call__(self, given: Collection[Place], taken: Collection[Place]) -> None:
        """Take in what was given, or let go of what was taken."""


class _Broker(msgspec.Struct):
    state: str = ""


class _Statistics(msgspec.Struct):
    brokers: dict[str, _Broker] = {}


class Member:
    """A consumer in a group; partitions that are full can be held back."""

    def __init__(self, settings: Settings, group: str, assigned: Assigned) -> None:
        self._assigned = assigned
        self._id: str | None = None
        self._held: set[Place] = set()
        self._given_anew: set[Place] = set()
        self.answers = True
        """Whether any broker answers, as of the last two seconds."""
        own: dict[str, Any] = {"statistics.interval.ms": _STATISTICS_MS, "stats_cb": self._note_statistics}
        self._consumer = Consumer(member_options(settings, group) | own)

    def join(self, topics: Collection[str]) -> None:
        """Join the group; partitions come with later fetches."""
        self._consumer.subscribe(
            list(topics), on_assign=self._given, on_revoke=self._taken, on_lost=self._taken
        )

    def fetch(self, seconds: float) -> Fetched:
        """Return what came; waits so long for the first record. Raises KafkaRefusedError, ..."""
        try:
            first = self._consumer.poll(seconds) if seconds else None
            self._given_anew.clear()
            messages = self._consumer.consume(_MOST_MESSAGES, 0)
        except KafkaException as error:
            raise as_ours(error_of(error)) from None
        # If its partition went and came back since, it will be fetched once more.
        if first is not None and Place(first.topic() or "", first.partition() or 0) not in self._given_anew:
            messages.insert(0, first)
        return sorted_out(messages)

    def group(self) -> object | None:
        """Return what a transaction proves membership with; None if this is no member as it was assigned.

        The order matters: a member that was thrown out is nameless, and Kafka takes positions from the
        nameless. So the name is looked at after the proof was made.
        """
        proof: object = self._consumer.consumer_group_metadata()
        return proof if self._id is not None and self._consumer.memberid() == self._id else None

    def end(self, place: Place) -> int | None:
        """Return where a partition ended when it was last fetched."""
        try:
            found = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        except KafkaException:
            return None
        return found[1] if found is not None and found[1] >= 0 else None

    def settled(self, places: Iterable[Place]) -> bool:
        """Return whether all earlier owners' transactions about the positions of partitions have ended."""
        try:
            self._consumer.committed([TopicPartition(*place) for place in places], _COMMITTED_SECONDS)
        except KafkaException:
            return False
        return True

    def hold(self, places: Collection[Place], size: Callable[[Place], int], most: int) -> None:
        """Fetch no more of partitions with more than `most` bytes here, until a quarter of it is left."""
        full = [place for place in places if place not in self._held and size(place) > most]
        free = [place for place in self._held if size(place) <= most // 4]
        if full:
            self._consumer.pause([TopicPartition(*place) for place in full])
            self._held.update(full)
        if free:
            self._consumer.resume([TopicPartition(*place) for place in free])
            self._held.difference_update(free)

    def leave(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _given(self, consumer: Any, partitions: Iterable[TopicPartition]) -> None:
        self._id = consumer.memberid()
        given = _places(partitions)
        self._given_anew.update(given)
        self._assigned(given, ())

    def _taken(self, _consumer: Any, partitions: Iterable[TopicPartition]) -> None:
        gone = _places(partitions)
        self._held.difference_update(gone)
        self._assigned((), gone)

    def _note_statistics(self, text: str) -> None:
        brokers = msgspec.json.decode(text, type=_Statistics).brokers.values()
        self.answers = any(one.state == "UP" for one in brokers)


def _places(partitions: Iterable[TopicPartition]) -> list[Place]:
    return [Place(one.topic, one.partition) for one in partitions]
