"""Which fetched batches are older than the last seek of their input.

A batch that was fetched before a seek may come after it. Taken for a gap it would cause a seek, and that seek
the next late batch, for ever. So each seek has a number, and each batch carries that of the last seek before
it.
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class SeekNumbers(Generic[K]):
    """The numbers of the seeks of one consumer, by input of a partition (`K`).

    `begin` and `is_stale` are called in the event loop, `made` and `stamp` in the consumer's thread.
    """

    def __init__(self) -> None:
        self._last = 0
        self._begun: dict[K, int] = {}
        self._made: dict[K, int] = {}

    def begin(self, inputs: Iterable[K]) -> int:
        """Return the number of a seek that is about to be made: what these inputs fetched before is stale."""
        self._last += 1
        self._begun |= dict.fromkeys(inputs, self._last)
        return self._last

    def made(self, input_: K, number: int) -> None:
        """Take note that the consumer of an input was sought: what it fetches from now on is not stale."""
        self._made[input_] = number

    def stamp(self, input_: K) -> int:
        """Return the number that a batch of an input has to carry; 0 before the first seek."""
        return self._made.get(input_, 0)

    def is_stale(self, input_: K, stamp: int) -> bool:
        """Return whether a batch with this number was fetched before the last seek of its input."""
        return stamp < self._begun.get(input_, 0)
