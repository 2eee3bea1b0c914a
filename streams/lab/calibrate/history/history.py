"""History as calibrating needs it: each customer's spend and bad contacts, the feeds, the refreshes.

A worker learns of late events late; a history has every event of an hour from the start. So it must hold only
the stretch of time that something is to be learnt from.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas.events import Disposition
from schemas.partitioner import DEFAULT, Partitioner, Routes
from streams.core.customer.customer import Customer
from streams.core.customer.customer_codec import Body
from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.spend.population import Population, Refresh, Spending
from streams.core.time import WEEK_HOURS, hour_of


@dataclass
class History:
    """Customers with all their spend, by id; `partitions` share them as the topics do."""

    rules: Ruleset
    """Decide what is late, what makes a contact bad, and when a feed counts as broken."""
    partitions: int
    partitioner: Partitioner = DEFAULT
    customers: dict[str, Customer] = field(default_factory=dict)
    bad_hours: dict[str, list[int]] = field(default_factory=dict)
    """The hours of each customer's contacts with nats of their own, ascending."""
    moments: dict[tuple[str, str], int] = field(default_factory=dict)
    """The moment (ms) of each contact, by customer and contact id."""
    dispositions: list[Disposition] = field(default_factory=list)
    feeds: list[FeedGuard] = field(default_factory=list)
    routes: Routes = field(init=False)
    first_ms: int | None = None
    last_ms: int | None = None
    """The oldest and the newest transaction or contact."""

    def __post_init__(self) -> None:
        self.routes = Routes(self.partitions, self.partitioner)
        self.feeds = [FeedGuard() for _ in range(self.partitions)]

    @property
    def first_hour(self) -> int:
        """Return the first hour of the history."""
        return 0 if self.first_ms is None else hour_of(self.first_ms)

    @property
    def end_hour(self) -> int:
        """Return the hour before which the history is complete."""
        return 0 if self.last_ms is None else hour_of(self.last_ms)

    def customer(self, customer_id: str) -> Customer:
        """Return a customer; a new one starts empty."""
        found = self.customers.get(customer_id)
        if found is None:
            found = self.customers[customer_id] = Customer(customer_id, Body())
        return found

    def feed(self, customer_id: str) -> FeedGuard:
        """Return the feed guard of a customer's partition."""
        return self.feeds[self.routes[customer_id]]

    def stretch(self, time_ms: int) -> None:
        """Extend the history to a time."""
        self.first_ms = time_ms if self.first_ms is None else min(self.first_ms, time_ms)
        self.last_ms = time_ms if self.last_ms is None else max(self.last_ms, time_ms)

    def spend(self, customer_id: str, time_ms: int, cents: int) -> None:
        """Add a purchase, or with cents below 0 what was paid back."""
        hour = hour_of(time_ms)
        self.customer(customer_id).add(hour, cents)
        if cents > 0:
            self.feed(customer_id).counts_of("", self.rules)[hour] += 1

    def complete(self) -> None:
        """Decide which hours the feeds were broken; call it once, when all is known."""
        for feed in self.feeds:
            feed.advance(self.end_hour, self.rules)

    def refreshes(self, rules: Ruleset) -> list[dict[int, Refresh]]:
        """Return each partition's population refreshes by their hour, one a week."""
        members: list[list[str]] = [[] for _ in range(self.partitions)]
        for customer_id in self.customers:
            members[self.routes[customer_id]].append(customer_id)
        return [dict(self._refreshed(ids, self.refresh_hours, rules)) for ids in members]

    def last_refresh(self, rules: Ruleset) -> Refresh | None:
        """Return the last refresh, of all partitions as if they were one; None if there was none."""
        found = self._refreshed(self.customers, self.refresh_hours[-1:], rules)
        return next((refresh for _, refresh in found), None)

    @property
    def refresh_hours(self) -> range:
        """Return the hours of the population refreshes."""
        first = (self.first_hour // WEEK_HOURS + 1) * WEEK_HOURS
        return range(first, self.end_hour + 1, WEEK_HOURS)

    def _refreshed(
        self, customer_ids: Iterable[str], hours: Iterable[int], rules: Ruleset
    ) -> Iterator[tuple[int, Refresh]]:
        population = Population(rules, _unmarked)
        for customer_id in customer_ids:
            if self._panes(customer_id) is not None:
                population.offer(customer_id)
        for hour in hours:
            yield hour, population.refresh(hour, self._panes)

    def _panes(self, customer_id: str) -> Spending | None:
        return self.customers[customer_id].spending


def _unmarked(customer_id: str, *, sampled: bool) -> None:
    """Do nothing: nobody asks who is in the sample."""
