"""The seasons that a calibration has seen: spend by week and by day of the week."""

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
    """Weeks with hours in which the feed guard sees a broken feed, in any partition."""


def season(history: History) -> Season | None:
    """Return the seasons of a history; None if there is no whole week with spend."""
    by_day: Counter[int] = Counter()
    for customer in history.customers.values():
        for hour, cents in customer.panes:
            by_day[hour // DAY_HOURS] += cents
    hours, days = history.refresh_hours[:-1], range(len(DAYS))
    weeks = {hour: sum(by_day[hour // DAY_HOURS + day] for day in days) for hour in hours}
    total = sum(weeks.values())
    if total <= 0:
        return None
    median = sorted(weeks.values())[len(weeks) // 2] or total / len(weeks)
    lowest, highest = min(weeks, key=weeks.__getitem__), max(weeks, key=weeks.__getitem__)
    by_weekday = [sum(by_day[hour // DAY_HOURS + day] for hour in hours) * len(DAYS) / total for day in days]
    return Season(
        lowest_week=lowest,
        lowest_index=weeks[lowest] / median,
        highest_week=highest,
        highest_index=weeks[highest] / median,
        day_indexes=tuple(by_weekday[(day - _THURSDAY) % len(DAYS)] for day in days),
        broken_weeks=sum(
            any(feed.working_hours(hour, hour + WEEK_HOURS) < WEEK_HOURS for feed in history.feeds)
            for hour in hours
        ),
    )
