"""Merged customers: which id hands its history over to which, and at what hour."""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from tests.recompute.arrival import Arrival, Customer, Fact
from tests.recompute.events import Disposition, Merge
from tests.recompute.rules import HOUR_MS, hour_of

_HANDS_OVER, _ARRIVES, _FACT = range(3)
"""Order of what happens at one instant."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """All of an id is handed over at an hour, and arrives at another id an hour later."""

    hour: int
    old: str
    new: str
    is_first: bool
    """The first of the old id to this new one."""
    revives: bool
    """The new id had ended before, and lives again."""

    @property
    def arrives_ms(self) -> int:
        """Instant at which it is folded, before all else."""
        return (self.hour + 1) * HOUR_MS


Step = tuple[int, int, str, Move]


def steps(moves: Iterable[Move]) -> list[Step]:
    """Give both halves of all moves in the order in which they happen: (ms, half, old id, move)."""
    found: list[Step] = []
    for move in moves:
        found.append((move.hour * HOUR_MS, _HANDS_OVER, move.old, move))
        found.append((move.arrives_ms, _ARRIVES, move.old, move))
    return sorted(found, key=lambda step: step[:3])


def is_arrival(step: Step) -> bool:
    """Whether a step is the second half of a move."""
    return step[1] == _ARRIVES


def moves(arrival: Arrival) -> list[Move]:
    """Give all moves; those that the end of time cuts off included."""
    customers = {name: each for partition in arrival.partitions for name, each in partition.customers.items()}
    return _Ends(customers).run()


class _Ends:
    """Which ids are ended, from instant to instant."""

    def __init__(self, customers: dict[str, Customer]) -> None:
        self._ended: dict[str, Merge] = {}
        self._moves: list[Move] = []
        self._pairs: set[tuple[str, str]] = set()
        self._asked: set[tuple[int, str]] = set()
        self._number = count()
        self._queue: list[tuple[int, int, str, int, Merge | None, str]] = []
        for name in _merged(customers):
            self._foresee(name, customers.get(name, Customer()))

    def _foresee(self, name: str, customer: Customer) -> None:
        for pane, _ in customer.on_time:
            self._ask(pane + 1, name)
        for fact in customer.agenda:
            if not isinstance(fact.event, Disposition):
                self._ask(hour_of(fact.instant_ms) + 1, name)
            if isinstance(fact.event, Merge):
                self._push(fact.instant_ms, _FACT, name, fact.event)

    def _ask(self, hour: int, name: str) -> None:
        """Have it looked at an hour whether an id is ended, and so hands over."""
        if (hour, name) not in self._asked:
            self._asked.add((hour, name))
            self._push(hour * HOUR_MS, _HANDS_OVER, name)

    def _push(self, ms: int, what: int, name: str, merge: Merge | None = None, new: str = "") -> None:
        heappush(self._queue, (ms, what, name, next(self._number), merge, new))

    def run(self) -> list[Move]:
        while self._queue:
            ms, what, name, _, merge, new = heappop(self._queue)
            if what == _HANDS_OVER and name in self._ended:
                ended = self._ended[name]
                self._push(ms + HOUR_MS, _ARRIVES, name, ended, ended.merged_into)
            elif what == _ARRIVES and merge:
                self._arrive(hour_of(ms) - 1, name, merge, new)
            elif what == _FACT and merge:
                self._end(merge)
        return self._moves

    def _end(self, merge: Merge) -> None:
        before = self._ended.get(merge.customer_id)
        if before is None or before.age < merge.age:
            self._ended[merge.customer_id] = merge

    def _arrive(self, hour: int, old: str, merge: Merge, new: str) -> None:
        revives = new in self._ended and self._ended[new].age <= merge.age
        if revives:
            del self._ended[new]
        is_first = (old, new) not in self._pairs
        self._pairs.add((old, new))
        self._moves.append(Move(hour=hour, old=old, new=new, is_first=is_first, revives=revives))
        if new in self._ended:
            self._ask(hour + 2, new)


def _merged(customers: dict[str, Customer]) -> list[str]:
    """Ids that a merge ends at some time."""
    return [name for name, each in customers.items() if any(_is_merge(fact) for fact in each.agenda)]


def _is_merge(fact: Fact) -> bool:
    return isinstance(fact.event, Merge)
