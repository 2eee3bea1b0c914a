"""One partition: a fold over its inputs, and the alerts that event time brings.

`apply` takes facts in, in the order of the log; `decide` makes the decisions that the watermark allows.
The same records give the same alerts however they are split into batches and however the inputs interleave.
Single-threaded; knows nothing of Kafka, files or the wall clock.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from schemas.alert import Alert
from streams.core.alerts.view import CustomerView
from streams.core.customer.customer import unpack
from streams.core.customer.customer_codec import FLAGS_AT, MERGED, OPEN, WITHOUT_PANE
from streams.core.customer.moves import Move
from streams.core.episodes.lifecycle import Observer
from streams.core.episodes.standing import Standing
from streams.core.feed.delivery import LONGEST_HOURS
from streams.core.partition.contents import Contents
from streams.core.partition.intake import UNTIMED, Batched, Intake, Outcome, Record
from streams.core.partition.snapshot import drain, restore
from streams.core.ruleset import Ruleset
from streams.core.spend.population import Refresh
from streams.core.time import HOUR_MS, WEEK_HOURS, hour_of
from streams.core.watermark import NEVER, Input, watermark

__all__ = ["Batched", "Outcome", "Partition", "Record"]


class Partition:
    """The state of one partition. A customer belongs to exactly one."""

    def __init__(self, rules: Ruleset, *, currency: str = "USD", observer: Observer | None = None) -> None:
        self._contents = Contents(rules, currency, observer)
        self._intake = Intake(self._contents)
        self._customers = self._contents.customers
        self._guard = self._contents.guard
        self._judge = self._contents.judge

    def apply(
        self,
        source: Input,
        records: Iterable[Batched],
        appended: Iterable[int] = UNTIMED,
        *,
        held_back: int | None = None,
    ) -> Outcome:
        """Take in records of one input, in the order of its log; decides nothing. See `Intake.apply`."""
        return self._intake.apply(source, records, appended, held_back=held_back)

    def drain_dirty(self) -> list[tuple[bytes, bytes | None]]:
        """Return what changed since the last call as (key, value), in the order to write.

        None forgets a key. The first call returns everything.
        """
        return drain(self._contents)

    def restore(self, state: Mapping[bytes, bytes]) -> None:
        """Restore what `drain_dirty` gave: the newest value of each key, in the order they were written.

        Raise StateError for what this release does not read. The partition is a new one.
        """
        restore(self._contents, state)

    # Decisions

    def advance(self, clocks: Mapping[Input, int]) -> list[Alert]:
        """Move the clocks of inputs that are known to be complete up to a time (ms), and decide."""
        self.move(clocks)
        return self.decide()

    def move(self, clocks: Mapping[Input, int]) -> None:
        """Move the clocks of inputs that are known to be complete up to a time (ms)."""
        for one, time in clocks.items():
            self._contents.clocks[one].move(time)

    def decide(self, until: int | None = None) -> list[Alert]:
        """Return the alerts that the watermark allows, up to a time (ms) if given, in order of their time."""
        end = self.watermark if until is None else min(until, self.watermark)
        alerts: list[Alert] = []
        if end == NEVER:
            return alerts
        if self._contents.next_refresh is None:
            self._contents.next_refresh = self._first_refresh(hour_of(end))
        self._advance_guard(min(hour_of(end), self._contents.next_refresh))
        self._rearm()
        while self._contents.next_refresh * HOUR_MS <= end:
            alerts += self._run(self._contents.next_refresh * HOUR_MS, self._contents.next_refresh)
            refresh = self._refresh(self._contents.next_refresh)
            if self._judge.rules.silent:
                alerts += self._run(refresh.hour * HOUR_MS, refresh.hour + 1)
                alerts += self._decide_silence(refresh)
            self._advance_guard(min(hour_of(end), self._contents.next_refresh))
        alerts += self._run(end, hour_of(end) + 1)
        self._judge.decided = max(self._judge.decided, end)
        alerts.sort(key=lambda alert: (alert.time, alert.customer_id))
        return alerts

    def _advance_guard(self, hour: int) -> None:
        """Judge the feed of the hours that are complete at an hour; what a refresh tells counts after."""
        rules = self._judge.rules
        self._guard.advance(hour - rules.guard_delay_hours, rules)

    def _run(self, before: int, before_hour: int) -> list[Alert]:
        alerts: list[Alert] = []
        horizon = self._contents.horizon
        for customer_id in self._customers.timers.pop_until(max(before - 1, (before_hour - 1) * HOUR_MS)):
            customer = self._customers.unpack(customer_id)
            alerts += self._judge.step(customer, before, before_hour)
            if customer_id in self._contents.departures:
                self._contents.note_departure(customer)
            if self._judge.merges.taken_over:
                self._judge.merges.taken_over.clear()
                self._contents.sampling.take_over(customer)
            self._customers.store(customer, horizon)
        return alerts

    def _decide_silence(self, refresh: Refresh) -> list[Alert]:
        """Make the silent decisions at a refresh, about everybody with a pane and without an open episode."""
        alerts: list[Alert] = []
        horizon = self._contents.horizon
        for customer_id, record in self._customers.records.items():
            if record[FLAGS_AT] & (OPEN | WITHOUT_PANE | MERGED):
                continue
            verdict = self._judge.look_for_silence(unpack(customer_id, record), refresh)
            if verdict is not None:
                customer = self._customers.unpack(customer_id)
                alerts += self._judge.apply_verdict(customer, verdict, refresh.hour)
                self._customers.store(customer, horizon)
        return alerts

    def _rearm(self) -> None:
        """Set the timers again of those who were expected to buy nothing, and bought."""
        horizon = self._contents.horizon
        for customer_id in self._contents.unexpected:
            customer = self._customers.unpack(customer_id)
            self._judge.episodes.rearm(customer, hour_of(self._contents.decided) + 1)
            self._customers.store(customer, horizon)
        self._contents.unexpected.clear()

    def _first_refresh(self, hour: int) -> int:
        """Return the first refresh that can find anybody, when time begins at an hour."""
        hours = [hour, *self._guard.hours]
        if self._customers.timers.first is not None:
            hours.append(hour_of(self._customers.timers.first))
        return (min(hours) // WEEK_HOURS + 1) * WEEK_HOURS

    def _refresh(self, hour: int) -> Refresh:
        refresh = self._judge.refresh = self._contents.sampling.refresh(hour)
        rules = self._judge.rules
        if rules.as_meant:
            self._guard.learn_lags(hour)
        self._guard.forget(hour - rules.guard_delay_hours, LONGEST_HOURS if rules.as_meant else 0)
        self._contents.next_refresh = hour + WEEK_HOURS
        return refresh

    def take_moves(self) -> list[Move]:
        """Return the histories that left since the last call, each for the partition of its new id."""
        return self._judge.merges.take_moves()

    # Questions

    @property
    def next_move(self) -> int | None:
        """Return the first time (ms) at which a history may leave; None if none will."""
        return self._contents.departures.next

    @property
    def watermark(self) -> int:
        """Return the event time (ms) up to which both fact inputs are complete; NEVER at first."""
        return watermark(self._contents.clocks)

    @property
    def erasing(self) -> bool:
        """Return whether the changelog has something of an erased customer; a few drains end that."""
        return bool(self._customers.journal.graves)

    @property
    def decided(self) -> int:
        """Return the event time (ms) up to which decisions were made; NEVER at first."""
        return self._contents.decided

    def clock(self, source: Input) -> int:
        """Return the event time (ms) that an input has reached; NEVER at first."""
        return self._contents.clocks[source].now

    def newest_of(self, source: Input) -> int:
        """Return the newest accepted time (ms) of an input, ticks included; NEVER at first."""
        return self._contents.clocks[source].newest

    def alive_at(self, source: Input) -> int:
        """Return the newest time (ms) at which the feed of an input showed that it lives; NEVER at first.

        Of transactions that of a purchase or tick; before there was any, of whatever was accepted.
        """
        clock = self._contents.clocks[source]
        return clock.newest if clock.alive == NEVER else clock.alive

    @property
    def newest(self) -> int:
        """Return the newest accepted time (ms) of all inputs, ticks included; NEVER at first."""
        return max(clock.newest for clock in self._contents.clocks.values())

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
        """Return whether an event of a customer was accepted before."""
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
        return max(0, self._contents.enqueued - self._judge.folded)

    @property
    def feed_panes(self) -> int:
        """Return how many counts of purchases the feed guard keeps, judged or not."""
        return self._guard.panes

    @property
    def feed_broken(self) -> bool:
        """Return whether the purchase feed was broken in the last hour that the guard judged."""
        return self._guard.broken_now

    @property
    def feed_guard_off(self) -> bool:
        """Return whether so few purchases are usual that the guard finds nothing broken."""
        return self._guard.usual < self._judge.rules.guard_minimum

    @property
    def next_timer(self) -> int | None:
        """Return the first hour at which time alone can matter; None if there is none."""
        first = self._customers.timers.first
        hours = [None if first is None else hour_of(first), self._contents.next_refresh]
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
        if record is None:
            return None
        return self._judge.view(unpack(customer_id, record), self._contents.decided)

    def standing(self, customer_id: str) -> Standing | None:
        """Return how a customer stands at the last decided time, whatever the contact; None if unknown."""
        record = self._customers.records.get(customer_id)
        if record is None or self._contents.decided == NEVER:
            return None
        return self._judge.standing(unpack(customer_id, record), self._contents.decided)

    @property
    def cutoff(self) -> int | None:
        """Return the cents in a year from which on a customer is of high value; None if it can't be told."""
        refresh = self._judge.refresh
        return None if refresh is None else refresh.cutoff
