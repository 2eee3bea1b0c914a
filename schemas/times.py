"""Times on the wire (RFC 3339, and how its common writers vary it) and inside (int ms UTC)."""

import re
from datetime import UTC, date, datetime, timedelta

from schemas.faults import time_fault

TIME_PATTERN = (
    r"^[2-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)$"
)
UTC_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

_TIME = re.compile(TIME_PATTERN)


def check_time(text: str) -> str:
    """Return `text` if it is a real time with an offset, year 2000 or later; else ValueError.

    The form is that of RFC 3339, which also allows a small t and z, and a blank for the T. The seconds may be
    missing (they are 0), and so may the colon or the minutes of the offset: ISO 8601 allows that.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(time_fault(text))
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError("no such day in the calendar") from None
    return text


def parse_ms(text: str) -> int:
    """Return the ms UTC, floored, of a text that `check_time` accepts."""
    return (datetime.fromisoformat(text.upper()) - EPOCH) // MILLISECOND  # it knows no small z


def format_ms(ms: int) -> str:
    """Return `ms` UTC as RFC 3339 with milliseconds and Z."""
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")[:-6] + "Z"
