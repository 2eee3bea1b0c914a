"""One membership in the group, from joining to the first failure: fetch, take in order, commit.

A transaction never stays open from one turn to the next, so nothing is open when partitions come and go.
"""

import logging
import time
from collections.abc import Collection, Mapping
from typing import Final

from confluent_kafka import KafkaException

from streams.ingest.flow.batch import Batch
from streams.ingest.flow.limits import Exceeded, Limits
from streams.ingest.flow.merge import Merge
from streams.ingest.flow.pipeline import Pipeline
from streams.ingest.flow.record import Place
from streams.ingest.formats.registry import RegistryAwayError
from streams.ingest.kafka.member import Member
from streams.ingest.kafka.memory_reader import MemoryReader, ends_of
from streams.ingest.kafka.records import Fetched
from streams.ingest.kafka.transactions import LostError, Transactions, UndoneError
from streams.mapping.mapping import DAY_MS
from streams.runtime.telemetry.ingest_metrics import IngestMetrics
from streams.settings import Settings

log = logging.getLogger(__name__)

MOST_BYTES: Final = 4 << 20
"""Read ahead of a partition."""
_RECORDS_A_TURN: Final = 1_000
_IDLE_SECONDS: Final = 0.05
_FIRST_RETRY_SECONDS: Final = 0.5
_LONGEST_RETRY_SECONDS: Final = 10.0
_LAG_SECONDS: Final = 5.0
_MOST_UNDONE: Final = 10
_LONGEST_PAUSE_SECONDS: Final = 2.0


class TooManyRefusedError(Exception):
    """So much of a source was refused that it can't be single records; all of it is committed."""

    def __init__(self, exceeded: Exceeded, topic: str) -> None:
        super().__init__(
            f"source {exceeded.source}: {exceeded.why}; they are in {topic}, each with its reason. When that "
            "is put right: `retention-signals ingest CONFIG --redrive` maps them again"
        )


class Session:
    """Reads, maps and writes; `turn` is to be called again and again, from one thread.

    With `until` only what stands before these offsets, until `done`.
    """

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        settings: Settings,
        topics: Collection[str],
        pipeline: Pipeline,
        limits: Limits,
        metrics: IngestMetrics,
        *,
        until: Mapping[Place, int] | None = None,
    ) -> None:
        self._settings, self._topics = settings, topics
        self._pipeline, self._limits, self._metrics = pipeline, limits, metrics
        self._names, self._memories = pipeline.names, pipeline.memories
        self._group = f"{settings.application_id}-ingest" + ("" if until is None else "-redrive")
        self._until = None if until is None else {place: end for place, end in until.items() if end > 0}
        self._ended: set[Place] = set()
        """Partitions of this process that were read to where all ends."""
        self._merge = Merge(pipeline.prepare, time.monotonic, _tomorrow)
        self._transactions = Transactions(settings)
        self._member = Member(settings, self._group, self._assigned)
        self._batch = Batch()
        self._batch_since = 0.0
        self._idle = False
        self._unrestored: set[int] = set()
        self._reader: MemoryReader | None = None
        self._retry_at, self._retry_seconds = 0.0, _FIRST_RETRY_SECONDS
        self._positions: dict[Place, int] = {}
        self._lag_at = 0.0
        self._undone_in_a_row = 0
        self.joined = False
        """Whether the group has given it a share, if only an empty one."""
        self.registry_away: str | None = None
        """What is wrong with the schema registry, while it is waited for."""
        self.commits = 0

    @property
    def done(self) -> bool:
        """Return whether all that was to be read is committed; never without an end.

        What others of the group have is theirs to read: they leave it here, if they leave it. One that has
        nothing waits for that.
        """
        if not self._until:
            return self._until is not None
        places = set(self._merge.places)
        to_the_end = bool(places) and places & self._until.keys() <= self._ended
        return to_the_end and self._merge.is_empty and not self._batch.records

    @property
    def answers(self) -> bool:
        """Return whether any broker answers."""
        return self._member.answers

    @property
    def why_not_ready(self) -> str | None:
        """Return what keeps it from working, None if nothing does."""
        if not self.answers:
            return "no broker answers"
        if not self.joined:
            return "it is not a member of the group yet"
        if self._unrestored:
            return "what is remembered of things is being read"
        return self.registry_away

    def open(self) -> None:
        """Begin. Raises KafkaUnavailableError, KafkaRefusedError."""
        self._transactions.open()
        self._member.join(self._topics)

    def turn(self) -> None:
        """Fetch, take what is next, and commit if it is time.

        Raises LostError, KafkaUnavailableError, KafkaRefusedError, TooManyRefusedError.
        """
        self._fetch()
        if self._unrestored:
            self._restore()
            return
        self._take()
        if self._batch.full or (self._batch.records and self._since_first() >= self._commit_seconds):
            self._commit()
        self._show_lag()

    def finish(self) -> None:
        """Commit what was taken. Raises as `turn` does."""
        if self._batch.records:
            self._commit()

    def close(self) -> None:
        """Leave the group; what is not committed will be read again."""
        if self._reader is not None:
            self._reader.close()
        self._member.leave()
        self._transactions.close()

    @property
    def _commit_seconds(self) -> float:
        return self._settings.commit_interval_ms / 1000

    def _since_first(self) -> float:
        return time.monotonic() - self._batch_since

    # Reading

    def _fetch(self) -> None:
        found = self._member.fetch(_IDLE_SECONDS if self._idle else 0.0)
        if self._until is not None:
            found = _cut(found, self._until)
            self._ended |= {place for place, at in found.ends.items() if at >= self._until.get(place, 0)}
        for place, records in found.records.items():
            self._positions.setdefault(place, records[0].offset)
            self._merge.offer(place, records, self._member.end(place))
        for place, offset in found.ends.items():
            self._merge.reached_end(place, offset)
        self._member.hold(self._merge.places, self._merge.size, MOST_BYTES)
        self._idle = not found.records

    def _take(self) -> None:
        now = time.monotonic()
        if now < self._retry_at:
            self._idle = True
            return
        for place in self._merge.give_up():
            log.warning("%s, partition %d, brings nothing: no longer waited for", *place)
        try:
            for _ in range(_RECORDS_A_TURN):
                prepared = None if self._batch.full else self._merge.take()
                if prepared is None:
                    break
                self._idle = False
                if not self._batch.records:
                    self._batch_since = now
                self._pipeline.process(prepared, self._batch)
        except RegistryAwayError as error:
            self._wait_for_registry(error)
        else:
            self._registry_answers()

    def _wait_for_registry(self, error: RegistryAwayError) -> None:
        if self.registry_away is None:
            log.warning("%s; waiting, nothing is lost", error)
        self.registry_away = str(error)
        self._metrics.waiting(waits=True)
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, _LONGEST_RETRY_SECONDS)

    def _registry_answers(self) -> None:
        if self.registry_away is not None:
            log.info("the schema registry answers again")
            self.registry_away, self._retry_seconds = None, _FIRST_RETRY_SECONDS
            self._metrics.waiting(waits=False)

    # Writing

    def _commit(self) -> None:
        batch, started = self._batch, time.monotonic()
        group = self._member.group()
        if group is None:
            self._undo()
            return
        outputs = [*batch.outputs, *self._pipeline.memory_outputs()]
        try:
            drafts = self._transactions.commit(outputs, batch.positions, group)
        except UndoneError as error:
            log.warning("a transaction was undone: %s; what it held is taken again", error)
            self._metrics.undone()
            self._undo()
            self._wait_after_undone(str(error))
            return
        self._undone_in_a_row = 0
        self._batch = Batch()
        self._memories.commit()
        self._positions |= batch.positions
        self.commits += 1
        for place, end in drafts.items():
            # So that what was written before what follows is also finished before it.
            self._merge.expect(place, end, at_least=True)
        self._metrics.committed(
            time.monotonic() - started, batch.read, batch.events, batch.skipped, batch.refused
        )
        exceeded = self._limits.note(batch.verdicts)
        if exceeded is not None:
            raise TooManyRefusedError(exceeded, self._names.dead_letters)

    def _wait_after_undone(self, why: str) -> None:
        """Raise LostError where it helps no more to try again."""
        self._undone_in_a_row += 1
        if self._undone_in_a_row >= _MOST_UNDONE:
            raise LostError(why)
        time.sleep(min(_IDLE_SECONDS * 2**self._undone_in_a_row, _LONGEST_PAUSE_SECONDS))

    def _undo(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._memories.undo()
        self._merge.put_back(batch.records)

    # The group

    def _assigned(self, given: Collection[Place], taken: Collection[Place]) -> None:
        self.joined = True
        self._undo()
        self._merge.remove(taken)
        self._ended.difference_update(taken)
        for place in taken:
            self._positions.pop(place, None)
            if place.topic == self._names.drafts:
                self._unrestored.discard(place.partition)
                self._memories.forget(place.partition)
        for place in given:
            self._merge.add(place, firm=place.topic == self._names.drafts)
        self._unrestored |= {one.partition for one in given if one.topic == self._names.drafts}
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._metrics.owned(len(self._merge.places))
        log.info("partitions: %d given, %d taken, %d now", len(given), len(taken), len(self._merge.places))

    def _restore(self) -> None:
        """Go on reading back what is remembered of drafts partitions that are new here."""
        if self._reader is None:
            drafts = [Place(self._names.drafts, number) for number in self._unrestored]
            if not self._member.settled(drafts):
                return
            memory = [Place(self._names.memory, number) for number in self._unrestored]
            try:
                ends = ends_of(self._settings, [*drafts, *memory])
            except KafkaException:
                return
            for place in drafts:
                self._merge.expect(place, ends[place])
            for place in memory:
                self._memories.forget(place.partition)
            self._reader = MemoryReader(self._settings, self._group, {one: ends[one] for one in memory})
        for record in self._reader.read(_IDLE_SECONDS):
            self._memories.restore(record.partition, (record.key or b"").decode(), record.value)
        if self._reader.done:
            self._reader.close()
            self._reader = None
            self._unrestored.clear()
            log.info("remembered: %d things", len(self._memories))

    def _show_lag(self) -> None:
        now = time.monotonic()
        if now < self._lag_at:
            return
        self._lag_at = now + _LAG_SECONDS
        lag: dict[str, int] = {}
        # A partition of which nothing was fetched yet: 0 would say that all is read.
        unknown: set[str] = set()
        for place in self._merge.places:
            end = self._member.end(place)
            source = self._pipeline.source_of(place.topic)
            behind = 0
            if not self._merge.is_drained(place):
                if end is None or place not in self._positions:
                    unknown.add(source)
                    continue
                behind = max(end - self._positions[place], 0)
            lag[source] = lag.get(source, 0) + behind
        self._metrics.lag({source: number for source, number in lag.items() if source not in unknown})


def _tomorrow() -> float:
    return time.time() * 1000 + DAY_MS


def _cut(found: Fetched, until: Mapping[Place, int]) -> Fetched:
    """Return what stands before some offsets; a partition that reached its own is at its end there."""
    cut = Fetched(ends=dict(found.ends))
    for place, records in found.records.items():
        end = until.get(place, 0)
        before = [one for one in records if one.offset < end]
        if before:
            cut.records[place] = before
        if records[-1].offset + 1 >= end:
            cut.ends[place] = end
    return cut
