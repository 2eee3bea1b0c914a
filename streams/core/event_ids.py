"""The ids of recent events, to drop duplicates: the first in the log wins.

An id is known by a 64-bit hash of source and event id; among a billion ids remembered, one in twenty
billion new events would be taken for a duplicate by chance.
"""

from typing import Final

from xxhash import xxh3_64_intdigest

from streams.core.watermark import TOO_LATE_MS, Clock

_SEEDS_KEPT: Final = 10_000


class EventIds:
    """The ids seen on one input of a partition, each with its first instant, for 8 days beyond it.

    Two generations take turns, so forgetting costs nothing per event. What counts as a duplicate is decided
    by the instants alone, not by which ids happen to be remembered still.
    """

    __slots__ = ("_rotated", "_seeds", "old", "young")

    def __init__(self) -> None:
        self.young: dict[int, int] = {}
        self.old: dict[int, int] = {}
        self._rotated: int | None = None
        self._seeds: dict[str, int] = {}

    def seed(self, source: str) -> int:
        """Return the seed that a source's ids are hashed with."""
        seed = self._seeds.get(source)
        if seed is None:
            if len(self._seeds) >= _SEEDS_KEPT:
                self._seeds.clear()
            seed = self._seeds[source] = xxh3_64_intdigest(source.encode())
        return seed

    def key(self, source: str, event_id: str) -> int:
        """Return the hash that stands for an event's id."""
        return xxh3_64_intdigest(event_id.encode(), self.seed(source))

    def is_duplicate(self, key: int, instant: int) -> bool:
        """Tell whether an event with this id came within the 8 days before an instant."""
        first = self.young.get(key)
        if first is None:
            first = self.old.get(key)
        return first is not None and instant - first <= TOO_LATE_MS

    def remember(self, key: int, instant: int) -> None:
        """Take note of an accepted event."""
        self.young[key] = instant

    def restore(self, key: int, instant: int) -> None:
        """Take back an event from the state, in any order: the last to be accepted counts."""
        self.young[key] = max(instant, self.young.get(key, instant))

    def discard(self, key: int, instant: int) -> None:
        """Forget an event, for the erasure of its customer; not another's that used the id later."""
        for generation in (self.young, self.old):
            if generation.get(key) == instant:
                del generation[key]

    def rotate(self, clock: Clock) -> None:
        """Let go of the older generation once no event can be a duplicate of one in it."""
        if self._rotated is None or not self.young:
            self._rotated = clock.now
        # An event that was on time may be ahead of the clock by the allowed lateness.
        elif clock.now - self._rotated > TOO_LATE_MS + clock.lateness_ms:
            self.old, self.young = self.young, {}
            self._rotated = clock.now
