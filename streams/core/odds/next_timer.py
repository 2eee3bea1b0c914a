"""When to look at an open episode again: the first hour that can matter, in closed form.

Scanning every hour would give the same decisions; waking early is harmless, waking late is wrong.
"""

from typing import Final

from streams.core.contacts.frustration import TOLERANCE
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds.odds import odds_of
from streams.core.ruleset import Ruleset
from streams.core.spend.evidence import Since, hours_until
from streams.core.time import DAY_HOURS, NO_END, hours_up

HIGHEST_LEVEL: Final = 2


def next_timer(customer: Customer, episode: Episode, hour: int, guard: FeedGuard, rules: Ruleset) -> int:
    """Return the first hour, from one on, at which an hour decision can do something."""
    closing = _next_closing(customer, episode, hour, rules)
    raising = next_raise(customer, episode, hour, guard, rules)
    return closing if raising is None else min(closing, raising)


def _next_closing(customer: Customer, episode: Episode, hour: int, rules: Ruleset) -> int:
    """Return the next hour at which the episode can close; with no spend since, when it expires."""
    days = max(1, -(-(hour - episode.starts) // DAY_HOURS))
    first = episode.yardstick.first_hour
    came = any(cents > 0 for cents in customer.bought.since(first)) or customer.signs(first, NO_END)
    episode.quiet = not came
    if episode.quiet:
        days = max(days, rules.expiry_days)
    return episode.starts + days * DAY_HOURS


def next_raise(
    customer: Customer, episode: Episode, hour: int, guard: FeedGuard, rules: Ruleset
) -> int | None:
    """Return the first hour, from one on, whose evidence can reach a level not yet sent; None if none."""
    if episode.sent >= HIGHEST_LEVEL:
        return None
    first = episode.yardstick.first_hour
    odds = odds_of(episode, customer.body.frustration, 0.0, rules)
    need, settle = rules.levels[episode.sent] - odds.total, rules.settle_hours + episode.yardstick.lag
    deadline = episode.starts + rules.raise_days * DAY_HOURS
    if need <= TOLERANCE and hour - settle <= first:
        timer = hour
    else:
        settled = max(hour - 1 - settle, first)
        least, most = least_since(customer, episode, settled, guard), deadline - settled - settle
        wait = hours_until(episode.yardstick, need, least, rules, most)
        if wait is None:
            return None
        timer = max(hour, settled + wait + settle)
    if episode.snooze_until is not None:
        timer = max(timer, hours_up(episode.snooze_until))
    return timer if timer <= deadline else None


def least_since(customer: Customer, episode: Episode, settled: int, guard: FeedGuard) -> Since:
    """Return what gives the most evidence that time alone can bring: known later refunds count.

    Days are those of the calendar, which operational time never outruns.
    """
    first, panes = episode.yardstick.first_hour, customer.bought
    later = sum(min(0, cents) for cents in panes.since(settled))
    days = guard.working_hours(first, settled) / DAY_HOURS
    spend, trips = panes.spend(first, settled) + later, panes.trips(first, settled)
    return Since(spend, trips, days, customer.signs(first, settled))
