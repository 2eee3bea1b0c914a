"""All alerts of a directory, recomputed plainly from the detection text: clear before fast."""

from pathlib import Path
from time import time_ns

from tests.recompute.arrival import Partition, read
from tests.recompute.delivery import Deliveries
from tests.recompute.episodes import Story
from tests.recompute.events import Contact
from tests.recompute.feed import Feed
from tests.recompute.freezing import Surroundings
from tests.recompute.pace import PopulationClock
from tests.recompute.records import Expected
from tests.recompute.rules import Rules, hour_of
from tests.recompute.spending import refreshes

__all__ = ["Expected", "Rules", "recompute"]


def recompute(
    directory: Path,
    *,
    partitions: int = 4,
    ruleset: Rules | None = None,
    now_ms: int | None = None,
    reporting_currency: str = "USD",
) -> list[Expected]:
    """Give every alert record of both arms, by time, customer_id and order of decision.

    `now_ms` is the wall clock that the future is measured against, the machine's by default.
    """
    rules = ruleset or Rules()
    now_ms = time_ns() // 1_000_000 if now_ms is None else now_ms
    arrival = read(directory, rules, partitions, now_ms, reporting_currency)
    if arrival.end_ms is None:
        return []
    alerts = [
        alert for partition in arrival.partitions for alert in _partition(partition, arrival.end_ms, rules)
    ]
    return sorted(alerts, key=lambda alert: (alert.time_ms, alert.customer_id))


def _partition(partition: Partition, end_ms: int, rules: Rules) -> list[Expected]:
    end_hour = hour_of(end_ms)
    around = Surroundings(
        refreshes(partition, end_hour, rules),
        Feed(partition, end_hour, rules),
        PopulationClock(partition, rules),
        Deliveries(partition, rules),
        rules,
    )
    return [
        alert
        for customer_id, customer in partition.customers.items()
        if rules.silent or any(isinstance(fact.event, Contact) for fact in customer.agenda)
        for alert in Story(customer_id, customer, around).run(end_ms)
    ]
