"""Baselines, what subscriptions are worth, and the population of a partition."""

from dataclasses import dataclass
from hashlib import sha256
from math import exp, log
from statistics import fmean, variance

from tests.recompute.arrival import Customer, Partition
from tests.recompute.ledger import Ledger
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


def refreshes(partition: Partition, end_hour: int, rules: Rules) -> dict[int, Refresh]:
    """Every population refresh of a partition by its hour; before the first pane there is nothing to know."""
    ledgers = {name: Ledger(customer, rules) for name, customer in _by_hash(partition)}
    changes = [
        (fact.instant_ms, ledgers[name], fact)
        for name, customer in partition.customers.items()
        for fact in customer.agenda
    ]
    changes.sort(key=lambda change: change[0], reverse=True)
    found, step = {}, rules.refresh_hours
    for r in range(_first_hour(partition) // step * step, end_hour + 1, step):
        while changes and hour_of(changes[-1][0]) < r:
            _, ledger, fact = changes.pop()
            ledger.fold(fact)
        found[r] = _refresh(list(ledgers.values()), r, rules)
    return found


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
