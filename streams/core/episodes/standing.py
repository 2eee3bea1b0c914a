"""How a customer stands before any bad contact: whether one would open an episode, and what is in the way."""

from typing import NamedTuple

from streams.core.customer.customer import Customer
from streams.core.episodes.opening import is_protected, is_valuable, past_of
from streams.core.episodes.shared_ids import is_shared
from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.spend.population import Refresh
from streams.core.time import hour_of


class Standing(NamedTuple):
    """What the gates say of a customer, whatever the contact."""

    judged: bool
    """Whether there is a baseline, of purchases or of subscription charges."""
    valuable: bool
    """Whether the spend of a year is of high value, or the tier is protected."""
    shared: bool
    """Whether many share the id."""
    blocks: int
    """Whole blocks of 28 days since the first purchase, at most a year."""


def standing_of(
    customer: Customer, time: int, refresh: Refresh | None, rules: Ruleset, guard: FeedGuard
) -> Standing:
    """Return how a customer stands at a time (ms), by the latest population refresh."""
    hour = hour_of(time)
    past = past_of(customer, (hour, hour), rules, guard)
    cutoff = None if refresh is None else refresh.cutoff
    return Standing(
        judged=past.usual is not None or past.recurring_per_day > 0,
        valuable=is_protected(customer, rules) or is_valuable(past.trailing_spend, cutoff),
        shared=is_shared(customer, time, refresh, rules),
        blocks=past.blocks,
    )
