"""Whole worlds with known truth, replayed through the core: what its alerts and its probabilities are worth.

For each seed a population gets contacts and boycotts as `generate` draws them, and every event goes through
`replay`. That is done in two mixes: with boycotts as often as the weights of the ruleset say, where the
stated probability can be held to its word, and with the rates of `generate`, where the deviation shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Final

from streams.core.ruleset import Ruleset
from streams.evaluation.shared.parallel import in_parallel
from streams.evaluation.shared.replayed import replayed
from streams.evaluation.worlds.episodes import Episodes
from streams.evaluation.worlds.figures import Mix, MixFigures, figures_of
from streams.evaluation.worlds.rates import rates_of_weights
from streams.evaluation.worlds.truth import Held, hold
from streams.lab.generate.options import GenerateOptions, Population
from streams.lab.generate.world import Progress, draw_world, unseen

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
        """Return whether the goal for the stated probability is met; None with too few records to tell."""
        real = self.of(Mix.WEIGHTS).stated.real
        if real.share is None or real.of < LEAST:
            return None
        return REAL[0] <= real.share <= REAL[1]


def alerts_against_truth(  # noqa: PLR0913 - all but the first three have a default and go by name
    rules: Ruleset,
    seeds: Sequence[int],
    populations: Sequence[Population],
    *,
    customers: int | None = None,
    jobs: int = 1,
    progress: Progress = unseen,
) -> WorldsResult:
    """Return what the alerts of a ruleset are worth in a world for each seed, population and mix.

    `customers` is the size of every population, by default all of a real one and `SYNTHETIC_CUSTOMERS`.
    """
    tasks = list(product(Mix, populations, seeds))
    work, step = partial(_held, rules, customers), f"worlds, ruleset {rules.version}"
    done = list(zip(tasks, in_parallel(work, tasks, jobs=jobs, step=step, progress=progress), strict=True))
    figures = tuple(
        figures_of(mix, whose, [one for (of, whom, _), one in done if of is mix and whose in {None, whom}])
        for mix, whose in product(Mix, [None, *populations])
    )
    return WorldsResult(f"{rules.version}+{rules.hash}", tuple(seeds), figures)


def _held(rules: Ruleset, customers: int | None, task: tuple[Mix, Population, int]) -> Held:
    mix, population, seed = task
    if population is Population.SYNTHETIC:
        customers = customers or SYNTHETIC_CUSTOMERS
    options = GenerateOptions(population=population, seed=seed, customers=customers)
    world = draw_world(options, unseen, rates_of_weights(rules) if mix is Mix.WEIGHTS else None)
    episodes = Episodes()
    return hold(world, replayed(world, rules, episodes), episodes)
