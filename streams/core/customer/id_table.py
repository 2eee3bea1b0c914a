"""A compact set of hashes with a coarse effective time each: 8 bytes an entry, by linear hashing.

The number of a bucket is the low bits of the hash, 16 or more of them; an entry holds the 48 others, so a
whole hash is compared, and the effective time in units of 17 minutes, modulo 2^16: the last up to the newest.
Buckets are split one by one as entries come, and entries leave as event time goes on: nothing is rebuilt.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from streams.core.time import DAY_MS

LOW_BITS: Final = 16
"""Bits of the hash that the number of a bucket tells, at the least."""
KEY_BYTES: Final = 6
"""Bytes of an entry that hold the other bits of the hash."""
UNIT_BITS: Final = 20
"""The effective time of an entry counts in units of 2^20 ms."""
_STAMP_MASK: Final = 0xFFFF
_STAMP_BYTES: Final = 2
_FAR: Final = 0x8000
"""All entries go when one comes more units after them: half of what can be told apart."""
_ENTRY_BYTES: Final = KEY_BYTES + _STAMP_BYTES
_WORDS: Final = np.dtype("<u8")
_LOAD: Final = 96
"""Entries in a bucket, on average."""
_FEW: Final = 16


class IdTable:
    """Hashes of 64 bits with coarse effective times. The same hash may be in it more than once.

    A hash is in the bucket of its low bits: `key & low`, or, where that is below `split`, one bit more. The
    hot path of a partition reads the buckets itself, and adds to them.
    """

    __slots__ = ("_count", "_newest", "_swept", "_swept_at", "_unsorted", "buckets", "low", "split")

    def __init__(self) -> None:
        self.buckets: list[bytearray] = []
        """None until the table is opened."""
        self.low = (1 << LOW_BITS) - 1
        self.split = 0
        """The next bucket to be split in two."""
        self._count = 0
        self._newest = -1 << 62
        self._unsorted = self._swept = 0
        self._swept_at: int | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def newest_unit(self) -> int:
        """Return the newest effective time that the table was told of, in units."""
        return self._newest

    def open(self) -> None:
        """Make the table ready to be added to."""
        self.buckets = [bytearray() for _ in range(self.low + 1)]

    def add(self, key: int, effective_time: int) -> None:
        """Add a hash with its effective time (ms), nearly in order of time; the table is open."""
        self.bucket(key).extend(_rest(key) + self.reach(effective_time))
        self.note(1)

    def add_all(self, entries: Sequence[tuple[int, int]]) -> None:
        """Add hashes, each with its effective time (ms), in any order; the table is open."""
        buckets, low, split, high = self.buckets, self.low, self.split, 2 * self.low + 1
        self.reach(max(effective_time for _, effective_time in entries))
        for key, effective_time in entries:
            number, unit = key & low, effective_time >> UNIT_BITS
            bucket = buckets[number if number >= split else key & high]
            entry = key >> LOW_BITS | (unit & _STAMP_MASK) << 8 * KEY_BYTES
            bucket += entry.to_bytes(_ENTRY_BYTES, "little")
        self.note(len(entries))
        self.split_up()
        self._unsorted = len(buckets)

    def reach(self, effective_time: int) -> bytes:
        """Return the coarse effective time (ms) that an entry ends with, before the first with it is added.

        What lies more than a year before it goes.
        """
        unit = effective_time >> UNIT_BITS
        if unit > self._newest:
            if unit - self._newest > _FAR:
                self._clear()
            self._newest = unit
        return (unit & _STAMP_MASK).to_bytes(_STAMP_BYTES, "little")

    def note(self, count: int) -> None:
        """Note so many entries that were added."""
        self._count += count

    def bucket(self, key: int) -> bytearray:
        """Return the bucket of a hash; the table is open."""
        at = key & self.low
        return self.buckets[at if at >= self.split else key & (2 * self.low + 1)]

    def may_have(self, key: int) -> bool:
        """Return whether a hash may be in the table; most often it is then."""
        return bool(self.buckets) and self.bucket(key).rfind(_rest(key)) >= 0

    def units(self, key: int) -> list[int]:
        """Return the effective times, in units, of all events that had a hash; the table is open."""
        bucket = self.bucket(key)
        return [self._unit(bucket, at) for at in _hits(bucket, key)]

    def discard(self, key: int, effective_time: int) -> None:
        """Take a hash with an effective time (ms) out, if it is there."""
        if self.buckets:
            bucket, stamp = self.bucket(key), effective_time >> UNIT_BITS & _STAMP_MASK
            for at in [one for one in _hits(bucket, key) if _stamp(bucket, one) == stamp][:1]:
                del bucket[at : at + _ENTRY_BYTES]
                self._count -= 1

    def is_over(self, oldest: int) -> bool:
        """Return whether all there is lies before an effective time (ms)."""
        return bool(self.buckets) and self._newest < oldest >> UNIT_BITS

    def split_up(self) -> None:
        """Split buckets until they are as full as they should be."""
        while self._count > _LOAD * len(self.buckets):
            self._split_one()

    def forget(self, now: int, oldest: int) -> None:
        """Let go of what lies before an effective time (ms): each bucket once in a day of event time (ms).

        Where there is little in them, once in four.
        """
        if self._swept_at is None:
            self._swept_at = now
        buckets, unit = self.buckets, oldest >> UNIT_BITS
        turn = DAY_MS if self._count >= _FEW * len(buckets) else 4 * DAY_MS
        passed = min(now - self._swept_at, turn)
        due = len(buckets) * passed // turn
        self._swept_at = now - passed + due * turn // len(buckets)
        first = self._swept
        self._swept = (first + due) % len(buckets)
        for number in range(first, first + due):
            at = number % len(buckets)
            if self._unsorted:
                self._unsorted -= 1
                self._sort(buckets[at])
            if buckets[at] and self._unit(buckets[at], 0) < unit:
                self._cut(at, unit)

    def _split_one(self) -> None:
        """Part the next bucket by one more bit of its hashes."""
        words = np.frombuffer(self.buckets[self.split], _WORDS)
        going = words & (self.low + 1 >> LOW_BITS) != 0
        self.buckets[self.split] = bytearray(words[~going].tobytes())
        self.buckets.append(bytearray(words[going].tobytes()))
        self.split += 1
        if self.split > self.low:
            self.low, self.split = 2 * self.low + 1, 0

    def _cut(self, at: int, unit: int) -> None:
        """Cut what lies before a unit off the front of a bucket, which begins with such an entry."""
        bucket, end = self.buckets[at], _ENTRY_BYTES
        while end < len(bucket) and self._unit(bucket, end) < unit:
            end += _ENTRY_BYTES
        self._count -= end // _ENTRY_BYTES
        self.buckets[at] = bucket[end:]

    def _clear(self) -> None:
        """Let go of all entries, noted or not; the hot path has the buckets in hand."""
        self._count -= sum(map(len, self.buckets)) // _ENTRY_BYTES
        for bucket in self.buckets:
            bucket.clear()

    def _sort(self, bucket: bytearray) -> None:
        """Sort the entries of a bucket by time."""
        words = np.frombuffer(bytes(bucket), _WORDS)
        order = (words >> 8 * KEY_BYTES) - np.uint64(self._newest + 1 & _STAMP_MASK) & _STAMP_MASK
        bucket[:] = words[np.argsort(order, kind="stable")].tobytes()

    def _unit(self, bucket: bytearray, at: int) -> int:
        """Return the effective time of an entry in units: the last up to the newest's that fits its stamp."""
        return self._newest - (self._newest - _stamp(bucket, at) & _STAMP_MASK)


def _rest(key: int) -> bytes:
    """Return what an entry holds of a hash."""
    return (key >> LOW_BITS).to_bytes(KEY_BYTES, "little")


def _stamp(bucket: bytearray, at: int) -> int:
    return bucket[at + KEY_BYTES] | bucket[at + KEY_BYTES + 1] << 8


def _hits(bucket: bytearray, key: int) -> Iterator[int]:
    """Yield where the entries of a hash stand in its bucket."""
    rest = _rest(key)
    at = bucket.rfind(rest)  # in half the time of find(), and a third of that of `in`
    while at >= 0:
        if at % _ENTRY_BYTES == 0:
            yield at
        at = bucket.rfind(rest, 0, at + KEY_BYTES - 1)
