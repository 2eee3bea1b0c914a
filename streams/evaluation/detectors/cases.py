"""Cases: which households are judged at an anchor of their own, from nothing but what lies before it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streams.core.episodes.opening import is_valuable, yardstick_of
from streams.core.spend.baseline import BLOCK_HOURS, YEAR_HOURS, Baseline, baseline
from streams.core.spend.evidence import Yardstick
from streams.core.spend.panes import Panes
from streams.core.time import DAY_HOURS, HOUR_MS, WEEK_HOURS
from streams.evaluation.detectors.prepare import Prepared, panes_of
from streams.evaluation.detectors.results import DAYS
from streams.lab.generate.purchases import Floats, Ints

STEP_HOURS = 6
"""Detectors are asked at the end of each quarter of a day."""


@dataclass(frozen=True, slots=True)
class Case:
    """A household and its anchor, at the end of an hour."""

    customer: int
    hour: int
    """Of the anchor."""
    usual: tuple[Baseline, ...]
    """By each ruleset."""
    trips_per_month: float
    """Hours with a purchase before the anchor, in 28 days."""
    months: float
    """Of 28 days, from the first purchase to the anchor."""

    @property
    def first_hour(self) -> int:
        """Return h0, the first hour in which a boycott shows."""
        return self.hour + 1

    def yardstick(self, prepared: Prepared, ruleset: int) -> Yardstick:
        """Return what an episode that opens at the anchor would freeze."""
        refresh = prepared.refreshes[ruleset][_refreshed(self.hour)]
        rules = prepared.rulesets[ruleset]
        usual, guard = self.usual[ruleset], prepared.guards[ruleset]
        return yardstick_of(usual, refresh.irregularity_days, self.first_hour, self.first_hour, rules, guard)


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of one seed, in order of the customer."""

    every: tuple[Case, ...]

    @property
    def customers(self) -> Ints:
        """Return each case's customer."""
        return np.array([case.customer for case in self.every], np.int64)

    @property
    def first_hours(self) -> Ints:
        """Return each case's h0."""
        return np.array([case.first_hour for case in self.every], np.int64)

    @property
    def hours(self) -> Ints:
        """Return the hours at which each case is scored, from h0 to 90 days on (cases x hours)."""
        steps = np.arange(0, DAYS * DAY_HOURS + 1, STEP_HOURS)
        return np.asarray(self.first_hours[:, None] + steps, np.int64)

    @property
    def usual_per_day(self) -> Floats:
        """Return each case's usual spend, cents a day."""
        return np.array([case.usual[0].usual_per_day for case in self.every], np.float64)


def draw_cases(prepared: Prepared, rng: np.random.Generator) -> Cases:
    """Return one case for each household that is judged at its anchor, which is uniform over its span.

    The span goes from three blocks after the first purchase to 90 days before the history ends. Judged are
    those whose spend in the 52 weeks before the anchor reaches the cut-off of the last weekly refresh before
    it, by the first ruleset, and that have a baseline by every one: by the core's own functions.
    """
    panes = panes_of(prepared.purchases)
    return Cases(tuple(_judged(prepared, panes, rng.random(len(panes)))))


def _judged(prepared: Prepared, panes: list[Panes], luck: Floats) -> Iterator[Case]:
    blocks = max(rules.minimum_blocks for rules in prepared.rulesets)
    last = prepared.purchases.end_ms // HOUR_MS - DAYS * DAY_HOURS - 1
    for customer, (spent, share) in enumerate(zip(panes, luck.tolist(), strict=True)):
        first = spent.hours[0] if spent.hours else last
        earliest = first + blocks * BLOCK_HOURS
        if earliest <= last:
            hour = earliest + int(share * (last - earliest + 1))
            case = _case(prepared, customer, spent, hour)
            if case is not None:
                yield case


def _case(prepared: Prepared, customer: int, spent: Panes, hour: int) -> Case | None:
    refresh = prepared.refreshes[0][_refreshed(hour)]
    if not is_valuable(spent.spend(hour - YEAR_HOURS, hour), refresh.cutoff):
        return None
    first = spent.hours[0]
    found = (baseline(spent, first, hour, rules) for rules in prepared.rulesets)
    usual = tuple(one for one in found if one is not None)
    if len(usual) < len(prepared.rulesets):
        return None
    months = (hour - first) / BLOCK_HOURS
    return Case(customer, hour, usual, spent.trips(first, hour) / months, months)


def _refreshed(hour: int) -> int:
    return hour // WEEK_HOURS * WEEK_HOURS
