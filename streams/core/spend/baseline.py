"""What a customer usually spends, and how irregularly: the yardstick an episode is measured by."""

import math
from dataclasses import dataclass, replace
from typing import Final

from streams.core.ruleset import SPEND, Ruleset
from streams.core.spend.panes import Panes
from streams.core.time import DAY_HOURS, WEEK_HOURS

BLOCK_HOURS: Final = 4 * WEEK_HOURS
BLOCK_DAYS: Final = 28
BLOCKS: Final = 13
YEAR_HOURS: Final = BLOCKS * BLOCK_HOURS
KEPT_HOURS: Final = 484 * DAY_HOURS
"""Panes older than this are forgotten: a year before the anchor, and the longest episode."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Usual spend in cents (or trips) a day, and 28 CV² of the blocks with their number less one."""

    usual_per_day: float
    dispersion: float
    degrees: int
    blocks: tuple[int, ...] = ()
    """Cents (or trips), newest first."""
    trips: "Baseline | None" = None
    """The same of trips, where the rules ask for it."""

    def irregularity(self, population_days: float, rules: Ruleset) -> float:
        """Return D in days: the customer's own irregularity, drawn towards the population's."""
        own = math.log(max(self.dispersion, rules.dispersion_floor_days))
        prior = rules.irregularity_prior_blocks
        log_days = (self.degrees * own + prior * math.log(population_days)) / (self.degrees + prior)
        return max(rules.irregularity_floor_days, math.exp(log_days))

    def recent_per_day(self, rules: Ruleset) -> float:
        """Return the recent pace a day: the blocks' mean, in which older ones count less and less."""
        half_life = rules.recent_half_life_blocks
        shares = [math.exp2(-age / half_life) for age in range(len(self.blocks))]
        recent = sum(share * block for share, block in zip(shares, self.blocks, strict=True))
        return recent / sum(shares) / BLOCK_DAYS

    def recent_irregularity(self, population_days: float, rules: Ruleset) -> float:
        """Return D of the recent pace: who slowed down lately has fewer trips for the same evidence."""
        pace = self.recent_per_day(rules) / self.usual_per_day
        return self.irregularity(population_days, rules) / max(rules.recent_floor, pace)


def block_starts(hour: int, first_pane: int) -> range:
    """Return the first hours of the blocks before an hour, newest first, that lie in the customer's time."""
    count = min(BLOCKS, max(0, (hour - first_pane) // BLOCK_HOURS))
    return range(hour - BLOCK_HOURS, hour - BLOCK_HOURS * (count + 1), -BLOCK_HOURS)


def baseline(panes: Panes, first_pane: int | None, hour: int, rules: Ruleset) -> Baseline | None:
    """Return the baseline before an hour, or None if there are too few blocks or all are zero."""
    if first_pane is None:
        return None
    starts = block_starts(hour, first_pane)
    blocks = [max(0, panes.spend(start, start + BLOCK_HOURS)) for start in starts]
    if len(blocks) < rules.minimum_blocks or not any(blocks):
        return None
    if rules.evidence == SPEND:
        return of_blocks(blocks)
    trips = of_blocks([panes.trips(start, start + BLOCK_HOURS) for start in starts])
    return replace(of_blocks(blocks), trips=trips)


def of_blocks(blocks: list[int]) -> Baseline:
    """Return the baseline of the spend in blocks of 28 days, not all zero, in cents."""
    count = len(blocks)
    mean = sum(blocks) / count
    squares = sum((block - mean) ** 2 for block in blocks)
    variance = squares / (count - 1) if count > 1 else 0.0
    return Baseline(
        usual_per_day=mean / BLOCK_DAYS,
        dispersion=BLOCK_DAYS * variance / mean**2,
        degrees=count - 1,
        blocks=tuple(blocks),
    )
