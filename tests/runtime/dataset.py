"""A dataset of one: a customer who bought daily, was left alone with a problem, and bought no more."""

from typing import Final

from schemas.alert import Alert
from streams.core.partition.partition import Partition
from streams.core.ruleset import Ruleset
from streams.core.time import DAY_MS
from streams.core.watermark import FACTS, Input
from tests.core.drive import HOME, bad, daily

RULES: Final = Ruleset(population_minimum=1, high_value_quantile=0.1)
HOLDOUT: Final = Ruleset(population_minimum=1, high_value_quantile=0.1, holdout_share=1.0)
SILENT: Final = Ruleset(population_minimum=1, high_value_quantile=0.1, silent=True)
TROUBLE: Final = HOME + 150 * DAY_MS
"""When it went wrong, ms."""
TX, CT = Input.TRANSACTIONS, Input.CONTACTS


def dataset(customer_id: str = "a", rules: Ruleset = RULES, *, reason: str | None = "billing") -> Partition:
    """Return a partition up to the trouble; nothing is decided beyond."""
    partition = Partition(rules)
    partition.apply(TX, daily(customer_id, HOME, 150))
    partition.apply(CT, [bad(customer_id, TROUBLE, reason=reason)])
    return partition


def silent_dataset() -> Partition:
    """Return a partition of a customer who bought daily and stopped on day 150, under the silent rule."""
    partition = Partition(SILENT)
    partition.apply(TX, daily("a", HOME, 150))
    return partition


def wait(partition: Partition, until: int) -> list[Alert]:
    """Let time pass, and return the alerts."""
    return partition.advance(dict.fromkeys(FACTS, until))
