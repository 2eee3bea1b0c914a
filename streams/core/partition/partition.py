"""One partition: a fold over its inputs, and the alerts that event time brings.

`apply` takes facts in, in the order of the log; `decide` makes the decisions that the watermark allows.
The same records give the same alerts however they are split into batches and however the inputs interleave.
Single-threaded; knows nothing of Kafka, files or the wall clock.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Final

from msgspec.structs import replace
from xxhash import xxh3_64_intdigest

from schemas.alert import Alert
from schemas.events import Erasure, Merge, Refusal, SignOfLife, Tick, Transaction
from streams.core.alerts.view import CustomerView
from streams.core.customer.books import Booked
from streams.core.customer.customer import Customer, unpack
from streams.core.customer.customer_codec import (
    DIRTY,
    ENTRY,
    FLAGS_AT,
    INPUTS,
    LONG_RECORD,
    MERGED,
    MOST_CENTS,
    OPEN,
    PAGE_BYTES,
    QUIET,
    SAMPLED,
    WITHOUT_PANE,
    Entry,
    Horizon,
    entries,
    has_transaction,
    input_of,
    is_foldable,
    is_long,
    mark_of,
)
from streams.core.customer.customer_store import CustomerStore
from streams.core.customer.event_ids import EventIds
from streams.core.customer.id_table import KEY_BYTES, LOW_BITS, UNIT_BITS
from streams.core.customer.moves import Move
from streams.core.customer.pending import Event, item
from streams.core.customer.state import (
    PARTITION_KEY,
    PartitionState,
    StateError,
    customer_of,
    decode_state,
    is_customer_key,
    is_page_key,
    page_number_of,
    ruleset_of,
)
from streams.core.episodes.judge import Judge, Observer
from streams.core.feed.delivery import LONGEST_HOURS
from streams.core.feed.feed_guard import FeedGuard
from streams.core.partition.acceptance import accept, refusal, time_of_sign
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import KEPT_HOURS
from streams.core.spend.population import Population, Refresh, Spending
from streams.core.spend.signs_of_life import sign_of_life
from streams.core.time import HOUR_MS, SECOND_MS, WEEK_HOURS, hour_of
from streams.core.watermark import FUTURE_MS, GIVEN, NEVER, TOO_LATE_MS, Clock, Input, watermark

Record = Event | Tick | Erasure | SignOfLife | Move
UNTIMED: Final = repeat(-NEVER)
"""For records of which nobody knows when they were appended: none of them is ahead of it."""


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


class Partition:
    """The state of one partition. A customer belongs to exactly one."""

    def __init__(self, rules: Ruleset, *, currency: str = "USD", observer: Observer | None = None) -> None:
        self._clocks = {one: Clock(rules.lateness_ms) for one in GIVEN}
        self._ids = {one: EventIds(partial(self._came_since, one)) for one in GIVEN}
        self._guard = FeedGuard()
        self._customers = CustomerStore()
        self._population = Population(rules, self._customers.mark_sampled)
        self._judge = Judge(rules, self._guard, currency, self._booked, observer)
        self._disturbed: set[str] = set()
        self._moving: dict[str, int] = {}
        """By id that ends, the hour at which it may have something to hand over."""
        self._enqueued = 0
        self._decided = NEVER
        self._next_refresh: int | None = None

    # Facts

    def apply(
        self,
        source: Input,
        records: Iterable[Record],
        appended: Iterable[int] = UNTIMED,
        *,
        held_back: int | None = None,
    ) -> Outcome:
        """Take in records of one input, in the order of its log; decides nothing.

        `appended` has for each when it was appended, or the wall clock, in ms, and may go on: what lies more
        than 5 minutes beyond it is refused. With `held_back`, no record moves the clock of its input further
        than as if its time were so many ms before it was appended, and no tick further than its append.
        """
        if source in self._ids:
            self._ids[source].tidy(self._clocks[source])
        outcome = Outcome()
        if source is Input.TRANSACTIONS:
            self._apply_transactions(records, appended, held_back, outcome)
        else:
            for at, (record, when) in enumerate(zip(records, appended, strict=False)):
                self._apply_one(source, at, record, when, held_back, outcome)
        return outcome

    def _apply_transactions(  # noqa: C901, PLR0912, PLR0915 - the hot path is one loop on purpose
        self, records: Iterable[Record], appended: Iterable[int], held_back: int | None, outcome: Outcome
    ) -> None:
        """Apply transactions; an on-time purchase, as nearly all are, only adds to its customer's record."""
        clock, ids = self._clocks[Input.TRANSACTIONS], self._ids[Input.TRANSACTIONS]
        recent, digest, pack = ids.recent, xxh3_64_intdigest, ENTRY.pack
        buckets, low, split, high = ids.table.buckets, ids.table.low, ids.table.split, 2 * ids.table.low + 1
        unit, stamp = NEVER, b""
        customers, lateness, rules = self._customers.records, clock.lateness_ms, self._judge.rules
        newest, now, source, salt, applied = clock.newest, clock.now, "", ids.seed(""), 0
        counts, counts_of = self._guard.counts_of("", rules), self._guard.counts_of
        forgettable = self._horizon
        for at, (event, when) in enumerate(zip(records, appended, strict=False)):
            if (
                type(event) is not Transaction
                or event.kind != "purchase"
                or (not event.cents and rules.as_meant)
                or not now < event.time <= when + FUTURE_MS
            ):
                clock.newest, clock.now = newest, now
                self._apply_one(Input.TRANSACTIONS, at, event, when, held_back, outcome)
                newest, now = clock.newest, clock.now
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
                    self._drop(at, event, key, outcome)
                    continue
                if time >> UNIT_BITS != unit:
                    unit, stamp = time >> UNIT_BITS, ids.table.reach(time)
                bucket += rest + stamp
            elif key in recent and ids.is_duplicate(key, time, customer_id):
                self._drop(at, event, key, outcome)
                continue
            else:
                recent[key] = time
            record = customers.get(customer_id)
            if record is None:
                record = self._customers.new(customer_id)
            hour = time // HOUR_MS
            counts[hour] += 1
            if cents <= MOST_CENTS:
                record += pack(time, cents, key)
            else:
                record = self._add_huge(event, key)
            if record[FLAGS_AT] != DIRTY:
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
        clock.newest, clock.now = newest, now
        outcome.applied += applied
        if buckets:
            ids.table.note(applied)

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
        if not flags & DIRTY:
            self._customers.touch(customer_id, record)
        if flags & (SAMPLED | WITHOUT_PANE):
            self._spent(customer_id, hour, cents)
        if flags & QUIET:
            self._disturbed.add(customer_id)
        if flags & MERGED:
            self._moves_by(customer_id, hour + 1)

    def _add_huge(self, event: Transaction, key: int) -> bytearray:
        """Add an on-time purchase of more cents than an entry holds, and return the new record."""
        customer_id = event.customer_id
        self._customers.remember(customer_id, (event.time, mark_of(Input.TRANSACTIONS), key))
        customer = self._customers.unpack(customer_id)
        customer.add(hour_of(event.time), event.cents)
        self._customers.store(customer, self._horizon)
        return self._customers.records[customer_id]

    def _apply_one(  # noqa: PLR0913, PLR0917 - as many as decide on a record
        self, source: Input, at: int, record: Record, when: int, held_back: int | None, outcome: Outcome
    ) -> None:
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
            self._customers.fold(event.customer_id, record, self._horizon)
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
            self._customers.touch(move.customer_id, self._customers.new(move.customer_id))
        self._enqueue(move, move.effective_time)

    def _enqueue(self, event: Event | SignOfLife | Move, effective_time: int) -> None:
        """Let a fact wait for a known customer until its effective time (ms)."""
        customer_id = event.customer_id
        self._customers.enqueue(customer_id, item(event, effective_time))
        self._enqueued += 1
        if isinstance(event, Merge) or self._customers.records[customer_id][FLAGS_AT] & MERGED:
            self._moves_by(customer_id, hour_of(max(effective_time, self._decided)) + 1)

    def _moves_by(self, customer_id: str, hour: int) -> None:
        """Note that an id that ends has something to hand over at an hour."""
        self._moving[customer_id] = min(hour, self._moving.get(customer_id, hour))
        self._customers.timers.add(customer_id, hour * HOUR_MS)

    def _counts(self, event: Transaction) -> bool:
        """Tell whether a transaction is one that the rules know what to do with."""
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

    def _booked(self, customer: Customer, booked: Booked) -> None:
        """Let the population know of what was folded; before a first purchase nothing counts."""
        hour, cents, charge = booked
        if charge or customer.first_pane is not None:
            self._spent(customer.customer_id, hour, cents, charge=charge)

    def _spent(self, customer_id: str, hour: int, cents: int, *, charge: bool = False) -> None:
        """Let the population know of spend, or of a subscription charge, in a pane."""
        record = self._customers.records[customer_id]
        if record[FLAGS_AT] & WITHOUT_PANE and not self._has_left(customer_id, record):
            record[FLAGS_AT] &= ~WITHOUT_PANE
            self._population.offer(customer_id)
        if record[FLAGS_AT] & SAMPLED:
            self._population.add(customer_id, hour, cents, charge=charge)

    def _erase(self, customer_id: str) -> list[Alert]:
        if customer_id not in self._customers.records:
            return []
        self._population.erase(customer_id, self._customers.spenders())
        for effective_time, mark, key in self._customers.ids(customer_id):
            self._ids[input_of(mark)].discard(key, effective_time)
        customer = self._customers.erase(customer_id)
        self._disturbed.discard(customer_id)
        self._moving.pop(customer_id, None)
        self._enqueued -= len(customer.body.pending)
        return self._judge.erase(customer, self._decided)

    # Decisions

    def advance(self, clocks: Mapping[Input, int]) -> list[Alert]:
        """Move the clocks of inputs that are known to be complete up to a time (ms), and decide."""
        self.move(clocks)
        return self.decide()

    def move(self, clocks: Mapping[Input, int]) -> None:
        """Move the clocks of inputs that are known to be complete up to a time (ms)."""
        for one, time in clocks.items():
            self._clocks[one].move(time)

    def decide(self, until: int | None = None) -> list[Alert]:
        """Return the alerts that the watermark allows, up to a time (ms) if given, in order of their time."""
        end = self.watermark if until is None else min(until, self.watermark)
        alerts: list[Alert] = []
        if end == NEVER:
            return alerts
        if self._next_refresh is None:
            self._next_refresh = self._first_refresh(hour_of(end))
        self._advance_guard(min(hour_of(end), self._next_refresh))
        self._rearm()
        while self._next_refresh * HOUR_MS <= end:
            alerts += self._run(self._next_refresh * HOUR_MS, self._next_refresh)
            refresh = self._refresh(self._next_refresh)
            if self._judge.rules.silent:
                alerts += self._run(refresh.hour * HOUR_MS, refresh.hour + 1)
                alerts += self._look(refresh)
            self._advance_guard(min(hour_of(end), self._next_refresh))
        alerts += self._run(end, hour_of(end) + 1)
        self._decided = self._judge.decided = max(self._decided, end)
        alerts.sort(key=lambda alert: (alert.time, alert.customer_id))
        return alerts

    @property
    def next_move(self) -> int | None:
        """Return the first time (ms) at which a history may leave; None if none will."""
        return min(self._moving.values()) * HOUR_MS if self._moving else None

    def take_moves(self) -> list[Move]:
        """Return the histories that left since the last call, each for the partition of its new id."""
        moves, self._judge.moves = self._judge.moves, []
        return moves

    def _advance_guard(self, hour: int) -> None:
        """Judge the feed of the hours that are complete at an hour; what a refresh tells counts after."""
        rules = self._judge.rules
        self._guard.advance(hour - rules.guard_delay_hours, rules)

    def _run(self, before: int, before_hour: int) -> list[Alert]:
        alerts: list[Alert] = []
        horizon = self._horizon
        for customer_id in self._customers.timers.pop_until(max(before - 1, (before_hour - 1) * HOUR_MS)):
            customer = self._customers.unpack(customer_id)
            alerts += self._judge.step(customer, before, before_hour)
            if customer_id in self._moving:
                self._note_moving(customer)
            if self._judge.taken_over:
                self._offer_anew(customer)
            self._customers.store(customer, horizon)
        return alerts

    def _note_moving(self, customer: Customer) -> None:
        """Note what an id that ends has to hand over next; once it did, it is of no population any more."""
        customer_id, pending = customer.customer_id, customer.body.pending
        due, merged = customer.move_due, customer.body.merged
        hours = [] if due is None else [due]
        if merged is None:
            pending = [one for one in pending if isinstance(one.event, Merge)]
        hours += [hour_of(max(one.effective_time, self._decided)) + 1 for one in pending[:1]]
        self._moving.pop(customer_id, None)
        if hours:
            self._moving[customer_id] = min(hours)
        if merged is not None and merged.left:
            self._population.erase(customer_id, self._customers.spenders())
            self._customers.records[customer_id][FLAGS_AT] |= WITHOUT_PANE

    @staticmethod
    def _has_left(customer_id: str, record: bytes | bytearray) -> bool:
        """Tell whether an id ended, and its history has left it."""
        if not record[FLAGS_AT] & MERGED:
            return False
        merged = unpack(customer_id, record).body.merged
        return merged is not None and merged.left

    def _offer_anew(self, customer: Customer) -> None:
        """Let the population know of a customer with the history of another id."""
        self._judge.taken_over.clear()
        if customer.body.merged is not None or customer.spending is None:
            return
        customer_id, record = customer.customer_id, self._customers.records[customer.customer_id]
        if record[FLAGS_AT] & WITHOUT_PANE:
            record[FLAGS_AT] &= ~WITHOUT_PANE
            self._population.offer(customer_id)
        elif record[FLAGS_AT] & SAMPLED:
            self._population.renew(customer_id)

    def _look(self, refresh: Refresh) -> list[Alert]:
        """Make the silent decisions at a refresh, about everybody with a pane and without an open episode."""
        alerts: list[Alert] = []
        horizon = self._horizon
        for customer_id, record in self._customers.records.items():
            if record[FLAGS_AT] & (OPEN | WITHOUT_PANE | MERGED):
                continue
            verdict = self._judge.look(unpack(customer_id, record), refresh)
            if verdict is not None:
                customer = self._customers.unpack(customer_id)
                alerts += self._judge.conclude(customer, verdict, refresh.hour)
                self._customers.store(customer, horizon)
        return alerts

    def _rearm(self) -> None:
        """Set the timers anew of those who were expected to buy nothing, and bought."""
        horizon = self._horizon
        for customer_id in self._disturbed:
            customer = self._customers.unpack(customer_id)
            self._judge.rearm(customer, hour_of(self._decided) + 1)
            self._customers.store(customer, horizon)
        self._disturbed.clear()

    def _first_refresh(self, hour: int) -> int:
        """Return the first refresh that can find anybody, when time begins at an hour."""
        hours = [hour, *self._guard.hours]
        if self._customers.timers.first is not None:
            hours.append(hour_of(self._customers.timers.first))
        return (min(hours) // WEEK_HOURS + 1) * WEEK_HOURS

    def _refresh(self, hour: int) -> Refresh:
        refresh = self._judge.refresh = self._population.refresh(hour, self._history)
        rules = self._judge.rules
        if rules.as_meant:
            self._guard.learn_lags(hour)
        self._guard.forget(hour - rules.guard_delay_hours, LONGEST_HOURS if rules.as_meant else 0)
        self._next_refresh = hour + WEEK_HOURS
        return refresh

    def _history(self, customer_id: str) -> Spending | None:
        record = self._customers.records.get(customer_id)
        if record is None or self._has_left(customer_id, record):
            return None
        return unpack(customer_id, record).spending

    # State

    def drain_dirty(self) -> list[tuple[bytes, bytes | None]]:
        """Return what changed since the last call, packed, as (key, value); None for an erased customer."""
        return [*self._customers.drain(self._horizon), (PARTITION_KEY, self._state().encode())]

    def restore(self, key: bytes, value: bytes) -> None:
        """Take back what `drain_dirty` gave; raises StateError for what this release does not read.

        In any order; it is quickest with the partition's own record first.
        """
        if key == PARTITION_KEY:
            self._restore_state(decode_state(value))
        elif is_customer_key(key):
            self._restore_customer(customer_of(key), value)
        elif is_page_key(key):
            self._restore_ids(
                list(self._customers.pages.restore(customer_of(key), page_number_of(key), value))
            )
        else:
            raise StateError("a state record of unknown kind")

    def _state(self) -> PartitionState:
        return PartitionState(
            clocks={one.value: (clock.newest, clock.now) for one, clock in self._clocks.items()},
            guard=self._guard.state(),
            refresh=self._judge.refresh,
            next_refresh=self._next_refresh,
            decided=self._decided,
            rulesets={name: rules.as_mapping() for name, rules in self._judge.rulesets.items()},
        )

    def _restore_state(self, state: PartitionState) -> None:
        for name, (newest, now) in state.clocks.items():
            self._clocks[Input(name)].newest, self._clocks[Input(name)].now = newest, now
        self._guard.restore(state.guard)
        self._judge.refresh = state.refresh
        self._next_refresh = state.next_refresh
        self._decided = self._judge.decided = state.decided
        for name, given in state.rulesets.items():
            self._judge.rulesets.setdefault(name, ruleset_of(given))

    def _restore_customer(self, customer_id: str, value: bytes) -> None:
        flags = self._customers.restore(customer_id, value)
        if flags & QUIET:  # a purchase may have come that was not decided on
            self._disturbed.add(customer_id)
        if self._has_left(customer_id, self._customers.records[customer_id]):
            self._customers.records[customer_id][FLAGS_AT] |= WITHOUT_PANE
        elif not flags & WITHOUT_PANE:
            self._population.offer(customer_id)
        waiting = self._customers.waiting(customer_id)
        self._enqueued += waiting
        if waiting or flags & MERGED:
            self._restore_moving(unpack(customer_id, value))
        self._restore_ids(entries(value))

    def _restore_moving(self, customer: Customer) -> None:
        """Take back what an id that ends has to hand over; purchases may have come since it was packed."""
        self._note_moving(customer)
        if customer.customer_id in self._moving:
            self._moves_by(customer.customer_id, self._moving[customer.customer_id])

    def _restore_ids(self, found: Sequence[Entry]) -> None:
        """Take back ids, but for those that can make no duplicate any more, where the clocks are known."""
        oldest = self._clocks[Input.TRANSACTIONS].now - TOO_LATE_MS
        bought = [
            (key, effective_time)
            for effective_time, mark, key in found
            if mark >= 0 and effective_time >= oldest
        ]
        if bought:
            self._ids[Input.TRANSACTIONS].restore(bought, self._clocks[Input.TRANSACTIONS])
        for effective_time, mark, key in found:
            if mark < 0:
                source = input_of(mark)
                if effective_time >= self._clocks[source].now - TOO_LATE_MS:
                    self._ids[source].restore([(key, effective_time)], self._clocks[source])

    def _came_since(self, source: Input, key: int, customer_id: str, oldest: int) -> bool:
        """Tell whether an event with the hash of an id came at an effective time (ms) or soon after it.

        The customer's own entries tell most often; those of all others are looked through if they don't.
        """
        self._judge.tally["doubtful_ids"] += 1
        for effective_time, mark, _ in self._customers.entries_with(key, customer_id):
            if input_of(mark) is source and effective_time >> UNIT_BITS == oldest >> UNIT_BITS:
                return effective_time >= oldest
        return False

    @property
    def _horizon(self) -> Horizon:
        oldest = tuple(self._clocks[one].now - TOO_LATE_MS for one in INPUTS)
        return Horizon(oldest, hour_of(self._decided) - KEPT_HOURS)

    # Questions

    @property
    def watermark(self) -> int:
        """Return the event time (ms) up to which both fact inputs are complete; NEVER at first."""
        return watermark(self._clocks)

    @property
    def decided(self) -> int:
        """Return the event time (ms) up to which decisions were made; NEVER at first."""
        return self._decided

    def clock(self, source: Input) -> int:
        """Return the event time (ms) that an input has reached; NEVER at first."""
        return self._clocks[source].now

    def newest_of(self, source: Input) -> int:
        """Return the newest accepted time (ms) of an input, ticks included; NEVER at first."""
        return self._clocks[source].newest

    @property
    def newest(self) -> int:
        """Return the newest accepted time (ms) of all inputs, ticks included; NEVER at first."""
        return max(clock.newest for clock in self._clocks.values())

    @property
    def customers(self) -> int:
        """Return how many customers are known."""
        return len(self._customers.records)

    @property
    def spenders(self) -> Iterator[str]:
        """Yield the customers who bought, or gave back, anything that is folded."""
        return self._customers.spenders()

    @property
    def ended(self) -> Iterator[str]:
        """Yield the ids that were merged into another one."""
        return self._customers.ended()

    def knows(self, customer_id: str) -> bool:
        """Tell whether an event of a customer was accepted before."""
        return customer_id in self._customers.records

    @property
    def open_customers(self) -> Collection[str]:
        """Return the customers with an open episode; only until the next decision."""
        return self._customers.open

    @property
    def oversized(self) -> int:
        """Return how many customers have more events or contacts than are kept in one record."""
        return self._customers.oversized

    @property
    def dirty(self) -> int:
        """Return about how many records the next drain gives."""
        return self._customers.dirty

    @property
    def undecided(self) -> int:
        """Return how many events are pending."""
        return max(0, self._enqueued - self._judge.folded)

    @property
    def feed_panes(self) -> int:
        """Return how many counts of purchases the feed guard keeps, judged or not."""
        return self._guard.panes

    @property
    def feed_broken(self) -> bool:
        """Tell whether the purchase feed was broken in the last hour that the guard judged."""
        return self._guard.broken_now

    @property
    def next_timer(self) -> int | None:
        """Return the first hour at which time alone can matter; None if there is none."""
        first = self._customers.timers.first
        hours = [None if first is None else hour_of(first), self._next_refresh]
        return min((one for one in hours if one is not None), default=None)

    @property
    def shared(self) -> Collection[str]:
        """Return the ids that were set apart since the start, because many share them."""
        return self._judge.shared

    @property
    def tally(self) -> Mapping[str, int]:
        """Return how often the judge did what, for the shell to count."""
        return self._judge.tally

    def lookup(self, customer_id: str) -> CustomerView | None:
        """Return what is known of a customer at the last decided time; None if nothing is."""
        record = self._customers.records.get(customer_id)
        return None if record is None else self._judge.view(unpack(customer_id, record), self._decided)

    def rules_for(self, seen: CustomerView) -> Ruleset:
        """Return the rules that decide about a customer: those an open episode keeps, else those in force."""
        return self._judge.rules if seen.episode is None else self._judge.rules_of(seen.episode.episode)
