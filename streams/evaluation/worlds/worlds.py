"""Whole worlds with known truth, replayed through the core: what its alerts and its probabilities are worth.

For each seed a population gets contacts and boycotts as `generate` draws them, and every event goes through
`replay`. That is done in two mixes: with boycotts as often as the weights of the ruleset say, where the
stated probability can be held to its word, and with the rates of `generate`, where the deviation shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.evaluation.shared.parallel import Progress, in_parallel
from streams.evaluation.worlds.episodes import Episodes
from streams.evaluation.worlds.figures import Mix, MixFigures, figures_of
from streams.evaluation.worlds.rates import rates_of_weights
from streams.evaluation.worlds.truth import Held, hold
from streams.lab.generate.options import GenerateOptions, Population
from streams.lab.generate.run import write_world
from streams.lab.generate.world import World, draw_world
from streams.lab.replay import replay_directory

SYNTHETIC_CUSTOMERS: Final = 4_000
REAL: Final = (0.75, 0.87)
"""The share of the records with a probability of `STATED` that must be real, in the mix of the weights."""
LEAST: Final = 500
"""The number of them from which on the goal can be told."""


@dataclass(frozen=True, slots=True)
class WorldsResult:
    """The alerts of one ruleset against the truth."""

    ruleset: str
    """Version and hash."""
    seeds: tuple[int, ...]
    figures: tuple[MixFigures, ...]
    """For each mix: all populations together, then each of them."""

    def of(self, mix: Mix, population: Population | None = None) -> MixFigures:
        """Return the figures of a mix and a population, or of all together."""
        return next(one for one in self.figures if (one.mix, one.population) == (mix, population))

    @property
    def calibrated(self) -> bool | None:
        """Tell whether the goal for the stated probability is met; None with too few records to tell."""
        real = self.of(Mix.WEIGHTS).stated.real
        if real.share is None or real.of < LEAST:
            return None
        return REAL[0] <= real.share <= REAL[1]


@dataclass(frozen=True, slots=True)
class _Task:
    rules: Ruleset
    mix: Mix
    population: Population
    seed: int
    customers: int | None


def alerts_against_truth(  # noqa: PLR0913 - all but the first three have a default and go by name
    rules: Ruleset,
    seeds: Sequence[int],
    populations: Sequence[Population],
    *,
    customers: int | None = None,
    jobs: int = 1,
    progress: Progress = lambda _step, _done, _total: None,
) -> WorldsResult:
    """Return what the alerts of a ruleset are worth in a world for each seed, population and mix.

    `customers` is the size of every population, by default all of a real one and `SYNTHETIC_CUSTOMERS`.
    """
    tasks = [
        _Task(rules, mix, population, seed, customers)
        for mix, population, seed in product(Mix, populations, seeds)
    ]
    held = in_parallel(_held, tasks, jobs=jobs, step=f"worlds, ruleset {rules.version}", progress=progress)
    done = list(zip(tasks, held, strict=True))
    figures = [
        figures_of(
            mix,
            population,
            [one for task, one in done if task.mix is mix and population in {None, task.population}],
        )
        for mix, population in product(Mix, [None, *populations])
    ]
    return WorldsResult(f"{rules.version}+{rules.hash}", tuple(seeds), tuple(figures))


def options_of(population: Population, seed: int, customers: int | None) -> GenerateOptions:
    """Return what to generate for a world of the evaluation."""
    if population is Population.SYNTHETIC:
        customers = customers or SYNTHETIC_CUSTOMERS
    return GenerateOptions(population=population, seed=seed, customers=customers)


def _held(task: _Task) -> Held:
    rates = rates_of_weights(task.rules) if task.mix is Mix.WEIGHTS else None
    options = options_of(task.population, task.seed, task.customers)
    world = draw_world(options, lambda _step, _done, _total: None, rates)
    episodes = Episodes()
    with TemporaryDirectory() as directory:
        write_world(Path(directory), world)
        result = replay_directory(Path(directory), ruleset=task.rules, sampler=episodes, now_ms=after(world))
    return hold(world, result, episodes)


def after(world: World) -> int:
    """Return a wall clock (ms) beyond all events of a world."""
    return world.purchases.end_ms + DAY_MS
