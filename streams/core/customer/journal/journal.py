"""What the journal of a partition holds, and whose records are to be written whole for it to stay short.

A record of the changelog that holds entries counts for those customers alone who were not written whole after
it. Who has entries there is *owed* a whole record. They are served in the order in which they came to be
owed, at the pace of what is journaled, and a journal record goes once nobody is owed for it.

An erased customer may have entries in it still, and a tombstone may be compacted away before they are. So the
changelog keeps a *grave* in place of the tombstone until the journal records from before are gone, which is
hurried on.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from streams.core.customer.customer_codec import ENTRY
from streams.core.customer.state import journal_key

WHOLE_SHARE: Final = 3
"""Bytes of whole records that are written for each byte of the journal: it holds at most 1/3 of the state."""
PART_BYTES: Final = 64 * 1024
"""Bytes of a state record with entries, at the most; they go on in the next one."""
HURRY_BYTES: Final = 1024 * 1024
"""So many bytes of whole records each drain writes at least, while there are graves."""
LENGTH_BYTES: Final = 2
LENGTHS: Final = tuple(length.to_bytes(LENGTH_BYTES, "little") for length in range(4 * 128 + 1))
"""The length of an id as an entry begins with it: of 128 characters at the most, of up to 4 bytes each."""

_Drained = list[tuple[bytes, bytes | None]]
_Group = tuple[int, list[str]]
"""Who is owed since a journal record, by its number."""


class Journal:
    """The entries since the last drain, the records that hold earlier ones, and the customers owed for them.

    It begins with the first drain or restore. Before that there is no changelog to add to, and nothing is
    journaled.
    """

    __slots__ = ("_due", "_erased", "_graves", "_last", "_live", "_next", "_owed", "entries", "owing")

    def __init__(self) -> None:
        self.entries: bytearray | None = None
        """What the next drain writes; None until the journal begins."""
        self.owing: list[str] = []
        """Who came to be owed since the last drain."""
        self._owed: deque[_Group] = deque()
        """Who is owed, first come first; who has been written whole for another reason may be left."""
        self._last: _Group = 0, []
        """Who came to be owed with the last drain, and is served from the next on."""
        self._live: deque[tuple[int, int]] = deque()
        """The journal records of the changelog, by number: how many parts each has."""
        self._next = 0
        self._due = 0
        self._erased: set[str] = set()
        self._graves: dict[str, int] = {}
        """Erased customers, each with the number before which all journal records must go."""

    @property
    def graves(self) -> Collection[str]:
        """Return the erased customers of whom journal records may hold something."""
        return self._graves.keys()

    @property
    def parts(self) -> int:
        """Return how many state records the entries since the last drain make."""
        return -(-len(self.entries or ()) // PART_BYTES)

    def erase(self, customer_id: str) -> None:
        """Let nothing of a customer be written that came up to now."""
        self._erased.add(customer_id)

    def drain(self) -> _Drained:
        """Return the entries since the last call by state key, in parts; the journal begins."""
        entries, owing = self.entries or bytearray(), self.owing
        if self._erased:
            entries = self._without_erased(entries)
        if self._last[1]:
            self._owed.append(self._last)
        self._last = self._next, [] if self.entries is None else owing
        self.entries, self.owing = bytearray(), []
        parts: _Drained = [
            (journal_key(self._next, part), bytes(entries[start : start + PART_BYTES]))
            for part, start in enumerate(range(0, len(entries), PART_BYTES))
        ]
        if parts:
            self._live.append((self._next, len(parts)))
            self._next += 1
            self._due += WHOLE_SHARE * len(entries)
        return parts

    def served(self) -> Iterator[str]:
        """Yield those who may be owed, first come first, as long as more is to be written: see `paid`.

        Nobody for what the last call of `drain` gave.
        """
        hurried = bool(self._graves)
        if hurried:
            self._due = max(self._due, HURRY_BYTES)
        while self._due > 0 and self._owed:
            customers = self._owed[0][1]
            if customers:
                yield customers.pop()
            else:
                self._owed.popleft()
        if hurried:
            self._due = 0
        elif not self._owed:
            self._due = min(self._due, 0)

    def paid(self, size: int) -> None:
        """Note that so many bytes of a whole record were written for one of `served`."""
        self._due -= size

    def forget(self) -> _Drained:
        """Return tombstones for the journal records that nobody is owed for."""
        first, live, gone = self._first, self._live, _Drained()
        while live and live[0][0] < first:
            number, parts = live.popleft()
            gone += [(journal_key(number, part), None) for part in range(parts)]
        return gone

    def close_graves(self) -> list[str]:
        """Return and forget the erased customers of whom no journal record holds anything any more."""
        first = self._first
        closed = [one for one, number in self._graves.items() if number <= first]
        for one in closed:
            del self._graves[one]
        return closed

    def restore(self, live: Mapping[int, int], owed: Mapping[str, int], graves: Collection[str]) -> None:
        """Begin with what the changelog holds.

        `live` has the parts of each journal record, by number; `owed` the first of these numbers that counts
        for a customer.
        """
        self.entries = bytearray()
        self._live = deque(live.items())
        self._next = max(live, default=-1) + 1
        self._graves = dict.fromkeys(graves, self._next)
        groups: dict[int, list[str]] = {number: [] for number in live}
        for customer_id, number in owed.items():
            groups[number].append(customer_id)
        self._owed = deque(groups.items())

    @property
    def _first(self) -> int:
        """Return the number of the first journal record that somebody may be owed for."""
        while self._owed and not self._owed[0][1]:
            self._owed.popleft()
        number, customers = self._owed[0] if self._owed else self._last
        return number if customers else self._next

    def _without_erased(self, entries: bytearray) -> bytearray:
        """Return entries without those of the erased; who came back since is written whole in any case."""
        erased = {one.encode() for one in self._erased}
        if self._live:
            self._graves |= dict.fromkeys(self._erased, self._next)
        self._erased.clear()
        kept, at = bytearray(), 0
        while at < len(entries):
            start, id_at = at, at + LENGTH_BYTES
            at = id_at + int.from_bytes(entries[at:id_at], "little") + ENTRY.size
            if bytes(entries[id_at : at - ENTRY.size]) not in erased:
                kept += entries[start:at]
        return kept
