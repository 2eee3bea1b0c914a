"""What is found with everything and without some of it: the same worlds and the same boycotts for each.

Counted are the boycotts of customers who could have been judged at the end of the day of their last contact,
with 90 days of history after their start, whether anything was told of the contact or not.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final, NamedTuple

import numpy as np
from typing_extensions import override

from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.evaluation.fields.blanks import BLANKS, EVERYTHING
from streams.evaluation.shared.parallel import in_parallel
from streams.evaluation.shared.replayed import replayed
from streams.evaluation.shared.wilson import Share, wilson
from streams.evaluation.worlds.episodes import Episodes, spans_of
from streams.evaluation.worlds.truth import DAYS, boycotts_of, found_in, hold
from streams.lab.generate.boycotts import Boycott, Outcome
from streams.lab.generate.options import GenerateOptions, Population
from streams.lab.generate.world import Progress, World, draw_world, unseen

CONTACT_RATE: Final = 3.0
"""Journeys per customer and year: thrice the usual number, so that there are boycotts enough to compare."""
_DRAWS: Final = 2_000

Key = tuple[str, int]
"""A boycott: the customer, and its start in ms."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a row has less everything, in the same worlds, with the 95 % interval over worlds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FieldRow:
    """What is found without some fields."""

    name: str
    found: Share
    """Of the boycotts, those with an alert within 90 days, and before they ended."""
    found_less: Difference
    median_days: float | None
    """From the start to the alert, of those found; None if none is."""
    real: Share
    """Of the alerts, those whose customer had left."""
    real_less: Difference | None
    """None where there are no alerts."""


@dataclass(frozen=True, slots=True)
class FieldsResult:
    """The rows, everything first."""

    ruleset: str
    """Version and hash."""
    seeds: tuple[int, ...]
    rows: tuple[FieldRow, ...]


class _Count(NamedTuple):
    """What one row found in one world."""

    days: list[float | None]
    """For each boycott, in an order that is the same for all rows; None if it was not found."""
    real: int
    alerts: int

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Return those found, all boycotts, the real alerts and all alerts."""
        return sum(one is not None for one in self.days), len(self.days), self.real, self.alerts


def fields_against_truth(  # noqa: PLR0913 - all but the first two have a default and go by name
    rules: Ruleset,
    seeds: Sequence[int],
    *,
    population: Population = Population.COMPLETEJOURNEY,
    customers: int | None = None,
    jobs: int = 1,
    progress: Progress = unseen,
) -> FieldsResult:
    """Return what is found with each blank in a world for each seed; `customers` of None are all."""
    work, step = partial(_counts, rules, population, customers), f"worlds, ruleset {rules.version}"
    worlds = in_parallel(work, seeds, jobs=jobs, step=step, progress=progress)
    rows = tuple(
        _row(name, [one[name] for one in worlds], [one[EVERYTHING] for one in worlds]) for name in BLANKS
    )
    return FieldsResult(f"{rules.version}+{rules.hash}", tuple(seeds), rows)


def _counts(rules: Ruleset, population: Population, customers: int | None, seed: int) -> dict[str, _Count]:
    """Return what each row finds in one world."""
    options = GenerateOptions(
        population=population, seed=seed, customers=customers, contact_rate=CONTACT_RATE
    )
    world = draw_world(options, unseen)
    standing = _Standing(_with_history(world))
    counts = {EVERYTHING: _count(world, world, rules, standing, standing.stood)}
    for name, blank in BLANKS.items():
        if name != EVERYTHING:
            counts[name] = _count(world, blank(world), rules, Episodes(), standing.stood)
    return counts


def _with_history(world: World) -> Iterable[tuple[str, Outcome, Boycott]]:
    """Yield the boycotts with enough history after their start, by customer."""
    for customer_id, mine in boycotts_of(world).items():
        for outcome, boycott in mine:
            if boycott.start_ms + DAYS * DAY_MS <= world.purchases.end_ms:
                yield customer_id, outcome, boycott


class _Standing(Episodes):
    """Notes besides which boycotts are those of customers who could be judged."""

    def __init__(self, boycotts: Iterable[tuple[str, Outcome, Boycott]]) -> None:
        super().__init__()
        self.stood: set[Key] = set()
        self._waiting = [
            (outcome.journey.last_ms, who, boycott.start_ms) for who, outcome, boycott in boycotts
        ]

    @override
    def sample(self, partition: Partition) -> None:
        """Look at the customers whose last contact was before what is decided."""
        waiting = []
        for one in self._waiting:
            last_ms, customer_id, start_ms = one
            standing = partition.standing(customer_id) if last_ms < partition.decided else None
            if standing is None:
                waiting.append(one)  # later, or in another partition
            elif standing.judged and standing.valuable and not standing.shared:
                self.stood.add((customer_id, start_ms))
        self._waiting = waiting


def _count(world: World, told: World, rules: Ruleset, episodes: Episodes, stood: set[Key]) -> _Count:
    """Return what is found when a world is told so; `stood` is read when all is replayed."""
    result = replayed(told, rules, episodes)
    held = hold(world, result, episodes)
    raised = [one for one in result.alerts if one.state != "resolved"]
    spans, end_ms = spans_of(raised, episodes, world.purchases.end_ms), world.purchases.end_ms
    found = [
        found_in(outcome, boycott, spans.get(customer_id, []), end_ms)
        for customer_id, outcome, boycott in _with_history(world)
        if (customer_id, boycott.start_ms) in stood
    ]
    alerts = [one.real for one in held.raised if one.level == "alert"]
    return _Count([None if one is None else one.days(one.alert) for one in found], sum(alerts), len(alerts))


def _row(name: str, counts: Sequence[_Count], whole: Sequence[_Count]) -> FieldRow:
    pairs = np.array([[one.counts, other.counts] for one, other in zip(counts, whole, strict=True)])
    found, boycotts, real, alerts = pairs[:, 0].sum(axis=0).tolist()
    days = [day for one in counts for day in one.days if day is not None]
    return FieldRow(
        name=name,
        found=wilson(found, boycotts),
        found_less=_less(pairs, lambda sums: sums[..., 0] / np.maximum(sums[..., 1], 1)),
        median_days=median(days) if days else None,
        real=wilson(real, alerts),
        real_less=_less(pairs, lambda sums: sums[..., 2] / np.maximum(sums[..., 3], 1)) if alerts else None,
    )


_Sums = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
_Shares = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _less(pairs: _Sums, share: Callable[[_Sums], _Shares]) -> Difference:
    """Return the difference of a share, all worlds together; worlds are drawn again for the interval."""
    worlds = len(pairs)
    rng = np.random.default_rng(worlds)
    drawn = share(pairs[rng.integers(0, worlds, (_DRAWS, worlds))].sum(axis=1))
    whole = share(pairs.sum(axis=0))
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], (0.025, 0.975)).tolist()
    return Difference(float(whole[0] - whole[1]), low, high)
