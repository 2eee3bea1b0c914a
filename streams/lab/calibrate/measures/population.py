"""What the population is like: who holds the spend, how irregular it is, who can be judged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.core.episodes.silent import begin_watch
from streams.core.ruleset import Ruleset
from streams.core.spend.baseline import YEAR_HOURS
from streams.core.spend.evidence import Since, Yardstick, hours_until
from streams.core.time import DAY_HOURS
from streams.lab.calibrate.history.history import History

_NOTHING: Final = Since(spend=0, trips=0, days=0.0)


@dataclass(frozen=True, slots=True)
class Value:
    """Who is of high value at the last refresh, all partitions together; cents are of the year before it."""

    cutoff_cents: int
    customers: int
    spenders: int
    spend_share: float
    """The part of all spend that the customers of high value hold."""
    irregularity_days: float
    """D_pop."""


def value_check(history: History, rules: Ruleset) -> Value | None:
    """Return who is of high value; None while there are too few customers to say."""
    refresh = history.last_refresh(rules)
    if refresh is None or refresh.cutoff is None:
        return None
    spend = [
        cents
        for one in history.customers.values()
        if (cents := one.panes.spend(refresh.hour - YEAR_HOURS, refresh.hour)) > 0
    ]
    high = [cents for cents in spend if cents >= refresh.cutoff]
    return Value(refresh.cutoff, len(high), len(spend), sum(high) / sum(spend), refresh.irregularity_days)


@dataclass(frozen=True, slots=True)
class Judgeable:
    """How soon a customer of high value who stops at once would be an alert, after a typical bad contact."""

    customers: int
    share: float
    """Of the customers of high value, those who are an alert within the days in which one may come."""
    quartile_days: tuple[float, float, float]
    """Days until then; infinite for who can't be judged for want of a baseline."""


def judgeable(yardsticks: Sequence[Yardstick | None], rules: Ruleset, frustration: float) -> Judgeable:
    """Return who can be judged, from a typical F in nats; there must be at least one yardstick."""
    need = rules.levels[-1] - rules.prior - frustration
    days = np.array([_days(one, need, rules) for one in yardsticks])
    quartiles = np.quantile(days, (0.25, 0.5, 0.75), method="higher")
    return Judgeable(
        customers=len(days),
        share=float(np.mean(days <= rules.raise_days)),
        quartile_days=(float(quartiles[0]), float(quartiles[1]), float(quartiles[2])),
    )


def _days(yardstick: Yardstick | None, need: float, rules: Ruleset) -> float:
    hours = None if yardstick is None else hours_until(yardstick, need, _NOTHING, rules)
    return math.inf if hours is None else hours / DAY_HOURS


def yardsticks(history: History, rules: Ruleset) -> list[Yardstick | None]:
    """Return the yardstick of each customer of high value at the last refresh; None without a baseline."""
    refresh = history.last_refresh(rules)
    if refresh is None or refresh.cutoff is None:
        return []
    found: list[Yardstick | None] = []
    for customer_id, customer in history.customers.items():
        if customer.panes.spend(refresh.hour - YEAR_HOURS, refresh.hour) >= refresh.cutoff:
            watch = begin_watch(customer, refresh, rules, history.feed(customer_id))
            found.append(None if watch is None else watch.yardstick)
    return found
