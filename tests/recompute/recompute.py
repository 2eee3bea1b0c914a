"""All alerts of a directory, recomputed plainly from the detection text: clear before fast."""

from pathlib import Path
from time import time_ns

from tests.recompute.arrival import Partition, read
from tests.recompute.delivery import Deliveries
from tests.recompute.episodes import Story
from tests.recompute.feed import Feed
from tests.recompute.freezing import Surroundings
from tests.recompute.history import History
from tests.recompute.moves import Move, is_arrival, moves, steps
from tests.recompute.pace import PopulationClock
from tests.recompute.records import Expected
from tests.recompute.rules import Rules, hour_of
from tests.recompute.spending import Refresh, refreshes

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
    end_hour = hour_of(arrival.end_ms)
    moved = [move for move in moves(arrival) if move.hour <= end_hour]
    found = refreshes(arrival.partitions, moved, end_hour, rules)
    stories: dict[str, Story] = {}
    for partition, known in zip(arrival.partitions, found, strict=True):
        stories |= _stories(partition, known, end_hour, rules)
    _exchange(stories, moved, arrival.end_ms)
    alerts = [alert for story in stories.values() for alert in story.run(arrival.end_ms)]
    return sorted(alerts, key=lambda alert: (alert.time_ms, alert.customer_id))


def _stories(
    partition: Partition, known: dict[int, Refresh], end_hour: int, rules: Rules
) -> dict[str, Story]:
    feed, clock = Feed(partition, end_hour, rules), PopulationClock(partition, rules)
    around = Surroundings(known, feed, clock, Deliveries(partition, rules), rules)
    return {name: Story(name, each, around) for name, each in partition.customers.items()}


def _exchange(stories: dict[str, Story], moved: list[Move], end_ms: int) -> None:
    """Let those who are merged live up to the last move, each in its turn."""
    given: dict[Move, History] = {}
    for step in steps(moved):
        move = step[-1]
        if not is_arrival(step):
            given[move] = stories[move.old].hand_over(move.hour)
        elif move.arrives_ms < end_ms:
            stories[move.new].take(given.pop(move), move)
