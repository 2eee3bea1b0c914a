"""Drawn trials with a known effect, from the events on: how often the 95 % intervals hold the truth.

500 trials each, so that a true 95 % shows as 93 to 97 % nineteen times of twenty.
"""

import random
from collections import Counter
from dataclasses import replace

import pytest

from schemas.events import Transaction
from streams.core.alerts.arm import Arm
from streams.core.ruleset import Ruleset
from streams.uplift.comparison import Uplift
from streams.uplift.trial_statistics import Estimate
from tests.uplift.trial import Trial, bought, raised

pytestmark = pytest.mark.slow

TRIALS = 500
CUSTOMERS = 240
SHARE = 0.3
RULES = replace(Ruleset(), holdout_share=SHARE, holdout_salt="s")
LOW, HIGH = 0.93, 0.97


def drawn(seed: int, rates: dict[Arm, float]) -> Uplift:
    """Return what is said of a trial in which so many return.

    Whoever returns spends 140 to 600, within 28 days; three in ten of the others buy for 50, and a third of
    all that is bought once more and sent back.
    """
    draw = random.Random(seed)
    arms: list[Arm] = ["holdout" if draw.random() < SHARE else "treated" for _ in range(CUSTOMERS)]
    trial = Trial({f"c{at}": raised(f"c{at}", arm) for at, arm in enumerate(arms)})
    for customer, one in trial.rows.items():
        first = purchase(draw, customer, returns=draw.random() < rates[one.arm])
        if first is None:
            continue
        trial.outcomes.take(first)
        if draw.random() < 1 / 3:
            again = bought(customer, 80, first.cents, "again")
            trial.outcomes.take(again)
            trial.outcomes.take(
                bought(customer, 120, first.cents, "back", kind="refund", original_time=again.time)
            )
    return trial.compared(RULES)


def purchase(draw: random.Random, customer: str, *, returns: bool) -> Transaction | None:
    if returns:
        return bought(customer, draw.uniform(0, 60), draw.randint(14_000, 60_000), "first")
    return bought(customer, draw.uniform(0, 60), 5_000, "first") if draw.random() < 0.3 else None


def holds(one: Estimate | None, truth: float) -> bool:
    return one is not None and one.low <= truth <= one.high


def shares(rates: dict[Arm, float]) -> dict[str, float]:
    """Return how often each interval holds the truth."""
    p, q = rates["treated"], rates["holdout"]

    def spends(rate: float) -> float:
        return rate * 37_000 + (1 - rate) * 0.3 * 5_000

    def buys(rate: float) -> float:
        return rate + (1 - rate) * 0.3

    held: Counter[str] = Counter()
    for seed in range(TRIALS):
        found = drawn(seed, rates)
        assert found.verdict == "compared"
        measures = found.measures
        held["returned"] += holds(measures.returned.difference, p - q)
        held["returned, ratio"] += holds(measures.returned.ratio, p / q)
        held["bought"] += holds(measures.bought.difference, buys(p) - buys(q))
        held["spend"] += holds(measures.spend.difference, spends(p) - spends(q))
        held["spend, ratio"] += holds(measures.spend.ratio, spends(p) / spends(q))
        held["usual days"] += holds(measures.usual_days.difference, (spends(p) - spends(q)) / 1000)
        held["unlike or of the wrong size"] += any("arms" in one for one in found.warnings)
    return {name: count / TRIALS for name, count in held.items()}


@pytest.mark.parametrize(
    "rates", [{"treated": 0.35, "holdout": 0.25}, {"treated": 0.25, "holdout": 0.25}], ids=["effect", "none"]
)
def test_95_of_100_intervals_hold_the_truth(rates: dict[Arm, float]) -> None:
    found = shares(rates)
    print(found)
    false_warnings = found.pop("unlike or of the wrong size", 0)
    assert all(LOW <= share <= HIGH for share in found.values()), found
    assert false_warnings <= 0.01
