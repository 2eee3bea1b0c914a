"""Several partitions in the order of event time, as far as that is known.

Partitions of one feed drift apart by days while old records are read. So the next record is always that of
the partition whose next one is the earliest, and a partition that has more to give, but nothing here yet, is
waited for. One that was read to its end holds nobody up.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import Final

from streams.ingest.flow.record import Place, Prepared, Record

WAIT_SECONDS: Final = 40.0
"""How long a partition that brings nothing is waited for: a broker ends a dead producer's transaction, which
hides what follows, within half a minute."""
_BEFORE_ALL: Final = -(1 << 62)


@dataclass(slots=True, eq=False)
class _Lane:
    """One partition: what of it is here, and how far it is known to go."""

    place: Place
    firm: bool
    """Whether only reaching `end` counts as its end, and not that a reader says so."""
    end: int
    """Offset up to which it is waited for; beyond any offset while its end is not known."""
    position: int = -1
    """Offset up to which it was read, as far as is known."""
    records: deque[Record] = field(default_factory=deque)
    size: int = 0
    time: int = _BEFORE_ALL
    """Of the last record taken that had one."""
    head: Prepared | None = None
    waiting_since: float = 0.0

    @property
    def behind(self) -> bool:
        return self.position < self.end


class Merge:
    """Partitions, and whose turn it is. `prepare` maps a record; `clock` gives seconds.

    A time beyond `latest`, ms, is a wrong clock's: it tells nothing, and must not hold up what follows it.
    """

    def __init__(
        self,
        prepare: Callable[[Record], Prepared],
        clock: Callable[[], float],
        latest: Callable[[], float] = lambda: inf,
    ) -> None:
        self._prepare, self._clock, self._latest = prepare, clock, latest
        self._lanes: dict[Place, _Lane] = {}
        self._heads: list[tuple[int, Place, _Lane]] = []
        self._unprepared: set[_Lane] = set()
        self._waited_for: set[_Lane] = set()

    # What is there

    def add(self, place: Place, *, firm: bool = False) -> None:
        """Add a partition of which nothing is known yet: it is waited for."""
        self.remove([place])
        lane = self._lanes[place] = _Lane(place, firm, end=-_BEFORE_ALL)
        self._wait_for(lane)

    def remove(self, places: Iterable[Place]) -> None:
        """Forget partitions, and what of them is here."""
        gone = [lane for lane in (self._lanes.pop(place, None) for place in places) if lane is not None]
        self._unprepared.difference_update(gone)
        self._waited_for.difference_update(gone)
        self._heads = [entry for entry in self._heads if entry[2] not in gone]
        self._heads.sort()

    def offer(self, place: Place, records: list[Record], end: int | None = None) -> None:
        """Add records of a partition, in their order, and where it ends now if that is known."""
        lane = self._lanes.get(place)
        if lane is None or not records:
            return
        lane.records.extend(records)
        lane.size += sum(one.size for one in records)
        lane.position = records[-1].offset + 1
        if end is not None and not lane.firm:
            lane.end = end
        self._stop_waiting(lane)
        if lane.head is None:
            self._unprepared.add(lane)

    def reached_end(self, place: Place, offset: int) -> None:
        """Note that a reader found nothing more at an offset, for now."""
        lane = self._lanes.get(place)
        if lane is None:
            return
        lane.position = max(lane.position, offset)
        if not lane.firm:
            lane.end = lane.position
        if not lane.behind:
            self._stop_waiting(lane)

    def expect(self, place: Place, end: int, *, at_least: bool = False) -> None:
        """Set up to which offset a partition is waited for; with `at_least` never lower than it is."""
        lane = self._lanes.get(place)
        if lane is None:
            return
        lane.end = max(lane.end, end) if at_least else end
        if not lane.records:
            if lane.behind:
                self._wait_for(lane)
            else:
                self._stop_waiting(lane)

    @property
    def places(self) -> list[Place]:
        """Return the partitions."""
        return list(self._lanes)

    def size(self, place: Place) -> int:
        """Return about how many bytes of a partition are here."""
        return self._lanes[place].size if place in self._lanes else 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is here."""
        return not any(lane.records for lane in self._lanes.values())

    def is_drained(self, place: Place) -> bool:
        """Return whether all that a partition is known to hold was taken."""
        lane = self._lanes[place]
        return not lane.records and not lane.behind

    # Turns

    def take(self) -> Prepared | None:
        """Return the next record; None if there is none, or one that may be earlier is still to come.

        Raises what `prepare` raises, and then goes on with the same record.
        """
        while self._unprepared:
            lane = next(iter(self._unprepared))
            self._prepare_head(lane)
            self._unprepared.discard(lane)
        if not self._heads or self._waited_for:
            return None
        time, _, lane = heappop(self._heads)
        prepared, lane.head = lane.head, None
        record = lane.records.popleft()
        lane.size -= record.size
        lane.time = time
        if lane.records:
            self._unprepared.add(lane)
        elif lane.behind:
            self._wait_for(lane)
        return prepared

    def put_back(self, records: Iterable[Record]) -> None:
        """Put records back that were taken, given in the order in which they were taken."""
        for record in reversed(list(records)):
            lane = self._lanes.get(Place(record.topic, record.partition))
            if lane is not None:
                self._behead(lane)
                lane.records.appendleft(record)
                lane.size += record.size
                self._stop_waiting(lane)
                self._unprepared.add(lane)

    def give_up(self) -> list[Place]:
        """Return the partitions that have brought nothing for too long: they are waited for no more."""
        now = self._clock()
        lanes = [lane for lane in self._waited_for if now - lane.waiting_since > WAIT_SECONDS]
        for lane in lanes:
            lane.end = lane.position
            self._stop_waiting(lane)
        return [lane.place for lane in lanes]

    def _prepare_head(self, lane: _Lane) -> None:
        prepared = self._prepare(lane.records[0])
        lane.head = prepared
        time = prepared.time
        if time is None or time > self._latest():
            time = lane.time
        heappush(self._heads, (time, lane.place, lane))

    def _behead(self, lane: _Lane) -> None:
        if lane.head is not None:
            lane.head = None
            self._heads = [entry for entry in self._heads if entry[2] is not lane]
            self._heads.sort()

    def _wait_for(self, lane: _Lane) -> None:
        if lane not in self._waited_for:
            lane.waiting_since = self._clock()
            self._waited_for.add(lane)

    def _stop_waiting(self, lane: _Lane) -> None:
        self._waited_for.discard(lane)
