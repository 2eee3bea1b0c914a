"""The processor of one partition: open, take batches, advance time, commit. No Kafka, no Faust, no clock.

Whatever fails, the processor is dropped, and a new one opens the partition again from what was committed. So
there is no repair: state, alerts, dead letters and positions move together, or not at all.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from msgspec import MsgspecError, Struct, msgpack
from msgspec import field as member

from schemas.alert import Alert
from schemas.dead_letter import Reason
from schemas.events import Erasure, Refusal, SignOfLife, Tick, Transaction
from schemas.partitioner import DEFAULT, UNCHECKED, Partitioner, partition_of
from streams.core.alerts.alert import dated
from streams.core.customer.moves import Move
from streams.core.customer.state import StateError, keep_newest
from streams.core.partition.exchange import decide_together
from streams.core.partition.partition import Batched, Outcome, Partition
from streams.core.ruleset import VERSIONS, Ruleset
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.watermark import FACTS, Input
from streams.runtime.partition.append_times import AppendTimes
from streams.runtime.partition.decode import RecordDecoder
from streams.runtime.partition.poison_guard import PoisonGuard, Stop
from streams.runtime.partition.upstream_delay import Sources, UpstreamDelay
from streams.runtime.ports import Bounds, DeadLetter, Fetched, PartitionLog
from streams.runtime.ports import Transaction as LogTransaction
from streams.settings import variable

PROCESSOR_KEY: Final = b"o"
SIDE_INPUTS: Final = (Input.MOVES, Input.CUSTOMERS, Input.DISPOSITIONS)

_SAMPLE_EVERY: Final = 16
"""The delay of one in so many records of a batch is measured, the first among them."""

MOST_UNDECIDED: Final = 5_000
"""An input ahead of the watermark is held while more events than this are pending."""
MOST_PANES: Final = 80_000
"""Nor while so many counts of purchases wait to be judged: they are one record of the state.

What is kept in any case is 44,608 of them, 29 days for each of 64 groups of sources.
"""


class ProcessorState(Struct, array_like=True):
    """What the changelog keeps beside the core's state: who wrote it, and how far the inputs are in it."""

    application: str
    ruleset: str
    positions: dict[str, int] = member(default_factory=dict)
    partitions: int = 0
    topics: dict[str, str] = member(default_factory=dict)
    """The ids that Kafka gave the input topics when they were created, by input."""
    currency: str = ""
    """What money is counted in; empty while none was."""
    stop: Stop | None = None
    """Why nothing more is read; None while all is well."""
    unlimited: dict[str, int] = member(default_factory=dict)
    """Up to which offset each input is read without the limit on refused records, since a stop ended."""
    upstream_delay_ms: int = 0
    """How long purchases took to come, when this was written."""
    partitioner: Partitioner = DEFAULT
    """What shared the customers out."""
    sources: dict[str, dict[str, tuple[int, int]]] = member(default_factory=dict)
    """By input, the newest record of each source: when it was appended, and its delay (ms)."""


class RefusedError(StateError):
    """State that this worker must not continue; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the state must agree with."""

    application: str
    rules: Ruleset
    currency: str
    partition: int
    partitions: int
    adopt_ruleset: bool = False
    topics: Mapping[Input, str] = field(default_factory=dict)
    resume_mark: int = 0
    """A stop ends that has dead letters before this offset."""
    partitioner: Partitioner = DEFAULT
    strict_fields: bool = False
    compiled: bool = True
    """Whether the compiled hot path may be used, if there is one."""


@dataclass(slots=True)
class Taken:
    """What became of a batch: in the core, and of the records that never got there."""

    outcome: Outcome
    refused: list[Reason] = field(default_factory=list)
    unknown: list[Collection[str]] = field(default_factory=list)
    """The names of the unknown fields of each accepted record that has some."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit wrote; `appended` has when (ms) the record was appended that decided each alert.

    None where time alone decided.
    """

    alerts: list[Alert]
    appended: list[int | None]
    dead_letters: list[DeadLetter]


class _Sampled(NamedTuple):
    """An event whose delay is measured: its place among the events, its append time and its time (ms)."""

    at: int
    appended: int
    source: str
    time: int
    purchase: bool


class PartitionProcessor:
    """Applies and commits one partition, from `open` until anything fails; the log fences all others."""

    def __init__(
        self, identity: Identity, log: PartitionLog, wall_clock_ms: Callable[[], int], *, live: bool = False
    ) -> None:
        self._identity = identity
        self._live = live
        self._log = log
        self._wall_clock_ms = wall_clock_ms
        self._decode = RecordDecoder(
            identity.currency,
            identity.partition,
            identity.partitions,
            partitioner=identity.partitioner,
            strict_fields=identity.strict_fields,
            compiled=identity.compiled,
        )
        self._alerts: list[Alert] = []
        self._appended: list[int | None] = []
        self._append_times = AppendTimes()
        self._dead_letters: list[DeadLetter] = []
        self._moves: list[tuple[int, Move]] = []
        self._dirty = False
        """Whether positions or a stop have changed since the last commit."""
        self._currency = ""
        self._placed_by = identity.partitioner
        self._ends: dict[Input, int] = {}
        self._append_time = 0
        """When (ms) the record was appended whose event was yielded last."""
        self._sampled: list[_Sampled] = []
        """The events of a batch whose delay is measured."""
        self.delay = UpstreamDelay()
        self.sources = {source: Sources() for source in Input}
        self._poison = PoisonGuard(identity.partition)
        self.partition = Partition(identity.rules, currency=identity.currency)
        self.positions: dict[Input, int] = {}
        """The position after what is in the state, of each input once the partition is open."""
        self.restored = 0
        """How many state records were read to restore it."""
        self.largest_record = 0
        """The bytes of the largest value that was committed to the state since."""

    # Open

    async def open(self, on_restored: Callable[[], None] = lambda: None) -> None:
        """Fence earlier processors and restore; call `on_restored` whenever some state was read.

        Raise StateError, FencedError or LogError.
        """
        await self._log.fence()
        state: dict[bytes, bytes] = {}
        async for records in self._log.restore():
            self.restored += len(records)
            on_restored()
            keep_newest(state, records)
        own = state.pop(PROCESSOR_KEY, None)
        if own is not None:
            self._adopt(_decoded(own))
        elif state:
            raise RefusedError(
                "the state has no owner record: it is not of this product, or was tampered with"
            )
        self.partition.restore(state)
        self._check_places()
        bounds = await self._log.bounds()
        self._set_positions(bounds)
        if self._poison.ends(self._identity.resume_mark):
            self._end_stop(bounds)

    def _adopt(self, state: ProcessorState) -> None:
        identity = self._identity
        if state.application != identity.application:
            raise RefusedError("the state belongs to another application id: use that id, or a new prefix")
        if state.partitions not in {0, identity.partitions}:
            raise RefusedError(
                f"the state was written for {state.partitions} partitions, the topics have "
                f"{identity.partitions}: move it with `state export` and `state import`"
            )
        if state.currency not in {"", identity.currency}:
            raise RefusedError(
                f"the state counts in {state.currency}, the settings say {identity.currency}: "
                f"set {state.currency}, or use a new application id and prefix"
            )
        if state.ruleset != identity.rules.hash and not identity.adopt_ruleset:
            raise RefusedError(_ruleset_mismatch(state.ruleset))
        for source, topic_id in identity.topics.items():
            if state.topics.get(source.value, topic_id) != topic_id:
                raise RefusedError(
                    f"the topic of {source} was recreated since the state was written, so positions mean "
                    "nothing: use a new application id and prefix, or bring back the old topic"
                )
        self.positions = {Input(name): position for name, position in state.positions.items()}
        self._currency = state.currency
        self._placed_by = state.partitioner
        self._poison.restore(state.stop, state.unlimited)
        self.delay = UpstreamDelay(state.upstream_delay_ms)
        self.sources |= {Input(name): Sources(known) for name, known in state.sources.items()}

    def _check_places(self) -> None:
        """Raise RefusedError if customers are here whom the partitioner would have elsewhere."""
        now = self._identity.partitioner
        if self.partition.customers and not same_places(self._placed_by, now):
            raise RefusedError(
                f"the state has its customers placed by {self._placed_by}, {variable('partitioner')} says "
                f"{now}: set {self._placed_by}, or move the state with `state export` and `state import`"
            )

    def _set_positions(self, bounds: Mapping[Input, Bounds]) -> None:
        for source, held in bounds.items():
            position = self.positions.setdefault(source, held.start)
            if not held.start <= position <= held.end:
                raise RefusedError(
                    f"the state is at {position} of {source}, which holds {held.start} to {held.end}: what "
                    "lay between was never read; bring it back, or use a new application id and prefix"
                )
        self._ends = {source: bounds[source].end for source in SIDE_INPUTS if source in bounds}

    # Read

    @property
    def ready(self) -> bool:
        """Return whether the side inputs are read up to where they ended when the partition was opened."""
        return all(self.positions[source] >= end for source, end in self._ends.items())

    @property
    def stopped(self) -> str | None:
        """Return why nothing more is read, until an operator ends that; None while all is well."""
        return self._poison.reason

    @property
    def ended_stop(self) -> str | None:
        """Return the reason of the stop that was ended last; None if none was ended since the opening."""
        return self._poison.ended_reason

    async def end_stop(self, mark: int) -> None:
        """End the stop if its first dead letter is before a mark, an offset in the dead letters.

        Raise LogError.
        """
        if self._poison.ends(mark):
            self._end_stop(await self._log.bounds())

    def _end_stop(self, inputs: Mapping[Input, Bounds]) -> None:
        self._poison.end_stop(inputs)
        self._dirty = True

    def wants(self, source: Input) -> bool:
        """Return whether an input should be read on: side inputs first, none that is far ahead."""
        if self.stopped is not None:
            return False
        if not self.ready:
            return source in SIDE_INPUTS and self.positions[source] < self._ends[source]
        return not self.backpressured(source)

    def backpressured(self, source: Input) -> bool:
        """Return whether an input of facts has to wait for the other: what it brings can't be decided yet.

        Side inputs never do: on the event clock the facts wait for them.
        """
        partition = self.partition
        is_ahead = source in FACTS and partition.clock(source) > partition.watermark
        return is_ahead and (partition.undecided > MOST_UNDECIDED or partition.feed_panes > MOST_PANES)

    def take(self, batch: Fetched) -> Taken | None:
        """Apply a batch and decide what can be; None, and nothing done, if it starts elsewhere."""
        if batch.before != self.positions.get(batch.source, batch.before):
            return None
        taken = self._apply(batch)
        self.positions[batch.source] = batch.after
        self._dirty = True
        if self.ready:
            self._decide({})
        return taken

    def advance(self, clocks: Mapping[Input, int]) -> None:
        """Advance inputs that are known to be complete up to a time (ms), and decide what can be."""
        if self.ready and self.stopped is None:
            self._decide(clocks)

    def _apply(self, batch: Fetched) -> Taken:
        undecodable: dict[int, Refusal] = {}
        self._sampled = []
        outcome = self.partition.apply(
            batch.source,
            self._events(batch, undecodable),
            self._append_time_of_each(),
            held_back=self._held_back(batch.source),
        )
        self._note_times(batch.source, outcome)
        if batch.source is Input.TRANSACTIONS and outcome.applied:
            self._currency = self._identity.currency
        self._collect_erased(batch, outcome)
        indices = _record_indices(batch, undecodable) if outcome.refused or outcome.waiting else ()
        self._note_append_times(batch, outcome, indices)
        refused = undecodable | {indices[at]: refusal for at, refusal in outcome.refused}
        for index, refusal in refused.items():
            dead_letter = DeadLetter(batch.source, batch.records[index], refusal.reason, refusal.detail)
            self._dead_letters.append(dead_letter)
        self._poison.note(batch, refused)
        return Taken(
            outcome,
            [refusal.reason for refusal in undecodable.values()],
            self._unknown_of_accepted(batch, refused),
        )

    def _unknown_of_accepted(self, batch: Fetched, refused: Collection[int]) -> list[Collection[str]]:
        """Return the names of the unknown fields of each accepted record; `refused` are indices."""
        noted = self._decode.noted()
        if not noted:
            return []
        left_out = {batch.records[index].value for index in refused}
        return [one.names for one in noted if one.value not in left_out]

    def _note_append_times(self, batch: Fetched, outcome: Outcome, indices: Sequence[int]) -> None:
        if batch.source is not Input.CUSTOMERS:  # no alert comes of a profile
            for at, customer_id, effective_time in outcome.waiting:
                self._append_times.note(customer_id, effective_time, batch.records[indices[at]].timestamp)

    def _events(self, batch: Fetched, undecodable: dict[int, Refusal]) -> Iterator[Batched]:
        """Yield the events of a batch as they are applied, plain purchases in runs if they can be.

        Note the refused records by index. A refused purchase yields a sign of life instead, if it shows one.
        """
        decode, knows, source = self._decode, self.partition.knows, batch.source
        records, index, left_out = batch.records, -1, 0
        while index + 1 < len(records):
            index += 1
            run = decode.run(source, records, index)
            if run is not None:
                for at, name, appended, time in run.sampled(-index % _SAMPLE_EVERY, _SAMPLE_EVERY):
                    self._sampled.append(_Sampled(index - left_out + at, appended, name, time, purchase=True))
                yield run
                index += len(run) - 1
                continue
            raw = records[index]
            record = decode(source, raw, knows)
            self._append_time = raw.timestamp
            if isinstance(record, Refusal):
                undecodable[index] = record
                sign = sign_of_life(record)
                if sign is None:
                    left_out += 1
                else:
                    yield sign
                continue
            if index % _SAMPLE_EVERY == 0 and not isinstance(record, Tick | Erasure | SignOfLife | Move):
                purchase = isinstance(record, Transaction) and record.kind == "purchase"
                self._sampled.append(
                    _Sampled(index - left_out, raw.timestamp, record.source, record.time, purchase=purchase)
                )
            yield record

    def _append_time_of_each(self) -> Iterator[int]:
        """Yield when (ms) the record of the event that was yielded last was appended."""
        while True:
            yield self._append_time

    def _held_back(self, source: Input) -> int | None:
        """Return how far (ms) an input's clock stays behind the append times; None on the event clock."""
        if not self._live:
            return None
        return self.delay.ms if source is Input.TRANSACTIONS else 0

    def _note_times(self, source: Input, outcome: Outcome) -> None:
        """Note how long the sampled events took to come; not those that were refused, or duplicates."""
        left_out = {*outcome.duplicates, *(at for at, _ in outcome.refused)}
        for one in self._sampled:
            if one.at in left_out:
                continue
            self.sources[source].note(one.source, one.appended, one.time)
            if one.purchase:
                self.delay.note(one.appended, one.time)

    def _decide(self, clocks: Mapping[Input, int]) -> None:
        before = self.partition.decided
        self.partition.move(clocks)
        decided = decide_together([self.partition], self._home)
        self._moves += [(self._partition_of(move.customer_id), move) for move in decided.leaving]
        (alerts,) = decided.alerts
        self._collect(alerts, self._append_times.take(alerts, before, self.partition.decided))

    def _partition_of(self, customer_id: str) -> int:
        """Return the partition that a history goes to; unchecked, both ids are known here."""
        identity = self._identity
        if identity.partitioner == UNCHECKED:
            return identity.partition
        return partition_of(customer_id, identity.partitions, identity.partitioner)

    def _home(self, customer_id: str) -> int | None:
        return 0 if self._partition_of(customer_id) == self._identity.partition else None

    def _collect_erased(self, batch: Fetched, outcome: Outcome) -> None:
        if outcome.alerts:
            erased = {record.key: record.timestamp for record in batch.records if record.value is None}
            self._collect(outcome.alerts, [erased.get(one.customer_id.encode()) for one in outcome.alerts])

    def _collect(self, alerts: list[Alert], appended: list[int | None]) -> None:
        self._alerts += dated(alerts, self._wall_clock_ms())
        self._appended += appended

    # Write

    @property
    def urgent(self) -> bool:
        """Return whether an alert, or a history for another partition, has to be committed at once."""
        return bool(self._alerts or self._moves)

    @property
    def waiting(self) -> bool:
        """Return whether there is anything to commit."""
        return self._dirty or self.urgent or self.partition.erasing

    async def commit(self) -> Written | None:
        """Write the results of all batches since the last commit; return None if there are none.

        Raise FencedError or LogError.
        """
        if not self.waiting:
            return None
        if self._poison.exceeded:
            self._poison.set_stop(await self._log.dead_letters_end())
        written = Written(self._alerts, self._appended, self._dead_letters)
        moves = self._moves
        self._alerts, self._appended, self._dead_letters, self._moves, self._dirty = [], [], [], [], False
        state = [*self.partition.drain_dirty(), (PROCESSOR_KEY, msgpack.encode(self._state()))]
        await self._log.commit(
            LogTransaction(state, written.alerts, written.dead_letters, dict(self.positions), moves)
        )
        self.largest_record = max(self.largest_record, *(len(value or b"") for _, value in state))
        return written

    def _state(self) -> ProcessorState:
        identity = self._identity
        return ProcessorState(
            application=identity.application,
            ruleset=identity.rules.hash,
            positions={source.value: position for source, position in self.positions.items()},
            partitions=identity.partitions,
            topics={source.value: topic_id for source, topic_id in identity.topics.items()},
            currency=self._currency,
            stop=self._poison.stop,
            unlimited=self._poison.unlimited(self.positions),
            upstream_delay_ms=self.delay.ms,
            partitioner=identity.partitioner,
            sources={source.value: one.known() for source, one in self.sources.items() if one.times},
        )


def same_places(one: Partitioner, other: Partitioner) -> bool:
    """Return whether state placed by one partitioner may go on with another; unchecked may be any."""
    return one == other or UNCHECKED in {one, other}


def _record_indices(batch: Fetched, undecodable: Mapping[int, Refusal]) -> Sequence[int]:
    """Return for each event that the core was given the index of its record in the batch."""
    indices = range(len(batch.records))
    left_out = {index for index, refusal in undecodable.items() if sign_of_life(refusal) is None}
    return [index for index in indices if index not in left_out] if left_out else indices


def _ruleset_mismatch(written_under: str) -> str:
    """Return the message of a refused start; a ruleset that was a default once can be kept by its name."""
    said = (
        "the state was written under another ruleset: start with --adopt-ruleset, open episodes keep theirs"
    )
    names = [version for version, rules in VERSIONS.items() if rules.hash == written_under]
    return said + "".join(f"; or keep it, with {variable('ruleset_file')}={name}" for name in names)


def _decoded(value: bytes) -> ProcessorState:
    try:
        return msgpack.decode(value, type=ProcessorState)
    except MsgspecError as error:
        raise StateError("an owner record that does not parse") from error
