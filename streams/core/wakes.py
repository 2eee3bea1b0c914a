"""Which customers to look at when: a map from times to customers, derived from their records."""

from heapq import heapify, heappop, heappush
from typing import Final

from streams.core.time import hour_of

_NO_HOUR: Final = -(1 << 62)


class Wakes:
    """Customers by the time of their next wake-up: by hour, and within the hour that is now by the ms."""

    __slots__ = ("_buckets", "_hours", "_now", "_soon")

    def __init__(self) -> None:
        self._buckets: dict[int, dict[str, int]] = {}
        self._hours: list[int] = []
        self._now = _NO_HOUR
        self._soon: list[tuple[int, str]] = []
        """A heap of what the bucket of the hour `_now` holds, and of what was called off since."""

    def add(self, customer_id: str, due: int) -> None:
        """Wake a customer at a time (ms), if not earlier in the same hour."""
        hour = hour_of(due)
        bucket = self._buckets.get(hour)
        if bucket is None:
            bucket = self._buckets[hour] = {}
            heappush(self._hours, hour)
        if due < bucket.get(customer_id, due + 1):
            bucket[customer_id] = due
            if hour == self._now:
                heappush(self._soon, (due, customer_id))

    def discard(self, customer_id: str, hour: int) -> None:
        """Do not wake a customer within an hour after all."""
        bucket = self._buckets.get(hour)
        if bucket is not None:
            bucket.pop(customer_id, None)

    def pop_until(self, time: int) -> list[str]:
        """Return and forget those to wake at a time (ms) or before."""
        due: list[str] = []
        now = hour_of(time)
        while self._hours and self._hours[0] < now:
            due += self._buckets.pop(heappop(self._hours))
        if self._hours and self._hours[0] == now:
            due += self._pop_within(now, time)
        return due

    def _pop_within(self, hour: int, time: int) -> list[str]:
        bucket, due = self._buckets[hour], []
        if hour != self._now:
            self._now, self._soon = hour, [(at, customer_id) for customer_id, at in bucket.items()]
            heapify(self._soon)
        while self._soon and self._soon[0][0] <= time:
            at, customer_id = heappop(self._soon)
            if bucket.get(customer_id) == at:
                del bucket[customer_id]
                due.append(customer_id)
        if not bucket:
            del self._buckets[heappop(self._hours)]
        return due

    @property
    def first(self) -> int | None:
        """Return the first hour with a wake-up, None without any; it may have been called off since."""
        return self._hours[0] if self._hours else None
