"""Event-time timers: when to look at each customer next, as something can be due then."""

from heapq import heapify, heappop, heappush
from typing import Final

_SPARE: Final = 1_000
"""So many timers that were cancelled may be kept, and as many as there are others."""


class Timers:
    """Customers by the time (ms) of their timer."""

    __slots__ = ("_at", "_queue")

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._queue: list[tuple[int, str]] = []

    def add(self, customer_id: str, time: int) -> None:
        """Set the timer of a customer, unless it fires before."""
        at = self._at.get(customer_id)
        if at is None or time < at:
            self.set(customer_id, time)

    def set(self, customer_id: str, time: int | None) -> None:
        """Set the timer of a customer, and no other; None cancels it."""
        if time is None:
            self._at.pop(customer_id, None)
        elif self._at.get(customer_id) != time:
            self._at[customer_id] = time
            heappush(self._queue, (time, customer_id))
        if len(self._queue) > 2 * len(self._at) + _SPARE:
            self._queue = [(at, one) for one, at in self._at.items()]
            heapify(self._queue)

    def pop_until(self, time: int) -> list[str]:
        """Return and forget those whose timer fires up to a time, that time included."""
        due = []
        while self._queue and self._queue[0][0] <= time:
            at, customer_id = heappop(self._queue)
            if self._at.get(customer_id) == at:
                del self._at[customer_id]
                due.append(customer_id)
        return due

    @property
    def first(self) -> int | None:
        """Return the first time with a timer, None without any; it may have been cancelled since."""
        return self._queue[0][0] if self._queue else None
