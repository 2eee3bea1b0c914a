"""Partitions that decide together, and the histories of merged customers that go from one to another.

None decides beyond the arrival of a history that may yet come. So what comes of it does not depend on which
partition is ahead, as long as all that are to wait for one another are here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.alert import Alert
from streams.core.customer.moves import MOVE_HOURS, Move
from streams.core.partition.partition import Partition
from streams.core.time import HOUR_MS
from streams.core.watermark import NEVER, Input


@dataclass(slots=True)
class Decided:
    """What partitions decided."""

    alerts: list[list[Alert]]
    """Of each partition, in order of time."""
    leaving: list[Move]
    """For partitions that are not here."""


def decide_together(
    partitions: Sequence[Partition], home: Callable[[str], int | None], until: int | None = None
) -> Decided:
    """Make the decisions that the watermarks allow, up to a time (ms) if given.

    `home` tells which of the partitions a customer is in, None if in none of them.
    """
    decided = Decided([[] for _ in partitions], [])
    last = None
    while True:
        first = min((time for one in partitions if (time := one.next_move) is not None), default=None)
        barrier = None if first is None else first + MOVE_HOURS * HOUR_MS
        end = min((one for one in (barrier, until) if one is not None), default=None)
        for number, partition in enumerate(partitions):
            if end is None or partition.decided == NEVER or end > partition.decided:
                decided.alerts[number] += partition.decide(end)
        moves = [move for partition in partitions for move in partition.take_moves()]
        for move in moves:
            to = home(move.customer_id)
            if to is None:
                decided.leaving.append(move)
            else:
                partitions[to].apply(Input.MOVES, [move])
        if not moves and (end == until or barrier == last):
            return decided
        last = barrier
