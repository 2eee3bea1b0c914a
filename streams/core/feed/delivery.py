"""Which sources deliver purchases long after they happened, and how long: a feed's own rhythm.

Until the next delivery silence is no evidence. Sources are told apart by the groups of the feed guard.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from streams.core.time import HOUR_MS, WEEK_HOURS, hour_of
from streams.core.watermark import TOO_LATE_MS

DELAYED_MS: Final = HOUR_MS
"""A purchase that comes so late was delayed."""
LONGEST_HOURS: Final = TOO_LATE_MS // HOUR_MS
"""No purchase comes later than this: it is refused then."""
_WEEKS: Final = 4
_LEAST: Final = 4
"""Fewer delayed purchases tell nothing."""

Row = tuple[int, int, int, int, int, int]
"""Group, week of the panes, of the effective times; late purchases, delayed ones, the longest delay (ms)."""


class Delivery:
    """Late purchases of one partition by group of sources and by week."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows = {row[:3]: list(row[3:]) for row in rows}

    def note(self, group: int, time: int, effective_time: int) -> None:
        """Learn of a late purchase, by its time and effective time in ms."""
        key = group, hour_of(time) // WEEK_HOURS, hour_of(effective_time) // WEEK_HOURS
        row = self._rows.setdefault(key, [0, 0, 0])
        delay = effective_time - time
        row[0] += 1
        row[1] += delay >= DELAYED_MS
        row[2] = max(row[2], delay)

    def lags(self, hour: int, on_time: Mapping[int, int]) -> dict[int, int]:
        """Return by group how many hours after it happened a purchase may come, of those that deliver late.

        At the hour of a population refresh; `on_time` has the purchases on time of the four weeks before it.
        """
        late, delayed, longest = Counter[int](), Counter[int](), Counter[int]()
        week = hour // WEEK_HOURS
        for (group, pane, effective_time), (count, long, delay) in self._rows.items():
            if week - _WEEKS <= pane and effective_time < week:
                late[group] += count
                delayed[group] += long
                longest[group] = max(longest[group], delay)
        return {
            group: -(-longest[group] // HOUR_MS)
            for group, count in delayed.items()
            if count >= _LEAST and 2 * count >= late[group] + on_time.get(group, 0)
        }

    def forget(self, hour: int) -> None:
        """Drop what no refresh after an hour can need."""
        oldest = hour // WEEK_HOURS - _WEEKS
        for key in [one for one in self._rows if one[1] < oldest]:
            del self._rows[key]

    def rows(self) -> list[Row]:
        """Return what must survive."""
        return [(*key, *row) for key, row in sorted(self._rows.items())]  # type: ignore[misc]
