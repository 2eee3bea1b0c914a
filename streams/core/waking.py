"""When to look at an open episode again: the first hour that can matter, in closed form.

Scanning every hour would give the same decisions; waking early is harmless, waking late is wrong.
"""

from typing import Final

from streams.core.customer import Customer
from streams.core.evidence import hours_until
from streams.core.facts import Episode
from streams.core.feed_guard import FeedGuard
from streams.core.frustration import TOLERANCE
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_HOURS, hours_up

HIGHEST_LEVEL: Final = 2


def next_wake(customer: Customer, episode: Episode, hour: int, guard: FeedGuard, rules: Ruleset) -> int:
    """Return the first hour, from one on, at which an hour decision can do something."""
    closing = _next_closing(customer, episode, hour, rules)
    raising = _next_raise(customer, episode, hour, guard, rules)
    return closing if raising is None else min(closing, raising)


def _next_closing(customer: Customer, episode: Episode, hour: int, rules: Ruleset) -> int:
    """Return the next hour at which the episode can close; with no spend since, when it expires."""
    first = episode.yardstick.first_hour
    days = max(1, -(-(hour - first) // DAY_HOURS))
    episode.quiet = not any(cents > 0 for cents in customer.panes.since(first))
    if episode.quiet:
        days = max(days, rules.expiry_days)
    return first + days * DAY_HOURS


def _next_raise(
    customer: Customer, episode: Episode, hour: int, guard: FeedGuard, rules: Ruleset
) -> int | None:
    """Return the first hour, from one on, whose evidence can reach a level not yet sent; None if none."""
    if episode.sent >= HIGHEST_LEVEL:
        return None
    first = episode.yardstick.first_hour
    need = rules.levels[episode.sent] - customer.body.frustration - rules.prior
    if need <= TOLERANCE and hour - rules.settle_hours <= first:
        wake = hour
    else:
        settled = max(hour - 1 - rules.settle_hours, first)
        wait = hours_until(
            episode.yardstick,
            need,
            _least_spend(customer, first, settled),
            guard.working_hours(first, settled),
            rules,
        )
        wake = max(hour, settled + wait + rules.settle_hours)
    if episode.snooze_until is not None:
        wake = max(wake, hours_up(episode.snooze_until))
    return wake if wake <= first + rules.raise_days * DAY_HOURS else None


def _least_spend(customer: Customer, first: int, settled: int) -> int:
    """Return the least that spend since an hour can become by time alone: known later refunds count."""
    later = sum(min(0, cents) for cents in customer.panes.since(settled))
    return customer.panes.spend(first, settled) + later
