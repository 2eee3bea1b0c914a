"""Baselines, what subscriptions are worth, and the population of a partition."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from math import exp, log
from statistics import fmean, variance

from tests.recompute.arrival import Customer, Partition
from tests.recompute.ledger import Ledger
from tests.recompute.moves import Move, Step, is_arrival, steps
from tests.recompute.rules import Rules, hour_of


@dataclass(frozen=True)
class Baseline:
    """Spend (hundredths) or trips of each block of 28 days, newest first, none negative, not all zero."""

    blocks: tuple[int, ...]

    @property
    def per_day(self) -> float:
        """Usual spend per day, in hundredths (m), or trips per day."""
        return fmean(self.blocks) / 28

    def dispersion(self, rules: Rules) -> float:
        """Own irregularity in days, 28 CV^2, with its floor."""
        return max(28 * variance(self.blocks) / fmean(self.blocks) ** 2, rules.dispersion_floor)

    def irregularity(self, population: float, rules: Rules) -> float:
        """Irregularity in days (D), drawn towards the population's."""
        k, weight = len(self.blocks) - 1, rules.dispersion_weight
        logs = k * log(self.dispersion(rules)) + weight * log(population)
        return max(rules.irregularity_floor, exp(logs / (k + weight)))


def baseline(ledger: Ledger, h: int, now: int, rules: Rules) -> Baseline | None:
    """Blocks before hour h as known at hour `now`; None if they are too few or all zero."""
    blocks: list[int] = []
    size = rules.block_hours
    for k in range(1, rules.blocks + 1):
        if ledger.first_pane is None or h - size * k < ledger.first_pane:
            break
        blocks.append(max(0, ledger.spend(h - size * k, h - size * (k - 1), now)))
    return Baseline(tuple(blocks)) if len(blocks) >= rules.blocks_needed and any(blocks) else None


def usual_trips(ledger: Ledger, h: int, now: int, usual: Baseline, rules: Rules) -> Baseline:
    """Trips in the same blocks before hour h that the usual spend is of."""
    size = rules.block_hours
    return Baseline(
        tuple(ledger.trips(h - size * (k + 1), h - size * k, now) for k in range(len(usual.blocks)))
    )


def subscription_value(ledger: Ledger, h: int, now: int, rules: Rules) -> float:
    """Hundredths a day that subscriptions before hour h come to (s_d), as known at hour `now`."""
    first, least = ledger.charges.first, rules.blocks_needed * rules.block_hours
    if first is None or not rules.as_meant or h - first < least:
        return 0.0
    start = max(h - rules.year_hours, now - rules.pane_hours)
    panes = ledger.charges.hours(start, h)
    if len(panes) <= 1:
        return ledger.charged(start, h, now) / 364
    return ledger.charged(start, max(panes), now) / (max(least, max(panes) - min(panes)) / 24)


@dataclass(frozen=True)
class Refresh:
    """Cut-off in hundredths (None: gate closed), irregularity in days and trips of the population."""

    cutoff: int | None
    dispersion: float
    median_trips: int = 1


def refreshes(
    partitions: list[Partition], moves: list[Move], end_hour: int, rules: Rules
) -> list[dict[int, Refresh]]:
    """Every population refresh of each partition, by hour; before the first pane nothing is known."""
    ledgers = [{name: Ledger(each, rules) for name, each in _by_hash(part)} for part in partitions]
    changes = _Changes(partitions, {name: each for part in ledgers for name, each in part.items()}, moves)
    firsts, step = [_first_hour(partition) for partition in partitions], rules.refresh_hours
    found: list[dict[int, Refresh]] = [{} for _ in partitions]
    for r in range(min(firsts) // step * step, end_hour + 1, step):
        changes.fold_before(r)
        for each, first, part in zip(found, firsts, ledgers, strict=True):
            if r + step > first:
                each[r] = _refresh(list(part.values()), r, rules)
    return found


Change = tuple[int, int, Callable[[], None]]
"""When, in which order within that instant, and what is then done."""


class _Changes:
    """All that changes the panes of customers, in its order."""

    def __init__(self, partitions: list[Partition], ledgers: dict[str, Ledger], moves: list[Move]) -> None:
        self._ledgers = ledgers
        self._given: dict[Move, Ledger] = {}
        facts: list[Change] = [
            (fact.instant_ms, 1, partial(ledgers[name].fold, fact))
            for partition in partitions
            for name, customer in partition.customers.items()
            for fact in customer.agenda
        ]
        halves: list[Change] = [(step[0], 0, partial(self._move, step)) for step in steps(moves)]
        self._coming = sorted([*halves, *facts], key=lambda change: change[:2])[::-1]

    def fold_before(self, r: int) -> None:
        """Fold all that is known by the refresh of an hour."""
        while self._coming and hour_of(self._coming[-1][0]) < r:
            self._coming.pop()[2]()

    def _move(self, step: Step) -> None:
        move = step[-1]
        if is_arrival(step):
            new = self._ledgers[move.new]
            new.is_ended &= not move.revives
            new.take(self._given.pop(move))
        else:
            self._given[move] = self._ledgers[move.old].hand_over(move.hour)


def _by_hash(partition: Partition) -> list[tuple[str, Customer]]:
    return sorted(partition.customers.items(), key=lambda item: sha256(item[0].encode()).digest()[:8])


def _first_hour(partition: Partition) -> int:
    return min(
        (
            *(hour_of(sale.instant_ms) for sale in partition.sales),
            *(hour_of(fact.instant_ms) for each in partition.customers.values() for fact in each.agenda),
        ),
        default=0,
    )


def _refresh(ledgers: list[Ledger], r: int, rules: Rules) -> Refresh:
    sample = [each for each in ledgers if each.is_in_sample(r)][: rules.sample]
    return Refresh(*_high_value(sample, r, rules), _median_trips(sample, r, rules))


def _high_value(sample: list[Ledger], r: int, rules: Rules) -> tuple[int | None, float]:
    """Give the cut-off, and the irregularity of those at or above it."""
    spends = [each.value(r - rules.year_hours, r, r) for each in sample]
    positive = sorted(spend for spend in spends if spend > 0)
    if len(positive) < rules.customers_needed:
        return None, rules.dispersion_default
    rank = -(-rules.cutoff_fifths * len(positive) // 5)
    cutoff = positive[rank - 1]
    above = [
        usual
        for each, spend in zip(sample, spends, strict=True)
        if spend >= cutoff and (usual := baseline(each, r, r, rules))
    ]
    if len(above) < rules.customers_needed:
        return cutoff, rules.dispersion_default
    return cutoff, exp(fmean(log(usual.dispersion(rules)) for usual in above))


def _median_trips(sample: list[Ledger], r: int, rules: Rules) -> int:
    """Give the lower median of the trips of 28 days, of those who made any; 1 if they are too few."""
    counts = (each.trips(r - rules.shared_trips_hours, r, r) for each in sample[: rules.median_sample])
    trips = sorted(count for count in counts if count > 0)
    return trips[(len(trips) - 1) // 2] if len(trips) >= rules.customers_needed else 1
