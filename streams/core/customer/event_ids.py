"""The ids of recent events, to drop duplicates: the first in the log wins.

An id is known by a 64-bit hash of source, kind and event id; among a billion ids remembered, one in twenty
billion new events would be taken for a duplicate by chance.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from xxhash import xxh3_64_intdigest

from streams.core.customer.id_table import UNIT_BITS, IdTable
from streams.core.customer.pending import Event, kind_of
from streams.core.time import DAY_MS
from streams.core.watermark import NEVER, TOO_LATE_MS, Clock

MOST_RECENT: Final = 65_536
"""From so many ids on they are kept in the table, which is a little slower, and 15 times smaller."""
MOVED: Final = 1_024
"""So many of the dict go into the table with every batch from then on."""
_SEEDS_KEPT: Final = 10_000
_PRUNED_MS: Final = 4 * DAY_MS

Settle = Callable[[int, str, int], bool]
"""Tells by what customers keep whether an event with a hash came at an effective time (ms) or after it.

The customer who has the same id now is the likeliest to have had it then.
"""


class EventIds:
    """The ids seen on one input of a partition, each with its first effective time, for 8 days beyond it.

    Few are in a dict. Many go into a table that knows an effective time to 17 minutes; where that leaves open
    whether an id is 8 days old, the entries in the customers' records tell. What counts as a duplicate is
    decided by the effective times alone, not by which ids happen to be remembered still. Without `settle`
    there are no records to tell, and all are in the dict.
    """

    __slots__ = ("_pruned", "_seeds", "_settle", "recent", "table")

    def __init__(self, settle: Settle | None = None) -> None:
        self.recent: dict[int, int] = {}
        self.table = IdTable()
        self._settle = settle
        self._pruned = NEVER
        self._seeds: dict[str, int] = {}

    def seed(self, source: str) -> int:
        """Return the seed that the ids of a source's purchases are hashed with."""
        seed = self._seeds.get(source)
        if seed is None:
            if len(self._seeds) >= _SEEDS_KEPT:
                self._seeds.clear()
            seed = self._seeds[source] = xxh3_64_intdigest(source.encode())
        return seed

    def key(self, source: str, event_id: str, kind: str = "") -> int:
        """Return the hash that stands for an event's id among those of its kind."""
        salt = self.seed(source)
        if kind:
            salt = xxh3_64_intdigest(kind.encode(), salt)
        return xxh3_64_intdigest(event_id.encode(), salt)

    def key_of(self, event: Event) -> int:
        """Return the hash that stands for an event's id."""
        return self.key(event.source, event.event_id, kind_of(event))

    def is_duplicate(self, key: int, effective_time: int, customer_id: str = "") -> bool:
        """Return whether an event with this id came within the 8 days before an effective time."""
        first, oldest = self.recent.get(key), effective_time - TOO_LATE_MS
        if first is not None and first >= oldest:
            return True
        if not self.table.may_have(key):  # nearly always
            return False
        newest, open_unit = max(self.table.units(key), default=NEVER), oldest >> UNIT_BITS
        return newest > open_unit or (
            newest == open_unit and self._settle is not None and self._settle(key, customer_id, oldest)
        )

    def remember(self, key: int, effective_time: int) -> None:
        """Note an accepted event."""
        if self.table.buckets:
            self.table.add(key, effective_time)
        else:
            self.recent[key] = effective_time

    def restore(self, events: Sequence[tuple[int, int]], clock: Clock) -> None:
        """Restore events, (hash, effective time), in any order: the last to be accepted counts.

        All stay in the dict while the clock is not known: the table can't hold ids of any age.
        """
        if self.table.buckets:
            self.table.add_all(events)
            return
        recent = self.recent
        for key, effective_time in events:
            if recent.get(key, NEVER) < effective_time:
                recent[key] = effective_time
        if clock.now != NEVER:
            self._open_if_many()

    def discard(self, key: int, effective_time: int) -> None:
        """Forget an event, for the erasure of its customer; not another's that used the id later."""
        if self.recent.get(key) == effective_time:
            del self.recent[key]
        self.table.discard(key, effective_time)

    def tidy(self, clock: Clock) -> None:
        """Move what the table should hold, and let go of what can make no duplicate: a little at a time."""
        oldest = clock.now - TOO_LATE_MS
        if clock.now - self._pruned > _PRUNED_MS:
            self._pruned = clock.now
            self.recent = {
                key: effective_time for key, effective_time in self.recent.items() if effective_time >= oldest
            }
        if self.table.is_over(oldest):
            self.table = IdTable()
        self._open_if_many()
        if self.table.buckets:
            self._move()
            self.table.split_up()
            self.table.forget(clock.now, oldest)

    def _open_if_many(self) -> None:
        if self._settle is not None and len(self.recent) >= MOST_RECENT and not self.table.buckets:
            self.table.open()

    def _move(self) -> None:
        recent = self.recent
        for key in list(islice(recent, MOVED)):
            self.table.add(key, recent.pop(key))
