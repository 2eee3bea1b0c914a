"""The seasons of a history, to know what its calibration has seen: by week and by day of the week."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from streams.core.time import DAY_HOURS, WEEK_HOURS
from streams.lab.calibrate.history.history import History

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_THURSDAY: Final = 3
"""Weeks begin on Thursdays, as the epoch did."""


@dataclass(frozen=True, slots=True)
class Season:
    """The spend of all customers, by whole weeks of the calendar of refreshes."""

    lowest_week: int
    """The first hour of the week with the least spend."""
    lowest_index: float
    """Its spend, where 1 is that of the median week."""
    highest_week: int
    highest_index: float
    day_indexes: tuple[float, ...]
    """Spend from Monday to Sunday (UTC), where 1 is an average day."""
    broken_weeks: int
    """Weeks with hours that the feed guard takes for a broken feed, in any partition."""


def season(history: History) -> Season | None:
    """Return the seasons of a history; None if there is no whole week with spend."""
    by_day: Counter[int] = Counter()
    for customer in history.customers.values():
        for hour, cents in customer.panes:
            by_day[hour // DAY_HOURS] += cents
    weeks = {hour: _week(by_day, hour) for hour in history.refresh_hours[:-1]}
    total = sum(weeks.values())
    if total <= 0:
        return None
    median = sorted(weeks.values())[len(weeks) // 2] or total / len(weeks)
    lowest, highest = min(weeks, key=weeks.__getitem__), max(weeks, key=weeks.__getitem__)
    return Season(
        lowest_week=lowest,
        lowest_index=weeks[lowest] / median,
        highest_week=highest,
        highest_index=weeks[highest] / median,
        day_indexes=_days(by_day, history.refresh_hours[:-1], total),
        broken_weeks=sum(_is_broken(history, hour) for hour in history.refresh_hours[:-1]),
    )


def _week(by_day: Counter[int], hour: int) -> int:
    first = hour // DAY_HOURS
    return sum(by_day[day] for day in range(first, first + len(DAYS)))


def _days(by_day: Counter[int], weeks: range, total: int) -> tuple[float, ...]:
    """Return the index of each day of the week, Monday first."""
    sums = [
        sum(by_day[hour // DAY_HOURS + day] for hour in weeks) * len(DAYS) / total for day in range(len(DAYS))
    ]
    return tuple(sums[(day - _THURSDAY) % len(DAYS)] for day in range(len(DAYS)))


def _is_broken(history: History, hour: int) -> bool:
    return any(feed.working_hours(hour, hour + WEEK_HOURS) < WEEK_HOURS for feed in history.feeds)
