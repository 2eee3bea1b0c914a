"""False alarms when the feed breaks, shops close or trade is slack, in worlds where nobody boycotts.

Each world is replayed as it is and with each disturbance. What counts are the episodes that become an alert
from its start until 30 days after its end, with it and without it, in the same world.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Final, NamedTuple

import numpy as np

from schemas.times import parse_ms
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.evaluation.shared.parallel import in_parallel
from streams.evaluation.shared.replayed import replayed
from streams.evaluation.stress.disturb import COURSES, Disturbance, Feed, with_second_shop
from streams.lab.generate.options import GenerateOptions, Population
from streams.lab.generate.world import Progress, World, draw_world, unseen

CONTACT_RATE: Final = 8.0
"""Journeys per customer and year: many, so that there are alerts enough to compare."""
SYNTHETIC_CUSTOMERS: Final = 2_000
MOST: Final = 1.2
"""The largest ratio that counts as no effect."""
AFTER_DAYS: Final = 30
_FIRST_DAY: Final = 126
"""By then customers have a baseline and the first episodes are open."""
_SHIFTS: Final = 14
_STRIDE: Final = 37
"""Days between the places of one seed and the next."""
_DRAWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Ratio:
    """False alarms with a disturbance against those without, and the 95 % interval over worlds."""

    disturbance: Disturbance
    population: Population | None
    """None: all of them together."""
    worlds: int
    places: int
    """How often it happened, in all worlds."""
    without: int
    with_it: int
    ratio: float | None
    """None where there are no false alarms without it."""
    low: float
    high: float

    @property
    def met(self) -> bool:
        """Return whether false alarms stay at most `MOST` times the normal."""
        return self.with_it <= MOST * self.without


@dataclass(frozen=True, slots=True)
class StressResult:
    """What the disturbances do to one ruleset."""

    ruleset: str
    """Version and hash."""
    seeds: tuple[int, ...]
    ratios: tuple[Ratio, ...]
    """For each disturbance: all populations together, then each of them."""

    def of(self, disturbance: Disturbance, population: Population | None = None) -> Ratio:
        """Return the ratio of a disturbance in a population, or in all together."""
        asked = disturbance, population
        return next(one for one in self.ratios if (one.disturbance, one.population) == asked)


class _Count(NamedTuple):
    """False alarms in the same windows of one world."""

    places: int
    without: int
    with_it: int


def stress(  # noqa: PLR0913 - all but the first three have a default and go by name
    rules: Ruleset,
    seeds: Sequence[int],
    populations: Sequence[Population],
    *,
    disturbances: Sequence[Disturbance] = tuple(Disturbance),
    customers: int | None = None,
    jobs: int = 1,
    progress: Progress = unseen,
) -> StressResult:
    """Return what each disturbance does to the false alarms of a ruleset, in a world for each seed.

    `customers` is the size of every population, by default all of a real one and `SYNTHETIC_CUSTOMERS`.
    """
    tasks = list(product(populations, seeds))
    work, step = partial(_counts, rules, customers, disturbances), f"stress, ruleset {rules.version}"
    done = list(zip(tasks, in_parallel(work, tasks, jobs=jobs, step=step, progress=progress), strict=True))
    ratios = tuple(
        _ratio(what, whose, [count[at] for (whom, _), count in done if whose in {None, whom}])
        for (at, what), whose in product(enumerate(disturbances), [None, *populations])
    )
    return StressResult(f"{rules.version}+{rules.hash}", tuple(seeds), ratios)


def _ratio(what: Disturbance, population: Population | None, counts: Sequence[_Count]) -> Ratio:
    pairs = np.array([(one.without, one.with_it) for one in counts])
    without, with_it = pairs.sum(axis=0).tolist()
    rng = np.random.default_rng(len(counts))
    drawn = pairs[rng.integers(0, len(counts), (_DRAWS, len(counts)))].sum(axis=1)
    drawn = drawn[drawn[:, 0] > 0]
    low, high = (0.0, float("inf"))
    if without:
        low, high = np.quantile(drawn[:, 1] / drawn[:, 0], (0.025, 0.975)).tolist()
    places, ratio = sum(one.places for one in counts), with_it / without if without else None
    return Ratio(what, population, len(counts), places, without, with_it, ratio, low, high)


def _counts(
    rules: Ruleset,
    customers: int | None,
    disturbances: Sequence[Disturbance],
    task: tuple[Population, int],
) -> list[_Count]:
    """Return the false alarms of one world, for each disturbance."""
    population, seed = task
    world = _without_boycotts(population, seed, customers)
    usual = _alerted(world, rules)
    counts = []
    for what in disturbances:
        starts = _starts(world, what, seed)
        stressed = _alerted(_disturbed(world, what, starts, seed), rules)
        spans = [(start, start + (COURSES[what].days + AFTER_DAYS) * DAY_MS) for start in starts]
        counts.append(_Count(len(starts), _within(usual, spans), _within(stressed, spans)))
    return counts


def _without_boycotts(population: Population, seed: int, customers: int | None) -> World:
    """Return a world with two shops where nobody boycotts."""
    if population is Population.SYNTHETIC:
        customers = customers or SYNTHETIC_CUSTOMERS
    options = GenerateOptions(
        population=population,
        seed=seed,
        customers=customers,
        contact_rate=CONTACT_RATE,
        boycott_harmless=0,
        boycott_mild=0,
        boycott_severe=0,
    )
    world = draw_world(options, unseen)
    shops = with_second_shop(world.transactions, np.random.default_rng(seed))
    return replace(world, transactions=shops)


def _starts(world: World, what: Disturbance, seed: int) -> list[int]:
    """Return when a disturbance begins in a world, in ms: other days for other seeds, all windows whole."""
    course, purchases = COURSES[what], world.purchases
    days = (purchases.end_ms - purchases.start_ms) // DAY_MS - course.days - AFTER_DAYS
    if course.every_days is None:
        starts = range(_FIRST_DAY, days)
        return [purchases.start_ms + starts[seed * _STRIDE % len(starts)] * DAY_MS]
    first = _FIRST_DAY + seed * _STRIDE % _SHIFTS
    return [purchases.start_ms + day * DAY_MS for day in range(first, days, course.every_days)]


def _disturbed(world: World, what: Disturbance, starts: Iterable[int], seed: int) -> World:
    rng = np.random.default_rng([seed, list(Disturbance).index(what)])
    arrival = world.transactions_arrival
    feed = Feed(world.transactions, arrival.order)
    for start_ms in starts:
        feed = feed.disturbed(what, start_ms, rng)
    return replace(world, transactions_arrival=replace(arrival, order=feed.order))


def _alerted(world: World, rules: Ruleset) -> list[int]:
    """Return when episodes became an alert, in ms."""
    alerts = replayed(world, rules).alerts
    return [parse_ms(one.time) for one in alerts if one.level == "alert" and one.state != "resolved"]


def _within(times: Sequence[int], spans: Iterable[tuple[int, int]]) -> int:
    return sum(start <= time < end for start, end in spans for time in times)
