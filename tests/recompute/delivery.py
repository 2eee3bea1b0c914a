"""Ruleset 4: by how many hours the sources of a partition deliver their purchases late."""

from hashlib import sha256

from tests.recompute.arrival import Partition, Sale
from tests.recompute.rules import HOUR_MS, Rules

_GROUPS = 64


def group_of(source: str) -> int:
    """Group that the purchases of a source are counted in."""
    return int.from_bytes(sha256(source.encode()).digest()[:8], "big") % _GROUPS


class Deliveries:
    """The lag of each group of sources, as of each population refresh."""

    def __init__(self, partition: Partition, rules: Rules) -> None:
        self._rules = rules
        self._sales: dict[int, list[Sale]] = {}
        for sale in partition.sales if rules.as_meant else ():
            self._sales.setdefault(group_of(sale.source), []).append(sale)
        self._lags: dict[tuple[int, int], int] = {}

    def lag(self, group: int, hour: int) -> int:
        """Hours by which a group lags, by the latest refresh up to an hour."""
        r = hour // self._rules.refresh_hours * self._rules.refresh_hours
        if (group, r) not in self._lags:
            self._lags[group, r] = self._lag_at(group, r)
        return self._lags[group, r]

    def _lag_at(self, group: int, r: int) -> int:
        rules = self._rules
        delays = [
            sale.delay_ms
            for sale in self._sales.get(group, ())
            if r - rules.delivery_hours <= sale.pane < r and sale.instant_ms < r * HOUR_MS
        ]
        delayed = [delay for delay in delays if delay >= rules.delayed_ms]
        if len(delayed) < rules.delayed_needed or 2 * len(delayed) < len(delays):
            return 0
        return -(-max(delayed) // HOUR_MS)
