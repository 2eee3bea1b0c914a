"""Facts on their way into a partition: refused, known before, late or in time; folded at once or pending.

Decides nothing. An on-time purchase only adds an entry to its customer's record; everything else waits there
until the watermark exceeds its effective time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

from msgspec.structs import replace
from xxhash import xxh3_64_intdigest

from schemas.alert import Alert
from schemas.events import Erasure, Merge, Refusal, SignOfLife, Tick, Transaction
from streams.core.customer.customer_codec import (
    ENTRY,
    FLAGS_AT,
    LONG_RECORD,
    MERGED,
    MOST_CENTS,
    OWED,
    PAGE_BYTES,
    QUIET,
    SAMPLED,
    WITHOUT_PANE,
    has_transaction,
    input_of,
    is_foldable,
    is_long,
    mark_of,
)
from streams.core.customer.id_table import KEY_BYTES, LOW_BITS, UNIT_BITS
from streams.core.customer.journal.journal import LENGTHS
from streams.core.customer.moves import Move
from streams.core.customer.pending import Event, pending_event
from streams.core.partition.acceptance import accept, refusal, time_of_sign
from streams.core.partition.compiled import store_of
from streams.core.partition.contents import Contents
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.time import HOUR_MS, SECOND_MS, hour_of
from streams.core.watermark import FUTURE_MS, NEVER, Clock, Input
from streams.native import Run

Record = Event | Tick | Erasure | SignOfLife | Move
Batched = Record | Run
UNTIMED: Final = repeat(-NEVER)
"""For records of which nobody knows when they were appended: none of them is ahead of it."""

_FEW: Final = 8
"""A compiled loop that doubts after fewer rows than these again leaves the next to the reference:"""
_MANY: Final = 32
"""so many of them."""

BOUGHT: Final = frozenset({"purchase", "refund", "chargeback", "subscription_cancelled"})
"""Kinds of transactions that every ruleset knows."""
COUNTED: Final = BOUGHT | {"correction", "subscription_charge", "subscription_changed"}
"""Those of rules that take events as they were meant. Fees are never counted."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch: counts of events, and the refused ones by their place in the batch."""

    applied: int = 0
    ticks: int = 0
    late: int = 0
    duplicates: list[int] = field(default_factory=list)
    """The places in the batch of events that came before."""
    refused: list[tuple[int, Refusal]] = field(default_factory=list)
    waiting: list[tuple[int, str, int]] = field(default_factory=list)
    """The events that are pending: place in the batch, customer, and effective time (ms)."""
    alerts: list[Alert] = field(default_factory=list)
    """What ends the alerts of customers who were erased."""

    @property
    def duplicate(self) -> int:
        """Return how many events came before."""
        return len(self.duplicates)


class Intake:
    """Takes the records of the inputs in."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._clocks = contents.clocks
        self._ids = contents.ids
        self._customers = contents.customers
        self._guard = contents.guard
        self._judge = contents.judge
        self._sampling = contents.sampling
        self._departures = contents.departures
        self._forgettable = contents.horizon
        """What need not be remembered any more, as of the beginning of the batch."""

    def apply(
        self,
        source: Input,
        records: Iterable[Batched],
        appended: Iterable[int] = UNTIMED,
        *,
        held_back: int | None = None,
    ) -> Outcome:
        """Take in records of one input, in the order of its log; decides nothing.

        `appended` has for each when it was appended, or the wall clock, in ms, and may go on: what lies more
        than 5 minutes beyond it is refused. With `held_back`, no record moves the clock of its input further
        than as if its time were so many ms before it was appended, and no tick further than its append.
        A run of transactions stands for as many records, and knows itself when they were appended.
        """
        if source in self._ids:
            self._ids[source].tidy(self._clocks[source])
        self._forgettable = self._contents.horizon
        outcome = Outcome()
        if source is Input.TRANSACTIONS:
            self._apply_transactions(records, appended, held_back, outcome)
        else:
            for at, (record, when) in enumerate(zip(records, appended, strict=False)):
                self._apply_one(source, at, record, when, held_back, outcome)
        return outcome

    def _apply_transactions(  # noqa: C901, PLR0912, PLR0915 - the hot path is one loop on purpose
        self,
        records: Iterable[Batched],
        appended: Iterable[int],
        held_back: int | None,
        outcome: Outcome,
        first: int = 0,
    ) -> None:
        """Apply transactions; an on-time purchase, as nearly all are, only adds to its customer's record.

        The compiled loop of a run does the same, and leaves to this one what is not as simple.
        """
        clock, ids = self._clocks[Input.TRANSACTIONS], self._ids[Input.TRANSACTIONS]
        recent, digest, pack = ids.recent, xxh3_64_intdigest, ENTRY.pack
        buckets, low, split, high = ids.table.buckets, ids.table.low, ids.table.split, 2 * ids.table.low + 1
        unit, stamp = NEVER, b""
        customers, lateness, rules = self._customers.records, clock.lateness_ms, self._judge.rules
        newest, now, source, salt, applied = clock.alive, clock.now, "", ids.seed(""), 0
        counts, counts_of = self._guard.counts_of("", rules), self._guard.counts_of
        forgettable, beyond = self._forgettable, 0
        journal, lengths = self._customers.journal.entries, LENGTHS
        for at, (event, when) in enumerate(zip(records, appended, strict=False), first):
            if (
                type(event) is not Transaction
                or event.kind != "purchase"
                or (not event.cents and rules.as_meant)
                or not now < event.time <= when + FUTURE_MS
            ):
                clock.alive, clock.now = newest, now
                self._apply_one(Input.TRANSACTIONS, at + beyond, event, when, held_back, outcome)
                if isinstance(event, Run):
                    beyond += len(event) - 1
                newest, now = clock.alive, clock.now
                continue
            time, cents = event.time, event.cents
            if event.source != source:
                source = event.source
                salt = ids.seed(source)
                counts = counts_of(source, rules)
            key = digest(event.event_id.encode(), salt)
            customer_id = event.customer_id
            if buckets:
                number = key & low
                bucket = buckets[number if number >= split else key & high]
                rest = (key >> LOW_BITS).to_bytes(KEY_BYTES, "little")
                if (bucket.rfind(rest) >= 0 or key in recent) and ids.is_duplicate(key, time, customer_id):
                    self._drop(at + beyond, event, key, outcome)
                    continue
                if time >> UNIT_BITS != unit:
                    unit, stamp = time >> UNIT_BITS, ids.table.reach(time)
                bucket += rest + stamp
            elif key in recent and ids.is_duplicate(key, time, customer_id):
                self._drop(at + beyond, event, key, outcome)
                continue
            else:
                recent[key] = time
            record = customers.get(customer_id)
            if record is None:
                record = self._customers.new(customer_id)
            hour = time // HOUR_MS
            counts[hour] += 1
            if cents <= MOST_CENTS:
                entry = pack(time, cents, key)
                record += entry
                if journal is not None:
                    name = customer_id.encode()
                    journal += lengths[len(name)]
                    journal += name
                    journal += entry
            else:
                record = self._add_huge(event, key)
            if record[FLAGS_AT] != OWED:
                self._note(customer_id, record, hour, cents)
            if len(record) > LONG_RECORD and is_foldable(record, forgettable):
                self._customers.fold(customer_id, record, forgettable)
            if time > newest or held_back is not None:
                if time > newest:  # noqa: PLR1730 - half the time of max()
                    newest = time
                reached = time if held_back is None or time < when - held_back else when - held_back
                if reached - lateness > now:  # noqa: PLR1730
                    now = reached - lateness
            applied += 1
        clock.alive, clock.now = newest, now
        outcome.applied += applied
        if buckets:
            ids.table.note(applied)

    def _apply_run(self, at: int, run: Run, held_back: int | None, outcome: Outcome) -> None:
        """Apply a run whose first purchase has a place in the batch."""
        clock, table = self._clocks[Input.TRANSACTIONS], self._ids[Input.TRANSACTIONS].table
        store = store_of(self._contents, self._forgettable, self._note, held_back)
        start, size, doubts_end = 0, len(run), -_FEW
        while (place := store.apply(run, start)) < size:
            clock.alive, clock.now = store.newest, store.now
            # Where much is late or sent again, to go back and forth would cost more than it saves.
            is_doubt = run.is_plain(place)
            many = _MANY if is_doubt and place - doubts_end < _FEW else 1
            left = range(place, min(place + many, size))
            if is_doubt:
                doubts_end = left.stop
            self._apply_transactions(
                map(run.event, left), map(run.when, left), held_back, outcome, at + place
            )
            store.newest, store.now, store.newest_unit = clock.alive, clock.now, table.newest_unit
            start = left.stop
        clock.alive, clock.now = store.newest, store.now
        outcome.applied += store.applied
        if table.buckets:
            table.note(store.applied)

    def _drop(self, at: int, event: Event, key: int, outcome: Outcome) -> None:
        """Drop a duplicate; count a purchase if the customer's own entry has another time or amount."""
        outcome.duplicates.append(at)
        if isinstance(event, Transaction) and event.kind == "purchase":
            found = self._customers.in_record(key, event.customer_id)
            known = [(time, cents) for time, cents, _ in found if cents >= 0]
            if known and (event.time, event.cents) not in known:
                self._judge.tally["duplicates_other_content"] += 1

    def _note(self, customer_id: str, record: bytearray, hour: int, cents: int) -> None:
        """Do what a purchase means beyond the customer's own record."""
        flags = record[FLAGS_AT]
        if not flags & OWED:
            self._customers.owe(customer_id, record)
        if flags & (SAMPLED | WITHOUT_PANE):
            self._sampling.add(customer_id, hour, cents)
        if flags & QUIET:
            self._contents.unexpected.add(customer_id)
        if flags & MERGED:
            self._departures.note(customer_id, hour + 1)

    def _add_huge(self, event: Transaction, key: int) -> bytearray:
        """Add an on-time purchase of more cents than an entry holds, and return the new record."""
        customer_id = event.customer_id
        self._customers.remember(customer_id, (event.time, mark_of(Input.TRANSACTIONS), key))
        customer = self._customers.unpack(customer_id)
        customer.add(hour_of(event.time), event.cents)
        self._customers.store(customer, self._forgettable)
        return self._customers.records[customer_id]

    def _apply_one(  # noqa: PLR0913, PLR0917 - as many as decide on a record
        self, source: Input, at: int, record: Batched, when: int, held_back: int | None, outcome: Outcome
    ) -> None:
        if isinstance(record, Run):  # only ever of transactions
            self._apply_run(at, record, held_back, outcome)
            return
        if isinstance(record, Erasure):
            outcome.alerts += self._erase(record.customer_id)
            outcome.applied += 1
            return
        if isinstance(record, Move):
            self._apply_move(record)
            outcome.applied += 1
            return
        clock = self._clocks[source]
        if isinstance(record, SignOfLife):
            self._apply_sign_of_life(clock, record, when)
            return
        refused = refusal(clock, record, when + FUTURE_MS)
        if refused is not None:
            outcome.refused.append((at, refused))
            sign = sign_of_life(record)
            if sign is not None:
                self._apply_sign_of_life(clock, sign, when)
        elif isinstance(record, Tick):
            clock.tick(record.time if held_back is None else min(record.time, when))
            outcome.ticks += 1
        else:
            self._apply_event(
                source, at, record, record.time if held_back is None else when - held_back, outcome
            )

    def _apply_event(self, source: Input, at: int, event: Event, most: int, outcome: Outcome) -> None:
        taken = accept(self._clocks[source], self._ids[source], event, most)
        key, effective_time = taken.key, taken.effective_time
        if taken.duplicate:
            self._drop(at, event, key, outcome)
            return
        outcome.applied += 1
        outcome.late += taken.late
        record = self._customers.remember(event.customer_id, (effective_time, mark_of(source), key))
        if len(record) > PAGE_BYTES and is_long(record):
            self._customers.fold(event.customer_id, record, self._contents.horizon)
        if isinstance(event, Transaction):
            if not self._counts(event):
                return
            if event.kind == "purchase":
                self._guard.add_late(event.source, event.time, effective_time, self._judge.rules)
            if event.kind == "subscription_cancelled" and self._judge.rules.as_meant:
                effective_time += self._judge.rules.plan_change_seconds * SECOND_MS
        self._enqueue(event, effective_time)
        outcome.waiting.append((at, event.customer_id, effective_time))

    def _apply_move(self, move: Move) -> None:
        """Let the history of another id wait for its effective time; a late one counts from now on."""
        if move.customer_id not in self._customers.records:
            self._customers.new(move.customer_id)
            self._customers.touch(move.customer_id)
        self._enqueue(move, move.effective_time)

    def _enqueue(self, event: Event | SignOfLife | Move, effective_time: int) -> None:
        """Let a fact wait for a known customer until its effective time (ms)."""
        customer_id = event.customer_id
        self._customers.enqueue(customer_id, pending_event(event, effective_time))
        self._contents.enqueued += 1
        if isinstance(event, Merge) or self._customers.records[customer_id][FLAGS_AT] & MERGED:
            self._departures.note(customer_id, hour_of(max(effective_time, self._contents.decided)) + 1)

    def _counts(self, event: Transaction) -> bool:
        """Return whether a transaction is one that the rules know what to do with."""
        if self._judge.rules.as_meant:
            return event.kind in COUNTED
        return event.kind in BOUGHT

    def _apply_sign_of_life(self, clock: Clock, sign: SignOfLife, when: int) -> None:
        """Let a customer of whom a transaction was accepted have bought something that could not be read.

        If its time lies ahead of the record's append it is that of the clock, if there is one.
        """
        time = time_of_sign(clock, sign, when + FUTURE_MS)
        record = self._customers.records.get(sign.customer_id)
        if not self._judge.rules.as_meant or time == NEVER or record is None or not has_transaction(record):
            return
        self._enqueue(replace(sign, time=time), clock.effective_time(time))

    def _erase(self, customer_id: str) -> list[Alert]:
        if customer_id not in self._customers.records:
            return []
        self._sampling.erase(customer_id)
        for effective_time, mark, key in self._customers.ids(customer_id):
            self._ids[input_of(mark)].discard(key, effective_time)
        customer = self._customers.erase(customer_id)
        self._contents.unexpected.discard(customer_id)
        self._departures.forget(customer_id)
        self._contents.enqueued -= len(customer.body.pending)
        return self._judge.erase(customer, self._contents.decided)
