"""Ruleset 2: the recent pace of a series of blocks, evidence of trips or spend, the population's clock."""

from bisect import bisect_left
from dataclasses import dataclass
from math import exp, log

from tests.recompute.arrival import Partition
from tests.recompute.feed import counted
from tests.recompute.rules import Rules
from tests.recompute.spending import Baseline


@dataclass(frozen=True)
class Pace:
    """How a series of the customer goes: recently, per day (m' or t'), and its irregularity in days (D)."""

    per_day: float
    irregularity: float

    def nats(self, found: float, days: float, certainty: float, rules: Rules) -> float:
        """Evidence that the series fell, from what was found of it in so many days (S_T or S_B)."""
        y = found / (self.per_day * self.irregularity)
        usual = days / self.irregularity
        r = rules.fallen_share
        return y * log(r) + (certainty + y) * log((certainty + usual) / (certainty + r * usual))


def pace(series: Baseline, population: float, rules: Rules) -> Pace:
    """Freeze the pace of a series of blocks, newest first."""
    weights = [0.5 ** (k / rules.recent_half_life_blocks) for k in range(len(series.blocks))]
    weighted = sum(weight * each for weight, each in zip(weights, series.blocks, strict=True))
    recent = weighted / sum(weights) / 28
    share = max(rules.recent_floor, recent / series.per_day)
    return Pace(recent, series.irregularity(population, rules) / share)


@dataclass(frozen=True)
class TripsOrSpend:
    """The two frozen paces of an episode, and the evidence that one of them fell."""

    trips: Pace
    spend: Pace

    def nats(self, trips: int, spend: float, days: float, rules: Rules) -> float:
        """Give S: the mean of the two likelihood ratios, in nats, written so that no exponential vanishes."""
        of_trips = self.trips.nats(trips, days, rules.trips_certainty, rules)
        of_spend = self.spend.nats(spend, days, rules.spend_certainty, rules)
        larger, smaller = max(of_trips, of_spend), min(of_trips, of_spend)
        return larger + log((1 + exp(smaller - larger)) / 2)


@dataclass(frozen=True)
class UsualPurchases:
    """Purchases a day that a population usually makes (U), and the hour from which time runs by them (q)."""

    per_day: float
    q: int


class PopulationClock:
    """Purchases of a partition, by which operational time runs."""

    def __init__(self, partition: Partition, rules: Rules) -> None:
        self._since = [k for k, _ in counted(partition, rules)]
        self._rules = rules

    def purchases_before(self, h: int) -> int:
        """C(h): purchases that count from an hour before h."""
        return bisect_left(self._since, h)

    def usual(self, h0: int, blocks: int, now: int, lag: int = 0) -> UsualPurchases | None:
        """Freeze at hour `now` what time runs by from h0 on; None where it runs by the calendar."""
        q, week = min(h0 - 1, now - self._rules.lag_hours - lag), 168
        end = q // week * week
        found = self.purchases_before(end) - self.purchases_before(end - 4 * blocks * week)
        per_day = found / (28 * blocks)
        refresh = now // self._rules.refresh_hours * self._rules.refresh_hours
        is_forgotten = q < refresh - self._rules.kept_hours
        return None if per_day < self._rules.guard_mean or is_forgotten else UsualPurchases(per_day, q)

    def days(self, usual: UsualPurchases, h: int) -> float:
        """Usual days of the population that passed up to hour h."""
        return (self.purchases_before(h) - self.purchases_before(usual.q)) / usual.per_day
