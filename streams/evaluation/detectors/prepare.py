"""A population made ready once for all seeds: its purchases, its weekly refreshes, the fits of BG/NBD."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streams.core.feed.feed_guard import FeedGuard
from streams.core.ruleset import Ruleset
from streams.core.spend.panes import Panes
from streams.core.spend.population import Population as Sample
from streams.core.spend.population import Refresh, Spending
from streams.core.time import HOUR_MS, WEEK_HOURS
from streams.evaluation.detectors.alive import Fit, fits
from streams.lab.generate.options import GenerateOptions, Population
from streams.lab.generate.populations import load
from streams.lab.generate.purchases import Purchases

Refreshes = Mapping[int, Refresh]
"""By hour; the hours are divisible by 168."""

_SEED = 1
"""Of what is drawn of a population itself: the moments of CDNOW's days, synthetic customers, a sample."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A population, and what is known of it at each week."""

    population: Population
    purchases: Purchases
    rulesets: tuple[Ruleset, ...]
    refreshes: tuple[Refreshes, ...]
    """One for each ruleset."""
    guards: tuple[FeedGuard, ...]
    """One for each ruleset, all hours decided: of the untouched purchases of everybody, as one partition."""
    fits: tuple[Fit, ...]
    """Of BG/NBD, in order of time."""


def prepare(population: Population, rulesets: Sequence[Ruleset], customers: int | None = None) -> Prepared:
    """Return a population, or a sample of so many of its customers, made ready.

    Raises ModuleNotFoundError when the package that holds the history is not installed.
    """
    options = GenerateOptions(population=population, seed=_SEED, customers=customers)
    purchases = load(options, np.random.default_rng(_SEED))
    return Prepared(
        population=population,
        purchases=purchases,
        rulesets=tuple(rulesets),
        refreshes=tuple(refreshes(purchases, rules) for rules in rulesets),
        guards=tuple(guard(purchases, rules) for rules in rulesets),
        fits=fits(purchases),
    )


def guard(purchases: Purchases, rules: Ruleset) -> FeedGuard:
    """Return the feed guard after all purchases."""
    found = FeedGuard()
    found.counts_of("", rules).update(Counter((purchases.time_ms // HOUR_MS).tolist()))
    found.advance(-(-purchases.end_ms // HOUR_MS), rules)
    return found


def refreshes(purchases: Purchases, rules: Ruleset) -> Refreshes:
    """Return every weekly refresh of all customers as one partition, with nobody left out of the sample.

    The core takes 2,048 customers of each partition for all; here nobody is left out, so that the
    cut-off has no error of sampling.
    """
    everybody = replace(rules, population_sample=len(purchases.customer_ids))
    sample = Sample(everybody, _ignore)
    histories = dict(zip(purchases.customer_ids, panes_of(purchases), strict=True))
    for customer_id, panes in histories.items():
        if panes.hours:
            sample.offer(customer_id)

    def history(customer_id: str) -> Spending:
        return Spending(histories[customer_id].hours[0], histories[customer_id])

    first, last = purchases.start_ms // HOUR_MS, purchases.end_ms // HOUR_MS
    weeks = range(-(-first // WEEK_HOURS) * WEEK_HOURS, last + 1, WEEK_HOURS)
    return {hour: sample.refresh(hour, history) for hour in weeks}


def panes_of(purchases: Purchases) -> list[Panes]:
    """Return the panes of each customer."""
    every = [Panes() for _ in purchases.customer_ids]
    hours = (purchases.time_ms // HOUR_MS).tolist()
    for customer, hour, cents in zip(
        purchases.customer.tolist(), hours, purchases.cents.tolist(), strict=True
    ):
        every[customer].add(hour, cents)
    return every


def _ignore(customer_id: str, *, sampled: bool) -> None:
    """Do nothing: who is in the sample does not matter."""
    del customer_id, sampled
