"""Which customers to look at when: a map from hour to customers, derived from their records."""

from heapq import heappop, heappush


class Wakes:
    """Customers by the hour of their next wake-up."""

    __slots__ = ("_buckets", "_hours")

    def __init__(self) -> None:
        self._buckets: dict[int, set[str]] = {}
        self._hours: list[int] = []

    def add(self, customer_id: str, hour: int) -> None:
        """Wake a customer at an hour."""
        bucket = self._buckets.get(hour)
        if bucket is None:
            bucket = self._buckets[hour] = set()
            heappush(self._hours, hour)
        bucket.add(customer_id)

    def discard(self, customer_id: str, hour: int) -> None:
        """Do not wake a customer at an hour after all."""
        bucket = self._buckets.get(hour)
        if bucket is not None:
            bucket.discard(customer_id)

    def pop_before(self, hour: int) -> list[str]:
        """Return and forget those to wake before an hour."""
        due: list[str] = []
        while self._hours and self._hours[0] < hour:
            due += self._buckets.pop(heappop(self._hours))
        return due

    @property
    def first(self) -> int | None:
        """Return the first hour with a wake-up, None without any; it may have been called off since."""
        return self._hours[0] if self._hours else None
