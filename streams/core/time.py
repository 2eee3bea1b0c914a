"""Units of event time: integer milliseconds UTC and integer hours since the epoch."""

from typing import Final

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
DAY_HOURS: Final = 24
WEEK_HOURS: Final = 168
NO_END: Final = 1 << 40
"""An hour after all time."""


def hour_of(time_ms: int) -> int:
    """Return the pane of a time: the hour `h` with `h * HOUR_MS <= time_ms < (h + 1) * HOUR_MS`."""
    return time_ms // HOUR_MS


def hours_up(time_ms: int) -> int:
    """Return the first whole hour that is not before a time."""
    return -(-time_ms // HOUR_MS)
