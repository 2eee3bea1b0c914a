"""False alarms when the feed breaks, shops close or trade is slack, in worlds where nobody boycotts.

Each world is replayed as it is and with each disturbance. What counts are the episodes that become an alert
from its start until 30 days after its end, with it and without it, in the same world.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from schemas.times import parse_ms
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.evaluation.shared.parallel import Progress, in_parallel
from streams.evaluation.stress.disturb import COURSES, Disturbance, Feed, with_second_shop
from streams.lab.generate.options import GenerateOptions, Population
from streams.lab.generate.run import write_world
from streams.lab.generate.world import World, draw_world
from streams.lab.replay import replay_directory

CONTACT_RATE: Final = 8.0
"""Journeys per customer and year: many, so that there are alerts enough to compare."""
SYNTHETIC_CUSTOMERS: Final = 2_000
MOST: Final = 1.2
"""The largest ratio that is as good as none."""
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
        """Tell whether false alarms stay at most `MOST` times the normal."""
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
        return next(
            one for one in self.ratios if (one.disturbance, one.population) == (disturbance, population)
        )


@dataclass(frozen=True, slots=True)
class _Task:
    rules: Ruleset
    population: Population
    seed: int
    customers: int | None
    disturbances: tuple[Disturbance, ...]


@dataclass(frozen=True, slots=True)
class _Count:
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
    progress: Progress = lambda _step, _done, _total: None,
) -> StressResult:
    """Return what each disturbance does to the false alarms of a ruleset, in a world for each seed.

    `customers` is the size of every population, by default all of a real one and `SYNTHETIC_CUSTOMERS`.
    """
    tasks = [
        _Task(rules, population, seed, customers, tuple(disturbances))
        for population, seed in product(populations, seeds)
    ]
    counts = in_parallel(
        _counts, tasks, jobs=jobs, step=f"stress, ruleset {rules.version}", progress=progress
    )
    ratios = [
        _ratio(
            what,
            population,
            [
                count[at]
                for task, count in zip(tasks, counts, strict=True)
                if population in {None, task.population}
            ],
        )
        for (at, what), population in product(enumerate(disturbances), [None, *populations])
    ]
    return StressResult(f"{rules.version}+{rules.hash}", tuple(seeds), tuple(ratios))


def _ratio(what: Disturbance, population: Population | None, counts: Sequence[_Count]) -> Ratio:
    pairs = np.array([(one.without, one.with_it) for one in counts])
    without, with_it = pairs.sum(axis=0).tolist()
    rng = np.random.default_rng(len(counts))
    drawn = pairs[rng.integers(0, len(counts), (_DRAWS, len(counts)))].sum(axis=1)
    drawn = drawn[drawn[:, 0] > 0]
    low, high = (0.0, float("inf"))
    if without:
        low, high = np.quantile(drawn[:, 1] / drawn[:, 0], (0.025, 0.975)).tolist()
    return Ratio(
        disturbance=what,
        population=population,
        worlds=len(counts),
        places=sum(one.places for one in counts),
        without=without,
        with_it=with_it,
        ratio=with_it / without if without else None,
        low=low,
        high=high,
    )


def _counts(task: _Task) -> list[_Count]:
    """Return the false alarms of one world, for each disturbance."""
    world = _placebo(task)
    usual = _alerted(world, task.rules)
    counts = []
    for what in task.disturbances:
        starts = _starts(world, what, task.seed)
        stressed = _alerted(_disturbed(world, what, starts, task.seed), task.rules)
        spans = [(start, start + (COURSES[what].days + AFTER_DAYS) * DAY_MS) for start in starts]
        counts.append(_Count(len(starts), _within(usual, spans), _within(stressed, spans)))
    return counts


def _placebo(task: _Task) -> World:
    """Return a world with two shops where nobody boycotts."""
    customers = task.customers
    if task.population is Population.SYNTHETIC:
        customers = customers or SYNTHETIC_CUSTOMERS
    options = GenerateOptions(
        population=task.population,
        seed=task.seed,
        customers=customers,
        contact_rate=CONTACT_RATE,
        boycott_harmless=0,
        boycott_mild=0,
        boycott_severe=0,
    )
    world = draw_world(options, lambda _step, _done, _total: None)
    shops = with_second_shop(world.transactions, np.random.default_rng(task.seed))
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
    with TemporaryDirectory() as directory:
        write_world(Path(directory), world)
        result = replay_directory(Path(directory), ruleset=rules, now_ms=world.purchases.end_ms + DAY_MS)
    return [
        parse_ms(alert.time)
        for alert in result.alerts
        if alert.level == "alert" and alert.state != "resolved"
    ]


def _within(times: Sequence[int], spans: Iterable[tuple[int, int]]) -> int:
    return sum(start <= time < end for start, end in spans for time in times)
