"""A record to what is written for it: drafts on their way, events, dead letters; and what is remembered.

Rules that need what is remembered of a thing send their drafts through a topic of our own, keyed by the
thing, so that one process has all that is known of it. All other drafts are finished at once.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder as JsonDecoder

from schemas.dead_letter import DeadLetterHeaders, Reason
from schemas.partitioner import DEFAULT, Partitioner, partition_of
from schemas.topics import INGEST_DEAD_LETTERS, INGEST_DRAFTS, INGEST_MEMORY
from streams.ingest.flow.batch import Batch, Headers, Output, Verdict
from streams.ingest.flow.memories import Memories
from streams.ingest.flow.record import Place, Prepared, Record
from streams.ingest.formats.decoder import Decoder
from streams.ingest.formats.registry import RegistryAwayError
from streams.ingest.formats.unreadable import NoRecord, UnreadableError
from streams.mapping.mapping import Mapping as RecordMapping
from streams.mapping.outcomes import Draft, Mapped, Memory, Refused, Skipped
from streams.runtime.partition.poison import EXPECTED

_VERSION: Final = version("retention-signals")
_MOST_DETAIL: Final = 1_000
MOST_LETTER_BYTES: Final = (4 << 20) - (64 << 10)
"""Below what the topic of dead letters takes, with room for headers of ours."""
FORGET_MS: Final = 10 * 86_400_000
"""How often what is too old is forgotten, event time: it takes a look at all that is remembered."""
RECENT: Final = 100
"""So many drafts tell what time it is in a partition."""
DRAFTS: Final = "drafts"
"""What a source is called whose name can't be read from a draft."""
UNKNOWN: Final = "unknown"
"""What the source of a dead letter is called that is none of ours."""


class _Event(Struct):
    event_id: str | None = None
    source: str | None = None
    type: str | None = None
    time: str | None = None


_EVENT: Final = JsonDecoder(_Event)


@dataclass(frozen=True, slots=True)
class Names:
    """The topics that are read and written."""

    prefix: str
    partitions: int
    """Of our own topics."""
    partitioner: Partitioner = DEFAULT
    """That by which events go to their partitions."""
    letters: int | None = None
    """Partitions of the dead letters, if they are not as many."""

    @property
    def drafts(self) -> str:
        """Return the topic of drafts."""
        return self.prefix + INGEST_DRAFTS.name

    @property
    def memory(self) -> str:
        """Return the topic of what is remembered."""
        return self.prefix + INGEST_MEMORY.name

    @property
    def dead_letters(self) -> str:
        """Return the topic of dead letters."""
        return self.prefix + INGEST_DEAD_LETTERS.name

    @property
    def letter_partitions(self) -> int:
        """Return how many partitions the topic of dead letters has."""
        return self.letters or self.partitions


class Pipeline:
    """The mapping at work. `decoders` are by source, `sources` the name of the source by topic."""

    def __init__(
        self,
        mapping: RecordMapping,
        sources: Mapping[str, str],
        decoders: Mapping[str, Decoder],
        names: Names,
        memories: Memories,
    ) -> None:
        self._mapping, self._sources, self._decoders = mapping, sources, decoders
        self.names, self.memories = names, memories
        self._drafts, self._dead_letters = names.drafts, names.dead_letters
        self._forgot: dict[int, int] = {}
        self._recent: defaultdict[int, deque[int]] = defaultdict(lambda: deque(maxlen=RECENT))

    def read(self, record: Record) -> dict[str, Any] | str:
        """Return what the mapping sees of a source's record, or why it sees nothing.

        Raises RegistryAwayError.
        """
        found = self._decoded(self._sources[record.topic], record)
        if isinstance(found, Refused):
            return found.detail
        return found.why if isinstance(found, NoRecord) else found

    def prepare(self, record: Record) -> Prepared:
        """Return a record mapped; of a dead letter, that which it was. Raises RegistryAwayError."""
        if record.topic != self._dead_letters:
            return self._mapped(record, record)
        origin = _origin(record)
        if origin is None or origin.topic not in {*self._sources, self._drafts}:
            return Prepared(record, record, UNKNOWN, None, [Skipped(UNKNOWN, "no dead letter of a source")])
        if origin.value is None:
            source = self.source_of(origin.topic)
            refused = Refused(source, Reason.TOO_LARGE, "its letter has no value: send it to its topic again")
            return Prepared(record, origin, source, None, [refused])
        # Not as one that came out of the topic of drafts: it goes there once more.
        return self._mapped(record, origin)._replace(hopped=False)

    def _mapped(self, record: Record, origin: Record) -> Prepared:
        if origin.topic == self._drafts:
            return self._draft(record, origin)
        source = self._sources[origin.topic]
        found = self._decoded(source, origin)
        if isinstance(found, Refused):
            return Prepared(record, origin, source, None, [found])
        if isinstance(found, NoRecord):
            return Prepared(record, origin, source, None, [Skipped(source, found.why)])
        try:
            outcomes = self._mapping.map(source, found, origin.meta)
        except Exception as error:  # noqa: BLE001 - one record must not stop all others for ever
            outcomes = [_internal(source, error)]
        time = next((one.time for one in outcomes if isinstance(one, Draft)), None)
        return Prepared(record, origin, source, time, outcomes)

    def _decoded(self, source: str, record: Record) -> dict[str, Any] | NoRecord | Refused:
        """Return what bytes hold, or why they can't be read. Raises RegistryAwayError."""
        try:
            return self._decoders[source].decode(record.value, _named(record))
        except UnreadableError as error:
            return Refused(source, error.reason, error.detail)
        except RegistryAwayError:
            raise
        except Exception as error:  # noqa: BLE001 - one record must not stop all others for ever
            return Refused(source, Reason.INTERNAL, f"{type(error).__name__} in reading it")

    def process(self, prepared: Prepared, batch: Batch) -> None:
        """Add to a batch what a record comes to."""
        record, source = prepared.record, prepared.source
        batch.records.append(record)
        batch.positions[Place(record.topic, record.partition)] = record.offset + 1
        refused: list[Refused] = []
        for one in prepared.outcomes:
            if not isinstance(one, Draft):
                self._note(source, one, batch, refused)
                continue
            try:
                self._go_on(prepared, one, batch, refused)
            except Exception as error:  # noqa: BLE001 - one record must not stop all others for ever
                refused.append(_internal(source, error))
        if not prepared.hopped:
            batch.read[source] += 1
        if refused:
            batch.refused[source, refused[0].reason] += 1
            batch.write(self._dead_letter(prepared.origin, refused))
        if refused or not prepared.hopped:
            poison = any(one.reason not in EXPECTED for one in refused)
            batch.verdicts.append(Verdict(source, poison))

    def source_of(self, topic: str) -> str:
        """Return what the source of a topic is called."""
        return self._sources.get(topic, DRAFTS)

    def memory_outputs(self) -> Iterable[Output]:
        """Yield the records that keep what a batch changes."""
        for partition, key, raw in self.memories.changes():
            yield Output(self.names.memory, partition, key.encode(), raw)

    def _draft(self, record: Record, origin: Record) -> Prepared:
        try:
            draft = Draft.from_bytes(origin.value or b"")
            self._mapping.follows(draft.rule)
        except (MsgspecError, TypeError, ValueError):
            why = "no draft of this release"
        except KeyError:
            why = "a draft of a rule that the mapping no longer has"
        else:
            source = draft.rule.partition("/")[0]
            return Prepared(record, origin, source, draft.time, [draft], hopped=True)
        refused = Refused(DRAFTS, Reason.INTERNAL, why)
        return Prepared(record, origin, DRAFTS, None, [refused], hopped=True)

    def _go_on(self, prepared: Prepared, draft: Draft, batch: Batch, refused: list[Refused]) -> None:
        """Send a draft to where what is remembered of its thing is, or finish it."""
        if prepared.hopped:
            self._finish_remembered(prepared.source, draft, prepared.record, batch, refused)
        elif draft.rule in self._mapping.hops:
            number = partition_of(draft.key, self.names.partitions)
            batch.write(Output(self._drafts, number, draft.key.encode(), draft.to_bytes(), is_draft=True))
        else:
            self._finish(prepared.source, self._mapping.finish(draft, None)[0], batch, refused)

    def _finish_remembered(
        self, source: str, draft: Draft, record: Record, batch: Batch, refused: list[Refused]
    ) -> None:
        partition, appended = record.partition, record.timestamp
        follows = self._mapping.follows(draft.rule)
        memory: Memory = self.memories.get(partition, draft.state_key) if follows else None
        outcomes, remembered = self._mapping.finish(draft, memory)
        if follows and remembered != memory:
            self.memories.set(partition, draft.state_key, remembered)
        self._forget_old(partition, min(draft.time, appended))
        self._finish(source, outcomes, batch, refused)

    def _forget_old(self, partition: int, time: int) -> None:
        """Forget what is too old, if that has not been done for long; `time` is that of a draft, ms.

        A few drafts with a wrong clock must not make all others forgotten: the earliest of the last ones
        tells how late it is.
        """
        recent = self._recent[partition]
        recent.append(time)
        last = self._forgot.get(partition, 0)
        if len(recent) < RECENT or time - last < FORGET_MS:
            return
        now = min(recent)
        if now - last < FORGET_MS:
            return
        self._forgot[partition] = now

        def is_expired(key: str, memory: Memory) -> bool:
            try:
                expires = self._mapping.expires(key.partition("\n")[0], memory)
            except KeyError:
                return False  # of a rule that the mapping no longer has: it may come back
            return expires is not None and expires < now

        for key in self.memories.expired(partition, is_expired):
            self.memories.set(partition, key, None)

    def _finish(
        self,
        source: str,
        outcomes: Iterable[Mapped | Skipped | Refused],
        batch: Batch,
        refused: list[Refused],
    ) -> None:
        for one in outcomes:
            if isinstance(one, Mapped):
                batch.events[source, one.source] += 1
                batch.write(self._event(one))
            else:
                self._note(source, one, batch, refused)

    def _note(self, source: str, one: Skipped | Refused, batch: Batch, refused: list[Refused]) -> None:
        if isinstance(one, Skipped):
            batch.skipped[source, one.rule, one.why] += 1
        else:
            refused.append(one)

    def _event(self, event: Mapped) -> Output:
        partition = partition_of(event.customer_id, self.names.partitions, self.names.partitioner)
        topic = self.names.prefix + event.source.value
        return Output(topic, partition, event.customer_id.encode(), event.value, _headers(event))

    def _dead_letter(self, record: Record, refused: list[Refused]) -> Output:
        # A letter that Kafka does not take would stop everything. Where the record stands is in the headers.
        large = len(record.value or b"") + _bytes_beside(record) > MOST_LETTER_BYTES
        larger = large and _bytes_beside(record) > MOST_LETTER_BYTES
        left_out = "the value is left out, it is too large; "
        if larger:
            left_out = "key, value and headers are left out, they are too large; "
        detail = left_out * large + "; ".join(dict.fromkeys(f"{one.rule}: {one.detail}" for one in refused))
        headers = DeadLetterHeaders(
            dl_topic=record.topic,
            dl_partition=str(record.partition),
            dl_offset=str(record.offset),
            dl_timestamp=str(max(record.timestamp, 0)),
            dl_reason=refused[0].reason,
            dl_detail=detail[:_MOST_DETAIL],
            dl_version=_VERSION,
        )
        own = headers.model_dump(mode="json").items()
        # Its own headers too: without them an event in CloudEvents' binary mode could not be read again.
        kept: Headers = [one for one in record.headers if not one[0].startswith("dl_")]
        added: Headers = [(name, str(value)) for name, value in own]
        number = record.partition % self.names.letter_partitions
        value = None if large else record.value
        if larger:
            return Output(self._dead_letters, number, None, None, added)
        return Output(self._dead_letters, number, record.key, value, kept + added)


def _internal(source: str, error: Exception) -> Refused:
    """Return the refusal for a bug; its message may hold what must not be told."""
    return Refused(source, Reason.INTERNAL, f"{type(error).__name__} in the mapping")


def _bytes_beside(record: Record) -> int:
    """Return about how many bytes a record has beside its value."""
    named = sum(4 * len(name) + len(value or b"") + 10 for name, value in record.headers)
    return len(record.key or b"") + named


def _named(record: Record) -> dict[str, bytes]:
    return {name: value for name, value in record.headers if value is not None}


def _origin(record: Record) -> Record | None:
    """Return the record that a dead letter is of, None if it is none."""
    try:
        told = {
            name: value.decode()
            for name, value in record.headers
            if name.startswith("dl_") and value is not None
        }
        headers = DeadLetterHeaders.model_validate(told)
    except ValueError:
        return None
    kept = tuple(one for one in record.headers if not one[0].startswith("dl_"))
    place = (headers.dl_topic, int(headers.dl_partition), int(headers.dl_offset))
    return Record(*place, int(headers.dl_timestamp), record.key, record.value, kept)


def _headers(event: Mapped) -> Headers:
    told = _EVENT.decode(event.value)
    texts = {
        "ce_specversion": "1.0",
        "ce_id": told.event_id,
        "ce_source": told.source,
        "ce_type": told.type,
        "ce_time": told.time,
        "ce_subject": event.customer_id,
    }
    return [(name, text) for name, text in texts.items() if text is not None]
