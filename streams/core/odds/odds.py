"""The formula, for one customer: L = prior + F + temperature * S, and P of it.

S and F are formulas of their own, each in the room of the facts that it weighs: S of spend against a
yardstick in `spend.evidence`, F of contacts in `contacts.frustration`. Neither knows a customer. Here S is
taken of what one customer bought since an hour, in days in which the feed worked, and both are added up.
"""

import math
from typing import NamedTuple

from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_HOURS
from streams.core.spend.evidence import Evidence, Since, Yardstick, evidence
from streams.core.time import DAY_HOURS


class Odds(NamedTuple):
    """L in its three parts, in nats."""

    prior: float
    frustration: float
    silence: float

    @property
    def total(self) -> float:
        """Return L."""
        return self.prior + self.frustration + self.silence

    @property
    def probability(self) -> float:
        """Return P."""
        return probability(self.total)


def odds_of(episode: Episode, frustration: float, silence: float, rules: Ruleset) -> Odds:
    """Return the odds of an episode from its customer's frustration F and the evidence S, both in nats.

    A silent episode has its own prior, and F counts in it only once a contact was folded into it. What is
    gone of the subscriptions counts with the silence.
    """
    return Odds(
        prior=rules.silent_prior if episode.anchor is None else rules.prior,
        frustration=frustration if episode.heard else 0.0,
        silence=rules.temperature * silence + reduction_nats(episode.left, rules),
    )


def reduction_nats(left: float, rules: Ruleset) -> float:
    """Return the nats of what is gone of the subscriptions, by the share that is left of them."""
    return rules.subscription_nats * (1 - left)


def probability(log_odds: float) -> float:
    """Return P of log-odds, however large."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)


def measure(
    customer: Customer, yardstick: Yardstick, hour: int, rules: Ruleset, guard: FeedGuard
) -> Evidence:
    """Return the evidence by a yardstick, of the panes before an hour."""
    first = yardstick.first_hour
    return evidence(yardstick, hour, _since(customer, yardstick, first, hour, guard), rules)


def measure_month(
    customer: Customer, yardstick: Yardstick, hour: int, rules: Ruleset, guard: FeedGuard
) -> Evidence:
    """Return the evidence of the last 28 days of the panes before an hour."""
    first = max(yardstick.first_hour, hour - BLOCK_HOURS)
    return evidence(yardstick, hour, _since(customer, yardstick, first, hour, guard), rules)


def _since(customer: Customer, yardstick: Yardstick, first: int, hour: int, guard: FeedGuard) -> Since:
    panes = customer.bought
    days = elapsed_days(yardstick, hour, guard)
    if first > yardstick.first_hour:
        days -= elapsed_days(yardstick, first, guard)
    if yardstick.pace is None:
        return Since(panes.spend(first, hour), 0, days)
    return Since(panes.spend(first, hour), panes.trips(first, hour), days, customer.signs(first, hour))


def settled_hour(yardstick: Yardstick, hour: int, rules: Ruleset) -> int:
    """Return the hour before which the decision about an item of an hour counts what was spent."""
    return max(hour - rules.guard_delay_hours - yardstick.lag, min(hour, yardstick.first_hour))


def elapsed_days(yardstick: Yardstick, hour: int, guard: FeedGuard) -> float:
    """Return e: the days of a working feed since `first_hour`, or less if the population bought less."""
    if hour <= yardstick.first_hour:
        return 0.0
    days = guard.working_hours(yardstick.first_hour, hour) / DAY_HOURS
    clock = yardstick.clock
    bought = None if clock is None else guard.purchases_before(hour)
    # A count that began again, as after a move to another number of partitions, tells nothing.
    if clock is None or bought is None or bought < clock.purchases_before:
        return days
    return min(days, (bought - clock.purchases_before) / clock.usual_per_day)
