"""Which customers to look at when: the next instant of each at which something can be due."""

from heapq import heapify, heappop, heappush
from typing import Final

_SPARE: Final = 1_000
"""So many wake-ups that were called off may be kept, and as many as there are others."""


class Wakes:
    """Customers by the time (ms) of their next wake-up."""

    __slots__ = ("_at", "_queue")

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._queue: list[tuple[int, str]] = []

    def add(self, customer_id: str, time: int) -> None:
        """Wake a customer at a time, if it is not to be woken before."""
        at = self._at.get(customer_id)
        if at is None or time < at:
            self.set(customer_id, time)

    def set(self, customer_id: str, time: int | None) -> None:
        """Wake a customer at a time and not at any other; None calls it off."""
        if time is None:
            self._at.pop(customer_id, None)
        elif self._at.get(customer_id) != time:
            self._at[customer_id] = time
            heappush(self._queue, (time, customer_id))
        if len(self._queue) > 2 * len(self._at) + _SPARE:
            self._queue = [(at, one) for one, at in self._at.items()]
            heapify(self._queue)

    def pop_until(self, time: int) -> list[str]:
        """Return and forget those to wake up to a time, that time included."""
        due = []
        while self._queue and self._queue[0][0] <= time:
            at, customer_id = heappop(self._queue)
            if self._at.get(customer_id) == at:
                del self._at[customer_id]
                due.append(customer_id)
        return due

    @property
    def first(self) -> int | None:
        """Return the first time with a wake-up, None without any; it may have been called off since."""
        return self._queue[0][0] if self._queue else None
