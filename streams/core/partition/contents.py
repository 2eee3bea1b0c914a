"""All that a partition holds, for those who take facts in, decide, and keep its state."""

from functools import partial

from streams.core.customer.customer import Customer
from streams.core.customer.customer_codec import INPUTS, Horizon, input_of
from streams.core.customer.customer_store import CustomerStore
from streams.core.customer.event_ids import EventIds
from streams.core.customer.id_table import UNIT_BITS
from streams.core.episodes.judge import Judge
from streams.core.episodes.lifecycle import Observer
from streams.core.feed.feed_guard import FeedGuard
from streams.core.partition.departures import Departures
from streams.core.partition.sampling import Sampling
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import KEPT_HOURS
from streams.core.time import hour_of
from streams.core.watermark import GIVEN, TOO_LATE_MS, Clock, Input


class Contents:
    """Clocks and known ids of each input, customers, population, feed guard, judge, and what is under way."""

    def __init__(self, rules: Ruleset, currency: str, observer: Observer | None) -> None:
        self.clocks = {one: Clock(rules.lateness_ms) for one in GIVEN}
        self.ids = {one: EventIds(partial(self._came_since, one)) for one in GIVEN}
        self.guard = FeedGuard()
        self.customers = CustomerStore()
        self.sampling = Sampling(rules, self.customers)
        self.judge = Judge(rules, self.guard, currency, self.sampling.fold, observer)
        self.departures = Departures(self.customers.timers)
        self.unexpected: set[str] = set()
        """Who bought against expectation: their timers are set again before the next decision."""
        self.enqueued = 0
        """How many events ever waited."""
        self.next_refresh: int | None = None
        """The hour of the next population refresh."""

    @property
    def decided(self) -> int:
        """Return the event time (ms) up to which decisions were made; NEVER at first."""
        return self.judge.decided

    @property
    def horizon(self) -> Horizon:
        """Return what need not be remembered any more."""
        oldest = tuple(self.clocks[one].now - TOO_LATE_MS for one in INPUTS)
        return Horizon(oldest, hour_of(self.decided) - KEPT_HOURS)

    def note_departure(self, customer: Customer) -> None:
        """Note what an id that ends hands over next; once it did, it is of no population any more."""
        self.departures.update(customer, self.decided)
        merged = customer.body.merged
        if merged is not None and merged.left:
            self.sampling.leave(customer.customer_id)

    def _came_since(self, source: Input, key: int, customer_id: str, oldest: int) -> bool:
        """Return whether an event with the hash of an id came at an effective time (ms) or soon after it.

        The customer's own entries tell most often; those of all others are looked through if they don't.
        """
        self.judge.tally["doubtful_ids"] += 1
        for effective_time, mark, _ in self.customers.entries_with(key, customer_id):
            if input_of(mark) is source and effective_time >> UNIT_BITS == oldest >> UNIT_BITS:
                return effective_time >= oldest
        return False
