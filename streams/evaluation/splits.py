"""Does the prediction hold? Calibrated on one half of the households, tried on the other, many times over."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from streams.core.ruleset import DEFAULT, Ruleset
from streams.lab.calibrate.history.history import History
from streams.lab.calibrate.measures.share import Share, predicted
from streams.lab.calibrate.measures.temperature import Sample
from streams.lab.calibrate.measures.windows import Floats, placebo_windows
from streams.lab.generate import GenerateOptions
from streams.lab.generate.populations import load
from streams.lab.generate.purchases import Flags, Purchases

_SPREAD: Final = 40


@dataclass(frozen=True, slots=True)
class Split:
    """One split: the prediction from the first half, and the result on the second."""

    temperature: float
    calibrated_on: int
    tried_on: int
    predicted: Share
    realised: float

    @property
    def within(self) -> bool:
        """Return whether the result lies within the predicted interval."""
        return self.realised in self.predicted


def held_out_splits(
    rules: Ruleset = DEFAULT, *, splits: int, target: float = 0.05, customers: int | None = None
) -> list[Split]:
    """Return how calibrating on one half of the households of completejourney does on the other half.

    The same every time. Each half is a population of its own, with its own cut-off and irregularity. Values
    from the least F that opens an episode to the cap stand for the F of episodes. Raise ModuleNotFoundError
    as `generate` does.
    """
    levels = np.linspace(rules.opening_frustration, rules.frustration_cap, _SPREAD)
    options = GenerateOptions(customers=customers)
    purchases = load(options, np.random.default_rng(options.seed))
    return [_split(purchases, rules, levels, target, seed) for seed in range(splits)]


def _split(purchases: Purchases, rules: Ruleset, levels: Floats, target: float, seed: int) -> Split:
    half = np.random.default_rng(seed).permutation(len(purchases.customer_ids)) % 2
    first, second = (_sample(purchases, half == side, rules, levels) for side in (0, 1))
    fitted = first.fitted(rules, target)
    return Split(
        temperature=fitted.temperature,
        calibrated_on=first.windows,
        tried_on=second.windows,
        predicted=predicted(first, rules, target, second.customers),
        realised=second.false_alarms(fitted),
    )


def _sample(purchases: Purchases, chosen: Flags, rules: Ruleset, levels: Floats) -> Sample:
    """Return the sample of some of the customers, by their index, in one partition."""
    history = History(rules, partitions=1)
    history.stretch(purchases.start_ms)
    history.stretch(purchases.end_ms)
    mine = chosen[purchases.customer]
    for at, time_ms, cents in zip(
        purchases.customer[mine].tolist(),
        purchases.time_ms[mine].tolist(),
        purchases.cents[mine].tolist(),
        strict=True,
    ):
        history.spend(purchases.customer_ids[at], time_ms, cents)
    history.complete()
    windows = placebo_windows(history, rules, history.first_hour, history.end_hour)
    return Sample.of(windows, levels)
