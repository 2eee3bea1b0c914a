"""What is known of a customer since an hour, held against the yardstick."""

from streams.core.customer import Customer
from streams.core.evidence import Evidence, Since, Yardstick, evidence
from streams.core.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS


def measure(
    customer: Customer, yardstick: Yardstick, hour: int, rules: Ruleset, guard: FeedGuard
) -> Evidence:
    """Return the evidence by a yardstick, of the panes before an hour."""
    first, panes = yardstick.first_hour, customer.panes
    trips = 0 if yardstick.pace is None else panes.trips(first, hour)
    since = Since(panes.spend(first, hour), trips, elapsed_days(yardstick, hour, guard))
    return evidence(yardstick, hour, since, rules)


def settled_hour(yardstick: Yardstick, hour: int, rules: Ruleset) -> int:
    """Return the hour before which the decision about an item of an hour counts what was spent."""
    return max(hour - rules.guard_delay_hours, min(hour, yardstick.first_hour))


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
