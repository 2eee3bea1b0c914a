"""Ruleset 2: the recent pace of a series of blocks, evidence of trips or spend, the population's clock."""

from bisect import bisect_left
from dataclasses import dataclass
from math import exp, log

from tests.recompute.arrival import Partition
from tests.recompute.rules import Rules
from tests.recompute.spending import Baseline


@dataclass(frozen=True)
class Pace:
    """How a series of the customer goes: recently, per day (m' or t'), and its irregularity in days (D)."""

    per_day: float
    irregularity: float

    def nats(self, found: int, days: float, certainty: float, rules: Rules) -> float:
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

    def nats(self, trips: int, spend: int, days: float, rules: Rules) -> float:
        """Give S: the mean of the two likelihood ratios, in nats, written so that no exponential vanishes."""
        of_trips = self.trips.nats(trips, days, rules.trips_certainty, rules)
        of_spend = self.spend.nats(spend, days, rules.spend_certainty, rules)
        larger, smaller = max(of_trips, of_spend), min(of_trips, of_spend)
        return larger + log((1 + exp(smaller - larger)) / 2)


class PopulationClock:
    """On-time purchases of a partition, by which operational time runs."""

    def __init__(self, partition: Partition, rules: Rules) -> None:
        self._panes = sorted(partition.on_time_panes)
        self._rules = rules

    def purchases_before(self, h: int) -> int:
        """C(h): on-time purchases in all panes before hour h."""
        return bisect_left(self._panes, h)

    def purchases_per_day(self, q: int, blocks: int, now: int) -> float | None:
        """U as it was before hour q, known at hour `now`; None where time runs by the calendar."""
        week, refresh = 168, now // self._rules.refresh_hours * self._rules.refresh_hours
        end = q // week * week
        usual = self.purchases_before(end) - self.purchases_before(end - 4 * blocks * week)
        per_day = usual / (28 * blocks)
        is_forgotten = q < refresh - self._rules.clock_hours
        return None if per_day < self._rules.guard_mean or is_forgotten else per_day

    def days(self, q: int, h: int, per_day: float) -> float:
        """Usual days of the population that passed from hour q to hour h."""
        return (self.purchases_before(h) - self.purchases_before(q)) / per_day
