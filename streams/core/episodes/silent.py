"""The silent rule: customers of high value whose spend falls by itself, without a word.

A one-sided CUSUM of the evidence of an episode, looked at when the population is refreshed: a watch begins
again whenever the evidence since it began comes down to nothing. Its yardstick is frozen, so that the sum of
the weekly steps is the evidence since then.
"""

from collections import Counter
from typing import NamedTuple

from msgspec.structs import replace

from streams.core.contacts.frustration import TOLERANCE
from streams.core.customer.customer import Customer
from streams.core.customer.pending import Episode, Watch
from streams.core.episodes.opening import (
    is_protected,
    is_valuable,
    lag_of,
    left_of,
    plan_from,
    recurring_per_day,
    silent_alert_id,
    trailing_spend,
    yardstick_of,
)
from streams.core.episodes.shared_ids import is_shared
from streams.core.feed.feed_guard import FeedGuard
from streams.core.odds.odds import measure, reduction_nats
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import baseline
from streams.core.spend.evidence import Yardstick
from streams.core.spend.population import Refresh
from streams.core.time import DAY_HOURS, HOUR_MS


class Verdict(NamedTuple):
    """What a silent decision changes: the customer's watch from now on, and the episode that opens."""

    watch: Watch | None
    episode: Episode | None = None


class SilentRule:
    """Looks at the customers of one partition that have no open episode; changes nothing itself."""

    def __init__(self, guard: FeedGuard, tally: Counter[str]) -> None:
        self._guard = guard
        self._tally = tally

    def look(self, customer: Customer, refresh: Refresh, rules: Ruleset) -> Verdict | None:
        """Return what the decision at the hour of a population refresh changes; None if nothing."""
        watch, hour = customer.body.watch, refresh.hour
        if watch is None:
            begun = begin_watch(customer, refresh, rules, self._guard)
            return None if begun is None else Verdict(begun)
        first = watch.yardstick.first_hour
        basis = basis_hour(watch.yardstick, hour, rules)
        silence = measure(customer, watch.yardstick, basis, rules, self._guard).silence
        if silence <= TOLERANCE or hour - first >= rules.silent_days * DAY_HOURS:
            return Verdict(begin_watch(customer, refresh, rules, self._guard))
        gone = reduction_nats(left_of(customer, plan_from(hour * HOUR_MS, rules), rules), rules)
        if rules.silent_prior + rules.temperature * silence + gone < rules.levels[0] - TOLERANCE:
            return None
        if self._guard.is_broken(hour - 1 - rules.guard_delay_hours):
            self._tally["held_by_feed_guard"] += 1
            return None
        if customer.unread(basis - DAY_HOURS, basis):
            self._tally["held_by_refused"] += 1
            return None
        return Verdict(None, open_silent(customer.customer_id, watch, hour, rules))


def basis_hour(yardstick: Yardstick, hour: int, rules: Ruleset) -> int:
    """Return the hour before which a silent decision at an hour counts what was spent."""
    return max(yardstick.first_hour, hour - rules.settle_hours - yardstick.lag)


def begin_watch(customer: Customer, refresh: Refresh, rules: Ruleset, guard: FeedGuard) -> Watch | None:
    """Return the watch that begins at a refresh; None for who is not of high value, or has no baseline."""
    panes, charges, hour = customer.panes, customer.charges(), refresh.hour
    known = hour - rules.guard_delay_hours
    lag = lag_of(customer, known, guard)
    known -= lag
    trailing = trailing_spend(panes, charges, known)
    if not (is_valuable(trailing, refresh.cutoff) or is_protected(customer, rules)):
        return None
    usual = baseline(panes, customer.first_pane, known, rules)
    if usual is None or is_shared(customer, hour * HOUR_MS, refresh, rules):
        return None
    yardstick = yardstick_of(usual, refresh.irregularity_days, hour, known, rules, guard)
    recurring = recurring_per_day(charges, customer.body.rare, known, rules)
    return Watch(replace(yardstick, recurring_per_day=recurring, lag=lag), refresh.cutoff, trailing)


def open_silent(customer_id: str, watch: Watch, hour: int, rules: Ruleset) -> Episode:
    """Return the episode that opens out of a watch at an hour, with what the watch froze."""
    reset = watch.yardstick.first_hour
    return Episode(
        anchor=None,
        alert_id=silent_alert_id(customer_id, reset),
        yardstick=watch.yardstick,
        opened=hour * HOUR_MS,
        cutoff=watch.cutoff,
        trailing_spend=watch.trailing_spend,
        ruleset=rules.hash,
        heard=False,
        plan_from=plan_from(hour * HOUR_MS, rules),
    )
