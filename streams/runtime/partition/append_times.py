"""Append times of facts that wait to be decided: the latency of an alert counts from there."""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from schemas.alert import Alert
from schemas.times import parse_ms

MOST_KEPT: Final = 20_000
"""No more are kept: far fewer wait while all goes well."""


class AppendTimes:
    """Append times (ms) of pending events, by customer and effective time (ms)."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, str, int]] = []

    def note(self, customer_id: str, effective_time: int, appended: int) -> None:
        """Remember when a fact was appended."""
        if len(self._waiting) < MOST_KEPT:
            heappush(self._waiting, (effective_time, customer_id, appended))

    def take(self, alerts: Iterable[Alert], before: int, until: int) -> list[int | None]:
        """Return for each alert when the fact was appended that decided it, and forget what is decided.

        Facts before `until` (ms) are decided; a late one, before `before` (ms), was decided as of `before`.
        None where time alone decided, or where the fact was already waiting when the partition was opened.
        """
        decided = {}
        while self._waiting and self._waiting[0][0] < until:
            effective_time, customer_id, appended = heappop(self._waiting)
            decided[customer_id, max(effective_time, before)] = appended
        return [decided.get((alert.customer_id, parse_ms(alert.time))) for alert in alerts]
