"""What is known of a customer since an hour, held against the yardstick."""

from streams.core.customer.customer import Customer
from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import BLOCK_HOURS
from streams.core.spend.evidence import Evidence, Since, Yardstick, evidence
from streams.core.time import DAY_HOURS


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
    # A count that began anew, as after a move to another number of partitions, tells nothing.
    if clock is None or bought is None or bought < clock.purchases_before:
        return days
    return min(days, (bought - clock.purchases_before) / clock.usual_per_day)
