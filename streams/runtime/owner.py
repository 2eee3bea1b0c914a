"""The owner of one partition: open, take batches, commit. No Kafka, no Faust, no clock of its own.

Whatever fails, the owner is dropped and a new one opens the partition again from what was committed. So
there is no repair: state, alerts, dead letters and positions move together, or not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msgspec import MsgspecError, Struct, field, msgpack

from schemas.alert import Alert
from schemas.events import Refusal
from streams.core.alerts import dated
from streams.core.partition import Partition, Record
from streams.core.ruleset import Ruleset
from streams.core.state import StateError
from streams.core.watermark import Input
from streams.runtime.decode import RecordDecoder
from streams.runtime.log import DeadLetter, Fetched, PartitionLog, RawRecord, Transaction

OWNER_KEY: Final = b"o"


class OwnerState(Struct, array_like=True):
    """What the changelog keeps beside the core's state: whose it is, and how far the inputs are in it."""

    application: str
    ruleset: str
    positions: dict[str, int] = field(default_factory=dict)


class AdoptionError(StateError):
    """State that another application or ruleset wrote; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the state must agree with."""

    application: str
    rules: Ruleset
    currency: str
    partition: int
    partitions: int
    adopt_ruleset: bool = False


class Owner:
    """The one process that may write a partition, from `open` until anything fails."""

    def __init__(self, identity: Identity, log: PartitionLog, wall_clock_ms: Callable[[], int]) -> None:
        self._identity = identity
        self._log = log
        self._now = wall_clock_ms
        self._decode = RecordDecoder(identity.currency, identity.partition, identity.partitions)
        self._alerts: list[Alert] = []
        self._dead_letters: list[DeadLetter] = []
        self._moved = False
        self.partition = Partition(identity.rules, currency=identity.currency)
        self.positions: dict[Input, int] = {}

    async def open(self) -> None:
        """Fence earlier owners and restore; raises StateError, FencedError or LogError."""
        await self._log.fence()
        state: dict[bytes, bytes] = {}
        async for key, value in self._log.restore():
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value
        mine = state.pop(OWNER_KEY, None)
        if mine is not None:
            self._adopt(_decoded(mine))
        for key, value in state.items():
            self.partition.restore(key, value)

    def take(self, batch: Fetched) -> bool:
        """Apply a batch and decide what can be; False, and nothing done, if it starts elsewhere."""
        if batch.before != self.positions.get(batch.source, batch.before):
            return False
        now = self._now()
        records, places = self._decoded_records(batch)
        outcome = self.partition.apply(batch.source, records, now)
        for at, refusal in outcome.refused:
            self._bury(batch.source, places[at], refusal)
        self.positions[batch.source] = batch.after
        self._moved = True
        self._keep([*outcome.alerts, *self.partition.decide()])
        return True

    def move(self, clocks: dict[Input, int]) -> None:
        """Let time pass on inputs that are known to be complete up to a time (ms)."""
        self._keep(self.partition.advance(clocks))

    @property
    def urgent(self) -> bool:
        """Tell whether an alert waits for the next commit."""
        return bool(self._alerts)

    async def commit(self) -> bool:
        """Write what came of all batches since the last commit; False if there is nothing to write."""
        if not (self._moved or self._alerts):
            return False
        identity = self._identity
        positions = {source.value: position for source, position in self.positions.items()}
        mine = OwnerState(identity.application, identity.rules.hash, positions)
        state = [*self.partition.drain_dirty(), (OWNER_KEY, msgpack.encode(mine))]
        alerts, self._alerts = self._alerts, []
        dead_letters, self._dead_letters = self._dead_letters, []
        self._moved = False
        await self._log.commit(Transaction(state, alerts, dead_letters, dict(self.positions)))
        return True

    def _decoded_records(self, batch: Fetched) -> tuple[list[Record], list[RawRecord]]:
        records: list[Record] = []
        places: list[RawRecord] = []
        for raw in batch.records:
            record = self._decode(batch.source, raw, self.partition.knows)
            if isinstance(record, Refusal):
                self._bury(batch.source, raw, record)
            else:
                records.append(record)
                places.append(raw)
        return records, places

    def _bury(self, source: Input, raw: RawRecord, refusal: Refusal) -> None:
        self._dead_letters.append(DeadLetter(source, raw, refusal.reason, refusal.detail))

    def _keep(self, alerts: list[Alert]) -> None:
        self._alerts += dated(alerts, self._now())

    def _adopt(self, state: OwnerState) -> None:
        identity = self._identity
        if state.application != identity.application:
            raise AdoptionError("the state belongs to another application id: use that id, or a new prefix")
        if state.ruleset != identity.rules.hash and not identity.adopt_ruleset:
            raise AdoptionError("the state was written under another ruleset: start with --adopt-ruleset")
        self.positions = {Input(name): position for name, position in state.positions.items()}


def _decoded(value: bytes) -> OwnerState:
    try:
        return msgpack.decode(value, type=OwnerState)
    except MsgspecError as error:
        raise StateError("an owner record that does not parse") from error
