"""What the purchases of a partition say of its feed: which of its hours were broken."""

from bisect import bisect_left, insort
from collections import defaultdict

from tests.recompute.arrival import Partition, Sale
from tests.recompute.delivery import Deliveries, group_of
from tests.recompute.rules import Rules, hour_of


def counted(partition: Partition, rules: Rules) -> list[tuple[int, Sale]]:
    """Give what guard and clock count, by the hour it counts from (k); late ones under ruleset 3 alone."""
    return sorted(
        (max(sale.pane, hour_of(sale.instant_ms) - rules.lag_hours), sale)
        for sale in partition.sales
        if rules.delayed_feed or not sale.late
    )


class _Series:
    """Panes of the purchases that count so far."""

    def __init__(self) -> None:
        self._panes: list[int] = []

    def add(self, pane: int) -> None:
        insort(self._panes, pane)

    def day(self, g: int) -> int:
        """Purchases in panes [g-23, g+1)."""
        return bisect_left(self._panes, g + 1) - bisect_left(self._panes, g - 23)

    def usual(self, g: int) -> float:
        """Mean of the same panes 1, 2, 3, 4 weeks before."""
        return sum(self.day(g - 168 * week) for week in (1, 2, 3, 4)) / 4


class Feed:
    """Which hours of a partition's purchase feed were broken."""

    def __init__(self, partition: Partition, end_hour: int, rules: Rules) -> None:
        self._rules = rules
        self._deliveries = Deliveries(partition, rules)
        self._groups: dict[int, _Series] = defaultdict(_Series)
        self._broken: list[int] = []
        coming = counted(partition, rules)[::-1]
        first = min((sale.pane for _, sale in coming), default=end_hour)
        for g in range(first, end_hour + 1):
            while coming and coming[-1][0] <= g:
                self._add(coming.pop()[1])
            if self._is_broken(g):
                self._broken.append(g)

    def _add(self, sale: Sale) -> None:
        self._groups[group_of(sale.source)].add(sale.pane)

    def _is_broken(self, g: int) -> bool:
        each = [self._now_and_usual(group, g) for group in self._groups]
        now, usual = sum(now for now, _ in each), sum(usual for _, usual in each)
        missing = usual - now
        return self._is_low(now, usual) or (
            self._rules.delayed_feed
            and any(
                self._is_low(now_i, usual_i) and missing >= (usual_i - now_i) / 2 for now_i, usual_i in each
            )
        )

    def _now_and_usual(self, group: int, g: int) -> tuple[int, float]:
        """Give what a group brought of late and usually does, as of when it delivers what is tested at g."""
        end = g - self._deliveries.lag(group, g + self._rules.lag_hours)
        return self._groups[group].day(end), self._groups[group].usual(end)

    def _is_low(self, now: int, usual: float) -> bool:
        return usual >= self._rules.guard_mean and now < usual / 2

    def broken_hours(self, start: int, end: int) -> int:
        """How many hours start <= g < end were broken."""
        return bisect_left(self._broken, end) - bisect_left(self._broken, start) if end > start else 0
